"""Areas, sites and their settings and keys."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, FetchedValue, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.registration.models.base import Table, made_by_database


class Area(Table):
    """A node of the administrative tree."""

    __tablename__ = "areas"
    code: Mapped[str] = mapped_column(primary_key=True)
    parent: Mapped[str | None]
    level: Mapped[str]
    name_zh: Mapped[str]
    name_en: Mapped[str]
    valid_from: Mapped[date | None]
    valid_until: Mapped[date | None]
    successor: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)


class Site(Table):
    """A community centre."""

    __tablename__ = "sites"
    id: Mapped[UUID] = made_by_database(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    area: Mapped[str]
    name_zh: Mapped[str]
    name_en: Mapped[str]
    time_zone: Mapped[str]
    address: Mapped[str]
    language: Mapped[str] = mapped_column(default="zh-CN")
    opening_hours: Mapped[dict[str, list[list[str]]]] = mapped_column(JSONB, default=dict)
    exceptions: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    short_name_zh: Mapped[str] = mapped_column(default="")
    short_name_en: Mapped[str] = mapped_column(default="")
    colour: Mapped[str] = mapped_column(default="")
    public_phone: Mapped[str] = mapped_column(default="")
    public_email: Mapped[str] = mapped_column(default="")
    quiet_from: Mapped[str] = mapped_column(default="21:00")
    quiet_until: Mapped[str] = mapped_column(default="08:00")
    minimum_age: Mapped[int] = mapped_column(default=0)
    guardian_below: Mapped[int] = mapped_column(default=14)
    team_minutes_per_week: Mapped[int | None]
    booking_horizon_days: Mapped[int | None]
    embed_origins: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    status: Mapped[str] = mapped_column(default="open")
    version: Mapped[int] = mapped_column(default=1)


class SiteArea(Table):
    """Where a site lies in the tree, from a day on."""

    __tablename__ = "site_areas"
    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    valid_from: Mapped[date] = mapped_column(primary_key=True)
    area: Mapped[str]


class SiteLogo(Table):
    """A site's logo, a small PNG."""

    __tablename__ = "site_logos"
    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    png: Mapped[bytes]
    sha256: Mapped[str]


class SiteKey(Table):
    """What a site shows to act; only its hash is kept."""

    __tablename__ = "site_keys"
    key_id: Mapped[UUID] = made_by_database(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    site_id: Mapped[UUID]
    label: Mapped[str]
    prefix: Mapped[str]
    sha256: Mapped[str]
    created_at: Mapped[datetime] = made_by_database()
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
