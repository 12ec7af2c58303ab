"""Recompute the buckets of dirty cells from the facts.

Reports do not wait for this: they compute what is still dirty themselves (`buckets_now`). It only keeps that little.
"""

import time

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.database import EVERY_SITE, Database

BATCH = 2_000
"""Marks per transaction: about 100 ms of work, so that a killed worker loses little."""

LONGEST_SWEEP = 10.0
"""Seconds after which a sweep leaves the rest to the next one, so that events need not wait for a worker."""

AGGREGATION_LOCK = 0x4A66

CLAIM = text("""
DELETE FROM dirty WHERE id IN (
    SELECT id FROM dirty WHERE id <= :last ORDER BY id LIMIT :batch FOR UPDATE SKIP LOCKED
) RETURNING site_id, day
""")

FORGET = text("""
DELETE FROM buckets USING unnest(cast(:sites AS uuid[]), cast(:days AS date[])) AS cell (site_id, day)
WHERE buckets.site_id = cell.site_id AND buckets.day = cell.day
""")

# OFFSET 0: see `buckets_now` in the first migration.
RECOMPUTE = text("""
INSERT INTO buckets
SELECT fresh.* FROM unnest(cast(:sites AS uuid[]), cast(:days AS date[])) AS cell (site_id, day)
CROSS JOIN LATERAL (
    SELECT * FROM bucket_source WHERE bucket_source.site_id = cell.site_id AND bucket_source.day = cell.day OFFSET 0
) AS fresh
""")


def is_dirty(database: Database) -> bool:
    """Whether any cell waits to be recomputed."""
    with database.transaction(EVERY_SITE) as session:
        return bool(session.scalar(text("SELECT EXISTS (SELECT FROM dirty)")))


def aggregate(database: Database, seconds: float = LONGEST_SWEEP) -> int:
    """Recompute what is dirty now, for at most so many seconds. Returns the number of cells recomputed.

    What becomes dirty meanwhile is left to the next sweep: a busy cell would keep this one going for ever.
    """
    deadline = time.monotonic() + seconds
    with database.transaction(EVERY_SITE) as session:
        last = session.scalar(text("SELECT max(id) FROM dirty")) or 0
    done = 0
    while time.monotonic() < deadline:
        with database.transaction(EVERY_SITE) as session:
            cells = _aggregate_batch(session, last)
        if not cells:
            break
        done += cells
    return done


def _aggregate_batch(session: Session, last: int) -> int:
    """One batch, in the caller's transaction. One worker at a time: two could write the same cell from two snapshots.

    The marks are taken before the facts are read (each statement sees what was committed when it began), so a fact
    that comes later has a mark of its own that stays.
    """
    if not session.scalar(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": AGGREGATION_LOCK}):
        return 0
    cells = sorted({(row.site_id, row.day) for row in session.execute(CLAIM, {"last": last, "batch": BATCH})})
    if cells:
        columns = {"sites": [site for site, _ in cells], "days": [day for _, day in cells]}
        session.execute(FORGET, columns)
        session.execute(RECOMPUTE, columns)
    return len(cells)


def gauges(session: Session) -> dict[str, float]:
    """Figures for `/metrics` and `hesheng status`."""
    row = session.execute(
        text("""
        SELECT (SELECT count(*) FROM (SELECT DISTINCT site_id, day FROM dirty) AS cells) AS dirty_cells,
               (SELECT coalesce(extract(epoch FROM clock_timestamp() - min(marked_at)), 0) FROM dirty) AS oldest
        """)
    ).one()
    return {
        "dirty_cells": float(row.dirty_cells),
        "oldest_dirty_seconds": max(0.0, float(row.oldest)),
    }
