"""Due reminders become messages."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from services.common.database import EVERY_SITE, Database
from services.common.logs import get_logger
from services.common.schemas import ListQuery
from services.notifications.operations.messages import number_of

log = get_logger(__name__)

CLAIM = 500

SKIPPED_AFTER = timedelta(minutes=15)
"""So late a reminder whose rule says `skip` no longer goes out. Queues and restarts take less."""

# The rows are locked and judged by the database's clock, and what they cause is written in the same statement: a crash
# leaves either both or neither. A message's id is made of what the log says, so that it is the same after the log was
# read again. `occurrence` is not: who fired before a shift moved is known to this database only. What tells two
# messages for the very same moment apart is how many there were before.
FIRE = text("""
    WITH due AS MATERIALIZED (
        SELECT id, registration_id, due_at, expires_at, of_status, only_unconfirmed, late
        FROM reminders WHERE state = 'pending' AND due_at <= now()
        ORDER BY due_at LIMIT :claim FOR UPDATE SKIP LOCKED
    ), judged AS (
        UPDATE reminders AS r SET state = verdict.state, reason = verdict.reason, occurrence = occurrence + 1
        FROM due JOIN registrations ON registrations.id = due.registration_id
        JOIN shifts ON shifts.id = registrations.shift_id
        CROSS JOIN LATERAL (SELECT * FROM (VALUES
            (registrations.status <> due.of_status OR shifts.cancelled
                 OR due.only_unconfirmed AND registrations.coming,
             'withdrawn', 'the registration or its shift changed'),
            (due.expires_at <= now(), 'missed', 'the shift had begun'),
            (due.late = 'skip' AND due.due_at <= now() - :skipped_after, 'missed', 'too late by its rule'),
            (due.late = 'latest' AND EXISTS (
                 SELECT FROM reminders AS later
                 WHERE later.registration_id = due.registration_id AND later.of_status = due.of_status
                   AND (later.due_at, later.id) > (due.due_at, due.id) AND later.due_at <= now()
                   AND later.state IN ('pending', 'fired') AND NOT (later.only_unconfirmed AND registrations.coming)
                   AND NOT (later.state = 'pending' AND later.late = 'skip'
                            AND later.due_at <= now() - :skipped_after)),
             'superseded', 'a later one is due by now as well'),
            (true, 'fired', NULL)) AS rules (holds, state, reason) WHERE holds LIMIT 1) AS verdict
        WHERE r.id = due.id
        RETURNING r.id, r.state, r.occurrence, r.rule, r.due_at, r.expires_at, r.of_status,
                  registrations.id AS registration_id, registrations.shift_id, registrations.site_id,
                  registrations.person_id, registrations.request_id
    ), caused AS (
        INSERT INTO messages (id, kind, site_id, shift_id, registration_id, person_id, reminder_id, occurrence, due_at,
                              request_id, expires_at, next_attempt_at)
        SELECT md5(concat_ws('/', registration_id, rule, extract(epoch FROM due_at), (
                   SELECT count(*) FROM messages AS before
                   WHERE before.reminder_id = judged.id AND before.due_at = judged.due_at),
                   CASE of_status WHEN 'waitlisted' THEN 'no_place' END))::uuid,
               CASE of_status WHEN 'waitlisted' THEN 'no_place' ELSE 'reminder' END, site_id, shift_id,
               registration_id, person_id, judged.id, occurrence, due_at, request_id, expires_at,
               CASE WHEN morning + interval '1 hour' <= expires_at THEN morning ELSE now() END
        FROM judged LEFT JOIN sites ON sites.id = site_id
        CROSS JOIN LATERAL awake(now(), time_zone, quiet_from, quiet_until) AS morning
        WHERE state = 'fired' ORDER BY due_at, judged.id
    )
    SELECT count(*) AS claimed, count(*) FILTER (WHERE state = 'missed') AS missed,
           count(*) FILTER (WHERE state = 'superseded') AS superseded
    FROM judged
""")

OF = text("SELECT * FROM reminders WHERE registration_id = :id ORDER BY due_at, id")

# What was withdrawn is none of these: it was no longer so.
NOT_SENT = text("""
    SELECT r.*, shifts.starts_at, shifts.ends_at, role_zh, role_en, title_zh, title_en
    FROM reminders AS r JOIN shifts ON shifts.id = r.shift_id JOIN activities ON activities.id = shifts.activity_id
    WHERE r.state IN ('missed', 'superseded') AND (
        cast(:before AS bigint) IS NULL
        OR (r.due_at, r.id) < (SELECT last.due_at, last.id FROM reminders AS last WHERE last.id = :before))
    ORDER BY r.due_at DESC, r.id DESC LIMIT :limit
""")


def reminders_of(database: Database, scope: str, registration_id: UUID) -> Sequence[Row[Any]]:
    """The reminders of a registration, the earliest first; none of one that `scope` may not see."""
    with database.transaction(scope) as session:
        return session.execute(OF, {"id": registration_id}).all()


def list_not_sent(database: Database, scope: str, query: ListQuery) -> tuple[Sequence[Row[Any]], str | None]:
    """A page of the reminders that `scope` may see and of which no message came, because they were found late; those
    due last first, and the cursor of the next page if there is one."""
    before = None if query.cursor is None else number_of(query.cursor)
    with database.transaction(scope) as session:
        found = session.execute(NOT_SENT, {"before": before, "limit": query.limit + 1}).all()
    page = found[: query.limit]
    return page, str(page[-1].id) if len(found) > query.limit else None


def fire_due_reminders(database: Database, claim: int = CLAIM) -> int:
    """Turn up to `claim` due reminders into messages; returns how many were claimed.

    One that no longer fits its registration is recorded as withdrawn, one whose shift has begun as missed; what becomes
    of one that is late says its rule (`Late`). Each row keeps the reason.
    """
    with database.transaction(EVERY_SITE) as session:
        row = session.execute(FIRE, {"claim": claim, "skipped_after": SKIPPED_AFTER}).one()
    if row.missed or row.superseded:
        log.warning("reminders_late", missed=row.missed, superseded=row.superseded, reason="found after their time")
    return int(row.claimed)
