"""Erasure, retention, and a person's own data."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from services.common.schemas import Answer, Body


class Fate(Answer):
    """What becomes of one kind of data."""

    table: str
    title_zh: str
    title_en: str
    rows: int
    erased: bool = Field(description="deleted; else kept without anything that says whose it is")
    why_zh: str = Field(description="why it is kept")
    why_en: str


class ErasurePlan(Answer):
    """What erasing would do. Who is known to another site stays so, and is the same person when they return."""

    fates: list[Fate]
    cancels: int = Field(description="registrations ahead that would be cancelled")
    refused_zh: str = Field(description="why it cannot be done now; empty when it can")
    refused_en: str


class EraseBody(Body):
    """Why somebody is erased on their behalf."""

    reason: Literal["person_asked", "guardian_asked", "site_asked"]


class ErasureAnswer(Answer):
    """What was done."""

    everywhere: bool = Field(description="nobody knows the person any more; false where other sites still do")
    cancelled: list[UUID]


Outcome = Literal["erased", "known", "unknown", "waiting", "failed"]


class PastErasure(Body):
    """An erasure, as notifications lists it: the event that told of it, whom, at which site; null for everywhere."""

    event_id: UUID
    person_id: UUID
    site_id: UUID | None
    erased_at: datetime


class PastErasures(Body):
    """Erasures to be made again, after a restore."""

    items: list[PastErasure] = Field(max_length=200)


class RepeatedAnswer(Answer):
    """What became of each: `known`, it was done, or what is there was told since; `unknown`, a person from after the
    backup; `waiting`, somebody who is checked in: ask again when their shift is over; `failed`, see the log."""

    outcomes: list[Outcome]


class RetentionBody(Body):
    """For how many months a site keeps the details of residents whom it has not seen. Volunteers are kept."""

    months: int = Field(ge=1, le=120)
    minors_months: int = Field(ge=1, le=120)


class RetentionAnswer(RetentionBody):
    """What holds at the site."""


class SiteData(Answer):
    """What one site knows: rows by kind, each a plain object with readable names."""

    site_id: UUID
    name_zh: str
    name_en: str
    data: dict[str, list[dict[str, Any]]]


class OwnData(Answer):
    """Everything known about a person, by site. Names of kinds are in `titles`."""

    format: Literal["hesheng-own-data-1"] = "hesheng-own-data-1"
    made_at: datetime
    person_id: UUID
    person_number: int
    everywhere: dict[str, list[dict[str, Any]]] = Field(description="what holds for every site")
    sites: list[SiteData]
    read_by: list[dict[str, Any]] = Field(
        description="when somebody else read a minor's data or a whole ID number, or fetched this file: what kind of"
        " caller, at which site, and why; other readings are not on record"
    )
    titles: dict[str, dict[str, str]]
