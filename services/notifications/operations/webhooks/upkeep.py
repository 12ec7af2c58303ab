"""What keeps deliveries from being stuck or kept for ever, and the figures that tell an operator how they go."""

from sqlalchemy import text

from services.common.database import EVERY_SITE, Database
from services.common.logs import get_logger
from services.notifications.operations.webhooks.outgoing import LEASE

log = get_logger(__name__)

SWEEP = 1000
KEPT_DAYS = 30

RECOVER = text("""
    WITH abandoned AS MATERIALIZED (
        SELECT id, claimed_at FROM webhook_deliveries
        WHERE state = 'sending' AND claimed_at < now() - make_interval(secs => :lease)
        ORDER BY claimed_at LIMIT :sweep FOR UPDATE SKIP LOCKED
    ), recovered AS (
        UPDATE webhook_deliveries AS delivery SET state = 'pending', next_attempt_at = now(), claimed_at = NULL,
            error = 'interrupted: the process ended before the result was known'
        FROM abandoned WHERE delivery.id = abandoned.id
        RETURNING delivery.id, abandoned.claimed_at
    )
    INSERT INTO webhook_attempts (delivery_id, started_at, outcome)
    SELECT id, claimed_at, 'interrupted' FROM recovered RETURNING id
""")

# What waits for an endpoint that was disabled, and what nobody took in time.
SKIP = text("""
    WITH over AS MATERIALIZED (
        SELECT delivery.id FROM webhook_endpoints AS endpoint CROSS JOIN LATERAL (
            SELECT id FROM webhook_deliveries WHERE endpoint_id = endpoint.id AND state = 'pending'
            LIMIT :sweep FOR UPDATE SKIP LOCKED
        ) AS delivery
        WHERE endpoint.disabled_at IS NOT NULL LIMIT :sweep
    )
    UPDATE webhook_deliveries AS delivery SET state = 'skipped', ended_at = now(),
        error = coalesce(error, 'the endpoint was disabled')
    FROM over WHERE delivery.id = over.id RETURNING delivery.id
""")
EXPIRE = text("""
    WITH over AS MATERIALIZED (
        SELECT id FROM webhook_deliveries WHERE state = 'pending' AND expires_at <= now()
        ORDER BY expires_at LIMIT :sweep FOR UPDATE SKIP LOCKED
    )
    UPDATE webhook_deliveries AS delivery SET state = 'failed', ended_at = now(),
        error = coalesce(error, 'not taken before its time was over')
    FROM over WHERE delivery.id = over.id RETURNING delivery.id
""")

FORGET = text("""
    DELETE FROM webhook_deliveries USING (
        SELECT id FROM webhook_deliveries
        WHERE state NOT IN ('pending', 'sending') AND created_at < now() - make_interval(days => :days)
        ORDER BY number LIMIT :sweep
    ) AS oldest
    WHERE webhook_deliveries.id = oldest.id AND state NOT IN ('pending', 'sending')
""")

END_SECRETS = text("""
    UPDATE webhook_endpoints SET old_secret = NULL, old_secret_until = NULL WHERE old_secret_until <= now()
""")


def recover_deliveries(database: Database, lease: float = LEASE) -> int:
    """Put back deliveries whose process died; returns how many. However long ago: the sweep has no window.

    Whether the receiver got such a one is unknown, so it is sent again, with the same webhook-id.
    """
    with database.transaction(EVERY_SITE) as session:
        recovered = session.execute(RECOVER, {"lease": lease, "sweep": SWEEP}).all()
    if recovered:
        log.warning(
            "webhooks_recovered", count=len(recovered), reason="their process ended before the result was known"
        )
    return len(recovered)


def end_deliveries(database: Database) -> int:
    """End what waits in vain; returns how many. All of it can be sent again."""
    with database.transaction(EVERY_SITE) as session:
        skipped, expired = (len(session.execute(one, {"sweep": SWEEP}).all()) for one in (SKIP, EXPIRE))
    if skipped or expired:
        log.warning("webhooks_ended", skipped=skipped, expired=expired, reason="disabled endpoints; time was over")
    return skipped + expired


def forget_deliveries(database: Database, kept_days: int = KEPT_DAYS) -> int:
    """Delete the oldest finished deliveries with their attempts, and secrets that have ended; returns how many."""
    with database.transaction(EVERY_SITE) as session:
        forgotten = session.execute(FORGET, {"sweep": SWEEP, "days": kept_days}).rowcount  # type: ignore[attr-defined]
        return forgotten + session.execute(END_SECRETS).rowcount  # type: ignore[attr-defined]


FIGURES = text("""
    SELECT (SELECT count(*) FROM webhook_deliveries
            WHERE state = 'pending' AND next_attempt_at <= now()) AS webhooks_due,
           (SELECT count(*) FROM webhook_deliveries
            WHERE state = 'pending' AND created_at <= now() - interval '1 hour') AS webhooks_late,
           (SELECT count(*) FROM webhook_deliveries WHERE state = 'sending') AS webhooks_sending,
           (SELECT count(*) FROM webhook_endpoints
            WHERE disabled_at IS NULL AND failures > 0) AS webhook_endpoints_failing,
           (SELECT count(*) FROM webhook_endpoints
            WHERE disabled_why IN ('failing', 'gone')) AS webhook_endpoints_given_up
""")
