"""How far a resident's session reaches, as the other services ask for it."""

from uuid import UUID

from pydantic import AwareDatetime, Field

from services.common.schemas import Answer, Body


class ReachBody(Body):
    """A resident's session, as `/internal/sessions` told of it."""

    person_id: UUID
    address: str = Field(pattern="^([0-9a-f]{2})*$", max_length=128)
    mailed_by: UUID | None = None
    since: AwareDatetime | None = Field(
        default=None,
        description="when the session began of which something is to outlive it: logging out everywhere ends it",
    )


class ReachAnswer(Answer):
    """The sites that it opens, and everybody whom the person is: their own id, and those merged into it."""

    person_id: UUID
    sites: list[UUID]
    persons: list[UUID]
