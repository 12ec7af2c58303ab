"""Imports and exports."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, FetchedValue, Text
from sqlalchemy.orm import Mapped, mapped_column

from services.registration.models.base import Table, made_by_database


class Import(Table):
    """A file on its way in. `rest` is ciphertext."""

    __tablename__ = "imports"
    id: Mapped[UUID] = made_by_database(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    site_id: Mapped[UUID]
    kind: Mapped[str]
    state: Mapped[str] = mapped_column(default="uploading")
    made_by: Mapped[str]
    agreed: Mapped[str] = mapped_column(default="")
    overwrite: Mapped[bool] = mapped_column(default=False)
    parts: Mapped[int] = mapped_column(default=0)
    workbook: Mapped[bool] = mapped_column(default=False)
    encoding: Mapped[str | None]
    delimiter: Mapped[str | None]
    fields: Mapped[list[str | None] | None] = mapped_column(ARRAY(Text))
    heading_row: Mapped[int | None]
    next_part: Mapped[int] = mapped_column(default=1)
    done_in_part: Mapped[int] = mapped_column(default=0)
    records: Mapped[int] = mapped_column(default=0)
    rest: Mapped[bytes | None]
    rows: Mapped[int] = mapped_column(default=0)
    faulty_rows: Mapped[int] = mapped_column(default=0)
    faults: Mapped[int] = mapped_column(default=0)
    known_people: Mapped[int] = mapped_column(default=0)
    applied: Mapped[int] = mapped_column(default=0)
    skipped: Mapped[int] = mapped_column(default=0)
    new_people: Mapped[int] = mapped_column(default=0)
    known_records: Mapped[int] = mapped_column(default=0)
    minutes: Mapped[int] = mapped_column(BigInteger, default=0)
    first_day: Mapped[date | None]
    last_day: Mapped[date | None]
    approved_by: Mapped[str | None]
    claim: Mapped[UUID | None]
    claimed_until: Mapped[datetime] = made_by_database()
    attempts: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = made_by_database()
    touched_at: Mapped[datetime] = made_by_database()
    phase_began_at: Mapped[datetime] = made_by_database()
    checked_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class ImportFault(Table):
    """Something wrong with a file, by row and column."""

    __tablename__ = "import_faults"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, server_default=FetchedValue())
    import_id: Mapped[UUID]
    site_id: Mapped[UUID]
    row: Mapped[int]
    column: Mapped[str]
    code: Mapped[str]
    title: Mapped[str] = mapped_column(default="")
    other: Mapped[int] = mapped_column(default=0)


class Export(Table):
    """Everything a site owns, on its way out."""

    __tablename__ = "exports"
    id: Mapped[UUID] = made_by_database(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    site_id: Mapped[UUID]
    format: Mapped[str]
    state: Mapped[str] = mapped_column(default="waiting")
    made_by: Mapped[str]
    rows: Mapped[int] = mapped_column(default=0)
    tables_done: Mapped[int] = mapped_column(default=0)
    tables: Mapped[int] = mapped_column(default=0)
    parts: Mapped[int] = mapped_column(default=0)
    bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    claim: Mapped[UUID | None]
    claimed_until: Mapped[datetime] = made_by_database()
    attempts: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = made_by_database()
    ended_at: Mapped[datetime | None]
