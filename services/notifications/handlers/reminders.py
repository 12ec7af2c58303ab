"""When to remind: rows computed from a shift's start and its activity's offsets, again whenever one of them changes.

What lies ahead is judged by the time of the event, so that the same log gives the same reminders however late it is
read; what is due is judged by the database's clock when it is claimed (`operations/reminders.py`).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

NO_PLACE = 120
"""Minutes before the start at which whoever still waits hears that there is no place so far: before they set out. Who
came to wait later has just been told so."""

SCHEDULE = text("""
    INSERT INTO reminders AS r (registration_id, shift_id, minutes_before, due_at, expires_at, of_status)
    SELECT wanted.* FROM (
        SELECT DISTINCT asked.registration_id, shifts.id, minutes,
               shifts.starts_at - make_interval(mins => minutes) AS due_at, shifts.starts_at, registrations.status
        FROM unnest(cast(:registration_ids AS uuid[]), cast(:times AS timestamptz[])) AS asked (registration_id, at)
        JOIN registrations ON registrations.id = asked.registration_id
        JOIN shifts ON shifts.id = registrations.shift_id AND NOT shifts.cancelled
        JOIN activities ON activities.id = shifts.activity_id AND NOT activities.cancelled
        CROSS JOIN unnest(CASE registrations.status WHEN 'confirmed' THEN activities.reminder_minutes
                          WHEN 'waitlisted' THEN ARRAY[cast(:no_place AS integer)] END) AS minutes
        WHERE shifts.starts_at - make_interval(mins => minutes) > asked.at
    ) AS wanted
    ON CONFLICT ON CONSTRAINT reminders_once DO UPDATE
        SET due_at = excluded.due_at, expires_at = excluded.expires_at, state = 'pending'
        WHERE r.due_at <> excluded.due_at OR r.state = 'withdrawn'
""")

WITHDRAW_STALE = text("""
    UPDATE reminders AS r SET state = 'withdrawn'
    FROM registrations JOIN shifts ON shifts.id = registrations.shift_id
    JOIN activities ON activities.id = shifts.activity_id
    WHERE r.registration_id = ANY(:registration_ids) AND registrations.id = r.registration_id AND r.state = 'pending'
      AND (registrations.status <> r.of_status OR shifts.cancelled OR activities.cancelled
           OR r.of_status = 'confirmed' AND r.minutes_before <> ALL (activities.reminder_minutes)
           OR r.due_at <> shifts.starts_at - make_interval(mins => r.minutes_before))
""")

# Fired but not mailed yet. One that will fire again, or that nobody is to get any more, must not go out now.
RECALL_UNSENT = text("""
    UPDATE messages SET
        state = CASE WHEN valid THEN messages.state ELSE 'expired' END,
        error = CASE WHEN valid THEN messages.error ELSE 'recalled: the registration or its shift changed' END,
        expires_at = CASE WHEN valid THEN starts_at ELSE messages.expires_at END
    FROM (
        SELECT r.id, shifts.starts_at,
               r.state = 'fired' AND registrations.status = r.of_status
                   AND NOT shifts.cancelled AND NOT activities.cancelled AS valid
        FROM reminders AS r JOIN registrations ON registrations.id = r.registration_id
        JOIN shifts ON shifts.id = registrations.shift_id JOIN activities ON activities.id = shifts.activity_id
        WHERE r.registration_id = ANY(:registration_ids)
    ) AS reminder
    WHERE messages.reminder_id = reminder.id AND messages.state = 'pending'
""")


def schedule(session: Session, registration_ids: Sequence[Any], times: Sequence[datetime]) -> None:
    """Have a reminder at every offset that was still ahead at the registration's time in `times`; who waits is told
    instead, `NO_PLACE` before the start, that there is no place.

    One that has fired fires again when its new moment lies ahead. Cancelled and offered registrations get none.
    """
    asked = {"registration_ids": list(registration_ids), "times": list(times), "no_place": NO_PLACE}
    session.execute(SCHEDULE, asked)


def withdraw_stale(session: Session, registration_ids: Sequence[Any]) -> None:
    """Withdraw reminders that no longer fit their registration, shift or activity, and mails of such not yet sent.

    In this order: a reminder that is being claimed meanwhile makes the first statement wait, and the second then
    sees the message that it caused.
    """
    session.execute(WITHDRAW_STALE, {"registration_ids": list(registration_ids)})
    session.execute(RECALL_UNSENT, {"registration_ids": list(registration_ids)})


def reschedule(session: Session, registration_ids: Sequence[Any], at: datetime) -> None:
    """Bring the reminders of these registrations in line with what is now, as of `at`."""
    schedule(session, registration_ids, [at] * len(registration_ids))
    withdraw_stale(session, registration_ids)
