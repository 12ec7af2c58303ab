"""A person's own messages, as HTTP asks for them and answers."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from services.common.schemas import Answer, ListQuery


class InboxQuery(ListQuery):
    """Which page; newest first."""


class OwnMessage(Answer):
    """A message to the person who asks."""

    id: UUID
    kind: str
    purpose: str | None = Field(description="what a link opens: my_registrations, hours_changed, …")
    fate: str = Field(
        description="waiting, sent, delivered, failed, expired, refused (by the person: a kind that they do not want),"
        " suppressed (no mail goes to that address any more, or it was stopped), no_contact"
    )
    channel: str | None = Field(description="mail or sms; null before it was tried")
    site_id: UUID
    site_zh: str | None
    site_en: str | None
    time_zone: str | None
    registration_id: UUID | None
    title_zh: str | None = Field(description="of the activity; null where it is about none")
    title_en: str | None
    starts_at: datetime | None = Field(description="of the shift, as it is now")
    ends_at: datetime | None
    created_at: datetime
    sent_at: datetime | None


class OwnMessageWithWords(OwnMessage):
    """One message as its words would be put now, without any link; null where it carried nothing but a link, and of an
    announcement that has not gone out to them, or was stopped before it did."""

    subject: str | None
    text: str | None


class InboxList(Answer):
    """A page of messages; the next one is in the `Link` header."""

    items: list[OwnMessage]
