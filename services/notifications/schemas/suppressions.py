"""Addresses to which no mail goes any more, as HTTP asks for them and answers."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from services.common.schemas import Answer, Body, ListQuery
from services.notifications.models import Kind


class SuppressionQuery(ListQuery):
    """Which of them; newest first."""

    lifted: bool = Field(default=False, description="those that were lifted, for 180 days, instead of those that hold")


class SuppressionAnswer(Answer):
    """An address to which no mail goes any more. Which one it is nobody can tell from it: a keyed hash is kept."""

    id: int
    reason: Literal["bounce", "complaint"] = Field(
        description="bounce: there is no such mailbox, nothing goes there; complaint: reported as spam, nothing that"
        " may be refused goes there"
    )
    said: str = Field(description="what the server said, without the address")
    since: datetime
    until: datetime | None = Field(description="when it is tried again; null: not before it is lifted")
    message_id: UUID | None = Field(description="the message that showed it, or one that was held back")
    message_kind: Kind | None
    lifted_at: datetime | None
    lifted_why: str | None


class SuppressionList(Answer):
    """A page of them; the next one is in the `Link` header."""

    items: list[SuppressionAnswer]


class LiftBody(Body):
    """Why mails may go there again."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)] = Field(
        description="how it is known that the address works, or that the person wants mails; no names or addresses"
    )
