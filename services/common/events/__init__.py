"""Every event of the system, as typed models. Their docstrings are the documentation (`docs/events.md`).

An event says what happened, in the past tense, with ids and facts and **no personal data**: an age band, not a birth
date; a person's id, not a name. On the wire it is a CloudEvents 1.0 envelope (`Envelope`). Fields are only ever
added, with a default; a break is a new version beside the old one. A golden file per type in `tests/events/golden/`
is checked on both sides. One file per subject; here is all of it.
"""

from services.common.events.activities import (
    ActivityCancelled,
    ActivityChanged,
    ActivityCompleted,
    ActivityEvent,
    ActivityKind,
    ActivityPublished,
    ShiftCancelled,
    ShiftChanged,
    ShiftEvent,
    ShiftOpened,
)
from services.common.events.bookings import (
    BookingCancelled,
    BookingConfirmed,
    BookingDeclined,
    BookingEvent,
    BookingMoved,
    BookingPurpose,
    BookingRequested,
    RoomSaved,
    VenueSaved,
)
from services.common.events.envelope import (
    EVENT_TYPES,
    PARTITIONS,
    SPEC_VERSION,
    Envelope,
    Event,
    Received,
)
from services.common.events.hours import (
    CertificateIssued,
    CertificateRevoked,
    How,
    ObjectionDecided,
    ServiceRecordCorrected,
    ServiceRecordObjected,
    ServiceRecordRecorded,
)
from services.common.events.links import LinkIssued
from services.common.events.organisations import (
    ActivityOrganisationsSet,
    DesignationSaved,
    OrganisationRole,
    OrganisationSaved,
    TakingPart,
)
from services.common.events.people import PersonErased, PersonMerged, PersonUnmerged
from services.common.events.places import (
    AreaSaved,
    SiteKeyIssued,
    SiteKeyRevoked,
    SiteSaved,
)
from services.common.events.programmes import (
    ProgrammeCloned,
    ProgrammeSaved,
)
from services.common.events.registrations import (
    AgeBand,
    AttendanceRecorded,
    CancelReason,
    Outcome,
    RegistrationCancelled,
    RegistrationConfirmed,
    RegistrationEvent,
    RegistrationMovedToWaitlist,
    RegistrationOffered,
    RegistrationPromoted,
    RegistrationResized,
    RegistrationWaitlisted,
)
from services.common.events.teams import (
    TeamKind,
    TeamMemberEvent,
    TeamMemberJoined,
    TeamMemberLeft,
    TeamRole,
    TeamSaved,
)

__all__ = [
    "EVENT_TYPES",
    "PARTITIONS",
    "SPEC_VERSION",
    "ActivityCancelled",
    "ActivityChanged",
    "ActivityCompleted",
    "ActivityEvent",
    "ActivityKind",
    "ActivityOrganisationsSet",
    "ActivityPublished",
    "AgeBand",
    "AreaSaved",
    "AttendanceRecorded",
    "BookingCancelled",
    "BookingConfirmed",
    "BookingDeclined",
    "BookingEvent",
    "BookingMoved",
    "BookingPurpose",
    "BookingRequested",
    "CancelReason",
    "CertificateIssued",
    "CertificateRevoked",
    "DesignationSaved",
    "Envelope",
    "Event",
    "How",
    "LinkIssued",
    "ObjectionDecided",
    "OrganisationRole",
    "OrganisationSaved",
    "Outcome",
    "PersonErased",
    "PersonMerged",
    "PersonUnmerged",
    "ProgrammeCloned",
    "ProgrammeSaved",
    "Received",
    "RegistrationCancelled",
    "RegistrationConfirmed",
    "RegistrationEvent",
    "RegistrationMovedToWaitlist",
    "RegistrationOffered",
    "RegistrationPromoted",
    "RegistrationResized",
    "RegistrationWaitlisted",
    "RoomSaved",
    "ServiceRecordCorrected",
    "ServiceRecordObjected",
    "ServiceRecordRecorded",
    "ShiftCancelled",
    "ShiftChanged",
    "ShiftEvent",
    "ShiftOpened",
    "SiteKeyIssued",
    "SiteKeyRevoked",
    "SiteSaved",
    "TakingPart",
    "TeamKind",
    "TeamMemberEvent",
    "TeamMemberJoined",
    "TeamMemberLeft",
    "TeamRole",
    "TeamSaved",
    "VenueSaved",
]
