"""What reporting does when it hears of something: keep one fact per registration, and mark the cells it counts in.

A cell is a site's month. A handler never counts: `operations/aggregation.py` recomputes the cells marked here. Each
handler gets a run of events of one type and writes it with one statement, since sign-ups come by the thousand. Rows
that a statement names twice would be an error, so a run is first brought down to the last event per thing.

The order of one activity's events is the log's own (activity, then shift, then registration); a registration whose
shift is not known means a broken log and parks the activity.
"""

from services.common.apply import Handlers, Subscriber
from services.common.auth import forget_site_keys, remember_site_keys
from services.common.database import Database
from services.common.events import (
    ActivityCancelled,
    ActivityChanged,
    ActivityCompleted,
    ActivityOrganisationsSet,
    ActivityPublished,
    AreaSaved,
    AttendanceRecorded,
    AttendanceWithdrawn,
    BookingCancelled,
    BookingConfirmed,
    BookingDeclined,
    BookingMoved,
    BookingRequested,
    CertificateIssued,
    CertificateRevoked,
    DesignationSaved,
    OrganisationSaved,
    PersonErased,
    PersonErasedAtSite,
    PersonMerged,
    PersonUnmerged,
    ProgrammeCloned,
    ProgrammeSaved,
    RegistrationCancelled,
    RegistrationComing,
    RegistrationConfirmed,
    RegistrationMovedToWaitlist,
    RegistrationOffered,
    RegistrationPromoted,
    RegistrationResized,
    RegistrationWaitlisted,
    RoomSaved,
    ServiceRecordCorrected,
    ServiceRecordRecorded,
    ShiftCancelled,
    ShiftChanged,
    ShiftOpened,
    SiteKeyIssued,
    SiteKeyRevoked,
    SiteSaved,
    TeamMemberJoined,
    TeamMemberLeft,
    TeamSaved,
    VolunteerChanged,
    VolunteerEnded,
    VolunteerRegistered,
)
from services.common.feed import FeedClient
from services.reporting.handlers.activities import activities_are, shifts_are
from services.reporting.handlers.bookings import bookings_are, on_bookings_moved, on_rooms_saved
from services.reporting.handlers.hours import on_certificates_issued, on_certificates_revoked, on_hours_recorded
from services.reporting.handlers.organisations import on_designations_saved, on_organisations_saved, on_parts_set
from services.reporting.handlers.people import on_person_erased, on_person_merged, on_person_unmerged
from services.reporting.handlers.places import on_areas_saved, on_sites_saved
from services.reporting.handlers.programmes import on_programmes_cloned, on_programmes_saved
from services.reporting.handlers.registrations import (
    on_attendance_recorded,
    on_attendance_withdrawn,
    on_registrations_cancelled,
    registrations_are,
    signed_up_as,
)
from services.reporting.handlers.teams import on_members_joined, on_members_left, on_teams_saved
from services.reporting.handlers.volunteers import (
    on_volunteers_changed,
    on_volunteers_ended,
    on_volunteers_registered,
)
from services.reporting.settings import Settings

PRODUCER = "registration"

HANDLERS: Handlers = {
    AreaSaved: on_areas_saved,
    SiteSaved: on_sites_saved,
    SiteKeyIssued: remember_site_keys,
    SiteKeyRevoked: forget_site_keys,
    ActivityPublished: activities_are("open"),
    ActivityChanged: activities_are("open"),
    ActivityCompleted: activities_are("completed"),
    ActivityCancelled: activities_are("cancelled"),
    ShiftOpened: shifts_are("open"),
    ShiftChanged: shifts_are("open"),
    ShiftCancelled: shifts_are("cancelled"),
    RegistrationConfirmed: signed_up_as("confirmed"),
    RegistrationWaitlisted: signed_up_as("waitlisted"),
    RegistrationPromoted: registrations_are("confirmed", promoted=True),
    RegistrationOffered: registrations_are("offered"),
    RegistrationMovedToWaitlist: registrations_are("waitlisted"),
    RegistrationResized: registrations_are(None),
    RegistrationComing: registrations_are(None),
    RegistrationCancelled: on_registrations_cancelled,
    AttendanceRecorded: on_attendance_recorded,
    AttendanceWithdrawn: on_attendance_withdrawn,
    PersonMerged: on_person_merged,
    PersonUnmerged: on_person_unmerged,
    PersonErased: on_person_erased,
    PersonErasedAtSite: on_person_erased,
    OrganisationSaved: on_organisations_saved,
    ActivityOrganisationsSet: on_parts_set,
    DesignationSaved: on_designations_saved,
    ProgrammeSaved: on_programmes_saved,
    ProgrammeCloned: on_programmes_cloned,
    TeamSaved: on_teams_saved,
    TeamMemberJoined: on_members_joined,
    TeamMemberLeft: on_members_left,
    RoomSaved: on_rooms_saved,
    BookingRequested: bookings_are("requested"),
    BookingConfirmed: bookings_are("confirmed"),
    BookingMoved: on_bookings_moved,
    BookingDeclined: bookings_are("declined"),
    BookingCancelled: bookings_are("cancelled"),
    ServiceRecordRecorded: on_hours_recorded,
    ServiceRecordCorrected: on_hours_recorded,
    CertificateIssued: on_certificates_issued,
    CertificateRevoked: on_certificates_revoked,
    VolunteerRegistered: on_volunteers_registered,
    VolunteerChanged: on_volunteers_changed,
    VolunteerEnded: on_volunteers_ended,
}


def make_subscriber(settings: Settings, database: Database) -> Subscriber:
    """The applier of registration's events."""
    feed = FeedClient(PRODUCER, settings.registration_url, settings.reporting_token.get_secret_value())
    return Subscriber(database, feed, HANDLERS)
