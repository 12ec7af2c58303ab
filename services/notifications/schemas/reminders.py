"""Reminders, as HTTP asks for them and answers."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from services.common.schemas import Answer, ListQuery, Query

ReminderState = Literal["pending", "fired", "withdrawn", "missed", "superseded"]


class ReminderQuery(Query):
    """Whose reminders."""

    registration_id: UUID


class ReminderAnswer(Answer):
    """When a registration is reminded by a rule, and what became of that; its message is a kind of its own."""

    id: int
    registration_id: UUID
    shift_id: UUID
    rule: str = Field(description="minutes before, or days before and a time: `1440`, `1d19:00`, `1d19:00/unconfirmed`")
    of_status: str = Field(description="whom it is for: confirmed, or waitlisted, who hear that there is no place")
    due_at: datetime
    expires_at: datetime
    late: str = Field(description="what becomes of it when it is late: latest, send or skip")
    state: ReminderState
    reason: str | None = Field(description="why it did not become a message")
    occurrence: int = Field(description="how often it was due")


class NotSentReminder(ReminderAnswer):
    """A reminder of which no message came, and its shift as it is now."""

    title_zh: str
    title_en: str
    role_zh: str
    role_en: str
    starts_at: datetime
    ends_at: datetime


class NotSentQuery(ListQuery):
    """Which page; those due last first."""


class NotSentList(Answer):
    """A page of them; the next one is in the `Link` header."""

    items: list[NotSentReminder]


class ReminderList(Answer):
    """All reminders of a registration, the earliest first."""

    items: list[ReminderAnswer]
