"""Doubles and their merging."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from services.common.schemas import Answer, Body, Query


class MergeBody(Body):
    """Who is one person. The reason is chosen, because what is typed freely may hold personal data."""

    survivor: UUID = Field(description="who stays")
    merged: UUID = Field(description="who becomes the survivor")
    reason: Literal["entered_twice", "person_confirmed", "documents_seen"]


class MergeAnswer(Answer):
    """A merge."""

    id: UUID
    survivor: UUID
    merged: UUID
    reason: str
    made_at: datetime
    undone_at: datetime | None
    cancelled: list[UUID] = Field(
        default=[], description="registrations that one person cannot have twice, and that were cancelled for it"
    )


class DoublesQuery(Query):
    """From where on to list: `next` of the answer before."""

    after: Annotated[str, Field(pattern=r"^([0-9a-f-]{36}\.[0-9a-f-]{36})?$")] = ""


class Side(Answer):
    """One of two, as a site was told."""

    person_id: UUID
    site_id: UUID
    name: str
    birth_date: date | None


class Double(Answer):
    """Two who may be one person, and what of them agrees."""

    one: Side
    two: Side
    agrees: list[Literal["phone", "email", "name", "birth_date"]]


class DoublesAnswer(Answer):
    """Pairs to look at."""

    items: list[Double]
    next: str | None


class TwoPeopleBody(Body):
    """Who look like doubles and are two people."""

    one: UUID
    two: UUID


class TwoPeopleAnswer(Answer):
    """Such a decision: the pair is listed no more, and cannot be merged until it is taken back."""

    id: UUID
    one: UUID
    two: UUID
    made_at: datetime
