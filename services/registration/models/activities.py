"""Activities and their shifts."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, FetchedValue, ForeignKey, Integer
from sqlalchemy.orm import Mapped, mapped_column

from services.registration.models.base import Table, made_by_database


class Activity(Table):
    """Something that happens."""

    __tablename__ = "activities"
    id: Mapped[UUID] = made_by_database(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    site_id: Mapped[UUID]
    room_id: Mapped[UUID | None]
    team_id: Mapped[UUID | None]
    kind: Mapped[str]
    title_zh: Mapped[str]
    title_en: Mapped[str]
    place: Mapped[str]
    description_zh: Mapped[str]
    description_en: Mapped[str]
    volunteering: Mapped[bool]
    reminder_minutes: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    status: Mapped[str] = mapped_column(default="draft")
    version: Mapped[int] = mapped_column(default=1)


class Shift(Table):
    """A time slot and role within an activity. Its counters are only changed under its lock."""

    __tablename__ = "shifts"
    id: Mapped[UUID] = made_by_database(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    activity_id: Mapped[UUID] = mapped_column(ForeignKey("activities.id"))
    site_id: Mapped[UUID]
    role_zh: Mapped[str]
    role_en: Mapped[str]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    local_day: Mapped[date]
    capacity: Mapped[int]
    confirmed: Mapped[int] = mapped_column(default=0)
    waitlisted: Mapped[int] = mapped_column(default=0)
    last_queue_number: Mapped[int] = mapped_column(BigInteger, default=0)
    status: Mapped[str] = mapped_column(default="open")
    version: Mapped[int] = mapped_column(default=1)
