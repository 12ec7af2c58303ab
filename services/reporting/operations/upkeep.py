"""Trim what grows without being read."""

from sqlalchemy import text

from services.common.database import Database

TRIM_BATCH = 10_000


def trim_applied(database: Database) -> int:
    """Delete a batch of the list of applied events older than 30 days; returns how many went."""
    with database.transaction() as session:
        return session.execute(
            text("""
            DELETE FROM applied WHERE id IN (
                SELECT id FROM applied WHERE applied_at < now() - interval '30 days' LIMIT :batch
            )
            """),
            {"batch": TRIM_BATCH},
        ).rowcount  # type: ignore[attr-defined]
