"""When to remind whom: rows of the moments of their shift (`handlers/moments.py`), again whenever one of them changes.

What lies ahead is judged by the times of the events, so that the same log gives the same reminders however late and in
whichever order of partitions it is read: each row keeps since when it is as it is (`as_of`). What is due is judged by
the database's clock when it is claimed (`operations/reminders.py`).
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

SCHEDULE = text("""
    INSERT INTO reminders AS r
        (registration_id, shift_id, rule, due_at, expires_at, of_status, only_unconfirmed, late)
    SELECT registrations.id, shifts.id, moments.rule, moments.due_at, shifts.starts_at, of_status, only_unconfirmed,
           late
    FROM registrations
    JOIN shifts ON shifts.id = registrations.shift_id AND NOT shifts.cancelled
    JOIN activities ON activities.id = shifts.activity_id AND NOT activities.cancelled
    JOIN sites ON sites.id = activities.site_id
    JOIN moments ON moments.shift_id = shifts.id AND of_status = registrations.status
    WHERE registrations.id = ANY(:registration_ids) AND NOT (only_unconfirmed AND registrations.coming)
      AND moments.due_at > greatest(registrations.as_of, shifts.as_of, activities.as_of, sites.as_of)
    ON CONFLICT ON CONSTRAINT reminders_once DO UPDATE
        SET due_at = excluded.due_at, expires_at = excluded.expires_at, late = excluded.late, state = 'pending',
            reason = NULL
        WHERE r.due_at <> excluded.due_at OR r.state = 'withdrawn' OR r.state = 'pending' AND r.late <> excluded.late
""")

WITHDRAW_STALE = text("""
    UPDATE reminders AS r SET state = 'withdrawn', reason = 'the registration, its shift or its rules changed'
    FROM registrations JOIN shifts ON shifts.id = registrations.shift_id
    JOIN activities ON activities.id = shifts.activity_id
    WHERE r.registration_id = ANY(:registration_ids) AND registrations.id = r.registration_id AND r.state = 'pending'
      AND (registrations.status <> r.of_status OR shifts.cancelled OR activities.cancelled
           OR r.only_unconfirmed AND registrations.coming
           OR NOT EXISTS (SELECT FROM moments WHERE moments.shift_id = shifts.id AND moments.of_status = r.of_status
                          AND moments.rule = r.rule AND moments.due_at = r.due_at))
""")

# A rule by the clock may stay where it is when its shift moves.
KEEP_UP = text("""
    UPDATE reminders AS r SET expires_at = shifts.starts_at
    FROM registrations JOIN shifts ON shifts.id = registrations.shift_id
    WHERE r.registration_id = ANY(:registration_ids) AND registrations.id = r.registration_id
      AND r.state = 'pending' AND r.expires_at <> shifts.starts_at
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
                   AND NOT (r.only_unconfirmed AND registrations.coming)
                   AND NOT shifts.cancelled AND NOT activities.cancelled AS valid
        FROM reminders AS r JOIN registrations ON registrations.id = r.registration_id
        JOIN shifts ON shifts.id = registrations.shift_id JOIN activities ON activities.id = shifts.activity_id
        WHERE r.registration_id = ANY(:registration_ids)
    ) AS reminder
    WHERE messages.reminder_id = reminder.id AND messages.state = 'pending'
""")


def schedule(session: Session, registration_ids: Sequence[Any]) -> None:
    """Have a reminder at every moment of the shift that lay ahead when the registration, its shift, its activity and
    its site became what they are. Who waits is told instead, in time, that there is no place.

    One that has fired fires again when its new moment lies ahead. Cancelled and offered registrations get none.
    """
    session.execute(SCHEDULE, {"registration_ids": list(registration_ids)})


def withdraw_stale(session: Session, registration_ids: Sequence[Any]) -> None:
    """Withdraw reminders that no longer fit their registration, shift or activity, and mails of such not yet sent.

    In this order: a reminder that is being claimed meanwhile makes the first statement wait, and the second then
    sees the message that it caused.
    """
    session.execute(KEEP_UP, {"registration_ids": list(registration_ids)})
    session.execute(WITHDRAW_STALE, {"registration_ids": list(registration_ids)})
    session.execute(RECALL_UNSENT, {"registration_ids": list(registration_ids)})


def reschedule(session: Session, registration_ids: Sequence[Any]) -> None:
    """Bring the reminders of these registrations in line with what is now."""
    schedule(session, registration_ids)
    withdraw_stale(session, registration_ids)
