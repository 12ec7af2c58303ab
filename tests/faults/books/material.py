"""What the books are done from: rows of the three databases and the sink's mails, as `collect.py` reads them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

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
    """A message of notifications. `cause` is an event's id, or `reminder <id>/<occurrence>`."""

    id: str
    kind: str
    registration_id: str
    state: str
    message_id: str
    cause: str
    reminder_id: int | None
    due_at: datetime | None
    error: str | None


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
class Mail:
    """A mail in the sink."""

    file: str
    message_id: str
    to: str
    subject: str
    request_id: str
    received_at: float


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
