"""Erasures, as HTTP asks for them and answers."""

from datetime import datetime
from uuid import UUID

from pydantic import AwareDatetime, Field

from services.common.schemas import Answer, ListQuery


class ErasuresQuery(ListQuery):
    """Which erasures."""

    since: AwareDatetime | None = Field(default=None, description="those from then on; all when left out")


class ErasureAnswer(Answer):
    """That somebody was erased; ids alone."""

    event_id: UUID
    person_id: UUID
    site_id: UUID | None = Field(description="null where they were erased everywhere")
    erased_at: datetime


class ErasureList(Answer):
    """A page of erasures, oldest first; the next one is in the `Link` header."""

    items: list[ErasureAnswer]
