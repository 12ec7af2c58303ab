"""How times and names are written in a mail."""

import unicodedata
from datetime import date, datetime
from zoneinfo import ZoneInfo

WEEKDAYS_ZH = "一二三四五六日"
WEEKDAYS_EN = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS_EN = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip

JOINERS = "\u200c\u200d"
"""Invisible, but without them some emoji and scripts fall apart."""


def plain(value: str, longest: int = 200) -> str:
    """One line without control characters or marks that turn the direction of the text around them."""
    # What is printable throughout has none of them: nearly every text, told at a tenth of the time.
    kept = (
        value
        if value.isprintable()
        else "".join(
            " " if character.isspace() or unicodedata.category(character) in ("Cc", "Zl", "Zp") else character
            for character in value
            if character in JOINERS or unicodedata.category(character) not in ("Cf", "Cs")
        )
    )
    line = " ".join(kept.split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def in_language(language: str, zh: str | None, en: str | None) -> str:
    """The words in the language asked for, where there are any; else what there is."""
    return plain((en if language == "en" else zh) or zh or en or "")


def _day_zh(moment: datetime, year: bool = True) -> str:
    written = f"{moment.month}月{moment.day}日（星期{WEEKDAYS_ZH[moment.weekday()]}）"
    return f"{moment.year}年{written}" if year else written


def _day_en(moment: datetime) -> str:
    return f"{WEEKDAYS_EN[moment.weekday()]}, {moment.day} {MONTHS_EN[moment.month - 1]} {moment.year}"


def period(starts_at: datetime, ends_at: datetime, zone: ZoneInfo, language: str) -> str:
    """From when to when in the site's time zone: `2026年12月1日（星期二）09:00–11:00`."""
    start, end = starts_at.astimezone(zone), ends_at.astimezone(zone)
    same_day = start.date() == end.date()
    if language == "zh":
        until = "" if same_day else _day_zh(end, year=end.year != start.year)
        return f"{_day_zh(start)}{start:%H:%M}–{until}{end:%H:%M}"
    until = "" if same_day else f"{_day_en(end)}, "
    return f"{_day_en(start)}, {start:%H:%M}–{until}{end:%H:%M} ({zone.key.replace('_', ' ')} time)"


def shortest_start(moment: datetime, zone: ZoneInfo, language: str) -> str:
    """The same for an SMS: `12月1日周二09:00`."""
    there = moment.astimezone(zone)
    if language == "zh":
        return f"{there.month}月{there.day}日周{WEEKDAYS_ZH[there.weekday()]}{there:%H:%M}"
    return f"{WEEKDAYS_EN[there.weekday()][:3]} {there.day} {MONTHS_EN[there.month - 1][:3]} {there:%H:%M}"


def short_start(starts_at: datetime, zone: ZoneInfo, language: str) -> str:
    """The start as it fits into a subject: `12月1日（星期二）09:00`."""
    start = starts_at.astimezone(zone)
    if language == "zh":
        return f"{_day_zh(start, year=False)}{start:%H:%M}"
    return f"{WEEKDAYS_EN[start.weekday()][:3]} {start.day} {MONTHS_EN[start.month - 1][:3]}, {start:%H:%M}"


def short_day(day: date, language: str) -> str:
    """A day alone: `12月1日（星期二）`."""
    moment = datetime.combine(day, datetime.min.time())
    if language == "zh":
        return _day_zh(moment, year=False)
    return f"{WEEKDAYS_EN[day.weekday()][:3]} {day.day} {MONTHS_EN[day.month - 1][:3]}"
