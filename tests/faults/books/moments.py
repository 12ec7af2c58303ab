"""When reminders should be due, found by walking minute by minute over a site's clocks: slow, and plain to read.

It knows nothing of `services/notifications/moments.py`, whose arithmetic it is held against.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import chinese_calendar

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
LAST_ANNOUNCED = max(chinese_calendar.holidays).year


class Clock:
    """A site's wall clock with its quiet hours (`HH:MM`)."""

    def __init__(self, zone: str, quiet_from: str, quiet_until: str) -> None:
        self.key = zone, quiet_from, quiet_until
        self.zone, self.quiet_from, self.quiet_until = ZoneInfo(zone), quiet_from, quiet_until

    def shown(self, moment: datetime) -> str:
        """What it shows, to the minute."""
        return f"{moment.astimezone(self.zone):%Y-%m-%d %H:%M}"

    def when(self, day: date, clock: str) -> datetime:
        """The first minute at which it shows this. Where clocks jump over it, as far behind the jump as it lay behind
        the last minute before."""
        wanted = f"{day} {clock}"
        minute = datetime.combine(day, datetime.min.time(), UTC) - DAY
        while (shown := self.shown(minute)) < wanted:
            minute += MINUTE
        if shown == wanted:
            return minute
        before = datetime.fromisoformat(self.shown(minute - MINUTE))
        return minute + (datetime.fromisoformat(wanted) - before) - MINUTE

    def is_quiet(self, moment: datetime) -> bool:
        """Whether people are left in peace."""
        clock = self.shown(moment)[11:]
        asleep = [self.quiet_from <= clock, clock < self.quiet_until]
        return all(asleep) if self.quiet_from <= self.quiet_until else any(asleep)

    def next(self, moment: datetime, clock: str) -> datetime:
        """The first time from then on that it shows this."""
        minute = moment if moment == floor(moment) else floor(moment) + MINUTE
        return next(one for one in self._times(minute, MINUTE, clock) if one >= moment)

    def last(self, moment: datetime, clock: str) -> datetime:
        """The last time until then that it showed this."""
        return next(one for one in self._times(floor(moment), -MINUTE, clock) if one <= moment)

    def _times(self, minute: datetime, step: timedelta, clock: str) -> Iterator[datetime]:
        """The minutes that show this, walking from one; and where clocks jumped over it, what stands for it."""
        while True:
            if self.shown(minute)[11:] == clock:
                yield minute
            here, there = sorted((minute, minute + step))
            if self._jumps(here, there, clock):
                yield self.when(self._day_of_jump(here, there, clock), clock)
            minute += step

    def _jumps(self, before: datetime, after: datetime, clock: str) -> bool:
        return self._day_of_jump(before, after, clock) is not None

    def _day_of_jump(self, before: datetime, after: datetime, clock: str) -> Any:
        here, there = self.shown(before), self.shown(after)
        for day in {here[:10], there[:10]}:
            if here < f"{day} {clock}" < there:
                return date.fromisoformat(day)
        return None


def name_of(rule: dict[str, Any]) -> str:
    """What tells a rule from the others of an activity."""
    minutes = rule.get("minutes_before")
    name = f"{rule['days_before']}d{rule['at']}" if minutes is None else str(minutes)
    return f"{name}/unconfirmed" if rule.get("only_unconfirmed") else name


def floor(moment: datetime) -> datetime:
    """The minute that has begun."""
    return moment.replace(second=0, microsecond=0)


def expected(rule: dict[str, Any], starts_at: datetime, clock: Clock) -> datetime | None:
    """When a rule (as an event carries it) reminds of a shift; None where that lies behind its start."""
    if rule.get("minutes_before"):
        moment = starts_at
        for _ in range(rule["minutes_before"]):
            moment -= MINUTE
    else:
        day = date.fromisoformat(clock.shown(starts_at)[:10])
        for _ in range(rule["days_before"]):
            day -= DAY
        while rule["to"] == "staff" and not works(day):
            day -= DAY
        moment = clock.when(day, rule["at"])
    if moment >= starts_at:
        return None
    if not clock.is_quiet(moment):
        return moment
    morning = clock.next(moment, clock.quiet_until)
    return morning if morning + 60 * MINUTE <= starts_at else clock.last(moment, clock.quiet_from) - 30 * MINUTE


def works(day: date) -> bool:
    """Whether people work: by China's calendar, and Monday to Friday in years that are not announced."""
    known: Callable[[date], bool] = chinese_calendar.is_workday
    return known(day) if day.year <= LAST_ANNOUNCED else f"{day:%a}" not in ("Sat", "Sun")


def working_days_later(day: date, days: int) -> date:
    """The day on which so many working days have passed."""
    passed = 0
    while passed < days:
        day += DAY
        passed += works(day)
    return day
