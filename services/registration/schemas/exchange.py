"""Imports and exports."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from services.common.schemas import Answer, Body
from services.registration.spreadsheets.kinds import Kind


class ImportBody(Body):
    """What is to be imported."""

    kind: Kind = Field(
        description="people, volunteers, members of teams that there are (`roster`) or that the file brings (`teams`),"
        " or service of past years"
    )
    site_id: UUID | None = Field(default=None, description="for operators: whose people they are")


class ApplyBody(Body):
    """How what was checked is to be brought in."""

    agreed: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)] = Field(
        description="how the people agreed that their details are kept here, e.g. 报名表 (paper form); of past service,"
        " what its hours rest on, e.g. 签到册 (attendance book). It is kept"
    )
    skip_faulty: bool = Field(default=False, description="leave out rows with faults, instead of refusing the file")
    overwrite: bool = Field(default=False, description="replace details that the site was told before")


class ImportAnswer(Answer):
    """An import and how far it is."""

    id: UUID
    site_id: UUID
    kind: str
    state: str = Field(description="uploading, checking, checked, applying, done, cancelled, failed")
    parts: int
    missing_parts: list[int] = Field(description="parts to send before the check; more may follow the last one")
    columns: dict[str, str] = Field(description="which column of the file was read as what")
    ignored_columns: list[str] = Field(description="columns whose heading means nothing here")
    rows: int
    good_rows: int
    faulty_rows: int
    faults: int
    known_people: int = Field(description="good rows whose person is known already, here or at another site")
    applied: int
    skipped: int
    new_people: int
    known_records: int = Field(
        description="good rows of past service that are on record already, or of volunteers who are; they are left out"
    )
    minutes: int = Field(description="of all good rows of past service")
    first_day: date | None
    last_day: date | None
    approved_by: str | None = Field(description="the second person, who let past service in")
    overwrite: bool
    progress: float = Field(description="share of the present phase, 0 to 1")
    rows_per_second: int
    error: str | None
    version: int
    created_at: datetime
    checked_at: datetime | None
    ended_at: datetime | None


class FaultAnswer(Answer):
    """One thing wrong with the file: where, what, and what to do. Row 0 is the whole file."""

    row: int
    column: str
    code: str
    zh: str
    en: str


class ExportBody(Body):
    """Which form everything is to have."""

    format: Literal["csv", "xlsx"] = "csv"
    site_id: UUID | None = Field(default=None, description="for operators: of which site")


class ExportAnswer(Answer):
    """An export and how far it is; the file can be fetched for seven days by who asked for it."""

    id: UUID
    site_id: UUID
    format: str
    state: str = Field(description="waiting, running, done, failed, deleted")
    rows: int
    tables_done: int
    tables: int
    bytes: int
    error: str | None
    version: int
    created_at: datetime
    ended_at: datetime | None
