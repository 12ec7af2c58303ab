"""Unite the cells of areas from those of the areas and sites right below them, lowest first.

A sweep does so where nothing below is left to be recomputed; whoever asks earlier goes down to what is fresh.
"""

from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.reporting.operations.measures import SETS, SUMS
from services.reporting.operations.pieces import Piece, columns_of, from_row, save_cells

BATCH = 40
"""Months of areas per transaction."""

# The tree changed: all that was united holds no longer.
BEGIN_ANEW = text("""
WITH RECURSIVE changed AS (
    UPDATE tree SET built = version WHERE built <> version RETURNING version
), above (area, month) AS (
    SELECT DISTINCT sites.area, month FROM site_cells JOIN sites USING (site_id) WHERE EXISTS (SELECT FROM changed)
    UNION
    SELECT areas.parent, above.month FROM above JOIN areas ON areas.code = above.area WHERE areas.parent IS NOT NULL
), forgotten AS (
    DELETE FROM area_cells WHERE EXISTS (SELECT FROM changed)
), gone AS (
    DELETE FROM stale WHERE EXISTS (SELECT FROM changed) AND (area, month) NOT IN (SELECT area, month FROM above)
), marked AS (
    INSERT INTO stale (area, month) SELECT area, month FROM above ON CONFLICT DO NOTHING
)
SELECT count(*) FROM changed
""")

# Those below which nothing waits. In a ring each waits for another, and reports go down to the sites.
READY = """
SELECT area, month FROM stale WHERE NOT EXISTS (
    SELECT FROM stale AS below JOIN areas ON areas.code = below.area
    WHERE areas.parent = stale.area AND below.month = stale.month
)
"""
IS_BEHIND = text(f"SELECT EXISTS (SELECT FROM tree WHERE built <> version) OR EXISTS ({READY})")  # noqa: S608
CLAIM = text(f"DELETE FROM stale WHERE (area, month) IN ({READY} LIMIT :batch) RETURNING area, month")  # noqa: S608

FORGET = text("""
DELETE FROM area_cells USING unnest(cast(:areas AS text[]), cast(:months AS date[])) AS cell (area, month)
WHERE area_cells.area = cell.area AND area_cells.month = cell.month
""")

FIGURES = ", ".join((*SUMS, *SETS))

BELOW = text(f"""
WITH cell AS (SELECT * FROM unnest(cast(:areas AS text[]), cast(:months AS date[])) AS cell (area, month))
SELECT cell.area, cell.month, kind, age_band, {FIGURES}
FROM cell JOIN sites ON sites.area = cell.area
JOIN site_cells ON site_cells.site_id = sites.site_id AND site_cells.month = cell.month
UNION ALL
SELECT cell.area, cell.month, kind, age_band, {FIGURES}
FROM cell JOIN areas ON areas.parent = cell.area
JOIN area_cells ON area_cells.area = areas.code AND area_cells.month = cell.month
""")  # noqa: S608 - constants

SAVE = save_cells("area_cells", "area", "text")


def is_behind(session: Session) -> bool:
    """Whether any area waits to be united."""
    return bool(session.scalar(IS_BEHIND))


def unite_batch(session: Session) -> int:
    """Unite some months of areas, under the lock of the aggregation; returns how many."""
    session.execute(BEGIN_ANEW)
    ready = session.execute(CLAIM, {"batch": BATCH}).all()
    if ready:
        places = {"areas": [row.area for row in ready], "months": [row.month for row in ready]}
        session.execute(FORGET, places)
        whole = _united(session, places)
        if whole:
            session.execute(
                SAVE,
                {
                    "nodes": [area for area, _, _, _ in whole],
                    "months": [month for _, month, _, _ in whole],
                    "kinds": [kind for _, _, kind, _ in whole],
                    "age_bands": [age_band for _, _, _, age_band in whole],
                    **columns_of(list(whole.values())),
                },
            )
    return len(ready)


def _united(session: Session, places: dict[str, Any]) -> dict[tuple[str, date, str, str], Piece]:
    whole: dict[tuple[str, date, str, str], Piece] = {}
    for row in session.execute(BELOW, places).mappings():
        whole.setdefault((row["area"], row["month"], row["kind"], row["age_band"]), Piece()).add(from_row(row))
    return whole
