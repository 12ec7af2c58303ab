"""Events of registrations and of attendance."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import Field

from services.common.events.envelope import Event


class AgeBand(StrEnum):
    """A person's age on the day of the sign-up, as coarse as the reports need it."""

    UNDER_14 = "under_14"
    FROM_14 = "14_17"
    FROM_18 = "18_34"
    FROM_35 = "35_59"
    FROM_60 = "60_plus"
    UNKNOWN = "unknown"


class CancelReason(StrEnum):
    """Who or what ended a registration."""

    PERSON = "person"
    SITE = "site"
    SHIFT_CANCELLED = "shift_cancelled"
    ACTIVITY_CANCELLED = "activity_cancelled"
    MERGED = "merged"


class Outcome(StrEnum):
    """What attendance came to."""

    PRESENT = "present"
    ATTENDED = "attended"
    NO_SHOW = "no_show"


class RegistrationEvent(Event):
    """A person's place on a shift."""

    registration_id: UUID
    version: int = Field(description="1 at sign-up, then one more with every event of this registration")
    shift_id: UUID
    activity_id: UUID
    site_id: UUID
    person_id: UUID
    person_number: int = Field(description="dense number of the person, for compact sets")
    age_band: AgeBand

    @property
    def aggregate(self) -> str:
        return str(self.activity_id)


class RegistrationConfirmed(RegistrationEvent):
    """A person signed up and has a place."""

    type = "hesheng.registration.confirmed.v1"


class RegistrationWaitlisted(RegistrationEvent):
    """A person signed up when the shift was full, and waits in order."""

    type = "hesheng.registration.waitlisted.v1"


class RegistrationPromoted(RegistrationEvent):
    """A place became free and the first in the waitlist got it."""

    type = "hesheng.registration.promoted.v1"


class RegistrationCancelled(RegistrationEvent):
    """A registration ended before its shift."""

    type = "hesheng.registration.cancelled.v1"
    reason: CancelReason
    was_waitlisted: bool


class AttendanceRecorded(RegistrationEvent):
    """Attendance of a registration as it now stands; a correction is a later event with a higher version."""

    type = "hesheng.attendance.recorded.v1"
    outcome: Outcome = Field(description="present: checked in and not yet out")
    checked_in_at: datetime | None
    checked_out_at: datetime | None
    service_minutes: int = Field(description="minutes of service earned; 0 where the activity is not volunteering")
