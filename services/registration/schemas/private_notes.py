"""The private note of a shift."""

from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from services.common.schemas import Answer, Body


class NoteBody(Body):
    """What only the confirmed volunteers of the shift, and staff, may read; empty to delete it."""

    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)] = ""


class NoteAnswer(Answer):
    """The note; its version is 0 where there is none."""

    shift_id: UUID
    note: str
    version: int = Field(ge=0)
