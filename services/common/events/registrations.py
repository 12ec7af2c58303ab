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
    """Who or what ended a registration.

    `handed_over`: another person has the place now. `swapped`: two exchanged their places, and each has a new
    registration. `instead_of`: the person took another place at the same time. `requirements`: the person's turn
    came, and they no longer met what the shift asks for. `shift_begun`: they still waited when the shift began.
    """

    PERSON = "person"
    SITE = "site"
    SHIFT_CANCELLED = "shift_cancelled"
    ACTIVITY_CANCELLED = "activity_cancelled"
    MERGED = "merged"
    OFFER_DECLINED = "offer_declined"
    OFFER_EXPIRED = "offer_expired"
    HANDED_OVER = "handed_over"
    SWAPPED = "swapped"
    INSTEAD_OF = "instead_of"
    REQUIREMENTS = "requirements"
    SHIFT_BEGUN = "shift_begun"


class Outcome(StrEnum):
    """What attendance came to."""

    PRESENT = "present"
    ATTENDED = "attended"
    NO_SHOW = "no_show"


class RegistrationEvent(Event):
    """A person's place on a shift."""

    registration_id: UUID
    version: int = Field(description="1 at sign-up, and higher with every event of this registration")
    shift_id: UUID
    activity_id: UUID
    site_id: UUID
    person_id: UUID
    person_number: int = Field(description="dense number of the person, for compact sets")
    age_band: AgeBand
    places: int = Field(default=1, description="how many places it takes: the person and unnamed companions")
    channel: str | None = Field(
        default=None, description="how the sign-up came: site, web, desk, phone, proxy, team or import"
    )
    team_id: UUID | None = Field(default=None, description="the team that signed the person up")

    @property
    def aggregate(self) -> str:
        return str(self.activity_id)


class RegistrationConfirmed(RegistrationEvent):
    """A person signed up and has a place, or took over somebody's."""

    type = "hesheng.registration.confirmed.v1"


class RegistrationWaitlisted(RegistrationEvent):
    """A person signed up when the shift was full, and waits in order."""

    type = "hesheng.registration.waitlisted.v1"


class RegistrationPromoted(RegistrationEvent):
    """A place became free and the first in the waitlist got it, or accepted the offer of it."""

    type = "hesheng.registration.promoted.v1"


class RegistrationOffered(RegistrationEvent):
    """A place became free and is kept for the first in the waitlist until it is accepted, declined or too late."""

    type = "hesheng.registration.offered.v1"
    expires_at: datetime = Field(description="never after the start of the shift")
    clashes: bool = Field(description="whether the person has another place at the same time, to be given up for it")


class RegistrationMovedToWaitlist(RegistrationEvent):
    """Fewer places are allowed than were given: those who came last wait again, at the head of the waitlist."""

    type = "hesheng.registration.moved_to_waitlist.v1"
    was_offered: bool = Field(description="whether it had only been offered the place")


class RegistrationResized(RegistrationEvent):
    """A party became larger or smaller; whether it has its places is as before."""

    type = "hesheng.registration.resized.v1"


class RegistrationComing(RegistrationEvent):
    """A person with a place said that they will come. It holds until the shift is at another time, or the place is
    somebody else's."""

    type = "hesheng.registration.coming.v1"


class RegistrationCancelled(RegistrationEvent):
    """A registration ended before its shift."""

    type = "hesheng.registration.cancelled.v1"
    reason: CancelReason
    was_waitlisted: bool = Field(description="whether it had no place: it waited, or had only been offered one")


class AttendanceRecorded(RegistrationEvent):
    """Attendance of a registration as it now stands; a correction is a later event with a higher version."""

    type = "hesheng.attendance.recorded.v1"
    outcome: Outcome = Field(description="present: checked in and not yet out")
    checked_in_at: datetime | None
    checked_out_at: datetime | None
    service_minutes: int = Field(description="minutes of service earned; 0 where the activity is not volunteering")


class AttendanceWithdrawn(RegistrationEvent):
    """All that was recorded of a registration's attendance was taken back: whether the person came is open again, and
    the minutes of service that it earned are none."""

    type = "hesheng.attendance.withdrawn.v1"
