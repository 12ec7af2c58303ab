"""Consents and their texts."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from services.common.schemas import Answer, Body, ListQuery, Moment

ConsentKind = Literal[
    "terms", "sensitive_id_number", "health", "photo", "guardian_signup", "guardian_volunteering", "helper"
]
Wording = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]


class NewConsentText(Body):
    """A new version of a text. Consents given to earlier ones stay on record, and in force unless it asks again."""

    kind: ConsentKind
    zh: Wording
    en: Wording
    effective_from: Moment | None = Field(
        default=None, description="from when it counts, not before the version before it; now unless given"
    )
    again: bool = Field(
        default=False,
        description="what is agreed to has changed: from then on consents to earlier versions count no more",
    )


class ConsentTextAnswer(Answer):
    """A version of a text."""

    id: UUID
    kind: ConsentKind
    number: int
    zh: str
    en: str
    published_at: datetime
    effective_from: datetime
    again: bool


class ConsentTextsQuery(ListQuery):
    """Which texts."""

    kind: ConsentKind | None = None


class NewConsent(Body):
    """A consent that was given to the site: whose word it was, and how it came."""

    kind: ConsentKind
    text_id: UUID | None = Field(
        default=None, description="the version that was shown; the one that counts now unless given"
    )
    given_by: Literal["person", "guardian"] = "person"
    how: Literal["online", "desk", "phone", "paper", "site"] = "site"


class ConsentAnswer(Answer):
    """A consent on record."""

    id: UUID
    person_id: UUID
    kind: ConsentKind
    text_id: UUID
    text_number: int = Field(description="version of the text")
    text_zh: str
    text_en: str
    given_by: Literal["person", "guardian"]
    guardian: str | None = Field(
        description="the guardian's name as it was on file; none on older records, and after an erasure"
    )
    representative_id: UUID | None = Field(description="the entry that spoke for the minor then")
    guardian_is_current: bool | None = Field(description="whether that guardian is the one on file now")
    how: Literal["online", "link", "desk", "phone", "paper", "site", "sign_up"]
    registration_id: UUID | None = Field(description="the one sign-up that it was said with (how: sign_up), and covers")
    made_by: str = Field(description="who put it on record: staff:…, site:…, person:…, link:… or web")
    given_at: datetime
    withdrawn_at: datetime | None
    withdrawn_by: str | None = Field(description="like `made_by`")
    state: Literal["in_force", "agree_again", "replaced", "withdrawn"] = Field(
        description="agree_again: the text has changed, and this counts no more; replaced: they did agree again"
    )


class Withdrawn(Answer):
    """What withdrawing a consent led to."""

    consent: ConsentAnswer
    cancelled: list[UUID] = Field(description="registrations that were cancelled")
    deleted: list[Literal["id_number", "helper"]]


class OwnConsents(Answer):
    """A resident's own consents, those in force before those withdrawn."""

    items: list[ConsentAnswer]
