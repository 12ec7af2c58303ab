"""Activities and their shifts."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Date, FetchedValue, ForeignKey, Integer
from sqlalchemy.dialects.postgresql import JSONB
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
    responsible: Mapped[str] = mapped_column(default="")
    service_category: Mapped[str | None]
    reminder_minutes: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    reminder_rules: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    registration_opens_at: Mapped[datetime | None]
    registration_closes_at: Mapped[datetime | None]
    risks_zh: Mapped[str] = mapped_column(default="")
    risks_en: Mapped[str] = mapped_column(default="")
    public: Mapped[bool] = mapped_column(default=True)
    per_person_limit: Mapped[int | None]
    party_limit: Mapped[int] = mapped_column(default=1)
    waitlist_order: Mapped[str] = mapped_column(default="order")
    promotion: Mapped[str] = mapped_column(default="direct")
    offer_minutes: Mapped[int] = mapped_column(default=1440)
    venue_id: Mapped[UUID | None]
    programme_id: Mapped[UUID | None]
    programme_key: Mapped[str | None]
    status: Mapped[str] = mapped_column(default="draft")
    version: Mapped[int] = mapped_column(default=1)


class Shift(Table):
    """A time slot and role within an activity. Its counters count places, and are only changed under its lock."""

    __tablename__ = "shifts"
    id: Mapped[UUID] = made_by_database(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    activity_id: Mapped[UUID] = mapped_column(ForeignKey("activities.id"))
    site_id: Mapped[UUID]
    venue_id: Mapped[UUID | None]
    role_zh: Mapped[str]
    role_en: Mapped[str]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    local_day: Mapped[date]
    capacity: Mapped[int]
    confirmed: Mapped[int] = mapped_column(default=0)
    waitlisted: Mapped[int] = mapped_column(default=0)
    offered: Mapped[int] = mapped_column(default=0)
    held: Mapped[int] = mapped_column(default=0)
    requirements: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    last_queue_number: Mapped[int] = mapped_column(BigInteger, default=0)
    status: Mapped[str] = mapped_column(default="open")
    version: Mapped[int] = mapped_column(default=1)
    series_id: Mapped[UUID | None] = mapped_column(ForeignKey("shift_series.id"))
    occurs_at: Mapped[datetime | None]
    detached: Mapped[bool] = mapped_column(default=False)
    programme_key: Mapped[str | None]


class ShiftNote(Table):
    """Whom a shift serves, and where: ciphertext, for its confirmed volunteers and staff (`private_notes.py`)."""

    __tablename__ = "shift_notes"
    shift_id: Mapped[UUID] = mapped_column(ForeignKey("shifts.id"), primary_key=True)
    site_id: Mapped[UUID]
    note: Mapped[bytes]
    encrypted_with: Mapped[str]
    version: Mapped[int] = mapped_column(default=1)


class ShiftSeries(Table):
    """The rule by which shifts were made."""

    __tablename__ = "shift_series"
    id: Mapped[UUID] = made_by_database(primary_key=True)
    activity_id: Mapped[UUID] = mapped_column(ForeignKey("activities.id"))
    site_id: Mapped[UUID]
    rrule: Mapped[str]
    first_starts_at: Mapped[datetime]
    minutes: Mapped[int]
    exceptions: Mapped[list[date]] = mapped_column(ARRAY(Date))
