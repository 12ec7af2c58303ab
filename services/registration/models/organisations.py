"""Organisations, their parts in activities, and the plaques that they grant."""

from datetime import date
from uuid import UUID

from sqlalchemy import BigInteger, FetchedValue
from sqlalchemy.orm import Mapped, mapped_column

from services.registration.models.base import Table, made_by_database


class Organisation(Table):
    """A body that takes part in activities; one without a site is known to the whole installation."""

    __tablename__ = "organisations"
    id: Mapped[UUID] = made_by_database(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    site_id: Mapped[UUID | None]
    name_zh: Mapped[str]
    name_en: Mapped[str]
    kind: Mapped[str]
    credit_code: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)


class ActivityOrganisation(Table):
    """An organisation's role in an activity; `place` is the order in which they are named."""

    __tablename__ = "activity_organisations"
    id: Mapped[UUID] = made_by_database(primary_key=True)
    activity_id: Mapped[UUID]
    organisation_id: Mapped[UUID]
    site_id: Mapped[UUID]
    role: Mapped[str]
    place: Mapped[int]


class Designation(Table):
    """A plaque of a site or a team: who granted it, from when until when, and whether it was taken away."""

    __tablename__ = "designations"
    id: Mapped[UUID] = made_by_database(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    site_id: Mapped[UUID]
    team_id: Mapped[UUID | None]
    name_zh: Mapped[str]
    name_en: Mapped[str]
    organisation_id: Mapped[UUID | None]
    granted_by: Mapped[str]
    valid_from: Mapped[date]
    valid_until: Mapped[date | None]
    revoked_on: Mapped[date | None]
    revoke_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
