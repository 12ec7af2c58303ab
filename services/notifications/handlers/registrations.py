"""Sign-ups and what becomes of them. Each run, however long, is two or three statements: crowds come at once."""

import json
from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.events import Received
from services.notifications.handlers.reminders import schedule, withdraw_stale
from services.notifications.models import Kind

# A message expires by the time of its event, not of its arrival: a new database that reads years of log mails nobody.
# Word of a place is of no use once the shift is over, nor that of an offer once the place is no longer kept; that there
# is no place any more is worth hearing all the same.
NOTE = text("""
    WITH fresh AS MATERIALIZED (
        SELECT * FROM unnest(
            cast(:event_ids AS uuid[]), cast(:times AS timestamptz[]), cast(:request_ids AS text[]),
            cast(:registration_ids AS uuid[]), cast(:shift_ids AS uuid[]), cast(:site_ids AS uuid[]),
            cast(:person_ids AS uuid[]), cast(:calendar AS boolean[]), cast(:details AS text[])
        ) WITH ORDINALITY AS fresh (
            event_id, at, request_id, registration_id, shift_id, site_id, person_id, calendar, details, place
        )
    ), kept AS (
        INSERT INTO registrations (id, shift_id, site_id, person_id, status, request_id, as_of)
        SELECT registration_id, shift_id, site_id, person_id, :status, request_id, at FROM fresh
        ON CONFLICT (id) DO UPDATE SET status = excluded.status, request_id = excluded.request_id,
            as_of = excluded.as_of, coming = false,
            calendar_sequence = registrations.calendar_sequence + 1
        RETURNING id, calendar_sequence
    )
    INSERT INTO messages (id, kind, site_id, shift_id, registration_id, person_id, cause_event, request_id,
                          calendar_sequence, details, expires_at, caused_at)
    SELECT md5(event_id::text || registration_id::text)::uuid, :kind, site_id, shift_id, registration_id, person_id,
           event_id, request_id, CASE WHEN calendar THEN calendar_sequence END, cast(details AS jsonb),
           least(at + interval '3 days', CASE WHEN cast(:kind AS text) <> 'cancellation' THEN least(
               (SELECT ends_at FROM shifts WHERE shifts.id = fresh.shift_id),
               cast(cast(details AS jsonb) ->> 'until' AS timestamptz)) END), at
    FROM fresh JOIN kept ON kept.id = fresh.registration_id
    ORDER BY place
    ON CONFLICT DO NOTHING
""")


def on_confirmed(session: Session, events: Sequence[Received]) -> None:
    """A place: confirm it, and remind of it."""
    _note(session, events, "confirmed", Kind.CONFIRMATION, [True] * len(events))
    schedule(session, _ids(events))


def on_waitlisted(session: Session, events: Sequence[Received]) -> None:
    """No place yet: say so, and once more when it comes to nothing. Nothing for the calendar."""
    _note(session, events, "waitlisted", Kind.WAITLISTED, [False] * len(events))
    schedule(session, _ids(events))


def on_promoted(session: Session, events: Sequence[Received]) -> None:
    """A place after all: tell, and remind of it."""
    _note(session, events, "confirmed", Kind.PROMOTION, [True] * len(events))
    withdraw_stale(session, _ids(events))
    schedule(session, _ids(events))


def on_offered(session: Session, events: Sequence[Received]) -> None:
    """A place, if they want it: ask, and say until when. Nothing for the calendar yet."""
    details = [{"until": event.data.expires_at.isoformat(), "clashes": event.data.clashes} for event in events]
    _note(session, events, "offered", Kind.OFFER, [False] * len(events), details)
    withdraw_stale(session, _ids(events))


def on_moved_to_waitlist(session: Session, events: Sequence[Received]) -> None:
    """A place no longer: tell, take it out of the calendar if it was in there, remind no more for now."""
    calendar = [not event.data.was_offered for event in events]
    _note(session, events, "waitlisted", Kind.MOVED_BACK, calendar)
    withdraw_stale(session, _ids(events))
    schedule(session, _ids(events))


def on_coming(session: Session, events: Sequence[Received]) -> None:
    """They said that they will come: what was only for who has not said so is withdrawn."""
    session.execute(text("UPDATE registrations SET coming = true WHERE id = ANY(:ids)"), {"ids": _ids(events)})
    withdraw_stale(session, _ids(events))


QUIET = ("merged", "shift_begun")


def on_cancelled(session: Session, events: Sequence[Received]) -> None:
    """No longer: tell, take it out of the calendar if it was in there, remind no more.

    Who was registered twice keeps a place: telling of the double's end would frighten them. Whoever still waited when
    the shift began was told two hours before: a mail in that very minute helps nobody.
    """
    withdraw_stale(session, _end_quietly(session, [event for event in events if event.data.reason in QUIET]))
    events = [event for event in events if event.data.reason not in QUIET]
    if not events:
        return
    details = [{"reason": event.data.reason, "was_waitlisted": event.data.was_waitlisted} for event in events]
    calendar = [not event.data.was_waitlisted for event in events]
    _note(session, events, "cancelled", Kind.CANCELLATION, calendar, details)
    withdraw_stale(session, _ids(events))


def _end_quietly(session: Session, events: Sequence[Received]) -> list[object]:
    ids = _ids(events)
    session.execute(text("UPDATE registrations SET status = 'cancelled' WHERE id = ANY(:ids)"), {"ids": ids})
    return ids


def _ids(events: Sequence[Received]) -> list[object]:
    return [event.data.registration_id for event in events]


def _note(
    session: Session,
    events: Sequence[Received],
    status: str,
    kind: Kind,
    calendar: list[bool],
    details: Sequence[dict[str, object]] = (),
) -> None:
    """Keep what the registrations now are, and one message for each."""
    session.execute(
        NOTE,
        {
            "status": status,
            "kind": kind,
            "event_ids": [event.event_id for event in events],
            "times": [event.time for event in events],
            "request_ids": [event.request_id for event in events],
            "registration_ids": _ids(events),
            "shift_ids": [event.data.shift_id for event in events],
            "site_ids": [event.data.site_id for event in events],
            "person_ids": [event.data.person_id for event in events],
            "calendar": calendar,
            "details": [json.dumps(one) for one in details] or ["{}"] * len(events),
        },
    )
