"""Rooms: what is in them, and which are free when."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from services.common.errors import not_found
from services.common.events import RoomSaved
from services.common.outbox import add_events
from services.registration.models import Booking, Room
from services.registration.operations import Versions, assign, check_version, locked
from services.registration.operations.sites.sites import lock_site
from services.registration.schemas.rooms import FreeQuery, RoomBody, RoomEdit

TAKEN = ("requested", "confirmed")
"""Statuses of bookings that hold their time."""


def create_room(session: Session, site_id: UUID, body: RoomBody) -> Room:
    """Add a room to a site."""
    lock_site(session, site_id)
    room = Room(site_id=site_id, **body.model_dump())
    session.add(room)
    session.flush()
    session.refresh(room)
    add_events(session, [_saved(room)])
    return room


def edit_room(session: Session, room_id: UUID, body: RoomEdit, expected: Versions) -> Room:
    """Change a room. Bookings that were made stay as they are."""
    lock_site(session, find_room(session, room_id).site_id)
    room = session.scalars(locked(select(Room).where(Room.id == room_id))).one()
    check_version(room.version, expected)
    if assign(room, body.model_dump(exclude_unset=True)):
        session.flush()
        add_events(session, [_saved(room)])
    return room


def find_room(session: Session, room_id: UUID) -> Room:
    """The room. Raises 404."""
    room = session.get(Room, room_id)
    if room is None:
        raise not_found("这个房间", "room")
    return room


def free_rooms(session: Session, site_id: UUID, query: FreeQuery) -> Sequence[Room]:
    """Rooms that are large enough and free all that time, set-up included, the smallest first."""
    set_up = func.make_interval(0, 0, 0, 0, 0, Room.setup_minutes)
    wanted = func.tstzrange(query.starts_at - set_up, query.ends_at + set_up)
    taken = exists().where(Booking.room_id == Room.id, Booking.status.in_(TAKEN), Booking.during.op("&&")(wanted))
    rooms = select(Room).where(Room.site_id == site_id, ~Room.retired, Room.capacity >= query.capacity, ~taken)
    if query.equipment:
        rooms = rooms.where(Room.equipment.contains([query.equipment]))
    return session.scalars(rooms.order_by(Room.capacity, Room.position)).all()


def taken_during(session: Session, room_id: UUID, begins: datetime, ends: datetime) -> Sequence[Booking]:
    """The bookings, with their set-up, that hold any of that time in the room, the earliest first."""
    query = select(Booking).where(
        Booking.room_id == room_id,
        Booking.status.in_(TAKEN),
        Booking.during.op("&&")(func.tstzrange(begins, ends)),
    )
    return session.scalars(query.order_by(Booking.starts_at)).all()


def with_set_up(starts_at: datetime, ends_at: datetime, minutes: int) -> tuple[datetime, datetime]:
    """The time that a booking keeps from all others."""
    return starts_at - timedelta(minutes=minutes), ends_at + timedelta(minutes=minutes)


def _saved(room: Room) -> RoomSaved:
    return RoomSaved(
        room_id=room.id, site_id=room.site_id, name_zh=room.name_zh, name_en=room.name_en, capacity=room.capacity
    )
