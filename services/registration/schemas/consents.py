"""Consents and their texts."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from services.common.schemas import Answer, Body, ListQuery

ConsentKind = Literal[
    "terms", "sensitive_id_number", "health", "photo", "guardian_signup", "guardian_volunteering", "helper"
]
Wording = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]


class NewConsentText(Body):
    """A new version of a text. Consents given to earlier ones stay what they are."""

    kind: ConsentKind
    zh: Wording
    en: Wording


class ConsentTextAnswer(Answer):
    """A version of a text."""

    id: UUID
    kind: ConsentKind
    number: int
    zh: str
    en: str
    published_at: datetime


class ConsentTextsQuery(ListQuery):
    """Which texts."""

    kind: ConsentKind | None = None


class NewConsent(Body):
    """A consent that was given to the site: whose word it was, and how it came."""

    kind: ConsentKind
    text_id: UUID | None = Field(default=None, description="the version that was shown; the newest unless given")
    given_by: Literal["person", "guardian"] = "person"
    how: Literal["online", "desk", "phone", "paper", "site"] = "site"


class ConsentAnswer(Answer):
    """A consent on record."""

    id: UUID
    person_id: UUID
    kind: ConsentKind
    text_id: UUID
    given_by: Literal["person", "guardian"]
    how: Literal["online", "link", "desk", "phone", "paper", "site", "sign_up"]
    given_at: datetime
    withdrawn_at: datetime | None


class Withdrawn(Answer):
    """What withdrawing a consent led to."""

    consent: ConsentAnswer
    cancelled: list[UUID] = Field(description="registrations that were cancelled")
    deleted: list[Literal["id_number", "helper"]]


class OwnConsents(Answer):
    """A resident's own consents, those in force before those withdrawn."""

    items: list[ConsentAnswer]
