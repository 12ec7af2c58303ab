"""A leader signs their team up for a shift, as a whole or in part: first what would become of each, then for good.

    led = find_led(session, resident, member_id)
    verdicts = try_sign_up(session, data, sign_ups, led, shift_id, body)      # nothing is kept of it
    verdicts = sign_up_as_leader(session, data, sign_ups, led, shift_id, body)

It is staff's sign-up of a team (`team_sign_up.py`) for what the public sees, while the public may sign up. A leader
says for no guardian that they agreed, and learns of no more than who has a place or waits as one of the team: whatever
else keeps somebody from a shift rests on what they told the site, and has the same words for all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.common.errors import CONFLICT, FieldError, FieldErrors, Problem, Words, invalid, not_found
from services.registration.models import Activity, Registration, Shift
from services.registration.operations.people.people import told_names
from services.registration.operations.seats.seats import lock_shift
from services.registration.operations.seats.sign_up import SignUps
from services.registration.operations.seats.verdicts import CLOSED
from services.registration.operations.sites.calendar import sign_up_state
from services.registration.operations.sites.public import OpenActivity, OpenShift, open_shift
from services.registration.operations.teams.own_teams import Membership
from services.registration.operations.teams.team_sign_up import sign_up_team
from services.registration.operations.teams.teams import roster
from services.registration.personal_data import PersonalData
from services.registration.schemas.leading import MOST_AT_ONCE, LedSignUpBody, LedVerdict
from services.registration.schemas.seats import TeamSignUpBody, TeamSignUpLine

MOST_SHIFTS = 100

NOT_IN_TEAM = Words("不是本队成员。", "is no member of your team.")
NOT_OPEN = Words("这一场现在不能报名。", "Nobody can sign up for this shift now.")
NOT_BY_LEADER = Words(
    "队长替他报不上：可能已另外报过名、同一时间有别的安排、不符合条件，或站点要先核对资料。请本人报名，或请站点办理。",
    "A leader cannot sign them up: they may be on it already, have another place at these hours, lack what is asked"
    " for, or the site has to check details first. They can sign up themselves, or the site does it.",
)
TOO_MANY = Words(
    f"一次最多报 {MOST_AT_ONCE} 人，请分几次报名。",
    f"must be at most {MOST_AT_ONCE} people at once: sign them up in parts.",
)
NOT_EVERYBODY = Words(
    "不是每位选中的队员都有名额，没有人被报名。", "Not each of those ticked gets a place, so nobody was signed up."
)


@dataclass(frozen=True)
class Standing:
    """A member of the team before a shift; `status` is that of a registration as one of the team, None without. Values
    and no rows: a sign-up expires the session's rows, and each would be read again under the shift's lock."""

    member_id: UUID
    person_id: UUID
    name: str
    status: str | None


def shifts_to_join(session: Session, led: Membership) -> list[tuple[Activity, Shift, int]]:
    """The site's public shifts for which anybody may sign up now, the soonest first, with how many of the team are on
    each."""
    of_team = select(func.count()).where(
        Registration.shift_id == Shift.id, Registration.team_id == led.team.id, Registration.status != "cancelled"
    )
    query = (
        select(Activity, Shift, of_team.scalar_subquery())
        .join(Shift, Shift.activity_id == Activity.id)
        .where(Shift.site_id == led.site.id, Activity.public, Activity.status == "published", Shift.status == "open")
        .where(Shift.ends_at > func.now(), sign_up_state(by_staff=False) == "open")
        .order_by(Shift.starts_at, Shift.position)
    )
    return [(activity, shift, count) for activity, shift, count in session.execute(query.limit(MOST_SHIFTS))]


def shift_for_team(session: Session, led: Membership, shift_id: UUID) -> tuple[OpenActivity, OpenShift]:
    """A public shift of the team's own site. Raises 404."""
    found, shift = open_shift(session, shift_id)
    if found.site.id != led.site.id:
        raise not_found("这个场次", "shift")
    return found, shift


def standings(session: Session, data: PersonalData, led: Membership, shift_id: UUID) -> list[Standing]:
    """The members in the order in which they joined; a child's name leaves a line in the log."""
    members = roster(session, led.team.id)
    people = [member.person_id for member in members]
    names = told_names(session, data, [(person, led.site.id) for person in people])
    on_it = select(Registration.person_id, Registration.status).where(
        Registration.shift_id == shift_id, Registration.team_id == led.team.id, Registration.status != "cancelled"
    )
    statuses = {row.person_id: row.status for row in session.execute(on_it)}
    return [
        Standing(one.id, one.person_id, names.get(one.person_id, ""), statuses.get(one.person_id)) for one in members
    ]


def try_sign_up(
    session: Session, data: PersonalData, sign_ups: SignUps, led: Membership, shift_id: UUID, body: LedSignUpBody
) -> list[LedVerdict]:
    """What would become of each of them now: they are signed up, and it is taken back. Raises like the sign-up."""
    before = standings(session, data, led, shift_id)
    trial = session.begin_nested()
    try:
        return _sign_up(session, sign_ups, led, shift_id, body, before)
    finally:
        trial.rollback()


def sign_up_as_leader(
    session: Session, data: PersonalData, sign_ups: SignUps, led: Membership, shift_id: UUID, body: LedSignUpBody
) -> list[LedVerdict]:
    """Sign members up, in the order given. Raises 404, 409 where it is closed or, if it shall be all or nothing, where
    somebody gets no place; 422 for whoever is no member."""
    lock_shift(session, shift_id)  # of two at once the second one sees what the first one did
    before = standings(session, data, led, shift_id)
    verdicts = _sign_up(session, sign_ups, led, shift_id, body, before)
    without = [n for n, one in enumerate(verdicts) if one.verdict not in ("confirmed", "already")]
    if body.all_or_nothing and without:
        errors = [FieldError(f"member_ids.{n}", _words(verdicts[n])) for n in without]
        raise Problem(CONFLICT, NOT_EVERYBODY, errors)
    return verdicts


def _sign_up(
    session: Session,
    sign_ups: SignUps,
    led: Membership,
    shift_id: UUID,
    body: LedSignUpBody,
    before: Sequence[Standing],
) -> list[LedVerdict]:
    _, shift = shift_for_team(session, led, shift_id)
    if shift.sign_up != "open":
        raise Problem(CLOSED, NOT_OPEN)
    wanted = _wanted(before, body)
    people = [one.person_id for one in wanted if one.status is None]
    if len(people) > MOST_AT_ONCE:
        raise invalid("member_ids", TOO_MANY)
    lines: dict[UUID, TeamSignUpLine] = {}
    if people:
        asked = TeamSignUpBody(team_id=led.team.id, person_ids=people)
        made = sign_up_team(session, sign_ups, led.site.id, shift_id, asked)
        lines = {line.person_id: line for line in made.members}
    return [_verdict(one, lines.get(one.person_id)) for one in wanted]


def _wanted(before: Sequence[Standing], body: LedSignUpBody) -> list[Standing]:
    if body.member_ids is None:
        return list(before)
    known = {one.member_id: one for one in before}
    errors = FieldErrors()
    for place, member_id in enumerate(body.member_ids):
        if member_id not in known:
            errors.add(f"member_ids.{place}", NOT_IN_TEAM)
    errors.raise_any()
    return [known[member_id] for member_id in body.member_ids]


def _verdict(standing: Standing, line: TeamSignUpLine | None) -> LedVerdict:
    who = {"member_id": standing.member_id, "name": standing.name}
    if line is None:
        return LedVerdict(**who, verdict="already", detail="")
    if line.verdict in ("confirmed", "waitlisted"):
        return LedVerdict(**who, verdict=line.verdict, detail="")
    return LedVerdict(**who, verdict="refused", detail=str(NOT_BY_LEADER))


def _words(verdict: LedVerdict) -> Words:
    if verdict.verdict == "waitlisted":
        return Words(f"{verdict.name}：名额不足。", f"{verdict.name}: there is no place left.")
    return Words(f"{verdict.name}：{NOT_BY_LEADER.zh}", f"{verdict.name}: {NOT_BY_LEADER.en}")
