"""The tables that are read over HTTP. Everything else is written in plain SQL next to where it is used."""

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import FetchedValue, ForeignKey, Text, func
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import DateTime


class Base(DeclarativeBase):
    """All tables."""

    type_annotation_map = {datetime: DateTime(timezone=True)}  # noqa: RUF012 - SQLAlchemy's way to declare it


class Kind(StrEnum):
    """What a message tells."""

    CONFIRMATION = "confirmation"
    WAITLISTED = "waitlisted"
    PROMOTION = "promotion"
    OFFER = "offer"
    MOVED_BACK = "moved_back"
    TRANSFER_DECLINED = "transfer_declined"
    TRANSFER_EXPIRED = "transfer_expired"
    CANCELLATION = "cancellation"
    CHANGE = "change"
    REMINDER = "reminder"
    NO_PLACE = "no_place"
    LINK = "link"
    NOTICE = "notice"
    HOURS = "hours"
    ANNOUNCEMENT = "announcement"
    DIGEST = "digest"
    ALARM = "alarm"
    APPROVAL = "approval"


class State(StrEnum):
    """Where a message is. All but `pending` and `sending` are final; an operator may put back what did not go out.

    `sent` was accepted, and may still become `delivered` or `failed` by the provider's receipt; `failed` was refused
    for good; `suppressed` was not sent for a reason of the recipient's or the sender's own, which `error` says;
    `no_contact` is for somebody whom no channel reaches, which is no failure.
    """

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    EXPIRED = "expired"
    SUPPRESSED = "suppressed"
    NO_CONTACT = "no_contact"


class Stage(StrEnum):
    """Where a message is, as people and programs see it: what is `pending` in the database was accepted, and is queued
    once its time has come."""

    ACCEPTED = "accepted"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    EXPIRED = "expired"
    SUPPRESSED = "suppressed"
    NO_CONTACT = "no_contact"


class Message(Base):
    """One mail or SMS to one person about one cause: what became of a registration, a link that was issued, a shift or
    hours to see to.

    A link's message has no registration, and no `person_id` where it goes to staff. One to leaders or staff has no
    registration either, and names the leader by `person_id`, a member of staff by `staff_id`, a group by `chat_id`. One
    that is a `copy_of` another goes to the guardian of its person.
    """

    __tablename__ = "messages"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int]
    kind: Mapped[str]
    site_id: Mapped[UUID | None]
    shift_id: Mapped[UUID | None]
    registration_id: Mapped[UUID | None]
    person_id: Mapped[UUID | None]
    staff_id: Mapped[UUID | None]
    link_id: Mapped[UUID | None]
    purpose: Mapped[str | None]
    state: Mapped[str]
    cause_event: Mapped[UUID | None]
    reminder_id: Mapped[int | None]
    notice_id: Mapped[int | None]
    announcement_id: Mapped[UUID | None]
    digest_id: Mapped[int | None]
    chat_id: Mapped[UUID | None]
    alarm_id: Mapped[int | None]
    approval_of: Mapped[UUID | None]
    copy_of: Mapped[UUID | None]
    due_at: Mapped[datetime | None]
    request_id: Mapped[str | None]
    message_id_header: Mapped[str | None]
    attempts: Mapped[int]
    next_attempt_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    channel: Mapped[str | None]
    error: Mapped[str | None]
    template_id: Mapped[int | None]
    template_version: Mapped[int | None]
    template_fault: Mapped[str | None]
    suppression_id: Mapped[int | None]
    deliveries: Mapped[list["Delivery"]] = relationship(order_by="Delivery.id")

    @property
    def stage(self) -> Stage:
        """Its state by name. What is due this very second may be called either."""
        if self.state != State.PENDING:
            return Stage(self.state)
        return Stage.QUEUED if self.next_attempt_at <= datetime.now(UTC) else Stage.ACCEPTED


class Delivery(Base):
    """One attempt to hand a message to the mail server or the SMS provider."""

    __tablename__ = "deliveries"

    id: Mapped[int] = mapped_column(primary_key=True)
    message_id: Mapped[UUID] = mapped_column(ForeignKey("messages.id"))
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime]
    outcome: Mapped[str]
    reply: Mapped[str | None]
    channel: Mapped[str | None]
    provider: Mapped[str | None]
    reference: Mapped[str | None]


class Template(Base):
    """A version of the words that staff of a site (or, without a site, an operator for all) put in place of the
    built-in ones. Without words: from this version on there are no own ones."""

    __tablename__ = "templates"

    id: Mapped[int] = mapped_column(primary_key=True)
    site_id: Mapped[UUID | None]
    kind: Mapped[str]
    channel: Mapped[str]
    language: Mapped[str]
    version: Mapped[int]
    is_current: Mapped[bool]
    subject: Mapped[str | None]
    text: Mapped[str | None]
    note: Mapped[str | None]
    taken_from: Mapped[int | None]
    saved_at: Mapped[datetime] = mapped_column(server_default=func.now())
    saved_by: Mapped[str]


class Digest(Base):
    """What the staff of a site are told of a day before it comes."""

    __tablename__ = "digests"

    id: Mapped[int] = mapped_column(primary_key=True)
    site_id: Mapped[UUID]
    day: Mapped[date]
    due_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    state: Mapped[str]
    reason: Mapped[str | None]


class Chat(Base):
    """A group that a bot writes to: a site's, or without a site one of the operators'. Once it was removed it has no
    address any more."""

    __tablename__ = "chats"

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=FetchedValue())
    number: Mapped[int] = mapped_column(server_default=FetchedValue())
    site_id: Mapped[UUID | None]
    service: Mapped[str]
    name: Mapped[str]
    language: Mapped[str]
    topics: Mapped[list[str]] = mapped_column(ARRAY(Text))
    address: Mapped[bytes | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(server_default=FetchedValue())
    removed_at: Mapped[datetime | None]


class AnnouncementState(StrEnum):
    """How far an announcement is. `waiting` is for somebody's approval, `scheduled` approved; it is `sending` until
    each of its messages has ended, then `done`; `stopped`: what had not gone did not go.
    """

    DRAFT = "draft"
    WAITING = "waiting"
    SCHEDULED = "scheduled"
    SENDING = "sending"
    DONE = "done"
    STOPPED = "stopped"


class Announcement(Base):
    """What many are told at once: its words, whom it goes to, who approved it. Without a site it is to an area."""

    __tablename__ = "announcements"

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=FetchedValue())
    number: Mapped[int] = mapped_column(server_default=FetchedValue())
    site_id: Mapped[UUID | None]
    area: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
    state: Mapped[str] = mapped_column(default=AnnouncementState.DRAFT.value)
    audience: Mapped[dict[str, Any]] = mapped_column(JSONB)
    about_zh: Mapped[str]
    about_en: Mapped[str]
    subject_zh: Mapped[str]
    text_zh: Mapped[str]
    subject_en: Mapped[str]
    text_en: Mapped[str]
    send_at: Mapped[datetime | None]
    per_minute: Mapped[int | None]
    copied_from: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(server_default=FetchedValue())
    created_by: Mapped[str]
    written_by: Mapped[list[str]] = mapped_column(ARRAY(Text))
    people: Mapped[int | None]
    unreached: Mapped[int | None]
    refused: Mapped[int] = mapped_column(default=0)
    alone: Mapped[int | None]
    grown: Mapped[bool] = mapped_column(default=False)
    submitted_at: Mapped[datetime | None]
    submitted_by: Mapped[str | None]
    approved_at: Mapped[datetime | None]
    approved_by: Mapped[str | None]
    begun_at: Mapped[datetime | None]
    reached: Mapped[UUID | None]
    written: Mapped[int] = mapped_column(default=0)
    written_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None]
    ended_why: Mapped[str | None]
    tried_at: Mapped[datetime | None]
    waits: Mapped[str | None]
    declined_at: Mapped[datetime | None]
    declined_by: Mapped[str | None]
    declined_why: Mapped[str | None]
    asked_at: Mapped[datetime | None]


class AuditEntry(Base):
    """One thing that somebody did. Never changed, never deleted."""

    __tablename__ = "audit_log"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str]
    address: Mapped[str | None]
    request_id: Mapped[str | None]
    site_id: Mapped[UUID | None]
    action: Mapped[str]
    kind: Mapped[str]
    record: Mapped[str]
    changed: Mapped[dict[str, Any]] = mapped_column(JSONB)


class WebhookState(StrEnum):
    """Where a delivery is. All but `pending` and `sending` are final; each can be sent again.

    `failed` was given up; `skipped` is of an endpoint that was disabled.
    """

    PENDING = "pending"
    SENDING = "sending"
    DELIVERED = "delivered"
    FAILED = "failed"
    SKIPPED = "skipped"


class WebhookEndpoint(Base):
    """Where a site is told of its events, and how that goes."""

    __tablename__ = "webhook_endpoints"

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=FetchedValue())
    number: Mapped[int] = mapped_column(server_default=FetchedValue())
    site_id: Mapped[UUID]
    version: Mapped[int] = mapped_column(default=1)
    url: Mapped[str]
    description: Mapped[str]
    types: Mapped[list[str]] = mapped_column(ARRAY(Text))
    secret: Mapped[bytes]
    old_secret: Mapped[bytes | None]
    old_secret_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=FetchedValue())
    disabled_at: Mapped[datetime | None]
    disabled_why: Mapped[str | None]
    failures: Mapped[int] = mapped_column(default=0)
    failing_since: Mapped[datetime | None]
    resting_until: Mapped[datetime | None]
    error: Mapped[str | None]
    delivered_at: Mapped[datetime | None]

    @property
    def enabled(self) -> bool:
        """Whether anything is sent there."""
        return self.disabled_at is None


class WebhookDelivery(Base):
    """One event on its way to one endpoint; `id` is the webhook-id."""

    __tablename__ = "webhook_deliveries"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int]
    endpoint_id: Mapped[UUID] = mapped_column(ForeignKey("webhook_endpoints.id"))
    site_id: Mapped[UUID]
    event_id: Mapped[UUID]
    type: Mapped[str]
    occurred_at: Mapped[datetime]
    request_id: Mapped[str | None]
    body: Mapped[str]
    state: Mapped[str]
    attempts: Mapped[int]
    next_attempt_at: Mapped[datetime]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    error: Mapped[str | None]
    tries: Mapped[list["WebhookAttempt"]] = relationship(order_by="WebhookAttempt.id")


class WebhookAttempt(Base):
    """One request to a site's receiver."""

    __tablename__ = "webhook_attempts"

    id: Mapped[int] = mapped_column(primary_key=True)
    delivery_id: Mapped[UUID] = mapped_column(ForeignKey("webhook_deliveries.id"))
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime]
    outcome: Mapped[str]
    status: Mapped[int | None]
    reply: Mapped[str | None]
