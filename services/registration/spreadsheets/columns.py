"""Which columns a file has: headings in Chinese or English, in any order, and where the heading row is."""

import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from services.common.errors import Words
from services.registration.spreadsheets.faults import Fault

Kind = Literal["people", "roster", "records"]

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
_WHOSE = Words(
    "填志愿者编号，或姓名和电话；须为本站已登记的人。",
    "The volunteer number, or name and phone, of somebody whom the site knows.",
)

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
    "records": (
        Column(
            "volunteer_number",
            Words("志愿者编号", "volunteer_number"),
            "V12345678903",
            _WHOSE,
            also=("志愿者证号", "编号", "volunteer no", "number"),
        ),
        replace(_NAME, meaning=_WHOSE, required=False),
        replace(_PHONE, meaning=_WHOSE),
        Column(
            "activity",
            Words("活动名称", "activity"),
            "指尖科普课堂",
            Words("必填。", "Required."),
            True,
            ("活动", "项目名称", "服务项目", "activity name"),
        ),
        Column(
            "day",
            Words("服务日期", "date"),
            "2021-05-12",
            Words("必填，年-月-日；每天一行。", "Required, year-month-day; a row for each day."),
            True,
            ("日期", "活动日期", "service date", "day"),
        ),
        Column(
            "place",
            Words("服务地点", "place"),
            "赛马场区域党群服务中心",
            Words("必填。", "Required."),
            True,
            ("地点", "活动地点", "location"),
        ),
        Column(
            "content",
            Words("服务内容", "content"),
            "教老年人使用智能手机",
            Words("必填。", "Required."),
            True,
            ("内容", "工作内容", "what was done"),
        ),
        Column(
            "hours",
            Words("服务时长（小时）", "hours"),
            "1.5",
            Words("必填，实际服务的小时数，可有小数；一天不超过 24。", "Required: hours given, at most 24 a day."),
            True,
            ("时长", "小时", "小时数", "服务小时", "service hours"),
        ),
        Column(
            "responsible",
            Words("负责人", "in_charge"),
            "李主任",
            Words("必填，当时负责的人。", "Required: who was in charge then."),
            True,
            ("活动负责人", "person in charge", "responsible"),
        ),
    ),
}

IDENTIFYING: dict[Kind, tuple[tuple[str, ...], ...]] = {
    "people": (("phone",), ("email",)),
    "roster": (("phone",), ("email",)),
    "records": (("volunteer_number",), ("name", "phone")),
}
"""Of these sets of columns one must be there, and be filled in, so that one knows whom a row is about."""


def identifies(kind: Kind, names: Collection[str]) -> bool:
    """Whether columns with these names say whom a row is about."""
    return any(set(needed) <= set(names) for needed in IDENTIFYING[kind])


def first_identifying(kind: Kind, fields: Collection[str | None] = ()) -> str:
    """The column to blame where none says it: one that the file has, if it has one."""
    wanted = [name for needed in IDENTIFYING[kind] for name in needed]
    return next((name for name in wanted if name in fields), wanted[0])


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
    if not identifies(kind, known):
        lacking = next(column for column in COLUMNS[kind] if column.field == first_identifying(kind))
        faults.append(Fault(row, lacking.title.zh, "column_missing", title=lacking.title.en))
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
