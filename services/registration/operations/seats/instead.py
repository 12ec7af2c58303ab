"""A place that nobody has proven gives way to the person themselves, who stands at a desk and wants another then.

The public form does not ask whose name it is, and a leader says for their team that all want to come: so another can
keep somebody from every other place at an hour, at whichever site. Who opens a link that was mailed to them proves
what is theirs (`prove_places`). Staff who see the person sign them up instead: the other place is cancelled and told
of at the address that its site has. A caller by phone gives a name and a number, which neighbours know, and so does a
link's reader whose address that site was never told: for them the other place stays.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from services.common.errors import CONFLICT, Problem, Words
from services.common.events import Event
from services.common.outbox import add_events
from services.registration.operations.people.identity import across_sites, person_now
from services.registration.operations.seats.offers import give_up, who_waits
from services.registration.operations.seats.seats import lock_people, lock_shifts, promote
from services.registration.operations.seats.sign_up import SignUps
from services.registration.operations.seats.sign_up_several import sign_up_within
from services.registration.schemas.registrations import SignUpBody

GIVES_WAY = Words(
    "此人在同一时间已有一个名额，是网上报的或队长代报的，没有核实过是不是本人的意思。本人在场、要这一个的，请勾选：那一个随即取消，登记过邮箱的会收到邮件。",
    "This person has another place at these hours, taken online or by a team's leader, and nobody checked whether they"
    " want it. If they stand here and want this one, tick it: the other is cancelled, and whoever gave an e-mail there"
    " gets a mail.",
)

NOTHING_FREE = Words(
    "这里没有空位，所以另一个名额保留未动。如要在这里候补，请先到那个站点取消。",
    "No place is free here, so the other one was kept. To wait here, it has to be cancelled at its site first.",
)

_UNPROVEN = text("""
SELECT r.id, r.shift_id FROM registrations AS r JOIN shifts AS s ON s.id = :shift
JOIN shifts AS other ON other.id = r.shift_id AND other.id <> s.id AND other.ends_at > clock_timestamp()
WHERE r.person_id = :person AND r.status = 'confirmed' AND r.outcome IS NULL
  AND r.during && tstzrange(s.starts_at, s.ends_at)
  AND (r.came_from IS NOT NULL
       OR r.channel = 'team' AND r.made_by LIKE 'person:%' AND r.made_by <> 'person:' || r.person_id)
ORDER BY r.shift_id
""")


def any_unproven(session: Session, person_id: UUID, shift_id: UUID) -> bool:
    """Whether a place that nobody has proven keeps the person from this shift, at whichever site."""
    with across_sites(session):
        return bool(_unproven(session, person_now(session, person_id), shift_id))


def sign_up_instead(
    session: Session, sign_ups: SignUps, site_id: UUID, shift_id: UUID, person_id: UUID, wanted: SignUpBody
) -> dict[str, Any]:
    """Sign the person up in place of what nobody has proven; both or neither. Raises `Problem` as a sign-up does."""
    with across_sites(session):
        person_id = person_now(session, person_id)
        others = {row.shift_id for row in _unproven(session, person_id, shift_id)}
        shifts = lock_shifts(session, shift_id, *others)
        lock_people(session, [person_id, *who_waits(session, shifts)])
        # Once more: before the locks they may have been cancelled. What came meanwhile elsewhere refuses the sign-up.
        standing = [row for row in _unproven(session, person_id, shift_id) if row.shift_id in shifts]
        events: list[Event] = [give_up(session, shifts[row.shift_id], row.id) for row in standing]
        events += promote(session, *shifts.values())
        session.flush()
        add_events(session, events)
    [made] = sign_up_within(session, sign_ups, site_id, [(shift_id, wanted)], raising=True)
    answer = made.answer or {}
    if answer.get("status") != "confirmed":
        raise Problem(CONFLICT, NOTHING_FREE)
    return answer


def _unproven(session: Session, person_id: UUID, shift_id: UUID) -> Sequence[Row[Any]]:
    return session.execute(_UNPROVEN, {"person": person_id, "shift": shift_id}).all()
