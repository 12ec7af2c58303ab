"""Events of activities and their shifts."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import Field

from services.common.events.envelope import Event
from services.common.events.reminder_rules import ReminderRule


class ActivityKind(StrEnum):
    """What kind of thing happens."""

    PERFORMANCE = "performance"
    REHEARSAL = "rehearsal"
    CLASS = "class"
    VISIT = "visit"
    BLOOD_DRIVE = "blood_drive"
    CLINIC = "clinic"
    OTHER = "other"


class ActivityEvent(Event):
    """An activity as it now stands."""

    activity_id: UUID
    activity_number: int = Field(description="dense number of the activity, for compact sets")
    site_id: UUID
    kind: ActivityKind
    title_zh: str
    title_en: str
    place: str
    volunteering: bool = Field(description="whether attendance earns service hours (a rehearsal or a class does not)")
    reminder_minutes: list[int] = Field(description="minutes before the start of a shift at which people are reminded")
    programme_id: UUID | None = Field(default=None, description="the programme that the activity was cloned from")
    team_id: UUID | None = Field(default=None, description="the team whose activity it is")
    room_id: UUID | None = Field(default=None, description="the site's room in which it takes place")
    reminder_rules: list[ReminderRule] = Field(
        default_factory=list,
        description="further reminders: by the clock, to leaders and staff, or of who is unconfirmed",
    )
    service_category: str | None = Field(default=None, description="code of the kind of service, for volunteering")

    @property
    def aggregate(self) -> str:
        return str(self.activity_id)


class ActivityPublished(ActivityEvent):
    """An activity was opened for sign-up. Its shifts follow as `hesheng.shift.opened.v1`."""

    type = "hesheng.activity.published.v1"


class ActivityChanged(ActivityEvent):
    """A published activity changed: its title, place, kind, reminders, team, room or kind of service."""

    type = "hesheng.activity.changed.v1"


class ActivityCancelled(ActivityEvent):
    """An activity was called off. Each open shift and each registration follows with its own event."""

    type = "hesheng.activity.cancelled.v1"


class ActivityCompleted(ActivityEvent):
    """All shifts of an activity are over, and it is closed: attendance and hours may be corrected, nothing else."""

    type = "hesheng.activity.completed.v1"


class ShiftEvent(Event):
    """A shift of a published activity as it now stands."""

    shift_id: UUID
    activity_id: UUID
    site_id: UUID
    version: int = Field(description="rises with every change of the shift")
    role_zh: str
    role_en: str
    starts_at: datetime
    ends_at: datetime
    local_day: str = Field(description="date of the start in the site's time zone, YYYY-MM-DD")
    capacity: int

    @property
    def aggregate(self) -> str:
        return str(self.activity_id)


class ShiftOpened(ShiftEvent):
    """A shift can be signed up for: its activity was published, or it was added to a published one."""

    type = "hesheng.shift.opened.v1"


class ShiftChanged(ShiftEvent):
    """A shift moved, or its role or capacity changed."""

    type = "hesheng.shift.changed.v1"


class ShiftCancelled(ShiftEvent):
    """A shift was called off. Each registration follows with its own event."""

    type = "hesheng.shift.cancelled.v1"
