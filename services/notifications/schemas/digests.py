"""Digests, as HTTP asks for them and answers."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from services.common.schemas import Answer, Body, ListQuery

UNSET: Any = None
TimeOfDay = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class DigestQuery(ListQuery):
    """Which digests; the earliest first."""


class DigestAnswer(Answer):
    """What the staff of a site are told of a day before it comes, and what became of that."""

    id: int
    site_id: UUID
    day: date = Field(description="that it tells of")
    due_at: datetime
    expires_at: datetime = Field(description="when the day begins at the site")
    state: Literal["pending", "fired", "withdrawn", "missed"]
    reason: str | None = Field(description="why it did not become messages")


class DigestList(Answer):
    """A page of digests; the next one is in the `Link` header."""

    items: list[DigestAnswer]


class DigestSettingsBody(Body):
    """What shall change."""

    at: TimeOfDay = Field(default=UNSET, description="on the evening before, by the site's clocks: 18:00")
    wanted: bool = Field(default=UNSET, description="whether the member of staff who asks gets it")


class DigestSettingsAnswer(Answer):
    """When the site's digests come, and whether whoever asks gets them."""

    at: str
    wanted: bool | None = Field(description="null for a key, which stands for nobody")
