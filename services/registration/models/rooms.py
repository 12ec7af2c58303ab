"""Rooms and their bookings."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, FetchedValue, Text
from sqlalchemy.dialects.postgresql import ARRAY, TSTZRANGE, Range
from sqlalchemy.orm import Mapped, mapped_column

from services.registration.models.base import Table, made_by_database


class Room(Table):
    """A room of a site. Its set-up time lies before and after every booking."""

    __tablename__ = "rooms"
    id: Mapped[UUID] = made_by_database(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    site_id: Mapped[UUID]
    name_zh: Mapped[str]
    name_en: Mapped[str]
    capacity: Mapped[int]
    equipment: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    setup_minutes: Mapped[int] = mapped_column(default=0)
    approval: Mapped[bool] = mapped_column(default=False)
    for_teams: Mapped[bool] = mapped_column(default=True)
    retired: Mapped[bool] = mapped_column(default=False)
    version: Mapped[int] = mapped_column(default=1)


class Booking(Table):
    """A room reserved for a time. `during` is the time with its set-up: what no other booking may touch."""

    __tablename__ = "bookings"
    id: Mapped[UUID] = made_by_database(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    site_id: Mapped[UUID]
    room_id: Mapped[UUID]
    purpose: Mapped[str]
    shift_id: Mapped[UUID | None]
    team_id: Mapped[UUID | None]
    series_id: Mapped[UUID | None]
    title: Mapped[str]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    local_day: Mapped[date]
    setup_minutes: Mapped[int] = mapped_column(default=0)
    during: Mapped[Range[datetime]] = mapped_column(TSTZRANGE, deferred=True)
    status: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = made_by_database()
