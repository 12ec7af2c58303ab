"""What reporting does when it hears of something: keep one fact per registration, and mark the cells it counts in.

A cell is a site's day. A handler never counts: `operations/aggregation.py` recomputes the cells marked here. Each
handler gets a run of events of one type and writes it with one statement, since sign-ups come by the thousand. Rows
that a statement names twice would be an error, so a run is first brought down to the last event per thing.

The order of one activity's events is the log's own (activity, then shift, then registration); a registration whose
shift is not known means a broken log and parks the activity.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

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
    CancelReason,
    PersonMerged,
    PersonUnmerged,
    Received,
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
from services.reporting.settings import Settings

PRODUCER = "registration"

SAVE_AREAS = text("""
INSERT INTO areas (code, parent, level, name_zh, name_en)
SELECT * FROM unnest(cast(:code AS text[]), cast(:parent AS text[]), cast(:level AS text[]),
                     cast(:name_zh AS text[]), cast(:name_en AS text[]))
ON CONFLICT (code) DO UPDATE SET
    parent = excluded.parent, level = excluded.level, name_zh = excluded.name_zh, name_en = excluded.name_en
""")

SAVE_SITES = text("""
INSERT INTO sites (site_id, area, name_zh, name_en)
SELECT * FROM unnest(cast(:site_id AS uuid[]), cast(:area AS text[]), cast(:name_zh AS text[]),
                     cast(:name_en AS text[]))
ON CONFLICT (site_id) DO UPDATE SET area = excluded.area, name_zh = excluded.name_zh, name_en = excluded.name_en
""")

# Where the kind changes, so do the activity's facts, and their cells with them.
SAVE_ACTIVITIES = text("""
WITH saved AS (
    INSERT INTO activities (activity_id, activity_number, site_id, kind, status)
    SELECT *, :status FROM unnest(cast(:activity_id AS uuid[]), cast(:activity_number AS bigint[]),
                                  cast(:site_id AS uuid[]), cast(:kind AS text[]))
    ON CONFLICT (activity_id) DO UPDATE SET kind = excluded.kind, status = excluded.status
    RETURNING activity_id, kind
), moved AS (
    UPDATE facts SET kind = saved.kind FROM saved JOIN shifts USING (activity_id)
    WHERE facts.shift_id = shifts.shift_id AND facts.kind <> saved.kind
    RETURNING facts.site_id, facts.day
)
INSERT INTO dirty (site_id, day) SELECT DISTINCT site_id, day FROM moved
""")

# Where the day changes, so do the shift's facts: the cells that they leave and the cells that they come to are dirty.
# `shifts` in `left_days` is the table as it was before this statement.
SAVE_SHIFTS = text("""
WITH incoming AS (
    SELECT * FROM unnest(cast(:shift_id AS uuid[]), cast(:activity_id AS uuid[]), cast(:site_id AS uuid[]),
                         cast(:day AS date[]), cast(:capacity AS int[]))
             AS i (shift_id, activity_id, site_id, day, capacity)
), left_days AS (
    SELECT shift_id, shifts.day FROM shifts JOIN incoming USING (shift_id) WHERE shifts.day <> incoming.day
), saved AS (
    INSERT INTO shifts (shift_id, activity_id, site_id, day, capacity, status)
    SELECT shift_id, activity_id, site_id, day, capacity, :status FROM incoming
    ON CONFLICT (shift_id) DO UPDATE SET
        day = excluded.day, capacity = excluded.capacity, status = excluded.status
), moved AS (
    UPDATE facts SET day = incoming.day FROM incoming JOIN left_days USING (shift_id)
    WHERE facts.shift_id = incoming.shift_id
    RETURNING facts.site_id, facts.day, left_days.day AS left_day
)
INSERT INTO dirty (site_id, day) SELECT site_id, day FROM moved UNION SELECT site_id, left_day FROM moved
""")

SAVE_MERGES = text("""
INSERT INTO merges (merge_id, person_number, into_number, undone)
SELECT *, :undone FROM unnest(cast(:merge_id AS uuid[]), cast(:person_number AS bigint[]),
                              cast(:into_number AS bigint[]))
ON CONFLICT (merge_id) DO UPDATE SET undone = excluded.undone
""")

SIGN_UP = text("""
WITH incoming AS (
    SELECT * FROM unnest(cast(:registration_id AS uuid[]), cast(:version AS int[]), cast(:shift_id AS uuid[]),
                         cast(:person_id AS uuid[]), cast(:person_number AS bigint[]), cast(:age_band AS text[]),
                         cast(:places AS int[]))
             AS i (registration_id, version, shift_id, person_id, person_number, age_band, places)
), known AS (
    SELECT incoming.*, activities.activity_id, activities.activity_number, activities.kind, shifts.site_id, shifts.day
    FROM incoming JOIN shifts USING (shift_id) JOIN activities USING (activity_id)
), saved AS (
    INSERT INTO facts (registration_id, version, site_id, shift_id, activity_id, activity_number, person_id,
                       person_number, kind, age_band, day, status, places)
    SELECT registration_id, version, site_id, shift_id, activity_id, activity_number, person_id,
           person_number, kind, age_band, day, :status, places
    FROM known
    RETURNING site_id, day
), marked AS (
    INSERT INTO dirty (site_id, day) SELECT DISTINCT site_id, day FROM saved
)
SELECT count(*) FROM known
""")

FOLLOW_UP = text("""
WITH incoming AS (
    SELECT * FROM unnest(cast(:registration_id AS uuid[]), cast(:version AS int[]), cast(:outcome AS text[]),
                         cast(:service_minutes AS int[]), cast(:places AS int[]))
             AS i (registration_id, version, outcome, service_minutes, places)
), saved AS (
    UPDATE facts SET
        version = incoming.version,
        places = incoming.places,
        status = coalesce(cast(:status AS text), facts.status),
        promoted = facts.promoted OR :promoted,
        outcome = nullif(coalesce(incoming.outcome, facts.outcome), ''), -- '' is what was taken back
        service_minutes = coalesce(incoming.service_minutes, facts.service_minutes)
    FROM incoming WHERE facts.registration_id = incoming.registration_id
    RETURNING facts.site_id, facts.day
), marked AS (
    INSERT INTO dirty (site_id, day) SELECT DISTINCT site_id, day FROM saved
)
SELECT count(*) FROM saved
""")


def on_areas_saved(session: Session, events: Sequence[Received]) -> None:
    """Areas were added, renamed or moved in the tree. Reports join the tree when asked, so no figure changes."""
    last = _last(events, "code")
    session.execute(SAVE_AREAS, _columns(last, "code", "parent", "level", "name_zh", "name_en"))


def on_sites_saved(session: Session, events: Sequence[Received]) -> None:
    """Sites were added, renamed or moved to another area."""
    last = _last(events, "site_id")
    session.execute(SAVE_SITES, _columns(last, "site_id", "area", "name_zh", "name_en"))


def activities_are(status: str) -> Callable[[Session, Sequence[Received]], None]:
    """Handler of activity events after which the activity has this status."""

    def handle(session: Session, events: Sequence[Received]) -> None:
        columns = _columns(_last(events, "activity_id"), "activity_id", "activity_number", "site_id", "kind")
        session.execute(SAVE_ACTIVITIES, {**columns, "status": status})

    return handle


def shifts_are(status: str) -> Callable[[Session, Sequence[Received]], None]:
    """Handler of shift events after which the shift has this status."""

    def handle(session: Session, events: Sequence[Received]) -> None:
        last = _last(events, "shift_id")
        columns = _columns(last, "shift_id", "activity_id", "site_id", "capacity")
        session.execute(SAVE_SHIFTS, {**columns, "day": [data.local_day for data in last], "status": status})

    return handle


def signed_up_as(status: str) -> Callable[[Session, Sequence[Received]], None]:
    """Handler of sign-ups that begin with this status."""

    def handle(session: Session, events: Sequence[Received]) -> None:
        data = [event.data for event in events]
        columns = _columns(
            data, "registration_id", "version", "shift_id", "person_id", "person_number", "age_band", "places"
        )
        _expect_all(data, session.scalar(SIGN_UP, {**columns, "status": status}), "a shift that was never opened")

    return handle


def registrations_are(status: str | None, promoted: bool = False) -> Callable[[Session, Sequence[Received]], None]:
    """Handler of events that give registrations another status, or none, and perhaps other places."""

    def handle(session: Session, events: Sequence[Received]) -> None:
        last = _last(events, "registration_id")
        nothing = [None] * len(last)
        _follow_up(session, last, {"outcome": nothing, "service_minutes": nothing}, status, promoted)

    return handle


def on_registrations_cancelled(session: Session, events: Sequence[Received]) -> None:
    """Registrations ended. Who still waited when the shift began stays who waited: nobody cancelled anything."""
    waited = [event for event in events if event.data.reason is CancelReason.SHIFT_BEGUN]
    ended = [event for event in events if event.data.reason is not CancelReason.SHIFT_BEGUN]
    registrations_are("waitlisted")(session, waited)
    registrations_are("cancelled")(session, ended)


def on_attendance_recorded(session: Session, events: Sequence[Received]) -> None:
    """Attendance as it now stands; a correction replaces what was recorded before."""
    last = _last(events, "registration_id")
    _follow_up(session, last, _columns(last, "outcome", "service_minutes"), None, False)


def on_attendance_withdrawn(session: Session, events: Sequence[Received]) -> None:
    """Attendance was taken back: nobody knows by now whether they came."""
    last = _last(events, "registration_id")
    _follow_up(session, last, {"outcome": [""] * len(last), "service_minutes": [0] * len(last)}, None, False)


def on_person_merged(session: Session, events: Sequence[Received]) -> None:
    """Two people count as one from now on, also in what was told before."""
    _save_merges(session, events, undone=False)


def on_person_unmerged(session: Session, events: Sequence[Received]) -> None:
    """They count as two again."""
    _save_merges(session, events, undone=True)


def _save_merges(session: Session, events: Sequence[Received], undone: bool) -> None:
    last = _last(events, "merge_id")
    session.execute(SAVE_MERGES, {**_columns(last, "merge_id", "person_number", "into_number"), "undone": undone})


def _follow_up(
    session: Session, data: Sequence[Any], attendance: dict[str, list[Any]], status: str | None, promoted: bool
) -> None:
    columns = _columns(data, "registration_id", "version", "places") | attendance
    found = session.scalar(FOLLOW_UP, {**columns, "status": status, "promoted": promoted})
    _expect_all(data, found, "a registration that never signed up")


def _last(events: Iterable[Received], key: str) -> list[Any]:
    """The data of the last event per key, in the order in which the keys came."""
    return list({getattr(event.data, key): event.data for event in events}.values())


def _columns(data: Sequence[Any], *names: str) -> dict[str, list[Any]]:
    return {name: [getattr(row, name) for row in data] for name in names}


def _expect_all(data: Sequence[Any], found: int | None, otherwise: str) -> None:
    if found != len(data):
        raise LookupError(f"{len(data) - (found or 0)} of {len(data)} events are about {otherwise}")


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
