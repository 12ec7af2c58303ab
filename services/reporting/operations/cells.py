"""The report from cells: whole months as they were computed, and what is left of months from the facts of its days.

    rows = from_cells(session, scope, first, last, ["month", "kind"])      # the last one is the total

It can be asked by months, quarters and years, areas, sites, kinds and age bands: a city's year is twelve cells. A row's
people are the union of those of its cells, so that each is counted once; sums of rows are never taken for them.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from psycopg import sql
from sqlalchemy.orm import Session

from services.reporting.labels import AGE_BANDS, KINDS
from services.reporting.operations.measures import EVERY, OFFERED, SETS, SUMS
from services.reporting.operations.periods import STEPS, calendar_of, end_of_month, in_months
from services.reporting.operations.pieces import Days, Piece, from_row, in_binary, of_days
from services.reporting.operations.scope import Place, Scope
from services.reporting.operations.tree import Node, Tree, read_tree

DIMENSIONS = frozenset({*STEPS, "site", "area", "kind", "age_band"})
"""What cells can be asked by."""

TABLES = {"site": ("site_cells", "site_id", "uuid[]"), "area": ("area_cells", "area", "text[]")}

CELLS = sql.SQL("""
SELECT asked.number, cells.kind, cells.age_band, {figures}
FROM unnest(cast(%s AS integer[]), cast(%s AS {type}), cast(%s AS date[])) AS asked (number, place, month)
JOIN {table} AS cells ON cells.{key} = asked.place AND cells.month = asked.month
WHERE (cells.kind = '*') = %s AND (cells.age_band = '*') = %s
  AND (%s OR cells.kind = ANY(%s)) AND (%s OR cells.age_band = ANY(%s))
""")
FIGURES = sql.SQL(", ").join(sql.Identifier("cells", name) for name in (*SUMS, *SETS))

LIMITS = ("kind", "age_band")
"""By what cells can be limited."""

NO_LIMITS: Mapping[str, Sequence[str]] = {}

Key = tuple[Any, ...]
Labelled = tuple[int, str, str, Piece]


@dataclass(frozen=True)
class Question:
    """Places, days and dimensions of which all are in DIMENSIONS."""

    scope: Scope
    first: date
    last: date
    by: Sequence[str]
    only: Mapping[str, Sequence[str]]

    def parts(self, name: str) -> bool:
        """Whether kinds or age bands are told apart."""
        return name in self.by or name in self.only

    def where(self, place: Place) -> Key:
        """The part of a row's key that says where."""
        of = {"site": place.site_id, "area": place.branch}
        return tuple(of[name] for name in self.by if name in of)

    def node(self, place: Place) -> Node:
        """In whose cells a site is read: its own, those of its branch, or those of the area asked for."""
        area = self.scope.area
        if area is None or "site" in self.by or ("area" in self.by and place.branch == area):
            return place.site_id
        return place.branch if "area" in self.by else area

    @cached_property
    def _codes(self) -> dict[str, tuple[list[date], list[str]]]:
        calendars = {name: calendar_of(name, self.first, self.last) for name in self.by if name in STEPS}
        return {name: ([day for day, _ in of], [code for _, code in of]) for name, of in calendars.items()}

    def period(self, name: str, day: date) -> str:
        """The code of the period that a day lies in."""
        days, codes = self._codes[name]
        return codes[bisect_right(days, day) - 1]

    def begins(self, key: Key) -> date:
        """The first day that a row is about."""
        starts = [self.first]
        for name, code in zip(self.by, key, strict=True):
            if name in self._codes:
                days, codes = self._codes[name]
                starts.append(days[codes.index(code)])
        return max(starts)


@dataclass
class Wanted:
    """What to read: cells and days, each under the number of its `where` and month."""

    labels: list[tuple[Key, date]] = field(default_factory=list)
    numbers: dict[tuple[Key, date], int] = field(default_factory=dict)
    cells: dict[str, list[tuple[int, Node, date]]] = field(default_factory=lambda: {"site": [], "area": []})
    days: list[Days] = field(default_factory=list)

    def number(self, where: Key, month: date) -> int:
        """The number of this place and month."""
        if (where, month) not in self.numbers:
            self.numbers[where, month] = len(self.labels)
            self.labels.append((where, month))
        return self.numbers[where, month]


def from_cells(
    session: Session,
    scope: Scope,
    first: date,
    last: date,
    by: Sequence[str],
    only: Mapping[str, Sequence[str]] = NO_LIMITS,
) -> list[dict[str, Any]]:
    """Rows by these dimensions in the order in which people name them, and then the total, without dimensions. `only`:
    the kinds or age bands that are counted.

    A row has the dimensions and all FIGURES; those that no age band has are None where age bands are told apart.
    """
    months, _ = in_months(first, last)
    tree = read_tree(session, [place.site_id for place in scope.places], months)
    question = Question(scope, first, last, by, only)
    rows = pieces_of(session, tree, question) if by else {}
    total = pieces_of(session, tree, Question(scope, first, last, (), only)).get((), Piece())
    nothing = dict.fromkeys(OFFERED) if question.parts("age_band") else {}
    of_all = dict.fromkeys(OFFERED) if "age_band" in only else {}
    keys = sorted(rows, key=lambda key: tuple(map(rank, by, key)))
    found = [dict(zip(by, key, strict=True)) | _figures(rows[key]) | nothing for key in keys]
    return [*found, dict.fromkeys(by) | _figures(total) | of_all]


def rank(name: str, code: Any) -> tuple[int, Any]:
    """Kinds and age bands come in the order in which people name them, all else by its code."""
    known = list({"kind": KINDS, "age_band": AGE_BANDS}.get(name, ()))
    return known.index(code) if code in known else len(known), code


def _figures(piece: Piece) -> dict[str, int]:
    return piece.sums | {name: len(numbers) for name, numbers in piece.sets.items()}


def pieces_of(session: Session, tree: Tree, question: Question) -> dict[Key, Piece]:
    """What each row comes to, by the row's dimensions."""
    wanted = _wanted(tree, question)
    rows: dict[Key, Piece] = {}
    for number, kind, age_band, piece in _read(session, wanted, question):
        where, month = wanted.labels[number]
        places = iter(where)
        parts = {"kind": kind, "age_band": age_band}
        key = tuple(
            next(places) if name in ("site", "area") else parts.get(name) or question.period(name, month)
            for name in question.by
        )
        rows.setdefault(key, Piece()).add(piece)
    return rows


def _wanted(tree: Tree, question: Question) -> Wanted:
    wanted = Wanted()
    months, parts = in_months(question.first, question.last)
    nodes = {question.node(place): question.where(place) for place in question.scope.places}
    root = (question.scope.area,) if question.scope.area else ()
    for node, where in nodes.items():
        for month in months:
            for source in tree.sources(node, month, () if (node,) == root else root):
                number = wanted.number(where, month)
                if source.what == "facts":
                    wanted.days.append(Days(number, source.node, month, end_of_month(month)))  # type: ignore[arg-type]
                else:
                    wanted.cells[source.what].append((number, source.node, month))
    for place in question.scope.places:
        for begin, end in parts:
            number = wanted.number(question.where(place), begin.replace(day=1))
            wanted.days.append(Days(number, place.site_id, begin, end))
    return wanted


def _read(session: Session, wanted: Wanted, question: Question) -> Iterator[Labelled]:
    """All of it, with the kind and age band where they are told apart."""
    for what, asked in wanted.cells.items():
        yield from _of_cells(session, what, asked, question)
    kinds, age_bands = question.only.get("kind"), question.only.get("age_band")
    for number, kind, age_band, piece in of_days(session, wanted.days):
        seatless = question.parts("age_band") and age_band == EVERY  # an age band has no shifts
        wrong = (kinds and kind not in kinds) or (age_bands and age_band not in age_bands)
        if not (seatless or wrong):
            yield number, kind, age_band, piece


def _of_cells(
    session: Session, what: str, asked: Sequence[tuple[int, Node, date]], question: Question
) -> Iterator[Labelled]:
    if not asked:
        return
    table, key, of = TABLES[what]
    statement = CELLS.format(figures=FIGURES, table=sql.Identifier(table), key=sql.Identifier(key), type=sql.SQL(of))
    numbers, places, months = (list(column) for column in zip(*asked, strict=True))
    limits = [part for name in LIMITS for part in (name not in question.only, question.only.get(name, []))]
    whole = [not question.parts("kind"), not question.parts("age_band")]
    for row in in_binary(session, statement, [numbers, places, months, *whole, *limits]):
        yield row["number"], row["kind"], row["age_band"], from_row(row)
