"""Attendance entries, service records, and who decided on hours."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, FetchedValue, ForeignKey, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.registration.models.base import Table, made_by_database


class AttendanceEntry(Table):
    """A tap, as it was said to us; only ever added."""

    __tablename__ = "attendance_entries"
    id: Mapped[UUID] = made_by_database(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    site_id: Mapped[UUID]
    shift_id: Mapped[UUID] = mapped_column(ForeignKey("shifts.id"))
    registration_id: Mapped[UUID] = mapped_column(ForeignKey("registrations.id"))
    what: Mapped[str]
    at: Mapped[datetime]
    how: Mapped[str]
    corrects: Mapped[bool] = mapped_column(default=False)
    client_id: Mapped[str | None]
    voids: Mapped[str | None]
    made_by: Mapped[str]
    received_at: Mapped[datetime] = made_by_database()


class ServiceRecord(Table):
    """Service by Order 67, chained to the one before. The database fills number, previous, hash and recorded_at."""

    __tablename__ = "service_records"
    id: Mapped[UUID] = made_by_database(primary_key=True)
    site_id: Mapped[UUID]
    number: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    registration_id: Mapped[UUID | None] = mapped_column(ForeignKey("registrations.id"))
    activity_id: Mapped[UUID | None]
    shift_id: Mapped[UUID | None]
    activity: Mapped[str]
    day: Mapped[date]
    place: Mapped[str]
    content: Mapped[str]
    minutes: Mapped[int]
    how: Mapped[str]
    unit: Mapped[str]
    responsible: Mapped[str] = mapped_column(default="")
    in_charge: Mapped[str]
    recorded_by: Mapped[str]
    state: Mapped[str] = mapped_column(default="valid")
    corrects: Mapped[UUID | None] = mapped_column(ForeignKey("service_records.id"))
    reason: Mapped[str] = mapped_column(default="")
    late: Mapped[bool] = mapped_column(default=False)
    recorded_at: Mapped[datetime] = made_by_database()
    previous: Mapped[bytes] = mapped_column(server_default=FetchedValue())
    hash: Mapped[bytes] = mapped_column(server_default=FetchedValue())


class LaterEntry(Table):
    """Hours said after the fact, waiting for a second person or decided by one."""

    __tablename__ = "later_entries"
    id: Mapped[UUID] = made_by_database(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    site_id: Mapped[UUID]
    registration_id: Mapped[UUID] = mapped_column(ForeignKey("registrations.id"))
    shift_id: Mapped[UUID]
    checked_in_at: Mapped[datetime | None]
    checked_out_at: Mapped[datetime | None]
    reason: Mapped[str]
    entered_by: Mapped[str] = made_by_database()
    entered_at: Mapped[datetime] = made_by_database()
    state: Mapped[str] = mapped_column(default="pending")
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    decision: Mapped[str] = mapped_column(default="")
    version: Mapped[int] = mapped_column(default=1)


class Objection(Table):
    """What a volunteer says against a record, or of hours without one; their words are ciphertext."""

    __tablename__ = "objections"
    id: Mapped[UUID] = made_by_database(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    site_id: Mapped[UUID]
    record_id: Mapped[UUID | None] = mapped_column(ForeignKey("service_records.id"))
    registration_id: Mapped[UUID | None] = mapped_column(ForeignKey("registrations.id"))
    person_id: Mapped[UUID]
    in_charge: Mapped[str]
    words: Mapped[bytes]
    encrypted_with: Mapped[str]
    made_at: Mapped[datetime] = made_by_database()
    due_on: Mapped[date]
    state: Mapped[str] = mapped_column(default="open")
    decision: Mapped[str] = mapped_column(default="")
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    proposed_minutes: Mapped[int | None]
    proposed_by: Mapped[str | None]
    correction_id: Mapped[UUID | None]
    later_entry_id: Mapped[UUID | None]
    version: Mapped[int] = mapped_column(default=1)


class ClearedFlag(Table):
    """A flag that somebody looked into."""

    __tablename__ = "cleared_flags"
    id: Mapped[UUID] = made_by_database(primary_key=True)
    site_id: Mapped[UUID]
    kind: Mapped[str]
    subject: Mapped[str]
    reason: Mapped[str]
    concerned: Mapped[list[str]] = mapped_column(ARRAY(Text))
    cleared_by: Mapped[str] = made_by_database()
    cleared_at: Mapped[datetime] = made_by_database()


class Certificate(Table):
    """A proof of service. `content` is the ciphertext of all that it says."""

    __tablename__ = "certificates"
    id: Mapped[UUID] = made_by_database(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    number: Mapped[str]
    site_id: Mapped[UUID]
    person_id: Mapped[UUID]
    batch_id: Mapped[UUID | None]
    period_from: Mapped[date]
    period_to: Mapped[date]
    minutes: Mapped[int]
    records: Mapped[int]
    content: Mapped[bytes]
    encrypted_with: Mapped[str]
    content_hash: Mapped[str]
    template: Mapped[int]
    issued_by: Mapped[str]
    issued_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[str | None]
    revoke_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)


class CertificateRecord(Table):
    """A record that a certificate rests on."""

    __tablename__ = "certificate_records"
    certificate_id: Mapped[UUID] = mapped_column(ForeignKey("certificates.id"), primary_key=True)
    record_id: Mapped[UUID] = mapped_column(ForeignKey("service_records.id"), primary_key=True)
    site_id: Mapped[UUID]


class CertificateBatch(Table):
    """Certificates for several people, made one after the other."""

    __tablename__ = "certificate_batches"
    id: Mapped[UUID] = made_by_database(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    site_id: Mapped[UUID]
    period_from: Mapped[date]
    period_to: Mapped[date]
    team_id: Mapped[UUID | None]
    people: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    done: Mapped[int] = mapped_column(default=0)
    skipped: Mapped[list[Any]] = mapped_column(JSONB, default=list)
    state: Mapped[str] = mapped_column(default="waiting")
    asked_by: Mapped[str]
    asked_at: Mapped[datetime] = made_by_database()
