"""A booking: made, moved, decided, given up.

Whoever takes time in a room holds the site's lock (a shift's before it), so that hours, shares and other bookings
stand still meanwhile; a centre has few rooms and many of its bookings come minutes apart.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, literal, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from services.common.errors import FieldErrors, Words, called, invalid, not_found
from services.common.events import (
    BookingCancelled,
    BookingConfirmed,
    BookingDeclined,
    BookingEvent,
    BookingMoved,
    BookingRequested,
)
from services.common.outbox import add_events
from services.registration.models import Activity, Booking, Room, Shift, Site, Team
from services.registration.operations import Versions, assign, check_version, conflict, locked
from services.registration.operations.bookings.answers import tell_leader
from services.registration.operations.bookings.rooms import TAKEN
from services.registration.operations.bookings.rules import Wanted, check_length, reasons_against, refuse
from services.registration.operations.seats.seats import lock_shift
from services.registration.operations.sites.sites import lock_site
from services.registration.schemas.bookings import BookingBody, BookingEdit


def book(session: Session, site_id: UUID, body: BookingBody, as_request: bool = False) -> Booking:
    """Reserve a room. Where it needs approval, or is only asked for, this is a request, which holds the time until it
    is decided; whoever only asks is not told who else has the room."""
    shift = lock_shift(session, body.shift_id) if body.shift_id else None
    site = lock_site(session, site_id)
    activity = session.get(Activity, shift.activity_id) if shift else None
    if shift is not None and shift.status != "open":
        raise conflict("场次已取消。", "The shift was called off.")
    room_id = body.room_id or (activity.room_id if activity else None)
    if room_id is None:
        raise invalid("room_id", Words("活动没有指定房间，请填写。", "is needed: the activity has no room of its own."))
    room, team = find_room_and_team(session, site_id, room_id, body.team_id)
    has_it = shift and body.starts_at is None and _booking_of(session, shift, room_id)
    if has_it:
        return has_it
    begins, ends = _time(body.starts_at, shift, "starts_at"), _time(body.ends_at, shift, "ends_at")
    wanted = Wanted(site, room, begins, ends, team, body.block, names_others=not as_request)
    check_length(wanted)
    refuse(reasons_against(session, wanted))
    title = body.title or (called(team).zh if team else called(activity, "title").zh if activity else "")
    return save(session, wanted, title, body.approved, as_request, shift_id=body.shift_id)


def _booking_of(session: Session, shift: Shift, room_id: UUID) -> Booking | None:
    """The booking that the shift, or another role of its activity at the same time, has of the room already."""
    of_it = select(Shift.id).where(Shift.activity_id == shift.activity_id)
    query = select(Booking).where(
        Booking.shift_id.in_(of_it),
        Booking.room_id == room_id,
        Booking.starts_at == shift.starts_at,
        Booking.ends_at == shift.ends_at,
        Booking.status.in_(TAKEN),
    )
    return session.scalars(query).one_or_none()


def _time(given: datetime | None, shift: Shift | None, name: str) -> datetime:
    moment: datetime = given or getattr(shift, name)
    return moment


def find_room_and_team(
    session: Session, site_id: UUID, room_id: UUID, team_id: UUID | None
) -> tuple[Room, Team | None]:
    """Both, or one problem that says which is not there."""
    errors = FieldErrors()
    room = session.get(Room, room_id, populate_existing=True)
    team = session.get(Team, team_id) if team_id else None
    if room is None or room.site_id != site_id:
        errors.add("room_id", Words("没有这个房间。", "is no room of this site."))
    if team_id and (team is None or team.site_id != site_id):
        errors.add("team_id", Words("没有这个队伍。", "is no team of this site."))
    errors.raise_any()
    assert room is not None  # noqa: S101 (raised above)
    return room, team


def save(
    session: Session, wanted: Wanted, title: str, approved: bool, as_request: bool = False, **of: UUID | None
) -> Booking:
    """Write a booking that nothing is against."""
    asks = as_request or (wanted.room.approval and not approved and not wanted.block)
    purpose = "block" if wanted.block else "team" if wanted.team else "shift" if of.get("shift_id") else "other"
    booking = Booking(
        site_id=wanted.site.id,
        purpose=purpose,
        team_id=wanted.team.id if wanted.team else None,
        title=title,
        status="requested" if asks else "confirmed",
        **_place(wanted),
        **of,
    )
    session.add(booking)
    session.flush()
    session.refresh(booking)
    add_events(session, [booking_event(BookingRequested if asks else BookingConfirmed, booking)])
    return booking


def _place(wanted: Wanted) -> dict[str, Any]:
    return {
        "room_id": wanted.room.id,
        "starts_at": wanted.starts_at,
        "ends_at": wanted.ends_at,
        "local_day": wanted.local_day,
        "setup_minutes": wanted.setup_minutes,
        "during": Range(*wanted.during),
    }


def find_booking(session: Session, booking_id: UUID) -> Booking:
    """The booking. Raises 404."""
    booking = session.get(Booking, booking_id)
    if booking is None:
        raise not_found("这个预约", "booking")
    return booking


def lock_booking(session: Session, booking_id: UUID) -> Booking:
    """The booking, locked. Raises 404."""
    booking = session.scalars(locked(select(Booking).where(Booking.id == booking_id))).one_or_none()
    if booking is None:
        raise not_found("这个预约", "booking")
    return booking


def move(session: Session, booking_id: UUID, body: BookingEdit, expected: Versions) -> Booking:
    """Put a booking to another time or room, under the same rules. What was granted was granted for one room and time:
    in a room that needs approval it is a request again, unless this is `approved` as well."""
    site = lock_site(session, find_booking(session, booking_id).site_id)
    booking = lock_booking(session, booking_id)
    check_version(booking.version, expected)
    if booking.status not in TAKEN:
        raise conflict("预约已取消或未获批准。", "The booking was given up or turned down; make a new one.")
    _check_not_over(session, booking)
    changes = body.model_dump(exclude_unset=True, exclude={"approved"})
    if changes.keys() <= {"title"}:
        assign(booking, changes)
        session.flush()
        return booking
    if booking.purpose == "shift" and changes.keys() & {"starts_at", "ends_at"}:
        raise conflict("场次的预约随场次改时间。", "A shift's booking follows its shift: change the shift's time.")
    return put(session, site, booking, changes, body.approved)


def put(session: Session, site: Site, booking: Booking, changes: dict[str, Any], approved: bool) -> Booking:
    """Put a locked booking that holds its time elsewhere, the site being locked. Raises 409 with every reason."""
    room, team = find_room_and_team(session, site.id, changes.get("room_id", booking.room_id), booking.team_id)
    wanted = Wanted(
        site,
        room,
        changes.get("starts_at", booking.starts_at),
        changes.get("ends_at", booking.ends_at),
        team,
        booking.purpose == "block",
        besides=booking.id,
    )
    check_length(wanted)
    refuse(reasons_against(session, wanted))
    place = _place(wanted) | {"title": changes.get("title", booking.title)}
    moved = any(place[name] != getattr(booking, name) for name in ("room_id", "starts_at", "ends_at"))
    asks = moved and room.approval and not approved and booking.purpose != "block"
    if assign(booking, place | ({"status": "requested"} if asks else {})):
        session.flush()
        if moved:
            add_events(session, [booking_event(BookingRequested if asks else BookingMoved, booking)])
    return booking


def _check_not_over(session: Session, booking: Booking) -> None:
    """What took place counts in its team's share, and stays."""
    if session.scalar(select(literal(booking.ends_at) <= func.clock_timestamp())):
        raise conflict(
            "预约的时间已过，不能再改或取消。", "The booking is over, and can no longer be changed or given up."
        )


def decide(session: Session, booking_id: UUID, confirm: bool, reason: str = "") -> Booking:
    """Confirm a request, or turn it down, and tell the team's leader. Saying the same again changes nothing."""
    booking = lock_booking(session, booking_id)
    status = "confirmed" if confirm else "declined"
    if booking.status == status:
        return booking
    if booking.status != "requested":
        raise conflict("此预约不再等待批准。", "The booking no longer waits for a decision.")
    assign(booking, {"status": status, "reason": reason})
    session.flush()
    add_events(session, [booking_event(BookingConfirmed if confirm else BookingDeclined, booking)])
    tell_leader(session, booking)
    return booking


def cancel(session: Session, booking_id: UUID, reason: str = "") -> Booking:
    """Give a booking up. Doing so twice changes nothing."""
    booking = lock_booking(session, booking_id)
    if booking.status == "declined":
        raise conflict("预约未获批准，无需取消。", "The booking was turned down; there is nothing to give up.")
    if booking.status != "cancelled":
        _check_not_over(session, booking)
        give_up(session, booking, reason)
    return booking


def give_up(session: Session, booking: Booking, reason: str) -> None:
    """Cancel a locked booking that holds its time."""
    assign(booking, {"status": "cancelled", "reason": reason})
    session.flush()
    add_events(session, [booking_event(BookingCancelled, booking)])


def booking_event(model: type[BookingEvent], booking: Booking) -> BookingEvent:
    """The booking as it now stands, as an event of this type."""
    return model.model_validate(
        {
            "booking_id": booking.id,
            "version": booking.version,
            "room_id": booking.room_id,
            "site_id": booking.site_id,
            "purpose": booking.purpose,
            "team_id": booking.team_id,
            "shift_id": booking.shift_id,
            "starts_at": booking.starts_at,
            "ends_at": booking.ends_at,
            "local_day": booking.local_day.isoformat(),
        }
    )
