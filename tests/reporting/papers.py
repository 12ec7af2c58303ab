"""Reports on paper: of a city with as many communities as there are, and of hardly anything."""

from datetime import date
from typing import Any

from services.common.errors import Words
from services.reporting.exports.annual import AnnualReport, ByHow, Service
from services.reporting.exports.monthly import ActivityKind, Bar, KeyFigure, MonthlyBrief
from tests.reporting.answers import AS_OF

NOTHING = Service(0, 0, 0, 0, 0, 0, 0, 0)


def annual(communities: int, **more: Any) -> AnnualReport:
    """So many communities, every ninth with few volunteers."""
    below = [
        (Words(f"职工新街第{n}社区", f"Zhigong Xinjie community {n}"), _service(n, few=n % 9 == 8))
        for n in range(1, communities + 1)
    ]
    hows = ("scanned", "confirmed", "entered_later", "imported")
    given: dict[str, Any] = {
        "unit": Words("太原市民政局", "Taiyuan civil affairs bureau"),
        "scope_name": Words("太原市", "Taiyuan"),
        "total": Service(5_310, 41_020, 120_400, 14_448_030, 1_204, 37, 9_870, 12) if communities else NOTHING,
        "by_how": [ByHow(how, 30_100, 3_612_007, 301) for how in hows] if communities else [],
        "places": below,
    }
    return AnnualReport(year=2026, as_of=AS_OF, **given | more)


def _service(number: int, few: bool) -> Service:
    if few:
        return Service(1, None, None, None, None, None, None, None)
    return Service(number, number * 9, number * 30, number * 3_601, number % 4, number % 3, number * 2, number % 2)


def monthly(days: int = 31, kinds: int = 7, **more: Any) -> MonthlyBrief:
    """A month of a site."""
    names = (
        "演出 Performance",
        "排练 Rehearsal",
        "课程 Class",
        "探访 Visit",
        "献血 Blood drive",
        "义诊 Clinic",
        "其他 Other",
    )
    given: dict[str, Any] = {
        "scope_name": Words("赛马场区域党群服务中心", "Saimachang area service centre"),
        "figures": [
            KeyFigure(Words("活动", "Activities"), "count", 42, 38, 30),
            KeyFigure(Words("到场人数", "People attended"), "people", 1_204, 1_180, 12),
            KeyFigure(Words("新参与的人", "New people"), "people", 16, 12, None),
            KeyFigure(Words("服务时间", "Service time"), "minutes", 90_045, 81_000, 600),
            KeyFigure(Words("缺席率", "No-shows"), "share", 0.081, 0.104, 0.081),
        ],
        "chart_title": Words("每日到场人次", "Attended by day"),
        "chart": [Bar(Words(f"{n}日", f"{n}"), None if n == 9 else n * 37 % 211) for n in range(1, days + 1)],
        "kinds": [
            ActivityKind(Words(*name.split(" ", 1)), 9 - n, 900 - n * 100, None if n == 5 else 500 - n * 50)
            for n, name in enumerate(names[:kinds])
        ],
    }
    return MonthlyBrief(month=date(2026, 12, 1), as_of=AS_OF, **given | more)
