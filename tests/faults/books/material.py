"""What the books are done from: rows of the three databases and the sink's mails, as `collect.py` reads them."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from tests.faults.books.recount import Recount
from tests.faults.ledger import Ledger

PREFIX = "hesheng."


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: `kind` is what the summary counts it under."""

    kind: str
    text: str


@dataclass(frozen=True)
class LogEntry:
    """A row of the outbox that has its place."""

    partition: int
    sequence: int
    event_id: str
    type: str
    aggregate: str
    data: dict[str, Any]
    occurred_at: datetime

    @property
    def name(self) -> str:
        """Its type without prefix and version, e.g. `registration.confirmed`."""
        return self.type.removeprefix(PREFIX).rpartition(".")[0]

    @property
    def is_of_shift(self) -> bool:
        """Whether it tells a shift as it now stands."""
        return self.name.startswith("shift.")

    @property
    def is_of_registration(self) -> bool:
        """Whether it is one more version of a registration; others only name one, as service records do."""
        return self.name.startswith(("registration.", "attendance."))

    def __str__(self) -> str:
        of = self.data.get("registration_id") or self.data.get("shift_id") or self.aggregate
        return f"{self.name} of {of} at {self.partition}/{self.sequence}"


@dataclass(frozen=True)
class AppliedRow:
    """What a subscriber wrote down when it applied an event."""

    partition: int
    sequence: int
    event_id: str


@dataclass(frozen=True)
class CursorRow:
    """How far a subscriber is."""

    partition: int
    epoch: str
    sequence: int
    halted: str | None


@dataclass(frozen=True)
class RegistrationRow:
    """Registration's own row."""

    id: str
    shift_id: str
    person_id: str
    site_id: str
    status: str
    version: int
    outcome: str | None
    service_minutes: int


@dataclass(frozen=True)
class ShiftRow:
    """Registration's own row."""

    id: str
    activity_id: str
    site_id: str
    capacity: int
    confirmed: int
    offered: int
    status: str
    version: int
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class MessageRow:
    """A message of notifications. `cause` is an event's id, or `reminder <id>/<occurrence>`; `tries` are the outcomes
    of its attempts in their order, with what receipts said."""

    id: str
    kind: str
    registration_id: str
    state: str
    message_id: str
    cause: str
    reminder_id: int | None
    due_at: datetime | None
    error: str | None
    person_id: str | None = None
    staff_id: str | None = None
    notice_id: int | None = None
    announcement_id: str | None = None
    channel: str | None = "mail"
    tries: list[str] = field(default_factory=list)
    site_id: str | None = None
    chat_id: str | None = None
    digest_id: int | None = None
    attempts: list[dict[str, Any]] = field(default_factory=list)
    """The same as `tries`, each with its `channel`, and when it `began` and `ended` (seconds since 1970, or None)."""

    def __str__(self) -> str:
        return f"message {self.id} ({self.kind})"


@dataclass(frozen=True)
class ReminderRow:
    """A reminder of notifications; `occurrence` counts how often it fired, `of_status` says whom it is for."""

    id: int
    registration_id: str
    rule: str
    due_at: datetime
    state: str
    occurrence: int
    of_status: str = "confirmed"


@dataclass(frozen=True)
class NoticeRow:
    """A notice to the leaders or the staff of a shift."""

    id: int
    shift_id: str
    kind: str
    rule: str
    due_at: datetime
    state: str
    reason: str | None = None


@dataclass(frozen=True)
class AnnouncementRow:
    """An announcement, and how many people it was written down for."""

    id: str
    site_id: str
    state: str
    created_by: str
    approved_by: str | None
    written: int


@dataclass(frozen=True)
class WebhookRow:
    """One event on its way to a site's receiver; `tries` are the outcomes of its attempts."""

    id: str
    endpoint_id: str
    event_id: str
    state: str
    error: str | None = None
    tries: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Endpoint:
    """Where a site is told of its events."""

    id: str
    site_id: str
    created_at: datetime


@dataclass(frozen=True)
class Mail:
    """A mail in the sink."""

    file: str
    message_id: str
    to: str
    subject: str
    request_id: str
    received_at: float


@dataclass(frozen=True)
class ReportRow:
    """What was said of a mail later, and when the message heard of it (seconds since 1970)."""

    message_id: str
    event: str
    permanent: bool
    applied_at: float | None


@dataclass(frozen=True)
class DigestRow:
    """What a site's staff are told of a day to come."""

    id: int
    site_id: str
    day: date
    due_at: datetime
    state: str
    reason: str | None = None


@dataclass(frozen=True)
class Clicked:
    """A way out that a reader took, of the mail with this Message-ID; when it was acknowledged, if it was."""

    message_id: str
    acked_at: float | None


@dataclass(frozen=True)
class GroupTold:
    """A chat group, and what it was told, as often as it was."""

    id: str
    posted: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class SmsTaken:
    """What the gateway took: `id` is the hand-over's."""

    id: str
    to: str
    at: float

    @property
    def message_id(self) -> str:
        """The message that it is of."""
        return str(UUID(self.id.partition("-")[0]))


@dataclass(frozen=True)
class Request:
    """One that came to a receiver, signed as it should be."""

    webhook_id: str
    event_id: str
    answer: str


@dataclass(frozen=True)
class World:
    """What the world outside remembers. `receipts`: by hand-over, whether it is said to be delivered; `settles`:
    whether the SMS provider can be asked again; `requests`: by endpoint. `staff` and `leaders` are each site's.
    `returned`: by Message-ID, how often a mail was taken and came back; `groups`: each site's chat group;
    `without_digest`: who of the staff wants none; `settled_at` (seconds since 1970): since when all this is so."""

    sms: list[SmsTaken] = field(default_factory=list)
    receipts: dict[str, bool] = field(default_factory=dict)
    settles: bool = True
    requests: dict[str, list[Request]] = field(default_factory=dict)
    staff: dict[str, set[str]] = field(default_factory=dict)
    leaders: dict[str, str] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    returned: Counter[str] = field(default_factory=Counter)
    clicks: list[Clicked] = field(default_factory=list)
    groups: dict[str, GroupTold] = field(default_factory=dict)
    without_digest: str = ""
    settled_at: float = 0.0
    complaints: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Material:
    """All of it."""

    ledger: Ledger
    taken_at: datetime
    epoch: str
    unsequenced: int
    log_heads: dict[int, int]
    log: list[LogEntry]
    registrations: dict[str, RegistrationRow]
    shifts: dict[str, ShiftRow]
    person_names: dict[str, str]
    applied: dict[str, list[AppliedRow]]
    cursors: dict[str, list[CursorRow]]
    parked: dict[str, list[str]]
    copies: list[dict[str, Any]]
    facts: list[dict[str, Any]]
    messages: list[MessageRow]
    reminders: dict[int, ReminderRow]
    mails: list[Mail]
    recounts: list[Recount]
    notices: list[NoticeRow] = field(default_factory=list)
    webhooks: list[WebhookRow] = field(default_factory=list)
    endpoints: list[Endpoint] = field(default_factory=list)
    announcements: list[AnnouncementRow] = field(default_factory=list)
    reports: list[ReportRow] = field(default_factory=list)
    digests: list[DigestRow] = field(default_factory=list)
    world: World = field(default_factory=World)

    @cached_property
    def contacts(self) -> dict[str, dict[str, str]]:
        """By name, what somebody told of themselves: `email`, `phone`, or both."""
        people: list[Any] = [sign_up.body["person"] for sign_up in self.ledger.sign_ups if sign_up.name]
        return {one["name"]: one for one in people}

    def address(self, message: MessageRow) -> str:
        """Where it is to go, by the channel that it went by; empty where nobody knows."""
        known = self.world.addresses.get(message.staff_id or message.person_id or "")
        return known or self.contact(message).get("phone" if message.channel == "sms" else "email", "")

    def contact(self, message: MessageRow) -> dict[str, str]:
        """What whom it is for told of themselves; nothing where nobody knows."""
        return self.contacts.get(self.person_names.get(message.person_id or "", ""), {})

    @cached_property
    def came_back(self) -> set[str]:
        """Addresses of which a mail came back."""
        back = [message for message in self.messages if message.message_id in self.world.returned]
        return {self.contact(message).get("email", "") for message in back}

    def domain(self, message: MessageRow) -> str:
        """Of their e-mail address; empty where they have none."""
        return self.contact(message).get("email", "").rpartition("@")[2]
