"""A site's day as a picture, for whoever has a glance for it: everything in it stands in the mail as well.

png = timeline(shifts, date(2026, 12, 1), ZoneInfo("Asia/Shanghai"), Language.ZH)

A place has its shifts below it, each with a bar from when to when, filled as far as its places are taken. 1080 pixels
wide: 360 of a phone, three times as fine. A page takes about 20 ms; the same one is drawn once for all who get it.
"""

import json
from collections.abc import Sequence
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import typst

from services.common.typesetting import fonts
from services.notifications.contacts import DayShift
from services.notifications.mail.words import in_language, plain, short_day
from services.notifications.wording.variables import Language

LAYOUT = Path(__file__).parents[1] / "templates" / "timeline.typ"
FINENESS = 216.0
MOST = 20
"""Shifts in a picture: a longer one is scrolled past. The mail lists them all."""

LONGEST_LABEL = 19.5
"""Chinese characters that fit beside the numbers; others take about half as much."""

STEPS = (1, 2, 3, 4, 6)
MOST_TICKS = 7


def timeline(shifts: Sequence[DayShift], day: date, zone: ZoneInfo, language: Language) -> bytes:
    """The picture, as a PNG. There must be a shift."""
    return _drawn(json.dumps(layout(shifts, day, zone, language), ensure_ascii=False))


def layout(shifts: Sequence[DayShift], day: date, zone: ZoneInfo, language: Language) -> dict[str, Any]:
    """What is where, in parts of the width (0 to 1), and in words."""
    spans = [(_hour(one.starts_at, day, zone), _hour(one.ends_at, day, zone)) for one in shifts]
    first, last = int(min(start for start, _ in spans)), max(-int(-end // 1) for _, end in spans)
    last = max(last, first + 1)
    places: dict[str, list[dict[str, Any]]] = {}
    for shift, (start, end) in list(zip(shifts, spans, strict=True))[:MOST]:
        where = in_language(language, shift.where_zh, shift.where_en)
        places.setdefault(where, []).append(
            {
                "from": (start - first) / (last - first),
                "until": (end - first) / (last - first),
                "taken": min(1.0, shift.confirmed / shift.places) if shift.places else 1.0,
                "label": _short(label_of(shift, zone, language)),
                "numbers": f"{shift.confirmed}/{shift.places}",
                "waits": _waits(shift.waitlisted, language),
            }
        )
    more = len(shifts) - MOST
    return {
        "lang": language.value,
        "title": short_day(day, language),
        "ticks": _ticks(first, last),
        "places": [{"name": name, "shifts": of_it} for name, of_it in places.items()],
        "more": "" if more <= 0 else f"还有 {more} 场，见正文。" if language is Language.ZH else f"{more} more below.",
    }


def label_of(shift: DayShift, zone: ZoneInfo, language: Language) -> str:
    """When and what: `09:00–11:00 合唱排练（歌手）`."""
    start, end = shift.starts_at.astimezone(zone), shift.ends_at.astimezone(zone)
    title = in_language(language, shift.title_zh, shift.title_en)
    role = in_language(language, shift.role_zh, shift.role_en)
    in_role = "" if not role else f"（{role}）" if language is Language.ZH else f" ({role})"
    return f"{start:%H:%M}–{end:%H:%M} {title}{in_role}"


def _waits(waitlisted: int, language: Language) -> str:
    if not waitlisted:
        return ""
    return f"候补 {waitlisted}" if language is Language.ZH else f"+{waitlisted} waiting"


def _hour(moment: datetime, day: date, zone: ZoneInfo) -> float:
    """The hour by the clocks on the wall; what lies on another day is at this one's edge."""
    there = moment.astimezone(zone)
    return 0.0 if there.date() < day else 24.0 if there.date() > day else there.hour + there.minute / 60


def _ticks(first: int, last: int) -> list[dict[str, Any]]:
    step = next((one for one in STEPS if (last - first) / one < MOST_TICKS), STEPS[-1])
    hours = range(first, last + 1, step)
    return [{"at": (hour - first) / (last - first), "label": f"{hour}:00"} for hour in hours]


def _short(label: str) -> str:
    """As much of it as has room, without what the font lacks."""
    written = plain("".join(letter for letter in label if ord(letter) < 0x10000 or 0x20000 <= ord(letter) < 0x40000))
    width, kept = 0.0, ""
    for letter in written:
        width += 1.0 if letter >= "\u2e80" else 0.54
        if width > LONGEST_LABEL:
            return kept.rstrip() + "…"
        kept += letter
    return kept


@lru_cache(maxsize=32)
def _drawn(day: str) -> bytes:
    compiler = typst.Compiler(font_paths=fonts(), root=str(LAYOUT.parent))
    made = compiler.compile(input=LAYOUT.read_bytes(), format="png", ppi=FINENESS, sys_inputs={"timeline": day})
    assert isinstance(made, bytes)  # noqa: S101 (one page)
    return made
