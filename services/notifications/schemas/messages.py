"""Messages, as HTTP asks for them and answers."""

from datetime import datetime
from uuid import UUID

from pydantic import AliasChoices, Field

from services.common.schemas import Answer, Body, ListQuery
from services.notifications.models import Kind, Stage


class MessageQuery(ListQuery):
    """Which messages; newest first."""

    state: Stage | None = None
    kind: Kind | None = None
    person_id: UUID | None = None
    registration_id: UUID | None = None
    request_id: str | None = Field(default=None, max_length=100, description="of the request that caused them")


class DeliveryAnswer(Answer):
    """One attempt to hand the message to the mail server or the SMS provider, or what the provider said later."""

    started_at: datetime
    ended_at: datetime
    outcome: str = Field(
        description="sent, deferred, refused, lost, unknown, interrupted, no_contact, not_rendered, link_is_over;"
        " by a receipt delivered or undelivered"
    )
    provider: str | None = Field(description="with whom, where it got so far")
    reply: str | None = Field(description="the server's or provider's answer, without the address or number")
    channel: str | None = Field(description="mail, sms or chat")
    reference: str | None = Field(description="by what the SMS provider knows it")


class MessageAnswer(Answer):
    """One mail or SMS to one person about one cause; the person is an id only."""

    id: UUID
    kind: Kind
    state: Stage = Field(
        validation_alias=AliasChoices("stage", "state"),
        description="accepted until its time has come, then queued; from sent on they are ends, and delivered or failed"
        " may follow",
    )
    site_id: UUID | None = Field(description="null for a link that is of no single site, as an operator's is")
    shift_id: UUID | None
    registration_id: UUID | None = Field(description="null for a link, and for what leaders and staff see to")
    person_id: UUID | None = Field(description="null for what goes to a member of staff")
    copy_of: UUID | None = Field(description="the message of which the person's guardian gets a copy by this one")
    staff_id: UUID | None = Field(description="the member of staff it goes to, for what is theirs to see to")
    chat_id: UUID | None = Field(description="the chat group it goes to")
    link_id: UUID | None
    purpose: str | None = Field(description="what the link opens: my_registrations, guardian_consent, …")
    cause_event: UUID | None = Field(description="the event that caused it; null for a reminder")
    reminder_id: int | None
    due_at: datetime | None = Field(description="when a reminder was due")
    request_id: str | None
    attempts: int
    next_attempt_at: datetime
    expires_at: datetime
    created_at: datetime
    sent_at: datetime | None
    channel: str | None = Field(description="mail, sms or chat; null before it was tried")
    error: str | None
    template_id: int | None = Field(description="the saved words it was made with last; null for the built-in ones")
    template_version: int | None = Field(description="of these words; 0 are the built-in ones, null: not made yet")
    suppression_id: int | None = Field(description="what keeps mails from this address, where that held it back")
    template_fault: str | None = Field(description="why those words could not be used, and the built-in ones went out")


class MessageWithDeliveries(MessageAnswer):
    """A message with every attempt to send it."""

    deliveries: list[DeliveryAnswer]


class RetryBody(Body):
    """Which failed messages to put back."""

    reason: str | None = Field(default=None, max_length=400, description="their `error`; any when left out")


class RetriedAnswer(Answer):
    """How many were put back."""

    retried: int


class MessageList(Answer):
    """A page of messages; the next one is in the `Link` header."""

    items: list[MessageAnswer]
