"""Doubles that were made one person, and what that moved."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, FetchedValue
from sqlalchemy.orm import Mapped, mapped_column

from services.registration.models.base import Table, made_by_database


class Merge(Table):
    """`merged` became `survivor`, until it is undone."""

    __tablename__ = "merges"
    id: Mapped[UUID] = made_by_database(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    merged: Mapped[UUID]
    survivor: Mapped[UUID]
    site_id: Mapped[UUID | None]
    reason: Mapped[str]
    made_by: Mapped[str]
    made_at: Mapped[datetime] = made_by_database()
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[str | None]


class TwoPeople(Table):
    """Two who look like doubles, and were decided to be two people. `one` is the smaller id."""

    __tablename__ = "two_people"
    id: Mapped[UUID] = made_by_database(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    one: Mapped[UUID]
    two: Mapped[UUID]
    site_id: Mapped[UUID | None]
    made_by: Mapped[str]
    made_at: Mapped[datetime] = made_by_database()
