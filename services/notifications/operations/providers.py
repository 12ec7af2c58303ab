"""Which providers fail just now, for operators to see: told when that changes, by whoever notices."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, text

from services.common.database import EVERY_SITE, Database

FAILS = text("""
    INSERT INTO providers AS p (name, failing_since, reason) VALUES (:name, now(), :reason)
    ON CONFLICT (name) DO UPDATE
    SET failing_since = coalesce(p.failing_since, now()), reason = excluded.reason, told_at = now()
""")
WORKS = text("""
    UPDATE providers SET failing_since = NULL, reason = '', told_at = now()
    WHERE name = :name AND failing_since IS NOT NULL
""")


def tell(database: Database, name: str, reason: str | None) -> None:
    """Keep that a provider fails, and why; or, without a reason, that it works again."""
    with database.transaction(EVERY_SITE) as session:
        if reason is None:
            session.execute(WORKS, {"name": name})
        else:
            session.execute(FAILS, {"name": name, "reason": reason[:300]})


def failing(database: Database) -> Sequence[Row[Any]]:
    """Those that fail, the longest first."""
    query = "SELECT name, failing_since, reason FROM providers WHERE failing_since IS NOT NULL ORDER BY failing_since"
    with database.transaction(EVERY_SITE) as session:
        return session.execute(text(query)).all()
