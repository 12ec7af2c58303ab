"""Recompute the cells of dirty months from the facts, and those of the areas above from what lies below them.

Reports do not wait for this: they compute what is still dirty themselves (`operations/cells.py`). It only keeps that
little.
"""

import time
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.database import EVERY_SITE, Database
from services.reporting.operations.periods import end_of_month
from services.reporting.operations.pieces import Days, columns_of, of_days, save_cells, with_margins
from services.reporting.operations.uniting import is_behind, unite_batch

BATCH = 300
"""Marks per transaction: some hundred milliseconds of work, so that a killed worker loses little."""

LONGEST_SWEEP = 10.0
"""Seconds after which a sweep leaves the rest to the next one, so that events need not wait for a worker."""

AGGREGATION_LOCK = 0x4A66

CLAIM = text("""
DELETE FROM dirty WHERE id IN (
    SELECT id FROM dirty WHERE id <= :last ORDER BY id LIMIT :batch FOR UPDATE SKIP LOCKED
) RETURNING site_id, month
""")

FORGET = text("""
DELETE FROM site_cells USING unnest(cast(:sites AS uuid[]), cast(:months AS date[])) AS cell (site_id, month)
WHERE site_cells.site_id = cell.site_id AND site_cells.month = cell.month
""")

# Whatever lies above has been outrun. A ring of areas ends where it began.
OUTRUN = text("""
WITH RECURSIVE above (area, month) AS (
    SELECT sites.area, cell.month FROM unnest(cast(:sites AS uuid[]), cast(:months AS date[])) AS cell (site_id, month)
    JOIN sites USING (site_id)
    UNION
    SELECT areas.parent, above.month FROM above JOIN areas ON areas.code = above.area WHERE areas.parent IS NOT NULL
)
INSERT INTO stale (area, month) SELECT area, month FROM above ON CONFLICT DO NOTHING
""")


SAVE = save_cells("site_cells", "site_id", "uuid")


def is_dirty(database: Database) -> bool:
    """Whether any cell waits to be recomputed."""
    with database.transaction(EVERY_SITE) as session:
        return bool(session.scalar(text("SELECT EXISTS (SELECT FROM dirty)"))) or is_behind(session)


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
            cells = aggregate_batch(session, last)
        if not cells:
            break
        done += cells
    return done


def hold_aggregation(session: Session) -> None:
    """Whoever changes what cells depend on besides facts keeps the sweeps away until that is committed: one that read
    the old state would take away a mark that the new one needs."""
    session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": AGGREGATION_LOCK})


def aggregate_batch(session: Session, last: int) -> int:
    """One batch, in the caller's transaction. One worker at a time: two could write the same cell from two snapshots.

    The marks are taken before the facts are read (each statement sees what was committed when it began), so a fact
    that comes later has a mark of its own that stays.
    """
    if not session.scalar(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": AGGREGATION_LOCK}):
        return 0
    claimed = session.execute(CLAIM, {"last": last, "batch": BATCH})
    cells = sorted({(row.site_id, row.month) for row in claimed})
    if cells:
        _recompute(session, cells)
        return len(cells)
    return unite_batch(session)


def _recompute(session: Session, cells: Sequence[tuple[Any, date]]) -> None:
    places = {"sites": [site for site, _ in cells], "months": [month for _, month in cells]}
    session.execute(FORGET, places)
    days = [Days(n, site, month, end_of_month(month)) for n, (site, month) in enumerate(cells)]
    whole = with_margins(of_days(session, days))
    if whole:
        session.execute(
            SAVE,
            {
                "nodes": [cells[key][0] for key, _, _ in whole],
                "months": [cells[key][1] for key, _, _ in whole],
                "kinds": [kind for _, kind, _ in whole],
                "age_bands": [age_band for _, _, age_band in whole],
                **columns_of(list(whole.values())),
            },
        )
    session.execute(OUTRUN, places)


def gauges(session: Session) -> dict[str, float]:
    """Figures for `/metrics` and `hesheng status`."""
    row = session.execute(
        text("""
        SELECT (SELECT count(*) FROM (SELECT DISTINCT site_id, month FROM dirty) AS cells) AS dirty_cells,
               (SELECT coalesce(extract(epoch FROM clock_timestamp() - min(marked_at)), 0) FROM dirty) AS oldest
        """)
    ).one()
    return {
        "dirty_cells": float(row.dirty_cells),
        "oldest_dirty_seconds": max(0.0, float(row.oldest)),
    }
