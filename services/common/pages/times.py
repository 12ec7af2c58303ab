"""Times and numbers as people read them, in a site's zone and the reader's language.

times(start, end, "Asia/Shanghai")    # 11月24日 周二 09:00–11:00 · Tue 24 Nov, 09:00–11:00
dated(date(2026, 11, 28))             # 2026年11月28日 · 28 November 2026
lasting(90)                           # 1 小时 30 分钟 · 1 h 30 min
"""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal

from services.common.durations import duration
from services.common.errors import language

PATTERNS = {"zh": "M月d日 EEE", "en": "EEE d MMM"}
YEARS = {"zh": "y年M月d日 EEE", "en": "EEE d MMM y"}
DATES = {"zh": "y年M月d日", "en": "d MMMM y"}
LOCALES = {"zh": Locale.parse("zh_CN"), "en": Locale.parse("en_GB")}
"""Given by name, a locale is looked for among a thousand files at each call: that was most of the time of a page."""


def day(moment: datetime | date, zone: str = "UTC") -> str:
    """The day, with the year where it is not this one."""
    local = moment.astimezone(ZoneInfo(zone)).date() if isinstance(moment, datetime) else moment
    patterns = PATTERNS if local.year == datetime.now(ZoneInfo(zone)).year else YEARS
    return format_date(local, patterns[language()], locale=LOCALES[language()])


def dated(value: date) -> str:
    """A date as papers have it: always with its year, never with its weekday."""
    return format_date(value, DATES[language()], locale=LOCALES[language()])


def clock(moment: datetime, zone: str) -> str:
    """The time of day, 24 hours."""
    return moment.astimezone(ZoneInfo(zone)).strftime("%H:%M")


def times(start: datetime, end: datetime, zone: str) -> str:
    """From when to when; the second day is named where it is another."""
    join = " " if language() == "zh" else ", "
    first, last = (moment.astimezone(ZoneInfo(zone)).date() for moment in (start, end))
    until = clock(end, zone) if first == last else f"{day(end, zone)}{join}{clock(end, zone)}"
    return f"{day(start, zone)}{join}{clock(start, zone)}–{until}"


def number(value: int | float) -> str:
    """A number with its groups."""
    return format_decimal(value, locale=LOCALES[language()])


def lasting(minutes: int) -> str:
    """Hours and minutes (`durations.py`)."""
    words = duration(minutes)
    return words.zh if language() == "zh" else words.en
