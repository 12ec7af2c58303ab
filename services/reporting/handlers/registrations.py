"""Registrations and attendance: one fact for each registration."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.events import CancelReason, Received
from services.reporting.handlers.runs import columns_of, expect_all, last_of

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
    RETURNING site_id, date_trunc('month', day)::date AS month
), marked AS (
    INSERT INTO dirty (site_id, month) SELECT DISTINCT site_id, month FROM saved
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
    RETURNING facts.site_id, date_trunc('month', facts.day)::date AS month
), marked AS (
    INSERT INTO dirty (site_id, month) SELECT DISTINCT site_id, month FROM saved
)
SELECT count(*) FROM saved
""")


def signed_up_as(status: str) -> Callable[[Session, Sequence[Received]], None]:
    """Handler of sign-ups that begin with this status."""

    def handle(session: Session, events: Sequence[Received]) -> None:
        data = [event.data for event in events]
        columns = columns_of(
            data, "registration_id", "version", "shift_id", "person_id", "person_number", "age_band", "places"
        )
        expect_all(data, session.scalar(SIGN_UP, {**columns, "status": status}), "a shift that was never opened")

    return handle


def registrations_are(status: str | None, promoted: bool = False) -> Callable[[Session, Sequence[Received]], None]:
    """Handler of events that give registrations another status, or none, and perhaps other places."""

    def handle(session: Session, events: Sequence[Received]) -> None:
        last = last_of(events, "registration_id")
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
    last = last_of(events, "registration_id")
    _follow_up(session, last, columns_of(last, "outcome", "service_minutes"), None, False)


def on_attendance_withdrawn(session: Session, events: Sequence[Received]) -> None:
    """Attendance was taken back: nobody knows by now whether they came."""
    last = last_of(events, "registration_id")
    _follow_up(session, last, {"outcome": [""] * len(last), "service_minutes": [0] * len(last)}, None, False)


def _follow_up(
    session: Session, data: Sequence[Any], attendance: dict[str, list[Any]], status: str | None, promoted: bool
) -> None:
    columns = columns_of(data, "registration_id", "version", "places") | attendance
    found = session.scalar(FOLLOW_UP, {**columns, "status": status, "promoted": promoted})
    expect_all(data, found, "a registration that never signed up")
