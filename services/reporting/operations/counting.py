"""The cells of a month as they are stored, and as they should be, for `operations/recount.py`.

A site's are counted in its facts and shifts by the database, with the margins (every kind, every age band); an area's
are united from those of all sites below it, past the areas between. What fills the cells does neither.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from typing import Any

from psycopg import sql
from pyroaring import BitMap
from sqlalchemy.orm import Session

from services.reporting.operations.measures import (
    ACTIVITIES,
    COUNTED,
    EVERY,
    PEOPLE,
    SEATED,
    SETS,
    SUMS,
    numbers_of_facts,
    sums_of_facts,
    sums_of_shifts,
)
from services.reporting.operations.periods import end_of_month
from services.reporting.operations.pieces import in_binary

Cell = Mapping[str, Any]
"""Sums by name as integers, sets by name as bitmaps; None for bytes that are no set."""
Cells = dict[tuple[str, str], Cell]
"""By kind and age band, `EVERY` for all of them."""

FIGURES = ", ".join((*SUMS, *SETS))
KEYS = {"site": "site_id", "area": "area"}
STORED = {
    what: f"SELECT kind, age_band, {FIGURES} FROM {what}_cells WHERE {key} = %(node)s AND month = %(month)s"  # noqa: S608
    for what, key in KEYS.items()
}

# The whole of nothing is a row as well, which no cell has.
OF_FACTS = f"""
SELECT coalesce(x.kind, '{EVERY}') AS kind, coalesce(x.age_band, '{EVERY}') AS age_band,
       {sums_of_facts()}, {numbers_of_facts()}
FROM (
    SELECT facts.*, coalesce(into_number, person_number) AS counted
    FROM facts LEFT JOIN counted_as USING (person_number)
    WHERE site_id = %(node)s AND day BETWEEN %(month)s AND %(end)s
) AS x GROUP BY CUBE (x.kind, x.age_band) HAVING count(*) > 0
"""  # noqa: S608 - constants
OF_SHIFTS = f"""
SELECT coalesce(x.kind, '{EVERY}') AS kind, '{EVERY}' AS age_band,
       {sums_of_shifts()}, array_agg(x.activity_number) AS {ACTIVITIES}
FROM (
    SELECT shifts.capacity, kind, activity_number FROM shifts JOIN activities USING (activity_id)
    WHERE shifts.site_id = %(node)s AND day BETWEEN %(month)s AND %(end)s AND shifts.status = 'open'
) AS x GROUP BY ROLLUP (x.kind) HAVING count(*) > 0
"""  # noqa: S608 - constants
BELOW = f"""
WITH RECURSIVE under (code) AS (
    SELECT cast(%(node)s AS text) UNION SELECT areas.code FROM areas JOIN under ON areas.parent = under.code
)
SELECT kind, age_band, {FIGURES}
FROM under JOIN sites ON sites.area = under.code JOIN site_cells USING (site_id) WHERE month = %(month)s
"""  # noqa: S608 - constants


def stored_cells(session: Session, what: str, node: str, month: date) -> Cells:
    """Those of a `site` or an `area`."""
    rows = in_binary(session, sql.SQL(STORED[what]), {"node": node, "month": month})
    return {(row["kind"], row["age_band"]): _cell(row) for row in rows}


def counted_cells(session: Session, what: str, node: str, month: date) -> Cells | None:
    """As they should be; None for an area where a site's are not to be read."""
    return _of_site(session, node, month) if what == "site" else _of_area(session, node, month)


def _of_site(session: Session, node: str, month: date) -> Cells:
    asked = {"node": node, "month": month, "end": end_of_month(month)}
    cells: dict[tuple[str, str], dict[str, Any]] = defaultdict(dict)
    for statement, sums, sets in ((OF_FACTS, COUNTED, PEOPLE), (OF_SHIFTS, SEATED, (ACTIVITIES,))):
        for row in in_binary(session, sql.SQL(statement), asked):
            figures = {name: row[name] for name in sums} | {name: BitMap(row[name]) for name in sets}
            cells[row["kind"], row["age_band"]] |= figures
    return dict(cells)


def _of_area(session: Session, node: str, month: date) -> Cells | None:
    below: dict[tuple[str, str], list[Cell]] = defaultdict(list)
    for row in in_binary(session, sql.SQL(BELOW), {"node": node, "month": month}):
        below[row["kind"], row["age_band"]].append(_cell(row))
    if any(cell[name] is None for cells in below.values() for cell in cells for name in SETS):
        return None
    return {key: _united(cells) for key, cells in below.items()}


def _united(cells: list[Cell]) -> Cell:
    sums = {name: sum(cell[name] for cell in cells) for name in SUMS}
    return sums | {name: BitMap.union(*(cell[name] for cell in cells)) for name in SETS}


def _cell(row: Mapping[str, Any]) -> Cell:
    return {name: row[name] for name in SUMS} | {name: _set(row[name]) for name in SETS}


def _set(stored: bytes) -> BitMap | None:
    try:
        return BitMap.deserialize(stored)
    except (ValueError, IndexError):
        return None
