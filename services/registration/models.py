"""The tables of registration, as SQLAlchemy sees them. The migrations are what makes them."""

from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, DateTime, FetchedValue, ForeignKey, Integer, LargeBinary
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Table(DeclarativeBase):
    """Base of all tables: text, UUIDs, and times that are always UTC."""

    type_annotation_map: ClassVar = {datetime: DateTime(timezone=True), bytes: LargeBinary}


def _made_by_database(primary_key: bool = False) -> Mapped:
    return mapped_column(server_default=FetchedValue(), primary_key=primary_key)


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
    id: Mapped[UUID] = _made_by_database(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    area: Mapped[str]
    name_zh: Mapped[str]
    name_en: Mapped[str]
    time_zone: Mapped[str]
    address: Mapped[str]
    version: Mapped[int] = mapped_column(default=1)


class SiteKey(Table):
    """What a site shows to act; only its hash is kept."""

    __tablename__ = "site_keys"
    key_id: Mapped[UUID] = _made_by_database(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    site_id: Mapped[UUID]
    label: Mapped[str]
    prefix: Mapped[str]
    sha256: Mapped[str]
    created_at: Mapped[datetime] = _made_by_database()
    revoked_at: Mapped[datetime | None]


class Team(Table):
    """A choir or a group of volunteers."""

    __tablename__ = "teams"
    id: Mapped[UUID] = _made_by_database(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    site_id: Mapped[UUID]
    name_zh: Mapped[str]
    name_en: Mapped[str]
    kind: Mapped[str]
    version: Mapped[int] = mapped_column(default=1)


class Room(Table):
    """A room of a site."""

    __tablename__ = "rooms"
    id: Mapped[UUID] = _made_by_database(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    site_id: Mapped[UUID]
    name_zh: Mapped[str]
    name_en: Mapped[str]
    capacity: Mapped[int]
    version: Mapped[int] = mapped_column(default=1)


class Person(Table):
    """Someone who signs up, counted once."""

    __tablename__ = "people"
    id: Mapped[UUID] = _made_by_database(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())


class PersonSite(Table):
    """What a person told a site. The bytes are ciphertext, but for the hashes by which they are found again."""

    __tablename__ = "person_sites"
    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[bytes]
    phone: Mapped[bytes | None]
    email: Mapped[bytes | None]
    birth_date: Mapped[bytes | None]
    encrypted_with: Mapped[str]
    language: Mapped[str]
    phone_hash: Mapped[bytes | None]
    email_hash: Mapped[bytes | None]
    version: Mapped[int] = mapped_column(default=1)


class Activity(Table):
    """Something that happens."""

    __tablename__ = "activities"
    id: Mapped[UUID] = _made_by_database(primary_key=True)
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
    id: Mapped[UUID] = _made_by_database(primary_key=True)
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


class Registration(Table):
    """A person's place on a shift. `sign_up` in the database makes them; nothing else does."""

    __tablename__ = "registrations"
    id: Mapped[UUID] = _made_by_database(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    shift_id: Mapped[UUID] = mapped_column(ForeignKey("shifts.id"))
    activity_id: Mapped[UUID]
    site_id: Mapped[UUID]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    age_band: Mapped[str]
    status: Mapped[str]
    queue_number: Mapped[int | None] = mapped_column(BigInteger)
    cancel_reason: Mapped[str | None]
    version: Mapped[int]
    outcome: Mapped[str | None]
    checked_in_at: Mapped[datetime | None]
    checked_out_at: Mapped[datetime | None]
    service_minutes: Mapped[int]
    created_at: Mapped[datetime] = _made_by_database()
