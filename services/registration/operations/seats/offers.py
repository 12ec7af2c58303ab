"""Offers of a place, answered in time or not at all; and parties that become larger or smaller."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import func, literal, select
from sqlalchemy.orm import Session

from services.common.errors import Words, invalid
from services.common.events import CancelReason, Event, RegistrationPromoted, RegistrationResized
from services.common.outbox import add_events
from services.registration.models import Activity, Registration, Shift
from services.registration.operations import Versions, assign, check_version, conflict
from services.registration.operations.seats.ages import check_age
from services.registration.operations.seats.registrations import (
    cancel_registration,
    find_registration,
    lock_registration,
)
from services.registration.operations.seats.seats import (
    Clash,
    clash_of,
    end,
    free_places,
    is_ahead,
    is_over,
    lock_people,
    lock_shifts,
    promote,
    put,
    registration_event,
)
from services.registration.operations.seats.verdicts import overlap
from services.registration.personal_data import PersonalData


def accept_offer(
    session: Session,
    data: PersonalData,
    registration_id: UUID,
    instead_of: bool = False,
    sites: Collection[UUID] | None = None,
) -> Registration:
    """Take the place that was offered. Accepting twice changes nothing. Ages are looked at again, as at sign-up.

    Whoever has another place at the same time gives it up with `instead_of`, in the same moment; else it is refused,
    as it is where the other place is of a site that the caller does not see, or that is none of these `sites`.
    """
    asked = find_registration(session, registration_id)
    shift = session.get_one(Shift, asked.shift_id)
    other = clash_of(session, asked.person_id, shift) if instead_of else None
    shifts = lock_shifts(session, shift.id, *([other.shift_id] if other and _visible(session, other, sites) else []))
    shift = shifts[asked.shift_id]
    lock_people(session, [asked.person_id, *who_waits(session, shifts)])
    registration, number = lock_registration(session, registration_id)
    if registration.status == "confirmed":
        return registration
    _check_open(session, shift, registration)
    check_age(session, data, registration, shift)
    events: list[Event] = []
    clash = clash_of(session, registration.person_id, shift)
    if clash is not None:
        if not instead_of or clash.shift_id not in shifts:
            raise overlap(str(clash.id), not _visible(session, clash, sites))
        events.append(give_up(session, shifts[clash.shift_id], clash.id))
    put(shift, registration, "confirmed")
    session.flush()
    events.append(registration_event(RegistrationPromoted, registration, number))
    events += promote(session, *shifts.values())
    session.flush()
    add_events(session, events)
    return registration


def decline_offer(session: Session, registration_id: UUID) -> Registration:
    """Leave the place to who is next. Declining twice changes nothing."""
    return cancel_registration(session, registration_id, CancelReason.OFFER_DECLINED)


def resize_party(session: Session, registration_id: UUID, party_size: int, expected: Versions) -> Registration:
    """Change how many come. More of a party that has its places only where some are free and nobody waits."""
    shift_id = find_registration(session, registration_id).shift_id
    shifts = lock_shifts(session, shift_id)
    shift = shifts[shift_id]
    registration, number = lock_registration(session, registration_id)
    check_version(registration.version, expected)
    if registration.status == "cancelled" or registration.outcome is not None or is_over(session, shift):
        raise conflict(
            "报名已取消、已签到或已结束，不能改人数。",
            "The registration was cancelled, has attendance or is over; its size can no longer be changed.",
        )
    more = party_size - registration.party_size
    _check_size(session, shift, registration, party_size, more)
    if more:
        setattr(shift, registration.status, getattr(shift, registration.status) + more)
        assign(registration, {"party_size": party_size})
        session.flush()
        events = [registration_event(RegistrationResized, registration, number), *promote(session, *shifts.values())]
        session.flush()
        add_events(session, events)
    return registration


def set_priority(session: Session, registration_id: UUID, priority: int, expected: Versions) -> Registration:
    """Let somebody who waits have their turn earlier or later. Raises 409 where the waitlist goes by order."""
    shift_id = find_registration(session, registration_id).shift_id
    shifts = lock_shifts(session, shift_id)
    registration, _ = lock_registration(session, registration_id)
    check_version(registration.version, expected)
    if session.get_one(Activity, registration.activity_id).waitlist_order != "priority":
        raise conflict("此活动的候补按先后，不按优先级。", "This activity's waitlist goes by order, not by priority.")
    if registration.status != "waitlisted":
        raise conflict("只有候补中的报名有优先级。", "Only who waits has a priority.")
    if assign(registration, {"priority": priority}):
        # Where a large party no longer stands first, the free places may do for who does.
        events = promote(session, *shifts.values())
        session.flush()
        add_events(session, events)
    return registration


def _check_size(session: Session, shift: Shift, registration: Registration, party_size: int, more: int) -> None:
    most = session.get_one(Activity, shift.activity_id).party_limit
    if more > 0 and party_size > most:
        raise invalid("party_size", Words(f"每次最多 {most} 人。", f"must be at most {most} for this activity."))
    if more > 0 and registration.status != "waitlisted" and (shift.waitlisted or more > free_places(session, shift)):
        raise conflict(
            "没有这么多空余名额，或有人在候补。",
            "There are not so many free places, or others wait for them.",
        )


def _check_open(session: Session, shift: Shift, registration: Registration) -> None:
    open_until = literal(registration.offer_expires_at) > func.clock_timestamp()
    if registration.status != "offered":
        raise conflict("没有待答复的名额。", "No place is on offer here.")
    if not is_ahead(session, shift) or not session.scalar(select(open_until)):
        raise conflict("名额保留已过期。", "The offer has run out.")


def _visible(session: Session, clash: Clash, sites: Collection[UUID] | None) -> bool:
    """Whether the caller may know of the registration: it is of a site in their scope."""
    return session.get(Registration, clash.id) is not None and (sites is None or clash.site_id in sites)


def give_up(session: Session, shift: Shift, registration_id: UUID) -> Event:
    """End a place on a locked shift, for another at the same time; returns its event. Raises 409 with attendance."""
    other, number = lock_registration(session, registration_id)
    if other.outcome is not None:
        raise conflict("另一名额已有签到记录。", "Attendance was taken of the other place.")
    event = end(shift, other, number, CancelReason.INSTEAD_OF)
    # Before the new place: the exclusion constraint looks at each statement.
    session.flush()
    return event


def who_waits(session: Session, shifts: dict[UUID, Shift]) -> list[UUID]:
    """Who may get a place in what follows: all locks of people are taken at once, in order."""
    if len(shifts) == 1:
        return []
    waiting = Registration.shift_id.in_(shifts), Registration.status == "waitlisted"
    return list(session.scalars(select(Registration.person_id).where(*waiting)))
