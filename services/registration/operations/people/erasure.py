"""Erasing a person: what is deleted, what is kept without saying whose it is, and why; shown before it is done.

Deleted is whatever names or reaches somebody. Kept are records of volunteer service (ten years and more), what is
needed to count, and the consents as evidence; they hang on an id that leads to nobody any more. A site erases what it
was told itself; the person and the operator erase everything, and with the last site goes what holds for all of them:
the volunteer number and the ID number's hash.

Refused while somebody is checked in: their hours end with the shift. Doing it twice changes nothing.
"""

from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from services.common.audit import record
from services.common.errors import Words, not_found
from services.common.events import CancelReason, ConsentWithdrawn, PersonErased, PersonErasedAtSite, VolunteerEnded
from services.common.outbox import add_events
from services.registration.models import Person
from services.registration.operations import conflict
from services.registration.operations.people.identity import across_sites, person_now
from services.registration.operations.seats.registrations import cancel_together
from services.registration.operations.seats.seats import lock_people, lock_shifts
from services.registration.operations.seats.transfers import decline_for, shifts_asked_about
from services.registration.person_tables import PERSON_TABLES, PersonTable
from services.registration.schemas.erasure import ErasureAnswer, ErasurePlan, Fate

PERSONS = text("SELECT persons_of(:person)")

AHEAD = text("""
SELECT r.id, r.shift_id FROM registrations AS r JOIN shifts AS s ON s.id = r.shift_id
WHERE r.person_id = ANY(:people) AND r.status <> 'cancelled' AND r.outcome IS NULL
  AND s.ends_at > clock_timestamp() AND (cast(:site AS uuid) IS NULL OR r.site_id = :site)
ORDER BY r.shift_id
""")

PRESENT = text("""
SELECT EXISTS (SELECT FROM registrations AS r JOIN shifts AS s ON s.id = r.shift_id
WHERE r.person_id = ANY(:people) AND r.outcome = 'present' AND s.ends_at > clock_timestamp()
  AND (cast(:site AS uuid) IS NULL OR r.site_id = :site))
""")

WITHDRAW = text("""
WITH withdrawn AS (
    UPDATE consents SET withdrawn_at = now(), withdrawn_by = :by
    WHERE person_id = ANY(:people) AND withdrawn_at IS NULL AND (cast(:site AS uuid) IS NULL OR site_id = :site)
    RETURNING person_id, site_id, kind, given_by
)
SELECT DISTINCT person_id, p.number AS person_number, site_id, kind, given_by
FROM withdrawn JOIN people AS p ON p.id = person_id ORDER BY person_id, site_id, kind, given_by
""")

VOLUNTEERED = text("""
SELECT v.person_id, p.number AS person_number, v.site_id
FROM volunteer_sites AS v JOIN people AS p ON p.id = v.person_id
WHERE v.person_id = ANY(:people) AND (cast(:site AS uuid) IS NULL OR v.site_id = :site)
ORDER BY v.person_id, v.site_id
""")

# By these a file of people that still waits is kept from bringing them back (imports/applying.py).
REMEMBER = text("""
INSERT INTO erased_lately (site_id, hash)
SELECT DISTINCT p.site_id, h.hash
FROM person_sites AS p LEFT JOIN volunteers AS v ON v.person_id = p.person_id
CROSS JOIN LATERAL (VALUES (p.phone_hash), (p.email_hash), (v.id_number_hash)) AS h (hash)
WHERE p.person_id = ANY(:people) AND h.hash IS NOT NULL AND (cast(:site AS uuid) IS NULL OR p.site_id = :site)
ON CONFLICT (site_id, hash) DO UPDATE SET erased_at = clock_timestamp()
""")

HERE = Words("您正在场次中，签退后即可删除。", "You are checked in just now. It can be done once the shift is over.")


def plan_erasure(session: Session, person_id: UUID, site_id: UUID | None) -> ErasurePlan:
    """What erasing would do, at one site or everywhere (None). Raises 404.

    At one site nothing is said of what holds for all of them: whether another knows the person is not for this one.
    """
    with across_sites(session):
        people = _people(session, person_id, site_id)
        return _plan(session, people, site_id)


def erase(session: Session, person_id: UUID, site_id: UUID | None, reason: str, by: str) -> ErasureAnswer:
    """Erase the person, at one site or everywhere (None). Raises 404, 409 where it must wait."""
    with across_sites(session):
        people = _lock(session, _people(session, person_id, site_id), site_id)
        plan = _plan(session, people, site_id)
        if plan.refused_zh:
            raise conflict(plan.refused_zh, plan.refused_en)
        ahead = session.execute(AHEAD, {"people": people, "site": site_id}).all()
        cancel = CancelReason.PERSON if reason == "person_asked" else CancelReason.SITE
        cancel_together(session, [row.id for row in ahead], cancel)
        decline_for(session, people, site_id, by)
        _end_what_held(session, people, site_id, by)
        session.execute(REMEMBER, {"people": people, "site": site_id})
        for table in PERSON_TABLES:
            if not table.everywhere:
                _cut(session, table, people, site_id)
        everywhere = not session.scalar(
            text("SELECT EXISTS (SELECT FROM person_sites WHERE person_id = ANY(:people))"), {"people": people}
        )
        if everywhere:
            _forget(session, people)
        record(session, "erase", "people", people[0], site_id, reason=reason, everywhere=everywhere)
        session.expire_all()
        return ErasureAnswer(everywhere=everywhere, cancelled=[row.id for row in ahead])


def _end_what_held(session: Session, people: list[UUID], site_id: UUID | None, by: str) -> None:
    """Consents end, and so does volunteering; both are told, and that it was by an erasure."""
    withdrawn = session.execute(WITHDRAW, {"people": people, "site": site_id, "by": by}).mappings().all()
    volunteered = session.execute(VOLUNTEERED, {"people": people, "site": site_id}).mappings().all()
    add_events(session, [ConsentWithdrawn.model_validate(dict(row)) for row in withdrawn])
    if site_id is not None:
        numbered = session.execute(select(Person.id, Person.number).where(Person.id.in_(people)).order_by(Person.id))
        whose = [{"person_id": one.id, "person_number": one.number, "site_id": site_id} for one in numbered]
        add_events(session, [PersonErasedAtSite.model_validate(one) for one in whose])
    add_events(session, [VolunteerEnded.model_validate(dict(row)) for row in volunteered])


def _people(session: Session, person_id: UUID, site_id: UUID | None) -> list[UUID]:
    """The person and who was merged into them. Raises 404 for somebody unknown (there)."""
    person_id = person_now(session, person_id)
    known = "SELECT EXISTS (SELECT FROM people AS p WHERE p.id = :person AND (cast(:site AS uuid) IS NULL OR EXISTS ("
    known += " SELECT FROM registrations WHERE person_id = p.id AND site_id = :site) OR EXISTS ("
    known += " SELECT FROM person_sites WHERE person_id = p.id AND site_id = :site)))"
    if not session.scalar(text(known), {"person": person_id, "site": site_id}):
        raise not_found("这个人", "person")
    return list(session.scalars(PERSONS, {"person": person_id}))


def lock_ahead(session: Session, person_id: UUID) -> None:
    """Lock all shifts to come on which the person is, at any site: for who locks the person and may lock shifts after,
    as an erasure at several sites does."""
    with across_sites(session):
        people = _people(session, person_id, None)
        lock_shifts(session, *_shifts_ahead(session, people, None))


def _lock(session: Session, people: list[UUID], site_id: UUID | None) -> list[UUID]:
    """Everything that a sign-up of this person locks, in its order."""
    lock_shifts(session, *_shifts_ahead(session, people, site_id))
    lock_people(session, people)
    query = select(Person.id).where(Person.id.in_(people)).order_by(Person.id).with_for_update()
    session.execute(query)
    return people


def _shifts_ahead(session: Session, people: list[UUID], site_id: UUID | None) -> set[UUID]:
    """Those on which they are, and those of places that they were asked to take."""
    own = {row.shift_id for row in session.execute(AHEAD, {"people": people, "site": site_id})}
    return own | set(shifts_asked_about(session, people, site_id))


def _plan(session: Session, people: list[UUID], site_id: UUID | None) -> ErasurePlan:
    fates = []
    for table in PERSON_TABLES:
        if site_id is not None and table.everywhere:
            continue
        where, values = _of(table, people, site_id)
        count = session.scalar(text(f"SELECT count(*) FROM {table.name} AS t {where}"), values) or 0  # noqa: S608
        why = table.why or Words("", "")
        fates.append(
            Fate(
                table=table.name,
                title_zh=table.title.zh,
                title_en=table.title.en,
                rows=count,
                erased=table.erased,
                why_zh=why.zh,
                why_en=why.en,
            )
        )
    refused = HERE if session.scalar(PRESENT, {"people": people, "site": site_id}) else Words("", "")
    ahead = session.execute(AHEAD, {"people": people, "site": site_id}).all()
    return ErasurePlan(
        fates=[fate for fate in fates if fate.rows],
        cancels=len(ahead),
        refused_zh=refused.zh,
        refused_en=refused.en,
    )


def _of(table: PersonTable, people: list[UUID], site_id: UUID | None) -> tuple[str, dict[str, object]]:
    """Which rows of a table are meant, and the values for it."""
    if site_id is None or table.everywhere:
        return f"WHERE {table.whose}", {"people": people}
    return f"WHERE {table.whose} AND t.site_id = :site", {"people": people, "site": site_id}


def _cut(session: Session, table: PersonTable, people: list[UUID], site_id: UUID | None) -> None:
    where, values = _of(table, people, site_id)
    if table.erased:
        session.execute(text(f"DELETE FROM {table.name} AS t {where}"), values)  # noqa: S608
    elif table.blank:
        session.execute(text(f"UPDATE {table.name} AS t SET {table.blank} {where}"), values)  # noqa: S608


def _forget(session: Session, people: list[UUID]) -> None:
    """Nobody knows them any more: what held for every site, or belongs to none, goes too."""
    for table in PERSON_TABLES:
        if table.erased:
            _cut(session, table, people, None)
    newly = "UPDATE people SET erased_at = now() WHERE id = ANY(:people) AND erased_at IS NULL RETURNING id"
    erased = session.scalars(text(newly), {"people": people}).all()
    add_events(session, [PersonErased(person_id=person_id) for person_id in sorted(erased)])
