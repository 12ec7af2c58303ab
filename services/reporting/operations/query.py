"""One grammar for every question: measures, by, where, from, to, compare.

    question = Ask(first, last, ["people", "no_show_rate"], by=["month"], only={"kind": ["class"]}, compare="last_year")
    answer = ask(session, scope, question, as_of)

What it would cost is known before it runs: rows by their dimensions, facts by a look at the cells.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from math import prod
from typing import Any, Literal

from sqlalchemy.orm import Session

from services.common.errors import Words, invalid
from services.reporting.labels import AGE_BANDS, DIMENSIONS, KINDS, MEASURES, NAME, NEWCOMERS, RATES, TIME
from services.reporting.operations.answer import Answer, Column
from services.reporting.operations.cells import DIMENSIONS as OF_CELLS
from services.reporting.operations.cells import from_cells, rank
from services.reporting.operations.newcomers import newcomers
from services.reporting.operations.participation import participation
from services.reporting.operations.periods import PERIODS, calendar_of, end_of_month
from services.reporting.operations.scope import Scope

MOST_ROWS = 200_000
MOST_FACTS = 3_000_000
"""About five seconds of a processor."""

Compare = Literal["previous", "last_year"]

TITLE = Words("统计", "Report")
NAMED = ("site", "area", "kind", "age_band")
"""Dimensions whose codes need a name; periods are read as they are."""

TOO_MANY_ROWS = Words(
    f"可能超过 {MOST_ROWS:,} 行。请缩短期间或减少维度。",
    f"could have more than {MOST_ROWS:,} rows. Ask for a shorter time or less detail.",
)
TOO_MANY_FACTS = Words(
    "期间内的报名太多，无法按日或按周统计。请缩短期间，或按月统计。",
    "has too many registrations for days or weeks. Ask for a shorter time, or by month.",
)

NOT_BY_DAYS = Words(
    "新参加和再次参加的人数不能按日或按周统计。",
    "cannot tell new people from others by day or week.",
)

SHARES: dict[str, tuple[str, tuple[str, ...]]] = {
    "attendance_rate": ("attended", ("attended", "no_shows")),
    "no_show_rate": ("no_shows", ("attended", "no_shows")),
    "cancellation_rate": ("cancellations", ("registrations",)),
    "fill_rate": ("places", ("seats",)),
}
"""Of what and of how many. Who is known to have come or not is what attendance is a share of."""

KINDS_OF_FIGURES: dict[str, Literal["people", "minutes"]] = {
    "people": "people",
    "people_attended": "people",
    "new_people": "people",
    "returning_people": "people",
    "service_minutes": "minutes",
}
NEW = ("new_people", "returning_people")
"""Of `people`, who had signed up for nothing before the row's first day at its place, and who had."""

TITLES = MEASURES | NEWCOMERS | RATES | {"service_minutes": TIME}

FIGURES = (*(name for name in MEASURES if name != "service_hours"), *NEW, *SHARES)
"""What may be asked for."""


@dataclass(frozen=True)
class Ask:
    """A question about a scope. `only`: of `kind` and `age_band` those that are counted."""

    first: date
    last: date
    measures: Sequence[str]
    by: Sequence[str] = ()
    only: Mapping[str, Sequence[str]] = field(default_factory=dict)
    compare: Compare | None = None


def ask(session: Session, scope: Scope, question: Ask, as_of: datetime) -> Answer:
    """The answer. Raises 422 for one that would cost too much, and says what to do."""
    _refuse_what_costs_too_much(session, scope, question)
    first, last = question.first, question.last
    rows, total = _read(session, scope, question, first, last)
    notes = []
    if question.compare:
        first, last = other_range(first, last, question.compare)
        before, total_before = _read(session, scope, question, first, last)
        rows = _beside(question, rows, before)
        total |= {f"{name}_before": value for name, value in total_before.items()}
        notes.append(Words(f"对比期间：{first} 至 {last}", f"Compared with {first} to {last}"))
    keys = sorted(rows, key=lambda key: tuple(map(rank, question.by, key)))
    return Answer(
        TITLE,
        scope.name,
        question.first,
        question.last,
        as_of,
        list(_columns(question)),
        [_labels(scope, question.by, key) | rows[key] for key in keys],
        total,
        notes,
        compared=question.compare is not None,
    )


def other_range(first: date, last: date, compare: Compare) -> tuple[date, date]:
    """As long a time right before, or the same a year earlier. Whole months are compared with whole months."""
    whole = first.day == 1 and last == end_of_month(last)
    if compare == "last_year":
        return _earlier(first, 12), _earlier(last, 12, at_end=whole)
    if whole:
        months = (last.year - first.year) * 12 + last.month - first.month + 1
        return _earlier(first, months), first - timedelta(days=1)
    return first - (last - first) - timedelta(days=1), first - timedelta(days=1)


def _earlier(day: date, months: int, at_end: bool = False) -> date:
    """The same day so many months earlier, or the month's last one where there is no such day."""
    number = day.year * 12 + day.month - 1 - months
    month = date(number // 12, number % 12 + 1, 1)
    end = end_of_month(month)
    return end if at_end or day.day > end.day else month.replace(day=day.day)


def _refuse_what_costs_too_much(session: Session, scope: Scope, question: Ask) -> None:
    sizes = {
        "site": len(scope.places),
        "area": len({place.branch for place in scope.places}),
        "kind": len(KINDS),
        "age_band": len(AGE_BANDS),
        **{name: len(calendar_of(name, question.first, question.last)) for name in PERIODS if name in question.by},
    }
    rows = prod(sizes[name] for name in question.by)
    if rows > MOST_ROWS:
        raise invalid("by", TOO_MANY_ROWS)
    if not OF_CELLS.issuperset(question.by):
        [total] = from_cells(session, scope, question.first, question.last, ())
        if total["registrations"] > MOST_FACTS:
            raise invalid("by", TOO_MANY_FACTS)
        if set(NEW) & set(question.measures):
            raise invalid("by", NOT_BY_DAYS)


def _read(
    session: Session, scope: Scope, question: Ask, first: date, last: date
) -> tuple[dict[tuple[Any, ...], dict[str, Any]], dict[str, Any]]:
    """Figures by key, and of all."""
    *rows, total = participation(session, scope, first, last, question.by, question.only)
    by_key = {tuple(row[name] for name in question.by): row for row in rows}
    if set(NEW) & set(question.measures):
        told = newcomers(session, scope, first, last, question.by, question.only) if question.by else {}
        by_key = {key: row | _new(row, told[key]) for key, row in by_key.items()}
        total |= _new(total, newcomers(session, scope, first, last, (), question.only).get((), 0))
    return {key: _figures(question.measures, row) for key, row in by_key.items()}, _figures(question.measures, total)


def _new(row: Mapping[str, Any], new: int) -> dict[str, int]:
    return {"new_people": new, "returning_people": row["people"] - new}


def _figures(measures: Iterable[str], row: Mapping[str, Any]) -> dict[str, Any]:
    """Those asked for that have a meaning in this row."""
    figures: dict[str, Any] = {}
    for name in measures:
        part, whole = SHARES.get(name, (name, ()))
        if row[part] is None or any(row[one] is None for one in whole):
            continue
        of = sum(row[one] for one in whole)
        if whole and not of:
            continue
        figures[name] = row[part] / of if whole else row[part]
    return figures


def _beside(
    question: Ask, rows: dict[tuple[Any, ...], dict[str, Any]], before: dict[tuple[Any, ...], dict[str, Any]]
) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Both times in one row, the first period beside the first. What there was only once is 0 in the other."""
    moved = {}
    for key, figures in before.items():
        now = _moved(question, key)
        if now is not None:
            moved[now] = figures
    return {
        key: _or_nothing(rows.get(key), moved.get(key), "") | _or_nothing(moved.get(key), rows.get(key), "_before")
        for key in rows.keys() | moved.keys()
    }


def _moved(question: Ask, key: Sequence[Any]) -> tuple[Any, ...] | None:
    """A key of the other time as one of the time asked for: the n-th period there is the n-th one here. None where
    there are not so many."""
    codes = []
    for name, code in zip(question.by, key, strict=True):
        if name not in PERIODS:
            codes.append(code)
            continue
        then = _codes(name, *other_range(question.first, question.last, question.compare or "previous"))
        now = _codes(name, question.first, question.last)
        place = then.index(code)
        if place >= len(now):
            return None
        codes.append(now[place])
    return tuple(codes)


@lru_cache(maxsize=64)
def _codes(name: str, first: date, last: date) -> list[str]:
    return [code for _, code in calendar_of(name, first, last)]


def _or_nothing(figures: Mapping[str, Any] | None, others: Mapping[str, Any] | None, suffix: str) -> dict[str, Any]:
    """The figures under their names with this suffix; where there are none, 0 for each count that the others have."""
    found = {name: 0 for name in others or () if name not in SHARES} if figures is None else figures
    return {f"{name}{suffix}": value for name, value in found.items()}


def _labels(scope: Scope, by: Sequence[str], key: Sequence[Any]) -> dict[str, Any]:
    labels: dict[str, Any] = {}
    for name, code in zip(by, key, strict=True):
        labels[name] = str(code)
        if name in NAMED:
            known = {"kind": KINDS, "age_band": AGE_BANDS}.get(name, scope.names)
            labels[f"{name}_name"] = known.get(str(code), Words(str(code), str(code)))
    return labels


def _columns(question: Ask) -> Iterable[Column]:
    for name in question.by:
        title = DIMENSIONS[name]
        yield Column(name, title, "code")
        if name in NAMED:
            yield Column(f"{name}_name", Words(f"{title.zh} · {NAME.zh}", f"{title.en} · {NAME.en}"), "label")
    for name in question.measures:
        title = TITLES[name]
        kind: Any = "share" if name in SHARES else KINDS_OF_FIGURES.get(name, "count")
        yield Column(name, title, kind)
        if question.compare:
            yield Column(f"{name}_before", Words(f"{title.zh}（对比期）", f"{title.en} (before)"), kind)
