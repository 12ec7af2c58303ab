"""Registrations that exist: read, cancelled. They are made by `sign_up.py`."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.common.errors import not_found
from services.common.events import CancelReason, Event, RegistrationEvent
from services.common.outbox import add_events
from services.registration.models import Activity, Person, Registration
from services.registration.operations import conflict, locked
from services.registration.operations.seats.seats import end, is_over, lock_shifts, promote, standing
from services.registration.schemas.registrations import RegistrationAnswer


def cancel_registration(session: Session, registration_id: UUID, reason: CancelReason) -> Registration:
    """Give a place back; until the shift starts, who waits longest gets it. Cancelling twice changes nothing."""
    _cancel(session, registration_id, reason)
    return find_registration(session, registration_id)


def cancel_from_one_address(session: Session, shift_id: UUID, came_from: str) -> int:
    """End all that signed up for a shift online from one address, but for those with attendance; returns how many."""
    shifts = lock_shifts(session, shift_id)
    shift = shifts[shift_id]
    if is_over(session, shift):
        raise conflict("场次已结束，不能取消。", "The shift is over: the registration can no longer be cancelled.")
    query = select(Registration, func.person_number(Registration.person_id)).where(
        Registration.shift_id == shift_id,
        Registration.came_from == came_from,
        Registration.status != "cancelled",
        Registration.outcome.is_(None),
    )
    rows = session.execute(query.order_by(Registration.position).with_for_update(of=Registration)).all()
    events: list[RegistrationEvent] = [end(shift, row[0], row[1], CancelReason.SITE) for row in rows]
    session.flush()
    events += promote(session, *shifts.values())
    session.flush()
    add_events(session, events)
    return len(rows)


def who_moves_up(session: Session, registration_id: UUID) -> list[RegistrationEvent]:
    """What would follow from cancelling: who gets the place, or is offered it. Nothing is changed."""
    with session.begin_nested() as attempt:
        follows = _cancel(session, registration_id, CancelReason.SITE)
        attempt.rollback()
    return follows


def _cancel(session: Session, registration_id: UUID, reason: CancelReason) -> list[RegistrationEvent]:
    """Cancel and pass the place on; returns what happened to others."""
    shift_id = find_registration(session, registration_id).shift_id
    shifts = lock_shifts(session, shift_id)
    shift = shifts[shift_id]
    registration, person_number = _lock(session, registration_id)
    if registration.status == "cancelled":
        return []
    if reason is CancelReason.OFFER_DECLINED and registration.status != "offered":
        raise conflict("没有待答复的名额。", "No place is on offer here.")
    if registration.outcome is not None:
        raise conflict("已有签到记录，不能取消。", "Attendance was taken: the registration can no longer be cancelled.")
    if is_over(session, shift):
        raise conflict("场次已结束，不能取消。", "The shift is over: the registration can no longer be cancelled.")
    cancelled = end(shift, registration, person_number, reason)
    session.flush()
    promoted = promote(session, *shifts.values())
    session.flush()
    add_events(session, [cancelled, *promoted])
    return promoted


def cancel_together(session: Session, registration_ids: Sequence[UUID], reason: CancelReason) -> None:
    """Give several places back at once: every shift is locked before anybody moves up on one of them, because moving
    up locks people, and whoever waits may wait on another of these shifts as well. What was cancelled meanwhile stays.
    """
    query = select(Registration.shift_id).where(Registration.id.in_(registration_ids))
    shifts = lock_shifts(session, *session.scalars(query))
    events: list[Event] = []
    for registration_id in registration_ids:
        registration, number = _lock(session, registration_id)
        if registration.status != "cancelled" and registration.outcome is None:
            events.append(end(shifts[registration.shift_id], registration, number, reason))
    session.flush()
    events += promote(session, *shifts.values())
    session.flush()
    add_events(session, events)


def find_registration(session: Session, registration_id: UUID) -> Registration:
    """The registration. Raises 404."""
    registration = session.get(Registration, registration_id)
    if registration is None:
        raise not_found("这个报名", "registration")
    return registration


def lock_registration(session: Session, registration_id: UUID) -> tuple[Registration, int]:
    """The registration, locked, and its person's number. The shift must be locked already.

    Raises 409 once the site has erased the person: it can be cancelled, and nothing else.
    """
    registration, number = _lock(session, registration_id)
    if session.scalar(select(Person.id).where(Person.id == registration.person_id)) is None:
        raise conflict(
            "此人的资料已删除，报名只能取消。", "This person was erased; the registration can only be cancelled."
        )
    return registration, number


def _lock(session: Session, registration_id: UUID) -> tuple[Registration, int]:
    query = select(Registration, func.person_number(Registration.person_id)).where(Registration.id == registration_id)
    registration, number = session.execute(locked(query)).one()
    return registration, number


def describe_registrations(session: Session, registrations: Sequence[Registration]) -> list[RegistrationAnswer]:
    """The registrations as they are answered, with where in the waitlist each is now."""
    shifts = {registration.shift_id for registration in registrations if registration.status == "waitlisted"}
    positions: dict[UUID, int] = {}
    if shifts:
        place = func.row_number().over(
            partition_by=Registration.shift_id,
            order_by=(standing(Activity.waitlist_order), Registration.queue_number),
        )
        query = (
            select(Registration.id, place)
            .join(Activity, Activity.id == Registration.activity_id)
            .where(Registration.shift_id.in_(shifts), Registration.status == "waitlisted")
        )
        positions = {row[0]: row[1] for row in session.execute(query)}
    return [
        RegistrationAnswer.model_validate({**vars(registration), "waitlist_position": positions.get(registration.id)})
        for registration in registrations
    ]


def describe_registration(session: Session, registration: Registration) -> RegistrationAnswer:
    """One registration as it is answered."""
    return describe_registrations(session, [registration])[0]
