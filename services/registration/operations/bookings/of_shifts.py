"""The rooms of shifts: taken when a shift is added to an activity with a room, moved and given up with it.

Roles of one activity at one time share a room: one of them has the booking, and leaves it to the others when it moves
or is called off. Where the room cannot be had the shift has none; the forms tell so before they save.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.common.events import BookingMoved
from services.common.outbox import add_events
from services.registration.models import Activity, Booking, Room, Shift, Site
from services.registration.operations import assign, locked
from services.registration.operations.bookings.book import booking_event, give_up, put, save
from services.registration.operations.bookings.rooms import TAKEN
from services.registration.operations.bookings.rules import Wanted, reasons_against, refuse
from services.registration.operations.sites.sites import lock_site


def reserve(session: Session, activity: Activity, shifts: Iterable[Shift], must: bool = False) -> None:
    """Take the activity's room for those of its shifts that are open and not over, wherever it can be had; where it
    cannot, with `must`, raise 409 with who has it."""
    ahead = [shift for shift in shifts if shift.status == "open" and shift.ends_at > _now(session)]
    room = session.get(Room, activity.room_id) if activity.room_id and ahead else None
    if room is None:
        return
    site = lock_site(session, activity.site_id)
    ours = [(one.starts_at, one.ends_at) for one in bookings_of(session, activity.id) if one.room_id == room.id]
    for shift in ahead:
        if (shift.starts_at, shift.ends_at) in ours:
            continue
        wanted = Wanted(site, room, shift.starts_at, shift.ends_at)
        against = reasons_against(session, wanted)
        # Roles of one activity may overlap in its room: who of them came first has the booking.
        if must and not any(begins < wanted.during[1] and wanted.during[0] < ends for begins, ends in ours):
            refuse(against)
        if not against:
            save(session, wanted, activity.title_zh, False, shift_id=shift.id)
            ours.append((shift.starts_at, shift.ends_at))


def bookings_of(session: Session, activity_id: UUID) -> Sequence[Booking]:
    """The bookings that shifts of the activity have."""
    of_it = select(Shift.id).where(Shift.activity_id == activity_id)
    query = select(Booking).where(Booking.shift_id.in_(of_it), Booking.status.in_(TAKEN))
    return session.scalars(query.order_by(Booking.starts_at, Booking.position)).all()


def without_room(session: Session, activity: Activity, shifts: Iterable[Shift]) -> list[tuple[Shift, str, str]]:
    """The shifts to come for which the activity's room cannot be had, with why not in both languages."""
    room = session.get(Room, activity.room_id) if activity.room_id else None
    if room is None:
        return []
    site = session.get_one(Site, activity.site_id)
    ours = {(one.starts_at, one.ends_at) for one in bookings_of(session, activity.id) if one.room_id == room.id}
    found = []
    for shift in shifts:
        if shift.status == "open" and shift.ends_at > _now(session) and (shift.starts_at, shift.ends_at) not in ours:
            against = reasons_against(session, Wanted(site, room, shift.starts_at, shift.ends_at))
            if against:
                found.append((shift, against[0].message.zh, against[0].message.en))
    return found


def change_room(session: Session, activity: Activity, shifts: Sequence[Shift], old: UUID | None) -> None:
    """Let the bookings in the room that a locked activity had follow it to another, or give them up. Raises 409, with
    who has the room, where they cannot."""
    site = lock_site(session, activity.site_id)
    for booking in bookings_of(session, activity.id):
        if booking.room_id != old or booking.ends_at <= _now(session):
            continue
        if activity.room_id is None:
            give_up(session, booking, "活动不再使用这个房间 · the activity no longer uses the room")
        else:
            put(session, site, booking, {"room_id": activity.room_id}, approved=False)
    reserve(session, activity, shifts)


def follow_shift(session: Session, shift: Shift) -> None:
    """Let the bookings of a locked shift follow it: to its new time, or away when it was called off.

    Raises 409, with who has the room then, when it cannot follow.
    """
    activity = session.get_one(Activity, shift.activity_id)
    query = select(Booking).where(Booking.shift_id == shift.id, Booking.status.in_(TAKEN)).order_by(Booking.id)
    if activity.room_id is None and not session.scalar(select(query.exists())):
        return
    site = lock_site(session, shift.site_id)
    had = session.scalars(locked(query)).all()
    for booking in had:
        other = _sharing(session, shift, booking)
        if shift.status != "cancelled" and (booking.starts_at, booking.ends_at) == (shift.starts_at, shift.ends_at):
            continue
        if other is not None:
            assign(booking, {"shift_id": other})
            session.flush()
            add_events(session, [booking_event(BookingMoved, booking)])
        elif shift.status == "cancelled":
            give_up(session, booking, "场次已取消 · the shift was called off")
        elif _is_ours(session, shift, booking.room_id):
            give_up(session, booking, "同一活动已有这个房间 · the activity has the room already")
        else:
            put(session, site, booking, {"starts_at": shift.starts_at, "ends_at": shift.ends_at}, approved=True)
    reserve(session, activity, [shift], must=any(booking.shift_id != shift.id for booking in had))


def _sharing(session: Session, shift: Shift, booking: Booking) -> UUID | None:
    """Another role of the activity that needs the room at the time of the booking."""
    query = select(Shift.id).where(
        Shift.activity_id == shift.activity_id,
        Shift.id != shift.id,
        Shift.status == "open",
        Shift.starts_at == booking.starts_at,
        Shift.ends_at == booking.ends_at,
    )
    return session.scalars(query.order_by(Shift.position).limit(1)).one_or_none()


def _is_ours(session: Session, shift: Shift, room_id: UUID) -> bool:
    """Whether another role of the activity has that room at the shift's new time."""
    return any(
        (one.room_id, one.starts_at, one.ends_at) == (room_id, shift.starts_at, shift.ends_at)
        for one in bookings_of(session, shift.activity_id)
        if one.shift_id != shift.id
    )


def _now(session: Session) -> datetime:
    return session.scalars(select(func.clock_timestamp())).one()
