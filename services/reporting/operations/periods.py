"""The periods of a report: which days they begin on, and what they are called.

calendar_of("quarter", date(2026, 2, 1), date(2026, 7, 1))
# [(date(2026, 1, 1), "2026-Q1"), (date(2026, 4, 1), "2026-Q2"), (date(2026, 7, 1), "2026-Q3")]
"""

from datetime import date, timedelta

PERIODS = ("day", "month", "quarter", "year")
MONTHS = {"month": 1, "quarter": 3, "year": 12}

Calendar = list[tuple[date, str]]


def calendar_of(period: str, first: date, last: date) -> Calendar:
    """The first day and the code of every period that has a day from `first` to `last`, in order."""
    if period == "day":
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        return [(day, day.isoformat()) for day in days]
    step = MONTHS[period]
    begin = (first.year * 12 + first.month - 1) // step * step
    starts = [date(month // 12, month % 12 + 1, 1) for month in range(begin, last.year * 12 + last.month, step)]
    return [(start, _code(period, start)) for start in starts]


def _code(period: str, start: date) -> str:
    if period == "month":
        return f"{start.year:04d}-{start.month:02d}"
    return f"{start.year:04d}" + (f"-Q{(start.month + 2) // 3}" if period == "quarter" else "")
