"""One row: its values as they are kept, or everything that is wrong with it. The rules are those of a sign-up."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from services.registration.personal_data import normal_email, normal_phone, plain_name
from services.registration.spreadsheets import volunteer_values
from services.registration.spreadsheets.columns import Headings, letter
from services.registration.spreadsheets.dates import as_date
from services.registration.spreadsheets.faults import Fault
from services.registration.spreadsheets.kinds import COLUMNS, NEEDED, Kind

Values = dict[str, str]
"""By field, as text: phones in E.164, dates as YYYY-MM-DD, hours as minutes, lists as codes with commas. What is not
given is not there."""

LONGEST = {
    "name": 200, "phone": 40, "email": 300, "team": 200, "activity": 200, "place": 200, "content": 500,
    "responsible": 200, "team_en": 200, "guardian": 200, "guardian_email": 300, "guardian_relation": 40, "skills": 400,
    "professions": 400, "categories": 400,
}  # fmt: skip
LANGUAGES = {"": "", "zh-cn": "zh-CN", "zh": "zh-CN", "中文": "zh-CN", "en": "en", "英文": "en", "english": "en"}
TEAM_KINDS = {
    "choir": "choir", "合唱团": "choir", "合唱": "choir",
    "volunteers": "volunteers", "志愿服务队": "volunteers", "志愿队": "volunteers", "志愿者队伍": "volunteers",
    "other": "other", "其他": "other",
}  # fmt: skip
ROLES = {"": "", "leader": "leader", "队长": "leader", "团长": "leader", "member": "member", "队员": "member"}
CUT = re.compile(r"[0-9](\.[0-9]+)?E\+[0-9]{2,3}")
HOURS = re.compile(r"([0-9]{1,2}(?:[.,][0-9]{1,3})?)\s*(?:小时|h|hours?)?", re.IGNORECASE)
GUARDED = re.compile(r"'[=+\-@\t\r]")
"""An apostrophe that an export has put before what a spreadsheet would take for a formula (writing.py)."""


@dataclass
class Row:
    """A row of the file: `number` as a spreadsheet counts."""

    number: int
    values: Values = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def blame(self, headings: Headings, name: str, code: str, other: int = 0) -> None:
        """Add a fault, in the column of this field where the file has one."""
        place = f"{letter(headings.fields.index(name))} {name}" if name in headings.fields else name
        self.faults.append(Fault(self.number, place, code, other=other))


def check_row(kind: Kind, headings: Headings, number: int, cells: Sequence[str]) -> Row | None:
    """What the row says and what is wrong with it; None when nothing stands in it."""
    row = Row(number)
    texts = {
        name: text
        for place, name in enumerate(headings.fields)
        if name is not None and place < len(cells) and (text := _text(cells[place]))
    }
    if not texts:
        return None
    for name, text in texts.items():
        code = _unusable(name, text)
        value = None if code else _CHECKS.get(name, _as_is)(text)
        if value is None:
            row.blame(headings, name, code or _code(name, text))
        elif value:
            row.values[name] = value
    _check_whole(kind, headings, row, texts)
    return row


def _check_whole(kind: Kind, headings: Headings, row: Row, texts: Mapping[str, str]) -> None:
    for column in COLUMNS[kind]:
        if column.required and column.field not in texts:
            row.blame(headings, column.field, "missing")
    for needed in NEEDED[kind]:
        if not needed.met(texts):
            row.blame(headings, needed.to_blame(headings.fields), needed.code)
    if kind == "volunteers" and not row.faults:
        for name, code in volunteer_values.whole_faults(row.values):
            row.blame(headings, name, code)


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
    "team_kind": lambda text: TEAM_KINDS.get(text.casefold()),
    **volunteer_values.CHECKS,
}


def _code(name: str, text: str) -> str:
    """What is wrong with a value that its check refused."""
    if name in ("birth_date", "day"):
        return name if as_date(text) else "date"
    return "invisible" if name == "name" else volunteer_values.CODES.get(name, name)
