"""The monthly brief of a site or an area, on a page or two.

pdf = monthly_brief(brief, "zh")
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from services.common.errors import Words
from services.reporting.exports.cells import AS_OF, SCOPE, WITHHELD_NOTE, Language, in_language
from services.reporting.exports.paper import (
    Block,
    Figure,
    FigureKind,
    bars,
    day,
    facts,
    heading,
    notes,
    say,
    shown,
    table,
    typeset,
    words,
)

FEW = 20
"""Below this, a change is said as a difference and not in per cent: 2 people more of 4 are not "half as many again"."""


@dataclass(frozen=True)
class KeyFigure:
    """One figure of the month, of the month before and of the same month last year. None is withheld."""

    title: Words
    kind: FigureKind
    now: Figure
    before: Figure
    year_ago: Figure


@dataclass(frozen=True)
class Bar:
    """A day or a week in the chart."""

    label: Words
    value: int | None


@dataclass(frozen=True)
class ActivityKind:
    """Activities of one kind in the month."""

    name: Words
    activities: int | None
    attended: int | None
    people: int | None


@dataclass(frozen=True)
class MonthlyBrief:
    """What the brief says. The kinds come in the order in which they are shown."""

    month: date
    """Any day of it."""

    scope_name: Words
    as_of: datetime
    figures: Sequence[KeyFigure]
    chart_title: Words
    chart: Sequence[Bar]
    kinds: Sequence[ActivityKind]
    notes: Sequence[Words] = ()


def monthly_brief(brief: MonthlyBrief, language: Language) -> bytes:
    """The brief as a PDF."""
    title = say(language, "公益文化活动月报", "Monthly brief of community culture")
    scope = in_language(brief.scope_name, language)
    return typeset(title, _month(brief.month, language), scope, blocks_of(brief, language), brief.as_of, language)


def blocks_of(brief: MonthlyBrief, language: Language) -> list[Block]:
    """What stands in it, from the top."""
    about = [
        (in_language(SCOPE, language), in_language(brief.scope_name, language)),
        (in_language(AS_OF, language), day(brief.as_of)),
    ]
    return [
        facts(about),
        heading(say(language, "主要数据", "Key figures")),
        _figures(brief, language),
        heading(in_language(brief.chart_title, language)),
        _chart(brief, language),
        heading(say(language, "活动类型", "Kinds of activities")),
        _kinds(brief, language),
        heading(say(language, "说明", "Notes")),
        notes(_notes(brief, language)),
    ]


def _figures(brief: MonthlyBrief, language: Language) -> Block:
    columns = [
        say(language, "指标", "Figure"),
        say(language, "本月", "This month"),
        say(language, "上月", "Month before"),
        say(language, "变化", "Change"),
        say(language, "去年同月", "Same month last year"),
        say(language, "变化", "Change"),
    ]
    return table(columns, [_figure_line(one, language) for one in brief.figures])


def _figure_line(one: KeyFigure, language: Language) -> list[str]:
    line = [in_language(one.title, language), shown(one.now, one.kind, language)]
    for earlier in (one.before, one.year_ago):
        line += [shown(earlier, one.kind, language), change(one.now, earlier, one.kind, language)]
    return line


def change(now: Figure, earlier: Figure, kind: FigureKind, language: Language) -> str:
    """From then to now: in per cent, in percentage points of a share, as a difference where there were few; nothing
    where either is withheld."""
    if now is None or earlier is None:
        return ""
    difference = now - earlier
    if not difference:
        return say(language, "持平", "same")
    sign = "+" if difference > 0 else "−"
    if kind == "share":
        return f"{sign}{abs(difference) * 100:.1f} " + say(language, "个百分点", "points")
    few = FEW * 60 if kind == "minutes" else FEW
    if earlier >= few:
        return f"{sign}{abs(difference) / earlier:.1%}"
    return sign + shown(abs(difference), kind, language)


def _chart(brief: MonthlyBrief, language: Language) -> Block:
    if not any(bar.value is None or bar.value for bar in brief.chart):
        return words(say(language, "本月没有数据。", "There is nothing in this month."))
    labels = [in_language(bar.label, language) for bar in brief.chart]
    return bars(labels, [bar.value for bar in brief.chart], language)


def _kinds(brief: MonthlyBrief, language: Language) -> Block:
    if not brief.kinds:
        return words(say(language, "本月没有活动。", "There were no activities in this month."))
    columns = [
        say(language, "类型", "Kind"),
        say(language, "活动（场）", "Activities"),
        say(language, "到场（人次）", "Attended"),
        say(language, "到场（人）", "People"),
    ]
    lines = [
        [
            in_language(one.name, language),
            *(shown(value, "count", language) for value in (one.activities, one.attended, one.people)),
        ]
        for one in brief.kinds
    ]
    return table(columns, lines)


def _notes(brief: MonthlyBrief, language: Language) -> list[str]:
    said = [
        Words(
            f"人数按人去重。以前的数字不足 {FEW}（服务时间不足 {FEW} 小时）的，只写增减，不算百分比。",
            f"People are counted once. Where the earlier figure is below {FEW} (or {FEW} hours), the change is a "
            "difference, not a percentage.",
        ),
        *brief.notes,
    ]
    if _any_withheld(brief):
        said.append(WITHHELD_NOTE)
    return [in_language(line, language) for line in said]


def _any_withheld(brief: MonthlyBrief) -> bool:
    every = [*brief.figures, *brief.chart, *brief.kinds]
    return any(value is None for one in every for value in vars(one).values())


def _month(month: date, language: Language) -> str:
    return say(language, f"{month.year} 年 {month.month} 月", f"{month:%B %Y}")
