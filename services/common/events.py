"""Every event of the system, as typed models. Their docstrings are the documentation (`docs/events.md`).

An event says what happened, in the past tense, with ids and facts and **no personal data**: an age band, not a birth
date; a person's id, not a name. On the wire it is a CloudEvents 1.0 envelope (`Envelope`). Fields are only ever
added, with a default; a break is a new version beside the old one. A golden file per type in `tests/events/golden/`
is checked on both sides.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

SPEC_VERSION = "1.0"
PARTITIONS = 16


class ActivityKind(StrEnum):
    """What kind of thing happens."""

    PERFORMANCE = "performance"
    REHEARSAL = "rehearsal"
    CLASS = "class"
    VISIT = "visit"
    BLOOD_DRIVE = "blood_drive"
    CLINIC = "clinic"
    OTHER = "other"


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


class Outcome(StrEnum):
    """What attendance came to."""

    PRESENT = "present"
    ATTENDED = "attended"
    NO_SHOW = "no_show"


class Event(BaseModel):
    """Base of every event: `type` names it on the wire, `aggregate` says what it is ordered within."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    type: ClassVar[str]

    @property
    def aggregate(self) -> str:
        """Id of the thing whose events keep their order."""
        raise NotImplementedError


class AreaSaved(Event):
    """An area of the administrative tree was added or changed (code by GB/T 2260 where there is one)."""

    type = "hesheng.area.saved.v1"
    code: str
    parent: str | None
    level: str = Field(description="province, city, district, subdistrict or community")
    name_zh: str
    name_en: str

    @property
    def aggregate(self) -> str:
        return self.code


class SiteSaved(Event):
    """A site was added or changed."""

    type = "hesheng.site.saved.v1"
    site_id: UUID
    area: str = Field(description="code of the area that the site lies in")
    name_zh: str
    name_en: str
    time_zone: str = Field(description="IANA name")

    @property
    def aggregate(self) -> str:
        return str(self.site_id)


class SiteKeyIssued(Event):
    """A site got a key. Only the SHA-256 of the 256-bit secret travels, so that each service can check it alone."""

    type = "hesheng.site_key.issued.v1"
    key_id: UUID
    site_id: UUID
    sha256: str = Field(description="hex")

    @property
    def aggregate(self) -> str:
        return str(self.site_id)


class SiteKeyRevoked(Event):
    """A site's key no longer opens anything."""

    type = "hesheng.site_key.revoked.v1"
    key_id: UUID
    site_id: UUID

    @property
    def aggregate(self) -> str:
        return str(self.site_id)


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

    @property
    def aggregate(self) -> str:
        return str(self.activity_id)


class ActivityPublished(ActivityEvent):
    """An activity was opened for sign-up. Its shifts follow as `hesheng.shift.opened.v1`."""

    type = "hesheng.activity.published.v1"


class ActivityChanged(ActivityEvent):
    """A published activity changed its title, place, kind or reminders."""

    type = "hesheng.activity.changed.v1"


class ActivityCancelled(ActivityEvent):
    """An activity was called off. Each open shift and each registration follows with its own event."""

    type = "hesheng.activity.cancelled.v1"


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


class Envelope(BaseModel):
    """An event on the wire: CloudEvents 1.0 in JSON, with four extension attributes.

    `partition` and `sequence` are its place in the producer's log, `aggregate` is what it is ordered within, and
    `requestid` names the HTTP request that caused it.
    """

    model_config = ConfigDict(extra="ignore")
    specversion: str = SPEC_VERSION
    id: UUID
    source: str = Field(description="/hesheng/<service>")
    type: str
    subject: str = Field(description="the aggregate's id")
    time: datetime
    datacontenttype: str = "application/json"
    partition: int
    sequence: int
    requestid: str | None = None
    data: dict[str, Any]

    def event(self) -> Event | None:
        """The typed event, or None for a type that this code does not know (a newer producer)."""
        model = EVENT_TYPES.get(self.type)
        return model.model_validate(self.data) if model else None


def _concrete(base: type[Event]) -> list[type[Event]]:
    found = [base] if "type" in vars(base) and isinstance(vars(base)["type"], str) else []
    return found + [model for child in base.__subclasses__() for model in _concrete(child)]


EVENT_TYPES: dict[str, type[Event]] = {model.type: model for model in _concrete(Event)}
"""Every event type by its name on the wire."""


@dataclass(frozen=True)
class Received:
    """A typed event as a handler gets it, with what it may want to know of the envelope."""

    event_id: UUID
    time: datetime
    request_id: str | None
    data: Any
