"""Answers as the query engine gives them, and texts that somebody might call a site to do harm."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

from services.common.errors import Words
from services.reporting.operations.answer import Answer, Column

AS_OF = datetime(2026, 12, 31, 8, 30, tzinfo=UTC).astimezone(timezone(timedelta(hours=8)))

MONTH = Column("month", Words("月份", "Month"), "code")
AREA = Column("area", Words("区划", "Area"), "code")
AREA_NAME = Column("area_name", Words("区划 · 名称", "Area · Name"), "label")
REGISTRATIONS = Column("registrations", Words("报名人次", "Registrations"), "count")
BEFORE = Column("registrations_before", Words("报名人次 · 上期", "Registrations · before"), "count")
PEOPLE = Column("people", Words("人数", "People"), "people")
SERVICE = Column("service_minutes", Words("服务时间", "Service time"), "minutes")
NO_SHOWS = Column("no_show_share", Words("缺席率", "No-shows"), "share")
FIGURES = (REGISTRATIONS, PEOPLE, SERVICE, NO_SHOWS)

HARMFUL = (
    "=1+1",
    "＝1+1",
    " =1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    '=HYPERLINK("http://example.com";"x")',
    "=cmd|' /C calc'!A0",
    "站点!A1",
    "=站点!$A$1",
    "http://example.com",
    "<r><t>1</t></r>",
    '<r></r></is></c><c r="Z9"><f>1+1</f><v>2</v></c><c r="Z8" t="inlineStr"><is><r></r>',
    "{=1+1}",
    "_x003D_1",
    "&#61;1 <b>&amp;",
    "a\x00b\x1b[31m\ud800\ufffe",
    "\u202e1=\u200b",
    "#panic()",
    '#read("/etc/passwd")',
    "#{1 + 1}",
    "*粗* _斜_ `码` $x^2$ <标> @标 ~ -- --- // 注 /* 注 */ \\ #[ ] = 题",
    "\\u{41}",
    ']) #eval("1+1") ([',
    "'\"“”‘’",
)
hostile = st.one_of(st.sampled_from(HARMFUL), st.text(st.characters(), max_size=40)).filter(lambda text: text.strip())


def answer(
    columns: Sequence[Column],
    rows: Iterable[Mapping[str, Any]],
    title: str = "参与",
    name: str = "杏花岭区",
    **more: Any,
) -> Answer:
    """An answer of 2026."""
    given = {"total": {}, "notes": []} | more
    return Answer(
        title=Words(title, f"{title} (en)" if title != "参与" else "Participation"),
        scope_name=Words(name, "Xinghualing" if name == "杏花岭区" else name),
        first=date(2026, 1, 1),
        last=date(2026, 12, 31),
        as_of=AS_OF,
        columns=columns,
        rows=rows,
        **given,
    )


def months(number: int = 3) -> Answer:
    """So many months; in the second the group was small."""
    rows = [
        {
            "month": f"2026-{month:02d}",
            "registrations": month * 1000,
            "people": None if month == 2 else month * 9,
            "service_minutes": month * 100,
            "no_show_share": month / 30,
        }
        for month in range(1, number + 1)
    ]
    total = {"registrations": 6000, "people": 30, "service_minutes": 600, "no_show_share": 0.0666666}
    return answer([MONTH, *FIGURES], iter(rows), total=total)
