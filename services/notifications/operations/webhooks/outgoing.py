"""Deliveries on their way: claim some, and record what became of each. Short transactions, none across HTTP.

A delivery is `sending` from its claim until its result is recorded. A process that dies in between leaves it so; after
`LEASE` it is pending again, with the same webhook-id.

Who fails rests: after each failure in a row an endpoint is left alone for twice as long, up to five minutes, and then
tried with one delivery. So one that hangs costs a request in five minutes, however much waits for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from services.common.audit import record as tell
from services.common.database import EVERY_SITE, Database
from services.common.logs import get_logger

log = get_logger(__name__)

LEASE = 120.0
"""Seconds after which a claimed delivery is taken as abandoned: a request ends well before (`post.SECONDS`), also where
the name of its host takes long to be found."""

AT_ONCE = 4
"""Requests to one endpoint at the same time."""

OF_SITE = 6
"""And to all of one site's: most of the senders are there for the others, however slowly one site's programs answer."""

BACKOFF = (5, 30, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Seconds until the next attempt after the first, second, … one: eleven in all, over three days."""

LONGEST_REST = 300
"""Seconds that a failing endpoint is left alone at most, unless it asks for longer."""

GIVE_UP_DAYS = 5
"""An endpoint is disabled that has had nothing but failures for so long."""


@dataclass(frozen=True)
class Claimed:
    """A delivery that was claimed, with where it goes. Secrets are ciphertext, the newest first."""

    id: UUID
    endpoint_id: UUID
    url: str
    secrets: Sequence[bytes]
    body: str
    request_id: str | None
    claimed_at: datetime

    def __repr__(self) -> str:
        return f"<delivery {self.id}>"


@dataclass(frozen=True)
class Result:
    """What came of one attempt: `outcome` is delivered, gone, refused, redirected, unanswered or forbidden."""

    outcome: str
    status: int | None = None
    reply: str | None = None
    retry_after: int | None = None

    @property
    def error(self) -> str | None:
        """In a few words; None where all went well."""
        if self.outcome == "delivered":
            return None
        return ": ".join(filter(None, [str(self.status) if self.status else self.outcome, self.reply]))


# One at a time looks, so that nobody counts what another is just taking. Each site in turn gives one, then each a
# second one, and what it has under way counts: whoever has ten thousand waiting, or answers slowly, is served no
# earlier for it.
ONE_AT_A_TIME = text("SELECT pg_try_advisory_xact_lock(hashtextextended('webhooks are claimed', 0))")
ANY_DUE = text("SELECT EXISTS (SELECT 1 FROM webhook_deliveries WHERE state = 'pending' AND next_attempt_at <= now())")
CLAIM = text("""
    WITH room AS MATERIALIZED (
        SELECT endpoint.id, endpoint.site_id, (
            SELECT count(*) FROM webhook_deliveries AS d WHERE d.state = 'sending' AND d.site_id = endpoint.site_id
        ) AS busy, CASE WHEN endpoint.failures > 0 THEN 1 ELSE :at_once END - (
            SELECT count(*) FROM webhook_deliveries WHERE state = 'sending' AND endpoint_id = endpoint.id) AS places
        FROM webhook_endpoints AS endpoint
        WHERE disabled_at IS NULL AND (resting_until IS NULL OR resting_until <= now())
    ), waiting AS (
        SELECT delivery.id, next_attempt_at, room.busy + row_number() OVER (
                   PARTITION BY room.site_id ORDER BY next_attempt_at, number) AS turn
        FROM room CROSS JOIN LATERAL (
            SELECT id, next_attempt_at, number FROM webhook_deliveries
            WHERE endpoint_id = room.id AND state = 'pending' AND next_attempt_at <= now() AND expires_at > now()
            ORDER BY next_attempt_at, number LIMIT greatest(places, 0)
        ) AS delivery
    ), due AS MATERIALIZED (
        SELECT id FROM webhook_deliveries
        WHERE id = ANY (ARRAY(
            SELECT id FROM waiting WHERE turn <= :of_site ORDER BY turn, next_attempt_at LIMIT :limit))
          AND state = 'pending'
        FOR UPDATE SKIP LOCKED
    )
    UPDATE webhook_deliveries AS delivery
    SET state = 'sending', attempts = attempts + 1, claimed_at = now(), ended_at = NULL
    FROM due, webhook_endpoints AS endpoint
    WHERE delivery.id = due.id AND endpoint.id = delivery.endpoint_id
    RETURNING delivery.id, delivery.endpoint_id, endpoint.url, delivery.body, delivery.request_id, delivery.claimed_at,
              ARRAY[endpoint.secret] || CASE WHEN endpoint.old_secret_until > now() THEN ARRAY[endpoint.old_secret]
                                             ELSE '{}' END AS secrets
""")


def claim(database: Database, limit: int) -> list[Claimed]:
    """Take up to `limit` deliveries and commit that they are being sent; none while another process does the same."""
    with database.transaction(EVERY_SITE) as session:
        if limit <= 0 or not session.scalar(ANY_DUE) or not session.scalar(ONE_AT_A_TIME):
            return []
        rows = session.execute(CLAIM, {"limit": limit, "at_once": AT_ONCE, "of_site": OF_SITE})
        return [Claimed(**row._mapping) for row in rows]


RELEASE = text("""
    UPDATE webhook_deliveries SET state = 'pending', attempts = attempts - 1, claimed_at = NULL, error = :error,
        next_attempt_at = now() + make_interval(secs => :delay)
    WHERE id = :id AND state = 'sending' AND claimed_at = :claimed_at
""")


def release(database: Database, claimed: Claimed, delay: float, error: str) -> None:
    """Give back what was not tried, for a reason of ours: no attempt is counted. `delay` in seconds."""
    told = {"id": claimed.id, "claimed_at": claimed.claimed_at, "delay": delay, "error": error}
    with database.transaction(EVERY_SITE) as session:
        session.execute(RELEASE, told)


# The endpoint first, as whoever deletes or changes it does.
LOCK = text("SELECT 1 FROM webhook_endpoints WHERE id = :endpoint_id FOR NO KEY UPDATE")
RECORD = text("""
    WITH recorded AS (
        UPDATE webhook_deliveries SET claimed_at = NULL, error = :error,
            state = CASE WHEN :outcome = 'delivered' THEN 'delivered'
                         WHEN :outcome = 'gone' OR attempts > :retries OR expires_at <= now() THEN 'failed'
                         ELSE 'pending' END,
            ended_at = CASE WHEN :outcome IN ('delivered', 'gone') OR attempts > :retries OR expires_at <= now()
                            THEN now() END,
            next_attempt_at = now() + make_interval(secs => greatest(
                :retry_after, (cast(:backoff AS integer[]))[least(attempts, :retries)]))
        WHERE id = :id AND state = 'sending' AND claimed_at = :claimed_at
        RETURNING id
    )
    INSERT INTO webhook_attempts (delivery_id, started_at, outcome, status, reply)
    SELECT id, :claimed_at, :outcome, :status, :reply FROM recorded RETURNING id
""")
WENT_WELL = text("""
    UPDATE webhook_endpoints SET failures = 0, failing_since = NULL, resting_until = NULL, error = NULL,
        delivered_at = now()
    WHERE id = :endpoint_id
""")
FAILED = text("""
    UPDATE webhook_endpoints SET failures = failures + 1, failing_since = coalesce(failing_since, now()),
        error = :error,
        resting_until = now() + make_interval(secs => greatest(
            :retry_after, least(:longest, 2 ^ least(failures + 1, 20))))
    WHERE id = :endpoint_id
""")
DISABLE = text("""
    UPDATE webhook_endpoints SET disabled_at = now(), version = version + 1,
        disabled_why = CASE WHEN :outcome = 'gone' THEN 'gone' ELSE 'failing' END
    WHERE id = :endpoint_id AND disabled_at IS NULL
      AND (:outcome = 'gone' OR failing_since <= now() - make_interval(days => :days))
    RETURNING id, site_id, disabled_why, error
""")


def record(database: Database, claimed: Claimed, result: Result) -> bool:
    """Write down what an attempt came to, and how its endpoint stands by that.

    False when the claim had run out and the delivery is no longer ours.
    """
    told = {
        "id": claimed.id,
        "endpoint_id": claimed.endpoint_id,
        "claimed_at": claimed.claimed_at,
        "outcome": result.outcome,
        "status": result.status,
        "reply": result.reply,
        "error": result.error,
        "retry_after": result.retry_after or 0,
        "backoff": list(BACKOFF),
        "retries": len(BACKOFF),
        "longest": LONGEST_REST,
        "days": GIVE_UP_DAYS,
    }
    with database.transaction(EVERY_SITE) as session:
        session.execute(LOCK, told)
        if session.execute(RECORD, told).first() is None:
            return False
        session.execute(WENT_WELL if result.outcome == "delivered" else FAILED, told)
        disabled = session.execute(DISABLE, told).one_or_none() if result.outcome != "delivered" else None
        if disabled is not None:
            _notify(session, disabled)
    return True


def _notify(session: Session, disabled: Row) -> None:
    """Whoever looks at the site's page sees it, the operator by the figures; and it is on record."""
    log.warning(
        "webhook_disabled", webhook_id=str(disabled.id), site_id=str(disabled.site_id), why=disabled.disabled_why
    )
    tell(session, "webhook.disabled", "webhook_endpoints", disabled.id, disabled.site_id, why=disabled.disabled_why)
