"""Who has the places of a shift: given, freed, passed on. What frees a place gives it to who waits longest.

Counters count places, not registrations: a party takes several. They are changed under the shift's lock alone.
Nobody is skipped: a party at the head that does not fit waits, and nobody overtakes it. In a venue with a cap, several
shifts share what it holds; what one frees goes to who signed up first among the heads of the lines.

Locks: shifts in id order, then their venues, then people by the number of `person_lock`, then registrations.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from sqlalchemy import and_, case, exists, func, literal, or_, select, text
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql import ColumnElement

from services.common.errors import not_found
from services.common.events import (
    CancelReason,
    RegistrationCancelled,
    RegistrationEvent,
    RegistrationOffered,
    RegistrationPromoted,
)
from services.registration.models import Activity, Hold, Registration, Shift
from services.registration.operations import assign, conflict, locked
from services.registration.operations.seats.ages import no_longer_may

Made = TypeVar("Made", bound=RegistrationEvent)
Waiting = tuple[Registration, int]
"""A registration and its person's number."""


@dataclass(frozen=True)
class Clash:
    """A place that a person has elsewhere at the same time."""

    id: UUID
    site_id: UUID
    shift_id: UUID


def lock_shift(session: Session, shift_id: UUID) -> Shift:
    """The shift, locked. Raises 404."""
    shift = session.scalars(locked(select(Shift).where(Shift.id == shift_id))).one_or_none()
    if shift is None:
        raise not_found("这个场次", "shift")
    return shift


def lock_shifts(session: Session, *shift_ids: UUID) -> dict[UUID, Shift]:
    """The shifts, with those beside them that share a venue and on which people wait; all locked, in id order.

    Raises 404 when one of those asked for is not there.
    """
    asked, beside = select(Shift).where(Shift.id.in_(shift_ids)).subquery(), Shift
    shares = and_(
        beside.venue_id == asked.c.venue_id,
        beside.starts_at < asked.c.ends_at,
        beside.ends_at > asked.c.starts_at,
        beside.waitlisted > 0,
    )
    wanted = select(beside.id).where(exists().where(or_(beside.id == asked.c.id, shares)))
    rows = session.scalars(locked(select(Shift).where(Shift.id.in_(wanted)).order_by(Shift.id)))
    shifts = {shift.id: shift for shift in rows}
    if not shifts.keys() >= set(shift_ids):
        raise not_found("这个场次", "shift")
    lock_venues(session, shifts.values())
    return shifts


def lock_venues(session: Session, shifts: Collection[Shift]) -> None:
    """Lock the venues of locked shifts: what their caps leave free stays so."""
    venues = sorted({shift.venue_id for shift in shifts if shift.venue_id is not None})
    if venues:
        session.execute(text("SELECT FROM venues WHERE id = ANY(:ids) ORDER BY id FOR NO KEY UPDATE"), {"ids": venues})


def lock_people(session: Session, people: Collection[UUID]) -> None:
    """Have nobody else give these people places until the commit. After shifts and venues, and once if possible."""
    if people:
        session.execute(
            text(
                "SELECT pg_advisory_xact_lock(lock) FROM (SELECT DISTINCT person_lock(id) AS lock"
                " FROM unnest(cast(:people AS uuid[])) AS id ORDER BY lock OFFSET 0) AS ordered"
            ),
            {"people": list(people)},
        )


def is_over(session: Session, shift: Shift) -> bool:
    """Whether the shift has ended, by the database's clock, which also closes sign-ups."""
    return bool(session.scalar(select(literal(shift.ends_at) <= func.clock_timestamp())))


def is_ahead(session: Session, shift: Shift) -> bool:
    """Whether the shift is open and has not begun, by the database's clock."""
    return shift.status == "open" and bool(session.scalar(select(literal(shift.starts_at) > func.clock_timestamp())))


def has_attendance(session: Session, *shifts: Shift) -> bool:
    """Whether anybody's attendance was taken on one of these locked shifts."""
    of_shifts = Registration.shift_id.in_([shift.id for shift in shifts])
    return bool(session.scalar(select(exists().where(of_shifts, Registration.outcome.is_not(None)))))


def clash_of(session: Session, person_id: UUID, shift: Shift) -> Clash | None:
    """Where the person has a place at the hours of this shift, at whichever site. Their lock makes it stay so."""
    found = session.execute(
        text("SELECT id, site_id, shift_id FROM clash_of(:person, :shift, tstzrange(:starts, :ends))"),
        {"person": person_id, "shift": shift.id, "starts": shift.starts_at, "ends": shift.ends_at},
    ).one()
    return None if found.id is None else Clash(found.id, found.site_id, found.shift_id)


def check_move(session: Session, shift: Shift, starts_at: datetime, ends_at: datetime) -> None:
    """Raise 409 when at these hours somebody on this locked shift would be in two places; says whose places here."""
    confirmed = Registration.shift_id == shift.id, Registration.status == "confirmed"
    lock_people(session, session.scalars(select(Registration.person_id).where(*confirmed)).all())
    hours = {"shift": shift.id, "starts": starts_at, "ends": ends_at}
    clashing = session.scalars(
        text(
            "SELECT r.id FROM registrations AS r CROSS JOIN LATERAL"
            " clash_of(r.person_id, r.shift_id, tstzrange(:starts, :ends)) AS c"
            " WHERE r.shift_id = :shift AND r.status = 'confirmed' AND c.id IS NOT NULL ORDER BY r.position"
        ),
        hours,
    ).all()
    if clashing:
        ids = ", ".join(str(one) for one in clashing)
        raise conflict(
            f"以下报名者届时在别处已有名额：{ids}。请另选时间，或先与他们商定。",
            f"These have another place at that time: {ids}. Choose other hours, or agree with them first.",
        )


def free_places(session: Session, shift: Shift) -> int:
    """Places of a locked shift that nobody has, was offered or holds, as far as its venue allows them."""
    free = shift.capacity - shift.confirmed - shift.offered - shift.held
    if shift.venue_id is not None:
        session.flush()
        free = min(free, session.scalar(select(func.venue_free(shift.id))) or 0)
    return free


def put(shift: Shift, registration: Registration, status: str, **changes: object) -> None:
    """Give a registration of a locked shift another status, and the shift its counters."""
    for name, places in ((registration.status, -registration.party_size), (status, registration.party_size)):
        if name != "cancelled":
            setattr(shift, name, getattr(shift, name) + places)
    assign(registration, {"status": status, "offer_expires_at": None, "coming_at": None, **changes})


def end(shift: Shift, registration: Registration, person_number: int, reason: CancelReason) -> RegistrationCancelled:
    """Cancel an active registration of a locked shift; returns its event. The place is not given away yet."""
    had_none = registration.status != "confirmed"
    put(shift, registration, "cancelled", cancel_reason=reason.value)
    return registration_event(
        RegistrationCancelled, registration, person_number, reason=reason, was_waitlisted=had_none
    )


def end_all(session: Session, shift: Shift, reason: CancelReason) -> list[RegistrationCancelled]:
    """Cancel a locked shift's registrations, but for those with attendance; returns the events."""
    query = (
        select(Registration, func.person_number(Registration.person_id))
        .where(Registration.shift_id == shift.id, Registration.status != "cancelled", Registration.outcome.is_(None))
        .order_by(Registration.position)
    )
    if shift.held:
        session.query(Hold).filter(Hold.shift_id == shift.id).delete()
        shift.held = 0
    rows = session.execute(query.with_for_update(of=Registration))
    return [end(shift, registration, number, reason) for registration, number in rows]


def standing(order: str | InstrumentedAttribute[str]) -> ColumnElement[int]:
    """By this, then by queue number, the waitlist of an activity with this `waitlist_order` is sorted.

    Whoever had a place and lost it to a lower cap has a queue number below 1, and comes first.
    """
    by_priority = literal(order) == "priority" if isinstance(order, str) else order == "priority"
    return case((Registration.queue_number <= 0, -1000), (by_priority, -Registration.priority), else_=0)


def promote(session: Session, *shifts: Shift) -> list[RegistrationEvent]:
    """Give the free places of locked shifts to who waits, strictly in order; returns the events.

    Only while the start lies ahead: nobody is told of a place on a shift that is running without them. A place is
    offered where the activity says so, and to who has another place at the same time: which one it shall be is theirs
    to say. Who no longer meets what the shift asks for is cancelled and told.
    """
    session.flush()
    lock_venues(session, shifts)
    lines = {shift.id: _line(session, shift) for shift in shifts}
    lock_people(session, {row[0].person_id for line in lines.values() for row in line})
    _lock_rows(session, [row[0].id for line in lines.values() for row in line])
    by_id = {shift.id: shift for shift in shifts}
    events: list[RegistrationEvent] = []
    while any(lines.values()):
        registration, number = min((line[0] for line in lines.values() if line), key=lambda row: row[0].position)
        shift = by_id[registration.shift_id]
        if registration.party_size > free_places(session, shift):
            lines[shift.id] = []
            continue
        events.append(_take_turn(session, shift, registration, number))
        lines[shift.id] = lines[shift.id][1:]
    session.flush()
    if any(isinstance(event, RegistrationCancelled) for event in events):
        events += promote(session, *shifts)
    return events


def _line(session: Session, shift: Shift) -> Sequence[Waiting]:
    """The head of a locked shift's waitlist, no longer than could get places."""
    free = min(free_places(session, shift), shift.waitlisted)
    if free <= 0 or not is_ahead(session, shift):
        return []
    order = session.scalars(select(Activity.waitlist_order).where(Activity.id == shift.activity_id)).one()
    query = (
        select(Registration, func.person_number(Registration.person_id))
        .where(Registration.shift_id == shift.id, Registration.status == "waitlisted")
        .order_by(standing(order), Registration.queue_number)
        .limit(free)
    )
    fresh = query.execution_options(populate_existing=True)
    return [(row[0], row[1]) for row in session.execute(fresh)]


def _lock_rows(session: Session, ids: Collection[UUID]) -> None:
    """Lock these registrations, after their people. Who waits on a locked shift stays as they were read."""
    if ids:
        query = select(Registration.id).where(Registration.id.in_(ids)).order_by(Registration.id)
        session.execute(query.with_for_update(key_share=True))


def _take_turn(session: Session, shift: Shift, registration: Registration, number: int) -> RegistrationEvent:
    if unmet(session, registration.person_id, shift) or no_longer_may(session, registration, shift):
        return end(shift, registration, number, CancelReason.REQUIREMENTS)
    activity = session.get_one(Activity, shift.activity_id)
    clashes = clash_of(session, registration.person_id, shift) is not None
    if activity.promotion == "direct" and not clashes:
        put(shift, registration, "confirmed")
        return registration_event(RegistrationPromoted, registration, number)
    now = session.scalars(select(func.clock_timestamp())).one()
    until = min(now + timedelta(minutes=activity.offer_minutes), shift.starts_at)
    put(shift, registration, "offered", offer_expires_at=until)
    return registration_event(RegistrationOffered, registration, number, expires_at=until, clashes=clashes)


def unmet(session: Session, person_id: UUID, shift: Shift) -> list[str]:
    """What the person lacks of the shift's requirements, but for the age, which sign-up looks at."""
    if not shift.requirements:
        return []
    asked = (Shift.requirements, Shift.local_day)
    lacks = select(func.person_meets(person_id, shift.site_id, *asked)).where(Shift.id == shift.id)
    return list(session.scalars(lacks).one())


def registration_event(model: type[Made], registration: Registration, person_number: int, **facts: object) -> Made:
    """The registration as it now stands, as an event of this type."""
    return model.model_validate(
        {
            "registration_id": registration.id,
            "version": registration.version,
            "shift_id": registration.shift_id,
            "activity_id": registration.activity_id,
            "site_id": registration.site_id,
            "person_id": registration.person_id,
            "person_number": person_number,
            "age_band": registration.age_band,
            "places": registration.party_size,
            "channel": registration.channel,
            "team_id": registration.team_id,
            **facts,
        }
    )
