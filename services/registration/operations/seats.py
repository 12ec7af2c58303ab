"""Who has the places of a shift: given, freed, passed on. What frees a place gives it to who waits longest.

Counters count places, not registrations: a party takes several. They are changed under the shift's lock alone.
"""

from typing import TypeVar
from uuid import UUID

from sqlalchemy import exists, func, literal, select
from sqlalchemy.orm import Session

from services.common.errors import not_found
from services.common.events import CancelReason, RegistrationCancelled, RegistrationEvent, RegistrationPromoted
from services.registration.models import Person, Registration, Shift
from services.registration.operations import assign, locked

Made = TypeVar("Made", bound=RegistrationEvent)


def lock_shift(session: Session, shift_id: UUID) -> Shift:
    """The shift, locked. Raises 404."""
    shift = session.scalars(locked(select(Shift).where(Shift.id == shift_id))).one_or_none()
    if shift is None:
        raise not_found("这个场次", "shift")
    return shift


def is_over(session: Session, shift: Shift) -> bool:
    """Whether the shift has ended, by the database's clock, which also closes sign-ups."""
    return bool(session.scalar(select(literal(shift.ends_at) <= func.clock_timestamp())))


def has_attendance(session: Session, *shifts: Shift) -> bool:
    """Whether anybody's attendance was taken on one of these locked shifts."""
    of_shifts = Registration.shift_id.in_([shift.id for shift in shifts])
    return bool(session.scalar(select(exists().where(of_shifts, Registration.outcome.is_not(None)))))


def end_all(session: Session, shift: Shift, reason: CancelReason) -> list[RegistrationCancelled]:
    """Cancel a locked shift's registrations, but for those with attendance; returns the events."""
    query = (
        select(Registration, Person.number)
        .join(Person, Person.id == Registration.person_id)
        .where(Registration.shift_id == shift.id, Registration.status != "cancelled", Registration.outcome.is_(None))
        .order_by(Registration.position)
    )
    rows = session.execute(query.with_for_update(of=Registration))
    return [end(shift, registration, number, reason) for registration, number in rows]


def end(shift: Shift, registration: Registration, person_number: int, reason: CancelReason) -> RegistrationCancelled:
    """Cancel an active registration of a locked shift; returns its event. The place is not given away yet."""
    was_waitlisted = registration.status == "waitlisted"
    if was_waitlisted:
        shift.waitlisted -= 1
    else:
        shift.confirmed -= 1
    assign(registration, {"status": "cancelled", "cancel_reason": reason.value})
    return registration_event(
        RegistrationCancelled, registration, person_number, reason=reason, was_waitlisted=was_waitlisted
    )


def promote(session: Session, shift: Shift) -> list[RegistrationPromoted]:
    """Give the free places of a locked shift to who waits, strictly in order; returns the events.

    Only while the start lies ahead: nobody is told of a place on a shift that is running without them.
    """
    free = min(shift.capacity - shift.confirmed, shift.waitlisted)
    if free <= 0 or shift.status != "open":
        return []
    query = (
        select(Registration, Person.number)
        .join(Person, Person.id == Registration.person_id)
        .where(
            Registration.shift_id == shift.id,
            Registration.status == "waitlisted",
            literal(shift.starts_at) > func.clock_timestamp(),
        )
        .order_by(Registration.queue_number)
        .limit(free)
    )
    events = []
    for registration, number in session.execute(query.with_for_update(of=Registration)):
        assign(registration, {"status": "confirmed"})
        shift.waitlisted -= 1
        shift.confirmed += 1
        events.append(registration_event(RegistrationPromoted, registration, number))
    return events


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
            **facts,
        }
    )
