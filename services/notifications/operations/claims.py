"""Messages on their way out: claim some, and record what became of each. Short transactions, none across SMTP.

A message is `sending` from its claim until its result is recorded. A worker that dies in between leaves it so; after
`LEASE` it is pending again, with the same Message-ID.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from services.common.database import EVERY_SITE, Database

CLAIM = 50

LEASE = 60.0
"""Seconds after which a claimed message is taken as abandoned. A batch ends well before (`deliver.BATCH_SECONDS`)."""

BACKOFF = (30, 120, 600, 1800, 3600, 10800)
"""Seconds until the next attempt, after the first, second, … one; the last goes on until the message expires."""

CLAIMABLE = """
    state = 'pending' AND next_attempt_at <= now() AND expires_at > now()
    AND NOT EXISTS (
        SELECT 1 FROM messages AS earlier
        WHERE earlier.registration_id = messages.registration_id AND earlier.number < messages.number
          AND earlier.state IN ('pending', 'sending'))
"""
"""Due, and not overtaking an earlier message of the same registration."""


@dataclass(frozen=True)
class Claimed:
    """A claimed message with what its mail tells. `site` columns are None while the site is not known yet."""

    id: UUID
    claimed_at: datetime
    kind: str
    person_id: UUID
    site_id: UUID
    registration_id: UUID
    message_id_header: str
    request_id: str | None
    calendar_sequence: int | None
    details: dict[str, Any]
    created_at: datetime
    starts_at: datetime
    ends_at: datetime
    role_zh: str
    role_en: str
    title_zh: str
    title_en: str
    place: str
    site_zh: str | None
    site_en: str | None
    time_zone: str | None


@dataclass(frozen=True)
class Result:
    """What became of one attempt; `state` is the message's next one."""

    state: str
    outcome: str
    reply: str | None = None


def any_claimable(database: Database) -> bool:
    """Whether there is a message to send now."""
    with database.transaction(EVERY_SITE) as session:
        return bool(session.scalar(text(f"SELECT EXISTS (SELECT 1 FROM messages WHERE {CLAIMABLE})")))  # noqa: S608


def claim(database: Database, mail_domain: str, limit: int = CLAIM) -> list[Claimed]:
    """Take up to `limit` messages, oldest due first, and commit that they are being sent."""
    statement = text(f"""
        WITH due AS MATERIALIZED (
            SELECT id FROM messages WHERE {CLAIMABLE}
            ORDER BY next_attempt_at, number LIMIT :limit FOR UPDATE SKIP LOCKED
        ), claimed AS (
            UPDATE messages SET state = 'sending', attempts = attempts + 1, claimed_at = now(),
                message_id_header = coalesce(message_id_header, '<' || messages.id || '@' || :domain || '>')
            FROM due WHERE messages.id = due.id
            RETURNING messages.*
        )
        SELECT c.id, c.claimed_at, c.kind, c.person_id, c.site_id, c.registration_id, c.message_id_header, c.request_id,
               c.calendar_sequence, c.details, c.created_at, shifts.starts_at, shifts.ends_at, shifts.role_zh,
               shifts.role_en, activities.title_zh, activities.title_en, activities.place,
               sites.name_zh AS site_zh, sites.name_en AS site_en, sites.time_zone
        FROM claimed AS c JOIN shifts ON shifts.id = c.shift_id JOIN activities ON activities.id = shifts.activity_id
        LEFT JOIN sites ON sites.id = c.site_id
        ORDER BY c.number
    """)  # noqa: S608 - CLAIMABLE is a constant
    with database.transaction(EVERY_SITE) as session:
        return [Claimed(**row._mapping) for row in session.execute(statement, {"limit": limit, "domain": mail_domain})]


def release(database: Database, messages: Sequence[Claimed], delay: float, reason: str | None = None) -> None:
    """Give messages back that were not tried: no attempt is counted. `delay` in seconds."""
    with database.transaction(EVERY_SITE) as session:
        session.execute(
            text("""
            UPDATE messages SET state = 'pending', attempts = attempts - 1, claimed_at = NULL,
                next_attempt_at = now() + make_interval(secs => :delay), error = coalesce(:reason, error)
            FROM unnest(cast(:ids AS uuid[]), cast(:claims AS timestamptz[])) AS held (id, claimed_at)
            WHERE messages.id = held.id AND state = 'sending' AND messages.claimed_at = held.claimed_at
            """),
            {
                "delay": delay,
                "reason": reason,
                "ids": [message.id for message in messages],
                "claims": [message.claimed_at for message in messages],
            },
        )


def record(database: Database, message: Claimed, result: Result) -> bool:
    """Write down what an attempt came to. False when the claim had run out and the message is no longer ours.

    A result whose state is `pending` is tried again after `BACKOFF`.
    """
    with database.transaction(EVERY_SITE) as session:
        recorded = session.execute(
            text("""
            WITH recorded AS (
                UPDATE messages SET state = :state, claimed_at = NULL,
                    sent_at = CASE WHEN :state = 'sent' THEN now() END,
                    error = CASE WHEN :state = 'sent' THEN NULL ELSE :error END,
                    next_attempt_at = now() + make_interval(secs => CASE WHEN :state <> 'pending' THEN 0
                        ELSE (cast(:backoff AS integer[]))[least(attempts, cardinality(:backoff))] END)
                WHERE id = :id AND state = 'sending' AND claimed_at = :claimed_at
                RETURNING id
            )
            INSERT INTO deliveries (message_id, started_at, ended_at, outcome, reply)
            SELECT id, :claimed_at, clock_timestamp(), :outcome, :reply FROM recorded RETURNING id
            """),
            {
                "id": message.id,
                "claimed_at": message.claimed_at,
                "state": result.state,
                "outcome": result.outcome,
                "reply": result.reply,
                "error": result.reply or result.outcome,
                "backoff": list(BACKOFF),
            },
        )
        return recorded.first() is not None
