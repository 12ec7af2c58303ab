"""Working days in China: weekdays but for public holidays, and the weekends that make up for them.

    due = working_days_after(date(2026, 9, 28), 10)      # 2026-10-16: the National Day holiday does not count
    if is_estimate(due): ...                             # the year's holidays are not known here

The State Council announces a year's holidays in the November before; `chinesecalendar` carries them from its next
release on. Until that is installed, Monday to Friday count in such a year, which makes a deadline a few days early at
most times of the year, and whoever shows one says so.
"""

from datetime import date, timedelta

import chinese_calendar

LAST_KNOWN_YEAR = max(chinese_calendar.holidays).year
"""The last year whose holidays are known here."""


def working_days_after(day: date, days: int) -> date:
    """The day that lies so many working days later."""
    while days:
        day += timedelta(days=1)
        days -= is_working_day(day)
    return day


def is_estimate(deadline: date) -> bool:
    """Whether a deadline lies in a year whose holidays are not known."""
    return deadline.year > LAST_KNOWN_YEAR


def is_working_day(day: date) -> bool:
    """Whether people work on this day."""
    return day.weekday() < 5 if is_estimate(day) else chinese_calendar.is_workday(day)
