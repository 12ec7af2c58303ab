"""Events of rooms and their bookings."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import Field

from services.common.events.envelope import Event


class RoomSaved(Event):
    """A room was added or changed."""

    type = "hesheng.room.saved.v1"
    room_id: UUID
    site_id: UUID
    name_zh: str
    name_en: str
    capacity: int

    @property
    def aggregate(self) -> str:
        return str(self.site_id)


class VenueSaved(Event):
    """A venue was added or changed: how many it holds at one time is `capacity` times `percent` / 100, rounded down.
    Whoever loses a place to a lower cap follows with an event of their own."""

    type = "hesheng.venue.saved.v1"
    venue_id: UUID
    site_id: UUID
    version: int = Field(description="rises with every change of the venue")
    name_zh: str
    name_en: str
    capacity: int
    percent: int

    @property
    def aggregate(self) -> str:
        return str(self.venue_id)


class BookingPurpose(StrEnum):
    """What a room is reserved for; a block keeps it free (repairs, a holiday)."""

    SHIFT = "shift"
    TEAM = "team"
    OTHER = "other"
    BLOCK = "block"


class BookingEvent(Event):
    """A room's reservation as it now stands."""

    booking_id: UUID
    version: int = Field(description="rises with every change of the booking")
    room_id: UUID
    site_id: UUID
    purpose: BookingPurpose
    team_id: UUID | None
    shift_id: UUID | None
    starts_at: datetime
    ends_at: datetime = Field(description="without the set-up time before and after")
    local_day: str = Field(description="date of the start in the site's time zone, YYYY-MM-DD")

    @property
    def aggregate(self) -> str:
        return str(self.booking_id)


class BookingRequested(BookingEvent):
    """A room was asked for, and its time is held until the site decides."""

    type = "hesheng.booking.requested.v1"


class BookingConfirmed(BookingEvent):
    """A room is reserved."""

    type = "hesheng.booking.confirmed.v1"


class BookingMoved(BookingEvent):
    """A reservation moved to another time or room; requested or confirmed as it was. One that has to be granted anew
    is told as `hesheng.booking.requested.v1`."""

    type = "hesheng.booking.moved.v1"


class BookingDeclined(BookingEvent):
    """The site turned a request down; the time is free again."""

    type = "hesheng.booking.declined.v1"


class BookingCancelled(BookingEvent):
    """A reservation was given up; the time is free again."""

    type = "hesheng.booking.cancelled.v1"
