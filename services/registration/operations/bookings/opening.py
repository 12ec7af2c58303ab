"""Opening hours, by the clock on the site's wall.

    is_open(site.opening_hours, site.exceptions, ZoneInfo(site.time_zone), starts_at, ends_at)

Hours are wall-clock times, and a day may have 23 or 25 hours. So a time range is cut where the clock is put forward
or back; within a piece, the wall's clock runs like any other, and plain arithmetic is right.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from services.registration.schemas.site_settings import WEEKDAYS, minutes_of

WeeklyHours = Mapping[str, Sequence[Sequence[str]]]
Exceptions = Sequence[Mapping[str, Any]]

ALL_DAY = [("00:00", "24:00")]


def is_open(hours: WeeklyHours, exceptions: Exceptions, zone: ZoneInfo, starts_at: datetime, ends_at: datetime) -> bool:
    """Whether the site is open all the time from `starts_at` to `ends_at`, which lie at most a day apart."""
    return all(
        _covered(hours, exceptions, begins, ends) for begins, ends in _pieces_on_the_wall(zone, starts_at, ends_at)
    )


def hours_of(hours: WeeklyHours, exceptions: Exceptions, day: date) -> Sequence[Sequence[str]]:
    """The hours of one day: its own where it is an exception, else its weekday's; always open where none are set."""
    for exception in exceptions:
        if exception["date"] == day.isoformat():
            return exception["hours"]
    return hours.get(WEEKDAYS[day.weekday()], []) if hours else ALL_DAY


def _pieces_on_the_wall(zone: ZoneInfo, starts_at: datetime, ends_at: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The range as the wall's clock shows it, cut where that is put forward or back."""
    begins, ends = starts_at.astimezone(UTC), ends_at.astimezone(UTC)
    before, after = _offset(zone, begins), _offset(zone, ends)
    if before != after:
        change = _first_with(zone, begins, ends, before)
        yield _shifted(begins, before), _shifted(change, before)
        begins = change
    yield _shifted(begins, after), _shifted(ends, after)


def _first_with(zone: ZoneInfo, low: datetime, high: datetime, old: timedelta) -> datetime:
    """When the clock is changed: the second from which the offset is no longer the old one."""
    while high - low > timedelta(seconds=1):
        middle = (low + (high - low) / 2).replace(microsecond=0)
        if middle <= low:
            break
        low, high = (middle, high) if _offset(zone, middle) == old else (low, middle)
    return high.replace(microsecond=0)


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()


def _shifted(moment: datetime, offset: timedelta) -> datetime:
    return (moment + offset).replace(tzinfo=None)


def _covered(hours: WeeklyHours, exceptions: Exceptions, begins: datetime, ends: datetime) -> bool:
    reached = begins
    day = begins.date()
    while reached < ends and day <= ends.date():
        midnight = datetime.combine(day, time())
        for opens, closes in hours_of(hours, exceptions, day):
            if midnight + timedelta(minutes=minutes_of(opens)) <= reached:
                reached = max(reached, midnight + timedelta(minutes=minutes_of(closes)))
        day += timedelta(days=1)
    return reached >= ends
