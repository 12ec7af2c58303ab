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
    ActivityPublished,
    AreaSaved,
    AttendanceRecorded,
    AttendanceWithdrawn,
    PersonMerged,
    PersonUnmerged,
    RegistrationCancelled,
    RegistrationComing,
    RegistrationConfirmed,
    RegistrationMovedToWaitlist,
    RegistrationOffered,
    RegistrationPromoted,
    RegistrationResized,
    RegistrationWaitlisted,
    ShiftCancelled,
    ShiftChanged,
    ShiftOpened,
    SiteKeyIssued,
    SiteKeyRevoked,
    SiteSaved,
)
from services.common.feed import FeedClient
from services.reporting.handlers.activities import activities_are, shifts_are
from services.reporting.handlers.people import on_person_merged, on_person_unmerged
from services.reporting.handlers.places import on_areas_saved, on_sites_saved
from services.reporting.handlers.registrations import (
    on_attendance_recorded,
    on_attendance_withdrawn,
    on_registrations_cancelled,
    registrations_are,
    signed_up_as,
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
}


def make_subscriber(settings: Settings, database: Database) -> Subscriber:
    """The applier of registration's events."""
    feed = FeedClient(PRODUCER, settings.registration_url, settings.reporting_token.get_secret_value())
    return Subscriber(database, feed, HANDLERS)
