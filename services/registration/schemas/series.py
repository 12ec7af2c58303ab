"""Series: shifts that recur by a rule, and changes to one of them and all that follow."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from services.common.schemas import Answer, Body, Name
from services.registration.schemas import UNSET, Count, Time
from services.registration.schemas.activities import Roles, ShiftAnswer, Title
from services.registration.schemas.calendar import Day
from services.registration.schemas.requirements import Requirements

ShiftMinutes = Annotated[int, Field(ge=1, le=1440)]
WallClock = Annotated[
    str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$"), Field(description="HH:MM, local time")
]


class OverrideBody(Body):
    """One occurrence that is not like the others; it is detached from the series from the start."""

    day: Day
    starts_at: Time | None = None
    minutes: ShiftMinutes | None = None
    roles: Roles | None = None


class ShiftSeriesBody(Body):
    """Shifts that recur."""

    rrule: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)] = Field(
        description="RFC 5545, in the site's local time, with COUNT or UNTIL: FREQ=WEEKLY;BYDAY=TU;COUNT=12"
    )
    first_starts_at: Time = Field(description="the first occurrence is on or after this, at its local time of day")
    minutes: ShiftMinutes
    exceptions: list[Day] = Field(default_factory=list, max_length=400, description="days without a shift (EXDATE)")
    overrides: list[OverrideBody] = Field(default_factory=list, max_length=400)
    roles: Roles
    preview: bool = Field(default=False, description="answer what would be made, and make nothing")


class Clash(Answer):
    """Something that takes place at the same time."""

    kind: Literal["same_role", "room", "team", "series", "booking"]
    title_zh: str
    title_en: str
    starts_at: datetime
    ends_at: datetime
    shift_id: UUID | None = None


class PlannedSlot(Answer):
    """One occurrence, with all its roles."""

    local_day: date
    starts_at: datetime
    ends_at: datetime
    detached: bool
    shifts: int = Field(description="how many: one for each role")
    clashes: list[Clash]


class ShiftSeriesAnswer(Answer):
    """A series as it was made, or as it would be."""

    series_id: UUID | None = Field(description="none in a preview")
    slots: list[PlannedSlot]
    clashing: int = Field(description="how many of the slots clash with something")


class FollowingEdit(Body):
    """What of a shift of a series and all that follow it shall change: times for every role, the rest for its own."""

    time: WallClock = UNSET
    days: int = Field(default=0, ge=-6, le=6, description="by how many days each is moved")
    minutes: ShiftMinutes = UNSET
    capacity: Count = UNSET
    role_zh: Name = UNSET
    role_en: Title = UNSET
    requirements: Requirements = UNSET
    preview: bool = False

    def of_role(self) -> dict[str, Any]:
        """What was sent that concerns one role alone, as the shift has it."""
        sent = self.model_dump(exclude_unset=True, include={"capacity", "role_zh", "role_en"})
        return sent | ({"requirements": self.requirements.stored()} if "requirements" in self.model_fields_set else {})


class PreviewBody(Body):
    """Whether to act, or only to tell what would follow."""

    preview: bool = False


class LeftAlone(Answer):
    """A shift of the series that is not touched."""

    id: UUID
    local_day: date
    reason: Literal["detached", "over", "attendance"]


class FollowingAnswer(Answer):
    """What became of the shifts, or would."""

    shifts: list[ShiftAnswer]
    left_alone: list[LeftAlone]
    people: int = Field(description="different people with a place or in a waitlist of these shifts, who are told")
