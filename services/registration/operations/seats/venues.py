"""Venues and their caps: who moves when fewer are allowed is shown first, and applied only as it was shown.

    plan = preview_cap(session, venue_id, capacity=200, percent=50)
    apply_cap(session, venue_id, 200, 50, plan.token)       # 412 when it no longer holds

Whoever came last moves first, from their place to the head of the waitlist, where those moved keep the order in which
they signed up. More room goes to them in that order. The same for the capacity of one shift.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from services.common.errors import CHANGED_MEANWHILE, Problem, Words, invalid, not_found
from services.common.events import Event, RegistrationMovedToWaitlist, ShiftChanged, VenueSaved
from services.common.outbox import add_events
from services.registration.models import Activity, Hold, Registration, Shift, Venue
from services.registration.operations import Versions, assign, check_version, conflict, locked
from services.registration.operations.activities.activities import lock_activity
from services.registration.operations.activities.shifts import CLOSED, shift_event
from services.registration.operations.seats.registrations import lock_registration
from services.registration.operations.seats.seats import (
    is_ahead,
    lock_shift,
    lock_venues,
    promote,
    put,
    registration_event,
)
from services.registration.schemas.venues import VenueBody, VenueEdit

MOVED = 2**62
"""Taken from a registration's position, it gives a queue number before all that ever waited, in order of sign-up."""


@dataclass(frozen=True)
class Plan:
    """Who moves to the waitlist, in order. The token stands for exactly this."""

    moves: list[Registration]
    token: str


@dataclass(frozen=True)
class Use:
    """A shift in a venue, and how many places are taken in all of the venue at the fullest moment of it."""

    shift: Shift
    activity: Activity
    together: int


def create_venue(session: Session, site_id: UUID, body: VenueBody) -> Venue:
    """Add a venue."""
    venue = Venue(site_id=site_id, **body.model_dump())
    session.add(venue)
    session.flush()
    session.refresh(venue)
    add_events(session, [_saved(venue)])
    return venue


def edit_venue(session: Session, venue_id: UUID, body: VenueEdit, expected: Versions) -> Venue:
    """Rename a venue."""
    venue = _lock_venue(session, venue_id)
    check_version(venue.version, expected)
    if assign(venue, body.model_dump(exclude_unset=True)):
        session.flush()
        add_events(session, [_saved(venue)])
    return venue


def find_venue(session: Session, venue_id: UUID) -> Venue:
    """The venue. Raises 404."""
    venue = session.get(Venue, venue_id)
    if venue is None:
        raise not_found("这个场馆", "venue")
    return venue


def uses(session: Session, venue_id: UUID) -> list[Use]:
    """What takes place in the venue from now on, the earliest first."""
    shifts = sorted(_shifts_of(session, venue_id, lock=False), key=lambda shift: (shift.starts_at, shift.position))
    load = _load(shifts, lambda shift: shift.confirmed + shift.offered + shift.held)
    return [
        Use(
            shift,
            session.get_one(Activity, shift.activity_id),
            max(places for at, places in load.items() if shift.starts_at <= at < shift.ends_at),
        )
        for shift in shifts
    ]


def place_activity(session: Session, activity_id: UUID, venue_id: UUID | None, expected: Versions) -> Activity:
    """Say in which venue an activity is. Refused where more have places already than the venue holds."""
    activity, shifts = lock_activity(session, activity_id)
    check_version(activity.version, expected)
    if activity.status in CLOSED:
        raise conflict("活动已取消或已结项，不能再改场馆。", "The activity was called off or is completed.")
    if venue_id is not None and session.get(Venue, venue_id) is None:
        raise invalid("venue_id", Words("没有这个场馆。", "is no venue of this site."))
    assign(activity, {"venue_id": venue_id})
    for shift in shifts:
        shift.venue_id = venue_id
    lock_venues(session, shifts)
    try:
        session.flush()
    except IntegrityError as error:
        raise conflict(
            "场馆容纳不下已有的报名。", "More people have places already than the venue holds at one time."
        ) from error
    add_events(session, promote(session, *shifts))
    return activity


def preview_cap(session: Session, venue_id: UUID, capacity: int, percent: int) -> Plan:
    """Who would move if the venue held so many."""
    venue = find_venue(session, venue_id)
    return _plan(session, _shifts_of(session, venue_id, lock=False), capacity * percent // 100, venue.version)


def apply_cap(session: Session, venue_id: UUID, capacity: int, percent: int, token: str) -> Venue:
    """Move exactly who was shown, and set the cap. Raises 412 when it would be others by now."""
    find_venue(session, venue_id)
    shifts = _shifts_of(session, venue_id, lock=True)
    venue = _lock_venue(session, venue_id)
    cap = capacity * percent // 100
    plan = _plan(session, shifts, cap, venue.version)
    _check_token(plan, token)
    events = _move(session, shifts, plan)
    _let_holds_go(session, shifts, cap)
    if assign(venue, {"capacity": capacity, "percent": percent}):
        session.flush()
        events = [_saved(venue), *events]
    events += promote(session, *shifts)
    session.flush()
    add_events(session, events)
    return venue


def preview_capacity(session: Session, shift_id: UUID, capacity: int) -> Plan:
    """Who would move if the shift had so many places."""
    shift = session.get(Shift, shift_id)
    if shift is None:
        raise not_found("这个场次", "shift")
    return _plan(session, [shift], capacity, 0)


def apply_capacity(session: Session, shift_id: UUID, capacity: int, token: str) -> Shift:
    """Move exactly who was shown, and set the shift's capacity. Raises 412 when it would be others by now."""
    shift = lock_shift(session, shift_id)
    lock_venues(session, [shift])
    if not is_ahead(session, shift):
        raise conflict("场次已开始或已取消。", "The shift has begun or was called off.")
    plan = _plan(session, [shift], capacity, 0)
    _check_token(plan, token)
    events = _move(session, [shift], plan)
    _let_holds_go(session, [shift], capacity)
    # Of a series, it is changed by itself: what is changed for the series later leaves it as it is now.
    changes = {"capacity": capacity, "detached": shift.series_id is not None}
    if shift.capacity != capacity and assign(shift, changes):
        session.flush()
        events = [shift_event(ShiftChanged, shift), *events]
    events += promote(session, shift)
    session.flush()
    add_events(session, events)
    return shift


def _shifts_of(session: Session, venue_id: UUID, lock: bool) -> Sequence[Shift]:
    """The venue's shifts that are not over."""
    ahead = Shift.venue_id == venue_id, Shift.status == "open", Shift.ends_at > func.clock_timestamp()
    query = select(Shift).where(*ahead).order_by(Shift.id)
    return session.scalars(locked(query) if lock else query).all()


def _lock_venue(session: Session, venue_id: UUID) -> Venue:
    venue = session.scalars(locked(select(Venue).where(Venue.id == venue_id))).one_or_none()
    if venue is None:
        raise not_found("这个场馆", "venue")
    return venue


def _saved(venue: Venue) -> VenueSaved:
    names = ("site_id", "version", "name_zh", "name_en", "capacity", "percent")
    return VenueSaved(venue_id=venue.id, **{name: getattr(venue, name) for name in names})


def _plan(session: Session, shifts: Sequence[Shift], cap: int, version: int) -> Plan:
    """Who has to move so that at no moment more than `cap` have or are offered places, last come first."""
    by_id = {shift.id: shift for shift in shifts}
    load = _load(shifts, lambda shift: shift.confirmed + shift.offered)
    moves: list[Registration] = []
    for registration in _movable(session, shifts) if max(load.values(), default=0) > cap else ():
        shift = by_id[registration.shift_id]
        moments = [at for at in load if shift.starts_at <= at < shift.ends_at]
        if any(load[at] > cap for at in moments):
            moves.append(registration)
            for at in moments:
                load[at] -= registration.party_size
    if max(load.values(), default=0) > cap:
        raise conflict(
            "已开始或已签到的名额多于新的上限。", "More people than that are there already, on shifts that have begun."
        )
    facts = [cap, version, [[str(row.id), row.version] for row in moves]]
    return Plan(moves, hashlib.sha256(json.dumps(facts).encode()).hexdigest())


def _load(shifts: Sequence[Shift], places: Callable[[Shift], int]) -> dict[datetime, int]:
    """How many places there are at each start of a shift: a venue is fullest at one of them."""
    return {
        at: sum(places(shift) for shift in shifts if shift.starts_at <= at < shift.ends_at)
        for at in {shift.starts_at for shift in shifts}
    }


def _movable(session: Session, shifts: Sequence[Shift]) -> Sequence[Registration]:
    query = (
        select(Registration)
        .join(Shift, Shift.id == Registration.shift_id)
        .where(
            Shift.id.in_([shift.id for shift in shifts]),
            Shift.starts_at > func.clock_timestamp(),
            Registration.status.in_(("confirmed", "offered")),
            Registration.outcome.is_(None),
        )
        .order_by(Registration.position.desc())
        .execution_options(populate_existing=True)
    )
    return session.scalars(query).all()


def _check_token(plan: Plan, token: str) -> None:
    if plan.token != token:
        raise Problem(
            CHANGED_MEANWHILE,
            Words("情况已变，请重新预览。", "Things have changed since the preview. Look at a new one."),
        )


def _move(session: Session, shifts: Sequence[Shift], plan: Plan) -> list[Event]:
    """Take the places."""
    by_id = {shift.id: shift for shift in shifts}
    events: list[Event] = []
    for move in plan.moves:
        registration, number = lock_registration(session, move.id)
        was_offered = registration.status == "offered"
        put(by_id[move.shift_id], registration, "waitlisted", queue_number=registration.position - MOVED)
        event = registration_event(RegistrationMovedToWaitlist, registration, number, was_offered=was_offered)
        events.append(event)
    session.flush()
    return events


def _let_holds_go(session: Session, shifts: Sequence[Shift], cap: int) -> None:
    """End what is held for forms, wherever the cap would not allow it beside the places that people have."""
    load = _load(shifts, lambda shift: shift.confirmed + shift.offered + shift.held)
    over = [at for at, places in load.items() if places > cap]
    for shift in shifts:
        if shift.held and any(shift.starts_at <= at < shift.ends_at for at in over):
            session.execute(delete(Hold).where(Hold.shift_id == shift.id))
            shift.held = 0
    session.flush()
