"""What people want to be told, as HTTP takes and answers it."""

import re
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from services.common.schemas import Answer, Body
from services.notifications.operations.refusable import ORDERED, REFUSABLE

Clock = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]

REFUSALS = tuple(f"{kind}.{channel}" for kind in REFUSABLE for channel in ("mail", "sms"))
Refusal = Annotated[str, StringConstraints(pattern=f"^({'|'.join(map(re.escape, REFUSALS))})$")]
Ordered = Annotated[str, StringConstraints(pattern=f"^({'|'.join(ORDERED)})$")]


class PreferencesBody(Body):
    """All that a person told a site of this. Whatever is left out is as usual: nothing refused, mail first, no quiet
    hours of their own."""

    refused: list[Refusal] = Field(default_factory=list, max_length=len(REFUSALS), description="kind and channel")
    sms_first: list[Ordered] = Field(
        default_factory=list, max_length=len(ORDERED), description="kinds that go by SMS before they go by mail"
    )
    quiet_from: Clock | None = Field(default=None, description="news wait from then on, by the site's clock")
    quiet_until: Clock | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.quiet_from is None) != (self.quiet_until is None):
            raise ValueError("quiet_from and quiet_until go together")
        return self


class PreferencesAnswer(Answer):
    """The same; version 0 is of who told nothing yet."""

    site_id: UUID
    version: int
    refused: list[str]
    sms_first: list[str]
    quiet_from: str | None
    quiet_until: str | None


class PreferencesList(Answer):
    """Of each site that the session reaches."""

    items: list[PreferencesAnswer]
