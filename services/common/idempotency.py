"""Idempotency keys: a creating request that is sent again changes nothing and gets its first answer again.

The key is stored in the transaction of what it stands for, so there is never one without the other. Sign-ups do the
same in SQL (`migrations/versions/0004_sign_up.sql`), with the same locks and table.
"""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.errors import IN_PROGRESS, KEY_REUSED, Problem, Words

KEPT_DAYS = 7

BUSY = Words("同一幂等键的请求正在处理，请稍后重试。", "A request with this Idempotency-Key is being processed.")
REUSED = Words(
    "此幂等键已用于内容不同的请求，请换一个。",
    "This Idempotency-Key was used for a different request. Use another one.",
)


@dataclass(frozen=True)
class Attempt:
    """One try of a creating request: whose key, which key, and what tells the request from others."""

    owner: str
    key: str
    fingerprint: bytes


def earlier_answer(session: Session, attempt: Attempt) -> dict[str, Any] | None:
    """The answer that this request got before, None when it is new. Raises while its twin runs, or on another body."""
    key = {"owner": attempt.owner, "key": attempt.key}
    if not session.scalar(text("SELECT pg_try_advisory_xact_lock(idempotency_lock(:owner, :key))"), key):
        raise Problem(IN_PROGRESS, BUSY)
    row = session.execute(
        text("SELECT fingerprint, answer FROM idempotency_keys WHERE owner = :owner AND key = :key"), key
    ).one_or_none()
    if row is None:
        return None
    if bytes(row.fingerprint) != attempt.fingerprint:
        raise Problem(KEY_REUSED, REUSED)
    return row.answer


def remember(session: Session, attempt: Attempt, answer: dict[str, Any]) -> None:
    """Keep the answer with what it tells of."""
    session.execute(
        text(
            "INSERT INTO idempotency_keys (owner, key, fingerprint, answer)"
            " VALUES (:owner, :key, :fingerprint, cast(:answer AS jsonb))"
        ),
        {
            "owner": attempt.owner,
            "key": attempt.key,
            "fingerprint": attempt.fingerprint,
            "answer": json.dumps(answer, ensure_ascii=False),
        },
    )


def forget_old_keys(session: Session, limit: int = 5_000) -> int:
    """Delete keys that nobody retries any more, at most `limit`; returns how many."""
    return session.execute(
        text(
            "DELETE FROM idempotency_keys WHERE (owner, key) IN (SELECT owner, key FROM idempotency_keys"
            " WHERE created_at < now() - make_interval(days => :days) LIMIT :limit FOR UPDATE SKIP LOCKED)"
        ),
        {"days": KEPT_DAYS, "limit": limit},
    ).rowcount  # type: ignore[attr-defined]


def any_old_keys(session: Session) -> bool:
    """Whether there is anything to delete."""
    return bool(
        session.scalar(
            text(
                "SELECT EXISTS (SELECT 1 FROM idempotency_keys WHERE created_at < now() - make_interval(days => :days))"
            ),
            {"days": KEPT_DAYS},
        )
    )
