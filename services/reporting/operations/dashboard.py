"""What a dashboard shows of an area or a site: its figures beside earlier ones, and by time, age, kind and place.

    with report_snapshot(database, NOTHING) as session:
        access = enter(session, principal, area, site)
        board = read_dashboard(session, read_scope(session, access.area, access.site), first, last)

Rows are those of `participation`: dimensions and FIGURES. What has nothing to count has a row of noughts where people
look for it: each month, each age band, each place.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy.orm import Session

from services.reporting.labels import AGE_BANDS
from services.reporting.operations.measures import FIGURES
from services.reporting.operations.participation import participation
from services.reporting.operations.periods import calendar_of, end_of_month
from services.reporting.operations.scope import Scope

Row = dict[str, Any]
Period = tuple[date, date]
"""First and last day, both included."""


@dataclass(frozen=True)
class Dashboard:
    """The whole in the period, in the one right before it and a year ago; rows of the period by one dimension each.
    `places` are the areas right below (by code), or the sites where there are none; nothing for a single site."""

    before: Period
    year_ago: Period
    now_total: Row
    before_total: Row
    year_ago_total: Row
    months: list[Row]
    age_bands: list[Row]
    kinds: list[Row]
    places_by: str
    places: list[Row]


def read_dashboard(session: Session, scope: Scope, first: date, last: date) -> Dashboard:
    """All of it, from the snapshot that the session has."""
    before, year_ago = period_before(first, last), a_year_ago(first, last)
    by_month, total = _rows(session, scope, (first, last), "month")
    by_age, _ = _rows(session, scope, (first, last), "age_band")
    by_kind, _ = _rows(session, scope, (first, last), "kind")
    places_by = "area" if any(place.branch != scope.area for place in scope.places) else "site"
    by_place = _rows(session, scope, (first, last), places_by)[0] if scope.area else []
    there = {place.branch if places_by == "area" else place.site_id for place in scope.places} if scope.area else ()
    return Dashboard(
        before,
        year_ago,
        total,
        _rows(session, scope, before)[1],
        _rows(session, scope, year_ago)[1],
        _filled(by_month, "month", [code for _, code in calendar_of("month", first, last)]),
        _filled(by_age, "age_band", [band for band in AGE_BANDS if band != "unknown"]),
        by_kind,
        places_by,
        _filled(by_place, places_by, there),
    )


def period_before(first: date, last: date) -> Period:
    """As many days right before; for whole months as many months."""
    if first.day == 1 and last == end_of_month(last):
        months = (last.year - first.year) * 12 + last.month - first.month + 1
        return _back(first, months), _from_ordinal(first.toordinal() - 1)
    days = (last - first).days + 1
    return _from_ordinal(first.toordinal() - days), _from_ordinal(first.toordinal() - 1)


def a_year_ago(first: date, last: date) -> Period:
    """The same days of the year before; the end of a month stays one."""
    end = _back(last, 12)
    return _back(first, 12), end_of_month(end) if last == end_of_month(last) else end


def _back(day: date, months: int) -> date:
    """So many months earlier: the same day there, or the month's last; never before there were days."""
    year, month = divmod(max(12, day.year * 12 + day.month - 1 - months), 12)
    begin = date(year, month + 1, 1)
    return min(begin + timedelta(days=day.day - 1), end_of_month(begin))


def _from_ordinal(ordinal: int) -> date:
    return date.fromordinal(max(1, ordinal))


def _rows(session: Session, scope: Scope, period: Period, *by: str) -> tuple[list[Row], Row]:
    """Rows by these dimensions, and the total."""
    *rows, total = participation(session, scope, *period, by)
    return rows, total


def _filled(rows: list[Row], name: str, codes: Iterable[Any]) -> list[Row]:
    """A row for each of these codes, in this order; rows of other codes follow."""
    found = {row[name]: row for row in rows}
    nothing = dict.fromkeys(FIGURES, 0)
    return [found.pop(code, {name: code} | nothing) for code in codes] + list(found.values())
