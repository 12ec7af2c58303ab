"""One row: its values as they are kept, or everything that is wrong with it. The rules are those of a sign-up."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from services.registration.personal_data import normal_email, normal_phone, plain_name
from services.registration.spreadsheets.columns import (
    COLUMNS,
    Headings,
    Kind,
    first_identifying,
    identifies,
    letter,
)
from services.registration.spreadsheets.faults import Fault

Values = dict[str, str]
"""By field, as text: phones in E.164, dates as YYYY-MM-DD, hours as minutes. What is not given is not there."""

LONGEST = {
    "name": 200, "phone": 40, "email": 300, "team": 200, "activity": 200, "place": 200, "content": 500,
    "responsible": 200,
}  # fmt: skip
LANGUAGES = {"": "", "zh-cn": "zh-CN", "zh": "zh-CN", "中文": "zh-CN", "en": "en", "英文": "en", "english": "en"}
ROLES = {"": "", "leader": "leader", "队长": "leader", "团长": "leader", "member": "member", "队员": "member"}
CUT = re.compile(r"[0-9](\.[0-9]+)?E\+[0-9]{2,3}")
DATE = re.compile(r"([0-9]{4})(?:[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?|([0-9]{2})([0-9]{2}))")
HOURS = re.compile(r"([0-9]{1,2}(?:[.,][0-9]{1,3})?)\s*(?:小时|h|hours?)?", re.IGNORECASE)
SERIAL = re.compile(r"[1-9][0-9]{3,4}")
EXCEL_DAY_ZERO = date(1899, 12, 30)
GUARDED = re.compile(r"'[=+\-@\t\r]")
"""An apostrophe that an export has put before what a spreadsheet would take for a formula (writing.py)."""


@dataclass
class Row:
    """A row of the file: `number` as a spreadsheet counts."""

    number: int
    values: Values = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


def check_row(kind: Kind, headings: Headings, number: int, cells: Sequence[str]) -> Row | None:
    """What the row says and what is wrong with it; None when nothing stands in it."""
    row = Row(number)
    texts = {
        name: (place, text)
        for place, name in enumerate(headings.fields)
        if name is not None and place < len(cells) and (text := _text(cells[place]))
    }
    if not texts:
        return None
    for name, (place, text) in texts.items():
        code = _unusable(name, text)
        value = None if code else _CHECKS.get(name, _as_is)(text)
        if value is None:
            row.faults.append(Fault(number, f"{letter(place)} {name}", code or _code(name, text)))
        elif value:
            row.values[name] = value
    _check_whole(kind, headings, row, texts)
    return row


def _check_whole(kind: Kind, headings: Headings, row: Row, texts: Mapping[str, object]) -> None:
    for column in COLUMNS[kind]:
        if column.required and column.field not in texts:
            place = headings.fields.index(column.field)
            row.faults.append(Fault(row.number, f"{letter(place)} {column.field}", "missing"))
    if not identifies(kind, texts):
        name = first_identifying(kind, headings.fields)
        code = "nobody" if kind == "records" else "unreachable"
        row.faults.append(Fault(row.number, f"{letter(headings.fields.index(name))} {name}", code))


def _text(cell: str) -> str:
    text = cell.strip()
    return text[1:] if GUARDED.match(text) else text


def _unusable(name: str, text: str) -> str | None:
    if len(text) > LONGEST.get(name, 100):
        return "too_long"
    if not text.isprintable() and any("\ud800" <= letter <= "\udfff" or letter == "\0" for letter in text):
        return "unreadable"
    return "cut" if CUT.fullmatch(text) else None


def _as_is(text: str) -> str:
    return text


def _name(text: str) -> str | None:
    return text if plain_name(text) else None


def as_date(text: str) -> date | None:
    """A day in any of the ways that people and spreadsheets write it, the number of days since 1900 among them."""
    text = re.sub(r"[ T]00:00(:00)?$", "", text)
    found = DATE.fullmatch(text)
    try:
        if found:
            year, month, day = found[1], found[2] or found[4], found[3] or found[5]
            return date(int(year), int(month), int(day))
        if SERIAL.fullmatch(text) and int(text) >= 1000:
            return EXCEL_DAY_ZERO + timedelta(days=int(text))
    except ValueError:
        pass
    return None


def _today() -> date:
    # Tomorrow in UTC is today somewhere.
    return datetime.now(UTC).date() + timedelta(days=1)


def _birth_date(text: str) -> str | None:
    day = as_date(text)
    return day.isoformat() if day and date(1900, 1, 1) <= day <= _today() else None


def _past_day(text: str) -> str | None:
    day = as_date(text)
    return day.isoformat() if day and date(1990, 1, 1) <= day <= _today() else None


def _hours(text: str) -> str | None:
    """Hours as whole minutes."""
    found = HOURS.fullmatch(text)
    minutes = round(float(found[1].replace(",", ".")) * 60) if found else 0
    return str(minutes) if 1 <= minutes <= 24 * 60 else None


_CHECKS: dict[str, Callable[[str], str | None]] = {
    "name": _name,
    "phone": normal_phone,
    "email": normal_email,
    "birth_date": _birth_date,
    "day": _past_day,
    "hours": _hours,
    "language": lambda text: LANGUAGES.get(text.casefold()),
    "role": lambda text: ROLES.get(text.casefold()),
}


def _code(name: str, text: str) -> str:
    """What is wrong with a value that its check refused."""
    if name in ("birth_date", "day"):
        return name if as_date(text) else "date"
    return "invisible" if name == "name" else name
