"""Registrations and their attendance."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, FetchedValue, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from services.registration.models.base import Table, made_by_database


class Registration(Table):
    """A person's place on a shift. `sign_up` in the database makes them; nothing else does."""

    __tablename__ = "registrations"
    id: Mapped[UUID] = made_by_database(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    shift_id: Mapped[UUID] = mapped_column(ForeignKey("shifts.id"))
    activity_id: Mapped[UUID]
    site_id: Mapped[UUID]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    age_band: Mapped[str]
    status: Mapped[str]
    queue_number: Mapped[int | None] = mapped_column(BigInteger)
    party_size: Mapped[int] = mapped_column(default=1)
    priority: Mapped[int] = mapped_column(default=0)
    offer_expires_at: Mapped[datetime | None]
    coming_at: Mapped[datetime | None]
    team_id: Mapped[UUID | None]
    group_id: Mapped[UUID | None]
    channel: Mapped[str] = mapped_column(default="site")
    made_by: Mapped[str] = mapped_column(default="")
    came_from: Mapped[str | None]
    cancel_reason: Mapped[str | None]
    version: Mapped[int]
    outcome: Mapped[str | None]
    checked_in_at: Mapped[datetime | None]
    checked_out_at: Mapped[datetime | None]
    service_minutes: Mapped[int]
    created_at: Mapped[datetime] = made_by_database()
