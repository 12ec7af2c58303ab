"""When a shift's reminders are due: arithmetic alone, with no clock and no database in it.

clock = SiteClock(ZoneInfo("Asia/Shanghai"), "21:00", "08:00")
due(ReminderRule(days_before=1, at="19:00"), starts_at, clock)     # 19:00 at the site, the evening before

Times on the site's clocks follow RFC 5545, as the shifts of a series do: one that a change of clocks skips lies as far
behind the change as it lay behind its beginning (02:30 becomes 03:30), and of one that comes twice the first is meant.

What goes to staff by the clock comes on a working day: in China's calendar, as far as its holidays are announced, and
Monday to Friday beyond (`common/working_days.py`).

Nobody is disturbed in quiet hours. What would fall into them comes when they end, if at least `SENSIBLE` is left until
the shift by then; else `EASE` before they begin. So nothing is lost, and nobody is woken.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from services.common.events import ReminderRule, ReminderTo
from services.common.working_days import is_working_day, working_days_after

SENSIBLE = timedelta(hours=1)
"""So long before the start a reminder still lets people set out, or give their place back."""

EASE = timedelta(minutes=30)
"""So long before quiet hours begin: mails take their time, and people too."""

HOURS_DAYS, HOURS_LEFT = 10, 3
STAFF_READ_AT = "09:00"
DAY = timedelta(days=1)


@dataclass(frozen=True)
class SiteClock:
    """A site's time zone and quiet hours, as `HH:MM`; equal ends mean none."""

    zone: ZoneInfo
    quiet_from: str
    quiet_until: str

    def shows(self, day: date, clock: str) -> datetime:
        """The moment, in UTC, at which clocks show this, by RFC 5545 where there is none or two."""
        return self._readings(day, clock)[0]

    def is_quiet(self, moment: datetime) -> bool:
        """Whether people are left in peace then."""
        shown = f"{moment.astimezone(self.zone):%H:%M}"
        if self.quiet_from <= self.quiet_until:
            return self.quiet_from <= shown < self.quiet_until
        return shown >= self.quiet_from or shown < self.quiet_until

    def quiet_ends(self, moment: datetime) -> datetime:
        """When the quiet hours end in which the moment lies."""
        return min(one for one in self._around(moment, self.quiet_until) if one >= moment)

    def quiet_begins(self, moment: datetime) -> datetime:
        """When the quiet hours began in which the moment lies."""
        return max(one for one in self._around(moment, self.quiet_from) if one <= moment)

    def _around(self, moment: datetime, clock: str) -> list[datetime]:
        day = moment.astimezone(self.zone).date()
        return [one for days in (-2, -1, 0, 1, 2) for one in self._readings(day + days * DAY, clock)]

    def _readings(self, day: date, clock: str) -> list[datetime]:
        """Every moment at which clocks show this: one, but two where clocks go back over it."""
        local = datetime.combine(day, time.fromisoformat(clock), self.zone)
        first, second = local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)
        return [first, second] if second > first else [first]


def due(rule: ReminderRule, starts_at: datetime, clock: SiteClock) -> datetime | None:
    """When this rule reminds of a shift that starts then; None where its time lies behind the start."""
    moment = _by_rule(rule, starts_at, clock)
    return awake(moment, starts_at, clock) if moment < starts_at else None


def awake(moment: datetime, starts_at: datetime, clock: SiteClock) -> datetime:
    """The moment, out of quiet hours."""
    if not clock.is_quiet(moment):
        return moment
    morning = clock.quiet_ends(moment)
    return morning if starts_at - morning >= SENSIBLE else clock.quiet_begins(moment) - EASE


def _by_rule(rule: ReminderRule, starts_at: datetime, clock: SiteClock) -> datetime:
    if rule.minutes_before is not None:
        return starts_at - timedelta(minutes=rule.minutes_before)
    day = starts_at.astimezone(clock.zone).date() - timedelta(days=rule.days_before or 0)
    while rule.to == ReminderTo.STAFF and not is_working_day(day):
        day -= DAY
    return clock.shows(day, rule.at or "")


@dataclass(frozen=True)
class HoursDeadline:
    """Until when the service hours of a shift are to be recorded, and when its site's staff hear of it."""

    day: date
    warn_at: datetime
    over_at: datetime


def hours_deadline(ends_at: datetime, clock: SiteClock) -> HoursDeadline:
    """Ministry of Civil Affairs Order 67: recorded within ten working days of the end. Staff are told at the start of a
    working day, with `HOURS_LEFT` working days left, and on the first one after."""
    ended = ends_at.astimezone(clock.zone).date()
    warn, over = (working_days_after(ended, HOURS_DAYS + days) for days in (-HOURS_LEFT, 1))
    return HoursDeadline(
        working_days_after(ended, HOURS_DAYS), clock.shows(warn, STAFF_READ_AT), clock.shows(over, STAFF_READ_AT)
    )
