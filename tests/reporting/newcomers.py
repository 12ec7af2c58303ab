"""Who is new, counted slowly in the random city."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from tests.reporting.world import SITES, Registration, World, key_of

PLACES = ("site", "area")


def rows_of(
    world: World, scope: str, first: date, last: date, by: Sequence[str]
) -> dict[tuple[Any, ...], list[Registration]]:
    """The sign-ups of each row by its codes; all of them under () where there is no dimension."""
    places = {name: branch for name in SITES if (branch := world.branch(name, scope))}
    rows: dict[tuple[Any, ...], list[Registration]] = {}
    for r in world.registrations:
        if r.shift.activity.site in places and first <= r.shift.day <= last:
            rows.setdefault(key_of(by, r.shift, r, places), []).append(r)
    return rows


def new_people(world: World, row: list[Registration], scope: str, first: date, by: Sequence[str]) -> int:
    """Of whom the row is who had no sign-up before its first day at its place."""
    active = [r for r in row if r.status != "cancelled"]
    people = {world.counted_as(r.person) for r in active}
    if not active:
        return 0
    begin = _begin(active[0].shift.day, first, [name for name in by if name not in (*PLACES, "kind", "age_band")])
    places = {name: branch for name in SITES if (branch := world.branch(name, scope))}
    place = [name for name in by if name in PLACES]
    here = key_of(place, active[0].shift, active[0], places)
    before = {
        world.counted_as(r.person)
        for r in world.registrations
        if r.status != "cancelled" and r.shift.activity.site in places and r.shift.day < begin
        if key_of(place, r.shift, r, places) == here
    }
    return len(people - before)


def _begin(day: date, first: date, periods: Sequence[str]) -> date:
    """The first day from `first` on that lies in the same periods as this one."""
    begin, one = day, timedelta(days=1)
    while begin > first and _of_day(periods, begin - one) == _of_day(periods, day):
        begin -= one
    return begin


def _of_day(periods: Sequence[str], day: date) -> list[str]:
    """The codes of the periods in which a day lies."""
    codes = {
        "month": str(day)[:7],
        "quarter": f"{day.year}-Q{(day.month - 1) // 3 + 1}",
        "year": str(day.year),
        "academic_year": str((day - timedelta(days=243)).year),
    }
    return [codes[name] for name in periods]
