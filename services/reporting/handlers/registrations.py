"""Registrations and attendance: one fact for each registration."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.events import CancelReason, Received
from services.reporting.handlers.runs import columns_of, expect_all, last_events_of, last_of, times_of

SIGN_UP = text("""
WITH incoming AS (
    SELECT * FROM unnest(cast(:registration_id AS uuid[]), cast(:version AS int[]), cast(:shift_id AS uuid[]),
                         cast(:person_id AS uuid[]), cast(:person_number AS bigint[]), cast(:age_band AS text[]),
                         cast(:places AS int[]), cast(:channel AS text[]), cast(:team_id AS uuid[]),
                         cast(:signed_up_at AS timestamptz[]))
             AS i (registration_id, version, shift_id, person_id, person_number, age_band, places, channel, team_id,
                   signed_up_at)
), known AS (
    SELECT incoming.*, activities.activity_id, activities.activity_number, activities.kind, shifts.site_id, shifts.day
    FROM incoming JOIN shifts USING (shift_id) JOIN activities USING (activity_id)
), saved AS (
    INSERT INTO facts (registration_id, version, site_id, shift_id, activity_id, activity_number, person_id,
                       person_number, kind, age_band, day, status, places, channel, team_id, signed_up_at)
    SELECT registration_id, version, site_id, shift_id, activity_id, activity_number, person_id,
           person_number, kind, age_band, day, :status, places, channel, team_id, signed_up_at
    FROM known
    RETURNING site_id, date_trunc('month', day)::date AS month
), marked AS (
    INSERT INTO dirty (site_id, month) SELECT DISTINCT site_id, month FROM saved
)
SELECT count(*) FROM known
""")

# How long before its start a place was given up is counted to the start as it was then: a shift that moves later makes
# nobody's cancellation late.
FOLLOW_UP = text("""
WITH incoming AS (
    SELECT * FROM unnest(cast(:registration_id AS uuid[]), cast(:version AS int[]), cast(:places AS int[]),
                         cast(:outcome AS text[]), cast(:service_minutes AS int[]),
                         cast(:cancelled_at AS timestamptz[]), cast(:reason AS text[]),
                         cast(:was_waitlisted AS boolean[]))
             AS i (registration_id, version, places, outcome, service_minutes, cancelled_at, reason, was_waitlisted)
), saved AS (
    UPDATE facts SET
        version = incoming.version,
        places = incoming.places,
        status = coalesce(cast(:status AS text), facts.status),
        promoted = facts.promoted OR :promoted,
        outcome = nullif(coalesce(incoming.outcome, facts.outcome), ''), -- '' is what was taken back
        service_minutes = coalesce(incoming.service_minutes, facts.service_minutes),
        cancelled_at = coalesce(incoming.cancelled_at, facts.cancelled_at),
        cancel_reason = coalesce(incoming.reason, facts.cancel_reason),
        was_waitlisted = coalesce(incoming.was_waitlisted, facts.was_waitlisted),
        notice_minutes = CASE WHEN incoming.cancelled_at IS NULL THEN facts.notice_minutes ELSE (
            SELECT floor(extract(epoch FROM shifts.starts_at - incoming.cancelled_at) / 60) FROM shifts
            WHERE shifts.shift_id = facts.shift_id) END
    FROM incoming WHERE facts.registration_id = incoming.registration_id
    RETURNING facts.site_id, date_trunc('month', facts.day)::date AS month
), marked AS (
    INSERT INTO dirty (site_id, month) SELECT DISTINCT site_id, month FROM saved
)
SELECT count(*) FROM saved
""")


SIGN_UP_COLUMNS = (
    "registration_id",
    "version",
    "shift_id",
    "person_id",
    "person_number",
    "age_band",
    "places",
    "channel",
    "team_id",
)

# What an event says beside status and places; what it does not say stays as it was.
ATTENDANCE = ("outcome", "service_minutes")
CANCELLATION = ("reason", "was_waitlisted")


def signed_up_as(status: str) -> Callable[[Session, Sequence[Received]], None]:
    """Handler of sign-ups that begin with this status."""

    def handle(session: Session, events: Sequence[Received]) -> None:
        data = [event.data for event in events]
        columns = columns_of(data, *SIGN_UP_COLUMNS) | {"signed_up_at": times_of(events), "status": status}
        expect_all(data, session.scalar(SIGN_UP, columns), "a shift that was never opened")

    return handle


def registrations_are(status: str | None, promoted: bool = False) -> Callable[[Session, Sequence[Received]], None]:
    """Handler of events that give registrations another status, or none, and perhaps other places."""

    def handle(session: Session, events: Sequence[Received]) -> None:
        _follow_up(session, last_of(events, "registration_id"), {}, status, promoted)

    return handle


def on_registrations_cancelled(session: Session, events: Sequence[Received]) -> None:
    """Registrations ended. Who still waited when the shift began stays who waited: nobody cancelled anything."""
    waited = [event for event in events if event.data.reason is CancelReason.SHIFT_BEGUN]
    ended = [event for event in events if event.data.reason is not CancelReason.SHIFT_BEGUN]
    for status, those in (("waitlisted", waited), ("cancelled", ended)):
        last = last_events_of(those, "registration_id")
        data = [event.data for event in last]
        _follow_up(session, data, columns_of(data, *CANCELLATION) | {"cancelled_at": times_of(last)}, status)


def on_attendance_recorded(session: Session, events: Sequence[Received]) -> None:
    """Attendance as it now stands; a correction replaces what was recorded before."""
    last = last_of(events, "registration_id")
    _follow_up(session, last, columns_of(last, *ATTENDANCE))


def on_attendance_withdrawn(session: Session, events: Sequence[Received]) -> None:
    """Attendance was taken back: nobody knows by now whether they came."""
    last = last_of(events, "registration_id")
    _follow_up(session, last, {"outcome": [""] * len(last), "service_minutes": [0] * len(last)})


def _follow_up(
    session: Session, data: Sequence[Any], said: dict[str, list[Any]], status: str | None = None, promoted: bool = False
) -> None:
    unsaid = dict.fromkeys((*ATTENDANCE, *CANCELLATION, "cancelled_at"), [None] * len(data))
    columns = unsaid | columns_of(data, "registration_id", "version", "places") | said
    found = session.scalar(FOLLOW_UP, {**columns, "status": status, "promoted": promoted})
    expect_all(data, found, "a registration that never signed up")
