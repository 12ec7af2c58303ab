"""Chat groups of a site, as HTTP asks for them and answers. An address is written and never read again."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

from services.common.schemas import Answer, Body, ListQuery, Name

UNSET: Any = None
Topic = Literal["digest", "notices", "hours", "webhooks"]
Topics = Annotated[
    list[Topic],
    Field(min_length=1, max_length=10, description="digest, notices (reminders to staff), hours, webhooks (given up)"),
    AfterValidator(lambda topics: list(dict.fromkeys(topics))),
]
Address = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=300),
    Field(description="of the group's bot, as WeCom, DingTalk, Feishu or Lark shows it"),
]
Secret = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=100), Field(description="of a DingTalk bot that signs")
]


class ChatBody(Body):
    """A new group."""

    name: Name
    address: Address
    secret: Secret = ""
    topics: Topics
    language: Literal["zh", "en"] = "zh"


class ChatEdit(Body):
    """What of a group shall change. Another address comes with its secret."""

    name: Name = UNSET
    address: Address = UNSET
    secret: Secret = ""
    topics: Topics = UNSET
    language: Literal["zh", "en"] = UNSET


class ChatTest(Body):
    """Nothing need be said."""


class ChatQuery(ListQuery):
    """Which groups; the oldest first."""


class ChatAnswer(Answer):
    """A group, without what its bot is called by."""

    id: UUID
    site_id: UUID | None = Field(description="null for the operators' own")
    service: str = Field(description="wecom, dingtalk, feishu or lark; of the operators' own whatever Apprise knows")
    name: str
    topics: list[str]
    language: str
    created_at: datetime
    version: int


class ChatList(Answer):
    """A page of groups; the next one is in the `Link` header."""

    items: list[ChatAnswer]


class ChatTestAnswer(Answer):
    """The message that goes there."""

    message_id: UUID
