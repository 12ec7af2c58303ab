"""Making two people one, and separating them again. See the package for what that means."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from services.common.errors import FORBIDDEN, Problem, Words, invalid, not_found
from services.common.events import CancelReason, PersonMerged, PersonUnmerged
from services.common.outbox import add_events
from services.registration.models import Merge, Person
from services.registration.operations import conflict
from services.registration.operations.hours.resting_certificates import outdated_by_moving, standing_of
from services.registration.operations.merging.memberships import (
    end_double_memberships,
    lock_teams,
    restore_memberships,
)
from services.registration.operations.merging.moves import gather, give_back
from services.registration.operations.merging.two_people import check_not_apart
from services.registration.operations.people.identity import across_sites, person_now
from services.registration.operations.seats.registrations import (
    cancel_registration,
    find_registration,
    lock_registration,
)
from services.registration.operations.seats.seats import end, is_over, lock_people, lock_shift, lock_shifts
from services.registration.schemas.merges import MergeAnswer, MergeBody

LIVE_SHIFTS = text("SELECT shift_id FROM registrations WHERE person_id = ANY(:people) AND status <> 'cancelled'")

# Two live registrations that one person cannot have: on one shift, or with a place each at overlapping hours.
CLASHES = text("""
SELECT a.id AS one, b.id AS two, a.outcome IN ('present', 'attended') AND b.outcome IN ('present', 'attended') AS both,
    (a.outcome IS NOT NULL, a.status = 'confirmed', a.status = 'offered', -a.position)
    > (b.outcome IS NOT NULL, b.status = 'confirmed', b.status = 'offered', -b.position) AS keep_one,
    CASE WHEN b.outcome IS NULL THEN b.id END AS two_ends, CASE WHEN a.outcome IS NULL THEN a.id END AS one_ends
FROM registrations AS a JOIN shifts AS f ON f.id = a.shift_id
JOIN registrations AS b ON b.person_id = :merged AND b.status <> 'cancelled'
JOIN shifts AS s ON s.id = b.shift_id
WHERE a.person_id = :survivor AND a.status <> 'cancelled' AND (a.shift_id = b.shift_id OR
    a.status = 'confirmed' AND b.status = 'confirmed' AND f.starts_at < s.ends_at AND s.starts_at < f.ends_at)
ORDER BY least(a.shift_id, b.shift_id), a.position
""")

# A site whose people these were by then, and that knows the survivor only through the merge, keeps what it was told.
COPY_DETAILS = text("""
INSERT INTO person_sites (person_id, site_id, name, phone, email, birth_date, encrypted_with, language)
SELECT :holder, site_id, name, phone, email, birth_date, encrypted_with, language FROM person_sites
WHERE person_id = :merged AND site_id IN (SELECT site_id FROM registrations WHERE person_id = :holder)
ON CONFLICT DO NOTHING
""")

DESCENDANTS = text("""
WITH RECURSIVE below AS (
    SELECT cast(:person AS uuid) AS id
    UNION SELECT m.merged FROM below JOIN merges AS m ON m.survivor = below.id AND m.undone_at IS NULL
) SELECT id FROM below WHERE id <> :person
""")


@dataclass(frozen=True)
class Pair:
    """The two, locked."""

    survivor: Person
    merged: Person


def merge(session: Session, body: MergeBody, by: str, site_id: UUID | None) -> MergeAnswer:
    """Make `merged` and `survivor` one person. A site (`site_id`) may do so with who is wholly its own.

    Raises 404 for somebody unknown, 403 for who is known elsewhere too, 409 for two who cannot be one person.
    """
    with across_sites(session):
        pair = _lock(session, body)
        _check(session, pair, site_id)
        made = Merge(merged=pair.merged.id, survivor=pair.survivor.id, site_id=site_id, reason=body.reason, made_by=by)
        session.add(made)
        session.flush()
        before = standing_of(session, _all_of(session, pair.survivor.id, pair.merged.id))
        cancelled = _end_doubles(session, pair)
        end_double_memberships(session, made.id, [pair.survivor.id, pair.merged.id])
        session.execute(
            text("UPDATE people SET merged_into = :survivor WHERE id = :merged OR merged_into = :merged"),
            {"survivor": pair.survivor.id, "merged": pair.merged.id},
        )
        session.flush()
        gather(session, pair.survivor.id)
        _tell(session, PersonMerged, made)
        add_events(session, outdated_by_moving(session, before))
        return _describe(made, cancelled)


def undo_merge(session: Session, merge_id: UUID, by: str, site_id: UUID | None) -> MergeAnswer:
    """Separate the two again: each gets back what was theirs. Certificates that rest on what is now another's say so.
    Undoing twice changes nothing. Raises 404, 409."""
    with across_sites(session):
        made = session.get(Merge, merge_id)
        if made is None or (site_id is not None and made.site_id != site_id):
            raise not_found("这次合并", "merge")
        holder = _lock_all(session, [made.merged, made.survivor])[made.survivor]
        session.refresh(made)
        if made.undone_at is not None:
            return _describe(made, [])
        if holder.erased_at is not None:
            raise conflict("此人的信息已删除，不能撤销合并。", "This person was erased: the merge stays.")
        before = standing_of(session, _all_of(session, holder.id))
        made.undone_at, made.undone_by = datetime.now(UTC), by
        session.flush()
        below = list(session.scalars(DESCENDANTS, {"person": made.merged}))
        session.execute(
            text(
                "UPDATE people SET merged_into = CASE WHEN id = :merged THEN NULL ELSE :merged END"
                " WHERE id = :merged OR id = ANY(:below)"
            ),
            {"merged": made.merged, "below": below},
        )
        own = select(Merge.id).where(Merge.merged.in_(below), Merge.undone_at.is_(None))
        give_back(session, made.merged, holder.id, [made.id, *session.scalars(own)])
        restore_memberships(session, made.id)
        session.execute(COPY_DETAILS, {"holder": holder.id, "merged": made.merged})
        gather(session, holder.id)
        gather(session, made.merged)
        _tell(session, PersonUnmerged, made)
        add_events(session, outdated_by_moving(session, before))
        return _describe(made, [])


def _all_of(session: Session, *people: UUID) -> list[UUID]:
    """These persons and who was merged into them."""
    return [one for person in people for one in session.scalars(select(func.persons_of(person)))]


def _lock(session: Session, body: MergeBody) -> Pair:
    found = _lock_all(session, [body.survivor, body.merged])
    for field in ("survivor", "merged"):
        if getattr(body, field) not in found:
            raise invalid(field, Words("没有这个人。", "is nobody."))
    survivor, merged = found[body.survivor], found[body.merged]
    if survivor.id == merged.id:
        raise conflict("两者已是同一个人。", "These are one person already.")
    return Pair(survivor, merged)


def _lock_all(session: Session, asked: list[UUID]) -> dict[UUID, Person]:
    """Who these are by now, with everything locked that a sign-up locks; by the id that was asked for."""
    people = {one: person_now(session, one) for one in asked}
    lock_teams(session, list(people.values()))
    shifts = session.scalars(LIVE_SHIFTS, {"people": list(people.values())}).all()
    lock_shifts(session, *shifts)
    lock_people(session, {*people, *people.values()})
    # FOR UPDATE, unlike elsewhere: registrations that are made meanwhile wait at their foreign key.
    query = select(Person).where(Person.id.in_([*people, *people.values()])).order_by(Person.id)
    rows = session.scalars(query.with_for_update().execution_options(populate_existing=True))
    locked_people = {row.id: row for row in rows}
    if any(person_now(session, one) != now for one, now in people.items()):
        raise conflict("此人刚被合并或拆分，请重试。", "One of them was merged or separated just now. Try again.")
    return {one: locked_people[now] for one, now in people.items() if now in locked_people}


def _check(session: Session, pair: Pair, site_id: UUID | None) -> None:
    people = [pair.survivor.id, pair.merged.id]
    if pair.survivor.erased_at or pair.merged.erased_at:
        raise conflict("其中一人的信息已删除。", "One of them was erased.")
    if site_id is not None:
        sites = session.execute(
            text("SELECT person_id, site_id FROM person_sites WHERE person_id = ANY(:people)"), {"people": people}
        ).all()
        if {row.person_id for row in sites if row.site_id == site_id} != set(people):
            raise not_found("这个人", "person")
        if {row.site_id for row in sites} != {site_id}:
            raise Problem(
                FORBIDDEN,
                Words(
                    "其中有人也在其他站点登记，请运营方合并。",
                    "One of them is known to another site too. Ask the operator to merge them.",
                ),
            )
    check_not_apart(session, pair.survivor.id, pair.merged.id, site_id)
    numbers = text("SELECT count(DISTINCT id_number_hash) FROM volunteers WHERE person_id = ANY(:people)")
    if session.scalar(numbers, {"people": people}) > 1:
        raise conflict(
            "两者的身份证号码不同，不是同一个人。", "They have different ID numbers, so they are two people."
        )


def _end_doubles(session: Session, pair: Pair) -> list[UUID]:
    """Cancel what one person cannot have twice. What says that somebody did not come stays with the merged."""
    people = {"survivor": pair.survivor.id, "merged": pair.merged.id}
    cancelled: list[UUID] = []
    for row in session.execute(CLASHES, people).all():
        if row.both:
            raise conflict(
                "两人曾同时签到，不是同一个人；如签到有误，请先更正。",
                "Both came at the same time, so they are two people. If attendance is wrong, correct it first.",
            )
        loser = (row.two_ends or row.one_ends) if row.keep_one else (row.one_ends or row.two_ends)
        if loser is not None and not {row.one, row.two} & set(cancelled):
            _cancel(session, loser)
            cancelled.append(loser)
    return cancelled


def _cancel(session: Session, registration_id: UUID) -> None:
    """Of a shift that is over as well: hours are recorded later, and one person has them once."""
    shift = lock_shift(session, find_registration(session, registration_id).shift_id)
    if not is_over(session, shift):
        cancel_registration(session, registration_id, CancelReason.MERGED)
        return
    registration, number = lock_registration(session, registration_id)
    event = end(shift, registration, number, CancelReason.MERGED)
    session.flush()
    add_events(session, [event])


def _tell(session: Session, event: type[PersonMerged], made: Merge) -> None:
    people = select(Person.id, Person.number).where(Person.id.in_([made.merged, made.survivor]))
    numbers = {row.id: row.number for row in session.execute(people)}
    told = event(
        merge_id=made.id,
        person_id=made.merged,
        person_number=numbers[made.merged],
        into_id=made.survivor,
        into_number=numbers[made.survivor],
    )
    add_events(session, [told])


def _describe(made: Merge, cancelled: list[UUID]) -> MergeAnswer:
    return MergeAnswer.model_validate(
        {
            **{name: getattr(made, name) for name in MergeAnswer.model_fields if name != "cancelled"},
            "cancelled": cancelled,
        }
    )
