"""Figures as people read them on a dashboard: one by one, beside earlier ones, and a row of them in a sentence.

A figure that is None is withheld, because few people are behind it; one that a row does not hold has no meaning there
(a share of nothing).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from services.common.durations import decimal_hours
from services.common.errors import Words
from services.common.pages.times import number
from services.reporting.exports.cells import WITHHELD
from services.reporting.exports.monthly import FEW
from services.reporting.exports.paper import part_of
from services.reporting.labels import MEASURES

NO_SHOW_SHARE = "no_show_share"
NAMES = MEASURES | {NO_SHOW_SHARE: Words("缺席率", "No-show rate")}
MEANINGLESS = "–"

Figures = Mapping[str, Any]


def measured(row: Figures) -> dict[str, Any]:
    """The row with hours in decimals, and the share of those who did not come among those of whom it is known."""
    minutes, came, missing = (row[name] for name in ("service_minutes", "attended", "no_shows"))
    hours = None if minutes is None else decimal_hours(minutes)
    known = None if came is None or missing is None else came + missing
    share = {} if known == 0 else {NO_SHOW_SHARE: part_of(missing, known)}
    return {**row, "service_hours": hours, **share}


def written(row: Figures, name: str) -> str:
    """One figure."""
    if name not in row:
        return MEANINGLESS
    return figure(row[name], name)


def figure(value: float | None, name: str) -> str:
    """This value of that measure."""
    if value is None:
        return WITHHELD
    return percent(value) if name == NO_SHOW_SHARE else number(value)


def percent(share: float | None) -> str:
    """A share with one digit."""
    return WITHHELD if share is None else f"{share:.1%}"


def compared(now: Figures, then: Figures, name: str) -> str:
    """How much more or less it is by now, in words; in per cent as well where there were not few."""
    if name not in now or name not in then or now[name] is None or then[name] is None:
        return str(Words("无法比较", "no comparison"))
    difference = now[name] - then[name]
    if name == NO_SHOW_SHARE:
        return _points(round(difference * 100, 1))
    if not difference:
        return str(Words("持平", "the same"))
    much = number(round(abs(difference), 2))
    part = f"{abs(difference) / then[name]:.1%}" if then[name] >= FEW else ""
    return str(Words(f"多 {much}", f"{much} more") if difference > 0 else Words(f"少 {much}", f"{much} fewer")) + (
        str(Words(f"（{part}）", f" ({part})")) if part else ""
    )


def _points(difference: float) -> str:
    much = f"{abs(difference):.1f}"
    if not difference:
        return str(Words("持平", "the same"))
    return str(
        Words(f"高 {much} 个百分点", f"{much} points higher")
        if difference > 0
        else Words(f"低 {much} 个百分点", f"{much} points lower")
    )


def in_a_sentence(names: Sequence[str], values: Sequence[float | None]) -> str:
    """What a chart shows: where it is most and where least."""
    known = [(value, name) for value, name in zip(values, names, strict=True) if value is not None]
    if not known:
        return str(Words("全部不予显示。", "All of it is withheld."))
    (most, at_most), (least, at_least) = (of(known, key=lambda one: one[0]) for of in (max, min))
    if len(known) == 1 or most == least:
        listed = str(Words("、", ", ")).join(f"{name} {number(value)}" for value, name in known[:3])
        rest = Words("等，都一样。", " and so on, all the same.") if len(known) > 3 else Words("。", ".")
        return f"{listed}{rest}"
    return str(
        Words(
            f"共 {len(names)} 项：{at_most}最多，{number(most)}；{at_least}最少，{number(least)}。",
            f"{len(names)} in all: most, {number(most)}, for {at_most}; least, {number(least)}, for {at_least}.",
        )
    )
