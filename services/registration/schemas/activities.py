"""Activities and their shifts."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field

from services.common.events import ActivityKind
from services.common.schemas import Answer, Body, ListQuery, Name, Text
from services.registration.schemas import UNSET, Count, Time

ActivityStatus = Literal["draft", "published", "cancelled"]

Title = Annotated[str, Field(max_length=200)]
Minutes = Annotated[int, Field(ge=1, le=43_200)]
Reminders = Annotated[
    list[Minutes],
    Field(max_length=5, description="minutes before the start of a shift"),
    AfterValidator(lambda minutes: sorted(set(minutes), reverse=True)),
]


class ActivityBody(Body):
    """A new activity; it starts as a draft."""

    kind: ActivityKind
    title_zh: Name
    title_en: Title = ""
    place: Name
    volunteering: bool = Field(default=False, description="whether attendance earns service hours")
    reminder_minutes: Reminders = Field(default_factory=lambda: [1440, 120])
    description_zh: Text = ""
    description_en: Text = ""
    room_id: UUID | None = None
    team_id: UUID | None = None


class ActivityEdit(Body):
    """What of an activity shall change."""

    kind: ActivityKind = UNSET
    title_zh: Name = UNSET
    title_en: Title = UNSET
    place: Name = UNSET
    volunteering: bool = UNSET
    reminder_minutes: Reminders = UNSET
    description_zh: Text = UNSET
    description_en: Text = UNSET
    room_id: UUID | None = None
    team_id: UUID | None = None


class ActivityAnswer(Answer):
    """An activity."""

    id: UUID
    number: int
    site_id: UUID
    kind: ActivityKind
    title_zh: str
    title_en: str
    place: str
    volunteering: bool
    reminder_minutes: list[int]
    description_zh: str
    description_en: str
    room_id: UUID | None
    team_id: UUID | None
    status: ActivityStatus
    version: int


class ActivityQuery(ListQuery):
    """Which activities."""

    status: ActivityStatus | None = None


class ShiftBody(Body):
    """A new shift."""

    starts_at: Time
    ends_at: Time
    capacity: Count
    role_zh: Name = "参与者"
    role_en: Name = "participant"


class ShiftEdit(Body):
    """What of a shift shall change."""

    starts_at: Time = UNSET
    ends_at: Time = UNSET
    capacity: Count = UNSET
    role_zh: Name = UNSET
    role_en: Name = UNSET


class ShiftAnswer(Answer):
    """A shift."""

    id: UUID
    activity_id: UUID
    site_id: UUID
    starts_at: datetime
    ends_at: datetime
    local_day: date
    capacity: int
    confirmed: int
    waitlisted: int
    role_zh: str
    role_en: str
    status: Literal["open", "cancelled"]
    version: int
