"""What is counted, before it is grouped: sums and sets of a place and a time, which add and unite.

Three sources say the same thing: facts and shifts of days (`of_days`), the cells of a site's months and those of an
area's months (`operations/cells.py`). A piece belongs to a `key`, whatever its asker numbers so.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from psycopg import sql
from psycopg.rows import dict_row
from pyroaring import BitMap
from sqlalchemy import RowMapping, text
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


@dataclass
class Piece:
    """Figures that add, and sets that unite: of persons by the number they count as, of activities by theirs."""

    sums: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SUMS, 0))
    sets: dict[str, BitMap] = field(default_factory=lambda: {name: BitMap() for name in SETS})

    def add(self, other: "Piece") -> None:
        """Take another in."""
        for name, value in other.sums.items():
            self.sums[name] += value
        for name, numbers in other.sets.items():
            self.sets[name] |= numbers


def from_row(row: Mapping[str, Any] | RowMapping) -> Piece:
    """Of a cell's row."""
    return Piece({name: row[name] for name in SUMS}, {name: BitMap.deserialize(row[name]) for name in SETS})


@dataclass(frozen=True)
class Days:
    """Some days of a site, which belong to this key."""

    key: int
    site_id: UUID
    first: date
    last: date


Labelled = tuple[int, str, str, Piece]
"""Key, kind, age band (`EVERY` for what has none), and what they come to."""

DAYS = """
unnest(cast(%(keys)s AS integer[]), cast(%(sites)s AS uuid[]), cast(%(firsts)s AS date[]), cast(%(lasts)s AS date[]))
    AS days (key, site_id, first, last)
"""

# A lateral join with OFFSET 0 is not merged into the outer query: each site's days are looked up by index.
FACTS = f"""
SELECT days.key, x.kind, x.age_band, {sums_of_facts()}, {numbers_of_facts()}
FROM {DAYS}
CROSS JOIN LATERAL (
    SELECT kind, age_band, status, promoted, outcome, service_minutes, places,
           coalesce(into_number, person_number) AS counted
    FROM facts LEFT JOIN counted_as USING (person_number)
    WHERE facts.site_id = days.site_id AND facts.day BETWEEN days.first AND days.last OFFSET 0
) AS x GROUP BY 1, 2, 3
"""  # noqa: S608 - constants

SHIFTS = f"""
SELECT days.key, x.kind, array_agg(x.activity_number) AS activities, {sums_of_shifts()}
FROM {DAYS}
CROSS JOIN LATERAL (
    SELECT shifts.capacity, kind, activity_number FROM shifts JOIN activities USING (activity_id)
    WHERE shifts.site_id = days.site_id AND shifts.day BETWEEN days.first AND days.last AND shifts.status = 'open'
    OFFSET 0
) AS x GROUP BY 1, 2
"""  # noqa: S608 - constants


def in_binary(session: Session, statement: sql.SQL | sql.Composed, values: Any) -> Iterator[dict[str, Any]]:
    """Rows as bytes and not as text: long arrays and bitmaps are half as long, and read without being parsed."""
    connection: Any = session.connection().connection.driver_connection
    with connection.cursor(binary=True, row_factory=dict_row) as cursor:
        yield from cursor.execute(statement, values)


def of_days(session: Session, days: Sequence[Days]) -> Iterator[Labelled]:
    """What the facts and shifts of these days come to, by kind and age band."""
    if not days:
        return
    asked = {
        "keys": [one.key for one in days],
        "sites": [one.site_id for one in days],
        "firsts": [one.first for one in days],
        "lasts": [one.last for one in days],
    }
    for row in in_binary(session, sql.SQL(FACTS), asked):
        sums = {name: row[name] for name in COUNTED}
        yield row["key"], row["kind"], row["age_band"], Piece(sums, {name: BitMap(row[name]) for name in PEOPLE})
    for row in in_binary(session, sql.SQL(SHIFTS), asked):
        sums = {name: row[name] for name in SEATED}
        yield row["key"], row["kind"], EVERY, Piece(sums, {ACTIVITIES: BitMap(row[ACTIVITIES])})


def with_margins(pieces: Iterable[Labelled]) -> dict[tuple[int, str, str], Piece]:
    """All of them by key, kind and age band; and by `EVERY` kind, every age band, and both."""
    whole: dict[tuple[int, str, str], Piece] = {}
    for key, kind, age_band, piece in pieces:
        for of in {(kind, age_band), (kind, EVERY), (EVERY, age_band), (EVERY, EVERY)}:
            whole.setdefault((key, *of), Piece()).add(piece)
    return whole


def save_cells(table: str, key: str, key_type: str) -> Any:
    """The statement that adds cells to a table: `nodes`, `months`, `kinds`, `age_bands`, and the figures by name."""
    typed = [("nodes", f"{key_type}[]"), ("months", "date[]"), ("kinds", "text[]"), ("age_bands", "text[]")]
    typed += [(name, "integer[]") for name in SUMS] + [(name, "bytea[]") for name in SETS]
    arrays = ", ".join(f"cast(:{name} AS {of})" for name, of in typed)
    columns = ", ".join([key, "month", "kind", "age_band", *SUMS, *SETS])
    return text(f"INSERT INTO {table} ({columns}) SELECT * FROM unnest({arrays})")  # noqa: S608 - constants


def columns_of(pieces: Sequence[Piece]) -> dict[str, list[Any]]:
    """Sums and sets as columns for one statement; the same set gives the same bytes."""
    columns: dict[str, list[Any]] = {name: [piece.sums[name] for piece in pieces] for name in SUMS}
    return columns | {name: [as_bytes(piece.sets[name]) for piece in pieces] for name in SETS}


def as_bytes(numbers: BitMap) -> bytes:
    """In the one form that this set has, however it came about."""
    numbers.run_optimize()
    return bytes(numbers.serialize())
