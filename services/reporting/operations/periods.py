"""The periods of a report: which days they begin on, and what they are called.

calendar_of("quarter", date(2026, 2, 1), date(2026, 7, 1))
# [(date(2026, 1, 1), "2026-Q1"), (date(2026, 4, 1), "2026-Q2"), (date(2026, 7, 1), "2026-Q3")]
"""

from calendar import monthrange
from datetime import date, timedelta

OF_DAYS = ("day", "week")
STEPS = {"month": (1, 0), "quarter": (3, 0), "year": (12, 0), "academic_year": (12, 8)}
"""Periods of whole months: how many, and how many after January they begin. School begins in September."""

PERIODS = (*OF_DAYS, *STEPS)

Calendar = list[tuple[date, str]]


def calendar_of(period: str, first: date, last: date) -> Calendar:
    """The first day and the code of every period that has a day from `first` to `last`, in order."""
    if period == "day":
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        return [(day, day.isoformat()) for day in days]
    if period == "week":
        monday = first - timedelta(days=first.weekday())
        mondays = [monday + timedelta(weeks=n) for n in range((last - monday).days // 7 + 1)]
        return [(day, f"{day.isocalendar().year:04d}-W{day.isocalendar().week:02d}") for day in mondays]
    step, after = STEPS[period]
    begin = (first.year * 12 + first.month - 1 - after) // step * step + after
    starts = [date(month // 12, month % 12 + 1, 1) for month in range(begin, last.year * 12 + last.month, step)]
    return [(start, _code(period, start)) for start in starts]


def _code(period: str, start: date) -> str:
    if period == "month":
        return f"{start.year:04d}-{start.month:02d}"
    if period == "academic_year":
        return f"{start.year:04d}-{start.year + 1:04d}"
    return f"{start.year:04d}" + (f"-Q{(start.month + 2) // 3}" if period == "quarter" else "")


def end_of_month(month: date) -> date:
    """Its last day, also of the last month that there is."""
    return month.replace(day=monthrange(month.year, month.month)[1])


def in_months(first: date, last: date) -> tuple[list[date], list[tuple[date, date]]]:
    """The range as whole months, by their first days, and as what of months is left at its ends."""
    whole, parts = [], []
    for month, _ in calendar_of("month", first, last):
        begin, end = max(first, month), min(last, end_of_month(month))
        if (begin, end) == (month, end_of_month(month)):
            whole.append(month)
        else:
            parts.append((begin, end))
    return whole, parts
