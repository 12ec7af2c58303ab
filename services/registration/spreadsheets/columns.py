"""Which columns a file has: headings in Chinese or English, in any order, and where the heading row is."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from services.common.errors import Words
from services.registration.spreadsheets.faults import Fault

Kind = Literal["people", "roster"]

ROWS_BEFORE_HEADINGS = 10
"""Rows in which headings are looked for: lists often begin with a title."""


@dataclass(frozen=True)
class Column:
    """A column that a file may have. `also` are other headings by which it is known."""

    field: str
    title: Words
    example: str
    meaning: Words
    required: bool = False
    also: tuple[str, ...] = ()


_NAME = Column(
    "name", Words("姓名", "name"), "林小满", Words("必填。", "Required."), True, ("名字", "志愿者姓名", "full name")
)
_REACHABLE = Words("电话和电子邮件至少填一项。", "A phone or an e-mail is needed.")
_PHONE = Column(
    "phone",
    Words("电话", "phone"),
    "13800000000",
    _REACHABLE,
    also=("手机", "手机号", "手机号码", "联系电话", "联系方式", "mobile", "phone number", "telephone"),
)
_EMAIL = Column(
    "email",
    Words("电子邮件", "email"),
    "xiaoman@example.com",
    _REACHABLE,
    also=("邮箱", "电子邮箱", "邮件", "e-mail", "mail"),
)
_BIRTH_DATE = Column(
    "birth_date",
    Words("出生日期", "birth_date"),
    "1961-07-13",
    Words("年-月-日，可不填。", "Year-month-day; may be empty."),
    also=("生日", "出生年月日", "birthday", "date of birth", "born"),
)
_LANGUAGE = Column(
    "language",
    Words("语言", "language"),
    "zh-CN",
    Words("通知所用语言：zh-CN 或 en；空白为中文。", "Language of messages: zh-CN or en; Chinese when empty."),
)
_PERSON = (_NAME, _PHONE, _EMAIL, _BIRTH_DATE, _LANGUAGE)

COLUMNS: dict[Kind, tuple[Column, ...]] = {
    "people": _PERSON,
    "roster": (
        Column(
            "team",
            Words("队伍", "team"),
            "暖阳合唱团",
            Words("队伍的中文或英文名称，须已建立。", "The team's Chinese or English name; the team must exist."),
            True,
            ("队伍名称", "团队", "合唱团", "team name", "choir"),
        ),
        *_PERSON,
        Column(
            "role",
            Words("角色", "role"),
            "队员",
            Words(
                "队长 或 队员；空白为队员。一队只有一名队长。",
                "leader or member; member when empty. A team has one leader.",
            ),
            also=("职务", "position"),
        ),
    ),
}


@dataclass(frozen=True)
class Headings:
    """Where the headings stand (`row`, from 1) and the field of each column; None for a column that is not read."""

    row: int
    fields: list[str | None]


def find_columns(kind: Kind, records: Sequence[Sequence[str]]) -> tuple[Headings | None, list[Fault]]:
    """The headings among the first rows, or what is wrong with them. A fault tells the column, never what stands in it:
    a file without headings has people there."""
    candidates = [
        (number, _fields(kind, cells)) for number, cells in enumerate(records[:ROWS_BEFORE_HEADINGS], start=1)
    ]
    row, fields = max(candidates, key=lambda one: sum(field is not None for field in one[1]), default=(1, []))
    known = [field for field in fields if field is not None]
    if not known:
        return None, [Fault(1, "", "no_headings")]
    faults = [
        Fault(row, letter(place), "heading_twice")
        for place, field in enumerate(fields)
        if field is not None and field in fields[:place]
    ]
    required = [column for column in COLUMNS[kind] if column.required and column.field not in known]
    faults += [Fault(row, column.title.zh, "column_missing", title=column.title.en) for column in required]
    if not {"phone", "email"} & set(known):
        faults.append(Fault(row, "电话", "column_missing", title="phone"))
    return (None if faults else Headings(row, fields)), faults


def _fields(kind: Kind, cells: Sequence[str]) -> list[str | None]:
    known = {
        _plain(heading): column.field
        for column in COLUMNS[kind]
        for heading in (column.title.zh, column.title.en, column.field, *column.also)
    }
    return [known.get(_plain(cell)) for cell in cells]


def _plain(heading: str) -> str:
    """A heading without what people decorate it with: `姓名*`, `电话（手机）`, `Birth date`."""
    folded = unicodedata.normalize("NFKC", heading).casefold()
    return re.sub(r"\(.*?\)|[\s_*::-]", "", folded)


def letter(place: int) -> str:
    """A column as spreadsheets name it: 0 is A, 26 is AA."""
    name = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        name = chr(65 + rest) + name
    return name
