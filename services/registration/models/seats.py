"""Venues, holds and transfers: what keeps, limits and passes on places."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, FetchedValue, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from services.registration.models.base import Table, made_by_database


class Venue(Table):
    """Where several activities may be at one time, and how many people all of them together."""

    __tablename__ = "venues"
    id: Mapped[UUID] = made_by_database(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    site_id: Mapped[UUID]
    name_zh: Mapped[str]
    name_en: Mapped[str]
    capacity: Mapped[int]
    percent: Mapped[int] = mapped_column(default=100)
    version: Mapped[int] = mapped_column(default=1)


class Hold(Table):
    """Places kept while a form is filled in."""

    __tablename__ = "holds"
    id: Mapped[UUID] = made_by_database(primary_key=True)
    shift_id: Mapped[UUID] = mapped_column(ForeignKey("shifts.id"))
    site_id: Mapped[UUID]
    places: Mapped[int]
    made_by: Mapped[str]
    expires_at: Mapped[datetime]


class Call(Table):
    """Somebody to be told by phone what became of their registration. The database makes them."""

    __tablename__ = "calls"
    id: Mapped[UUID] = made_by_database(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    site_id: Mapped[UUID]
    registration_id: Mapped[UUID] = mapped_column(ForeignKey("registrations.id"))
    news: Mapped[str]
    made_at: Mapped[datetime] = made_by_database()
    done_at: Mapped[datetime | None]
    done_by: Mapped[str | None]


class Transfer(Table):
    """A place that one person would give to another, or two that two people would exchange."""

    __tablename__ = "transfers"
    id: Mapped[UUID] = made_by_database(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    site_id: Mapped[UUID]
    kind: Mapped[str]
    registration_id: Mapped[UUID] = mapped_column(ForeignKey("registrations.id"))
    to_person_id: Mapped[UUID | None]
    other_registration_id: Mapped[UUID | None]
    status: Mapped[str] = mapped_column(default="asked")
    asked_by: Mapped[str]
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = made_by_database()
