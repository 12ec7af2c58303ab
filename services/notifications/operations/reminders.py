"""Due reminders become messages."""

from sqlalchemy import text

from services.common.database import EVERY_SITE, Database
from services.common.logs import get_logger

log = get_logger(__name__)

CLAIM = 500

# The rows are locked and judged by the database's clock, and what they cause is written in the same statement: a crash
# leaves either both or neither. A message's id is made of what the log says, so that it is the same after the log was
# read again. `occurrence` is not: who fired before a shift moved is known to this database only. What tells two
# messages for the very same moment apart is how many there were before.
FIRE = text("""
    WITH due AS MATERIALIZED (
        SELECT id FROM reminders WHERE state = 'pending' AND due_at <= now()
        ORDER BY due_at LIMIT :claim FOR UPDATE SKIP LOCKED
    ), judged AS (
        UPDATE reminders AS r SET
            state = CASE WHEN registrations.status <> r.of_status OR shifts.cancelled THEN 'withdrawn'
                         WHEN r.expires_at <= now() THEN 'missed'
                         ELSE 'fired' END,
            occurrence = occurrence + 1
        FROM due, registrations JOIN shifts ON shifts.id = registrations.shift_id
        WHERE r.id = due.id AND registrations.id = r.registration_id
        RETURNING r.id, r.state, r.occurrence, r.minutes_before, r.due_at, r.expires_at, r.of_status,
                  registrations.id AS registration_id, registrations.shift_id, registrations.site_id,
                  registrations.person_id, registrations.request_id
    ), caused AS (
        INSERT INTO messages (id, kind, site_id, shift_id, registration_id, person_id, reminder_id, occurrence, due_at,
                              request_id, expires_at)
        SELECT md5(concat_ws('/', registration_id, minutes_before, extract(epoch FROM due_at), (
                   SELECT count(*) FROM messages AS before
                   WHERE before.reminder_id = judged.id AND before.due_at = judged.due_at),
                   CASE of_status WHEN 'waitlisted' THEN 'no_place' END))::uuid,
               CASE of_status WHEN 'waitlisted' THEN 'no_place' ELSE 'reminder' END, site_id, shift_id,
               registration_id, person_id, id, occurrence, due_at, request_id, expires_at
        FROM judged WHERE state = 'fired' ORDER BY due_at, id
    )
    SELECT count(*) AS claimed, count(*) FILTER (WHERE state = 'missed') AS missed FROM judged
""")


def fire_due_reminders(database: Database, claim: int = CLAIM) -> int:
    """Turn up to `claim` due reminders into messages; returns how many were claimed.

    One whose shift has begun is recorded as missed, one that no longer fits its registration as withdrawn.
    """
    with database.transaction(EVERY_SITE) as session:
        row = session.execute(FIRE, {"claim": claim}).one()
    if row.missed:
        log.warning("reminders_missed", count=row.missed, reason="the shift had begun")
    return int(row.claimed)
