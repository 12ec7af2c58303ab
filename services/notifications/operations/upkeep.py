"""What keeps messages from being stuck, and the figures that tell an operator when something is."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.database import EVERY_SITE, Database
from services.common.idempotency import forget_old_keys
from services.common.logs import get_logger
from services.notifications.operations.claims import BACKOFF, LEASE
from services.notifications.operations.webhooks.upkeep import FIGURES

log = get_logger(__name__)

SWEEP = 1000
APPLIED_KEPT_DAYS = 30

HISTORY_KEPT_DAYS = 400
"""A site accounts for a year; a month more to look into what it finds then. Who was written to is kept no longer."""


FORGET = (
    text("""
    WITH old AS MATERIALIZED (
        SELECT id FROM (SELECT id, state, created_at FROM messages ORDER BY number LIMIT :batch) AS oldest
        WHERE state NOT IN ('pending', 'sending') AND created_at < now() - make_interval(days => :days)
    ), unlogged AS (
        DELETE FROM deliveries USING old WHERE message_id = old.id
    )
    DELETE FROM messages USING old WHERE messages.id = old.id
    """),
    text("""
    DELETE FROM reminders USING (SELECT id FROM reminders ORDER BY id LIMIT :batch) AS oldest
    WHERE reminders.id = oldest.id AND state <> 'pending' AND expires_at < now() - make_interval(days => :days)
      AND NOT EXISTS (SELECT 1 FROM messages WHERE reminder_id = reminders.id)
    """),
    text("""
    DELETE FROM notices USING (SELECT id FROM notices ORDER BY id LIMIT :batch) AS oldest
    WHERE notices.id = oldest.id AND state <> 'pending' AND expires_at < now() - make_interval(days => :days)
      AND NOT EXISTS (SELECT 1 FROM messages WHERE notice_id = notices.id)
    """),
    text("""
    DELETE FROM digests USING (SELECT id FROM digests ORDER BY id LIMIT :batch) AS oldest
    WHERE digests.id = oldest.id AND state <> 'pending' AND expires_at < now() - make_interval(days => :days)
      AND NOT EXISTS (SELECT 1 FROM messages WHERE digest_id = digests.id)
    """),
    text("""
    DELETE FROM alarms USING (SELECT id FROM alarms ORDER BY id LIMIT :batch) AS oldest
    WHERE alarms.id = oldest.id AND ended_at < now() - make_interval(days => :days)
      AND NOT EXISTS (SELECT 1 FROM messages WHERE alarm_id = alarms.id)
    """),
)


MOST_INTERRUPTED = 5
"""Workers that may end while they have a message, before it is taken as the cause."""

# Counted since somebody last put it back: that begins its attempts anew.
RECOVER = text("""
    WITH abandoned AS MATERIALIZED (
        SELECT id, claimed_at, least(attempts, 1 + (
            SELECT count(*) FROM deliveries WHERE message_id = messages.id AND outcome = 'interrupted'))::int AS times
        FROM messages
        WHERE state = 'sending' AND claimed_at < now() - make_interval(secs => :lease)
        ORDER BY claimed_at LIMIT :sweep FOR UPDATE SKIP LOCKED
    ), recovered AS (
        UPDATE messages SET claimed_at = NULL,
            state = CASE WHEN times < :most THEN 'pending' ELSE 'failed' END,
            next_attempt_at = now() + make_interval(secs => CASE
                WHEN times = 1 THEN 0 ELSE 2 * random() * (cast(:backoff AS integer[]))[times - 1] END),
            error = CASE WHEN times < :most THEN 'interrupted: the worker ended before the result was known'
                ELSE format('unknown: its worker ended %s times while sending it', times) END
        FROM abandoned WHERE messages.id = abandoned.id
        RETURNING messages.id, abandoned.claimed_at
    )
    INSERT INTO deliveries (message_id, started_at, outcome)
    SELECT id, claimed_at, 'interrupted' FROM recovered RETURNING message_id
""")


def recover_abandoned(database: Database, lease: float = LEASE) -> int:
    """Put messages back whose worker died; returns how many. However long ago: the sweep has no window.

    Whether such a mail went out is unknown, so it goes out again, with the same Message-ID: at once the first time, for
    workers are restarted. Then the message itself may be what ends them. So each of its batch waits for a while of its
    own, and they part; one that has ended `MOST_INTERRUPTED` workers is given up.
    """
    values = {"lease": lease, "sweep": SWEEP, "most": MOST_INTERRUPTED, "backoff": list(BACKOFF)}
    with database.transaction(EVERY_SITE) as session:
        recovered = session.execute(RECOVER, values).all()
    if recovered:
        log.warning("messages_recovered", count=len(recovered), reason="their worker ended before the result was known")
    return len(recovered)


def expire_overdue(database: Database) -> int:
    """End messages that were not accepted in time; returns how many. Their last error stays."""
    with database.transaction(EVERY_SITE) as session:
        expired = session.execute(
            text("""
            WITH overdue AS MATERIALIZED (
                SELECT id FROM messages WHERE state = 'pending' AND expires_at <= now()
                ORDER BY expires_at LIMIT :sweep FOR UPDATE SKIP LOCKED
            )
            UPDATE messages SET state = 'expired', error = coalesce(error, 'expired before it could be sent')
            FROM overdue WHERE messages.id = overdue.id RETURNING messages.id
            """),
            {"sweep": SWEEP},
        ).all()
    if expired:
        log.warning("messages_expired", count=len(expired), reason="not accepted before their time was over")
    return len(expired)


def trim_applied(database: Database) -> int:
    """Forget which events were applied, after 30 days; the cursor alone says what is new. Returns how many."""
    with database.transaction() as session:
        return session.execute(
            text("""
            DELETE FROM applied WHERE id IN (
                SELECT id FROM applied WHERE applied_at < now() - make_interval(days => :days)
                ORDER BY applied_at LIMIT :batch)
            """),
            {"days": APPLIED_KEPT_DAYS, "batch": 10 * SWEEP},
        ).rowcount  # type: ignore[attr-defined]


def forget_keys(database: Database) -> int:
    """Forget the idempotency keys that nobody retries any more; returns how many."""
    with database.transaction(EVERY_SITE) as session:
        return forget_old_keys(session)


def forget_history(database: Database, kept_days: int = HISTORY_KEPT_DAYS) -> int:
    """Delete the oldest messages and reminders, with their deliveries, once they are finished and long over.

    Returns how many messages and reminders. Looks at one batch from the old end of each table, which costs the same
    however long the history is. A reminder goes after its messages.
    """
    values = {"days": kept_days, "batch": SWEEP}
    with database.transaction(EVERY_SITE) as session:
        return sum(session.execute(statement, values).rowcount for statement in FORGET)  # type: ignore[attr-defined]


def gauges(session: Session) -> dict[str, float]:
    """The service's own figures for `/metrics` and `hesheng status`."""
    row = session.execute(
        text("""
        SELECT (SELECT count(*) FROM reminders WHERE state = 'pending' AND due_at <= now()) AS reminders_due,
               (SELECT count(*) FROM reminders
                WHERE state = 'pending' AND due_at <= now() - interval '60 seconds') AS reminders_late,
               (SELECT count(*) FROM notices
                WHERE state = 'pending' AND due_at <= now() - interval '60 seconds') AS notices_late,
               (SELECT count(*) FROM digests
                WHERE state = 'pending' AND due_at <= now() - interval '60 seconds') AS digests_late,
               waiting.*,
               (SELECT count(*) FROM messages WHERE state = 'sending') AS messages_sending,
               (SELECT count(*) FROM messages WHERE state = 'failed') AS messages_failed,
               (SELECT count(*) FROM messages
                WHERE state = 'expired' AND coalesce(error, '') NOT LIKE 'recalled%') AS messages_expired,
               (SELECT count(*) FROM messages WHERE state = 'no_contact') AS messages_no_contact,
               (SELECT count(*) FROM messages
                WHERE suppression_id IS NOT NULL AND state = 'suppressed') AS messages_suppressed,
               (SELECT count(*) FROM providers WHERE failing_since IS NOT NULL) AS providers_failing,
               (SELECT count(*) FROM replies WHERE outcome <> 'refused') AS sms_replies_ignored,
               (SELECT count(*) FROM alarms WHERE ended_at IS NULL) AS alarms_open
        FROM (SELECT count(*) AS messages_pending,
                     count(*) FILTER (WHERE next_attempt_at <= now()) AS messages_due,
                     count(*) FILTER (WHERE error LIKE 'held back%') AS messages_held_back,
                     greatest(coalesce(extract(epoch FROM now() - min(next_attempt_at)), 0), 0)
                         AS oldest_due_message_seconds
              FROM messages WHERE state = 'pending') AS waiting
        """)
    ).one()
    webhooks = session.execute(FIGURES).one()
    return {name: float(value) for name, value in (*row._mapping.items(), *webhooks._mapping.items())}
