"""Areas, sites and their keys, teams, rooms."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, FetchedValue, Text
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
    embed_origins: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    version: Mapped[int] = mapped_column(default=1)


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
    revoked_at: Mapped[datetime | None]


class Team(Table):
    """A choir or a group of volunteers."""

    __tablename__ = "teams"
    id: Mapped[UUID] = made_by_database(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    site_id: Mapped[UUID]
    name_zh: Mapped[str]
    name_en: Mapped[str]
    kind: Mapped[str]
    version: Mapped[int] = mapped_column(default=1)


class Room(Table):
    """A room of a site."""

    __tablename__ = "rooms"
    id: Mapped[UUID] = made_by_database(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    site_id: Mapped[UUID]
    name_zh: Mapped[str]
    name_en: Mapped[str]
    capacity: Mapped[int]
    version: Mapped[int] = mapped_column(default=1)
