"""The annual report on service records and certificates that Order 67 of the Ministry of Civil Affairs asks for.

    pdf = annual_report(report, "zh")

It says how hours came about, whether they were recorded in time, what was corrected, and what certificates were made
of them: as a whole, and for each area below. 志愿服务记录 and 志愿服务记录证明 are the order's own words.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from services.common.errors import Words
from services.reporting.exports.cells import AS_OF, PERIOD, SCOPE, WITHHELD_NOTE, Language, in_language
from services.reporting.exports.paper import (
    Block,
    day,
    facts,
    heading,
    notes,
    part_of,
    say,
    shown,
    signatures,
    table,
    typeset,
    words,
)
from services.reporting.labels import TOTAL

HOWS = {
    "scanned": Words("本人扫码", "Scanned"),
    "confirmed": Words("现场确认", "Confirmed on the spot"),
    "entered_later": Words("事后补录", "Entered later"),
    "imported": Words("历史导入", "Imported"),
}
NUMERALS = "一二三四五六七八九"


@dataclass(frozen=True)
class ByHow:
    """Records that came about in one way. None is withheld, here and below."""

    how: Literal["scanned", "confirmed", "entered_later", "imported"]
    records: int | None
    minutes: int | None
    late: int | None


@dataclass(frozen=True)
class Service:
    """A year of a place, or of all: only records that count at the end, by the day of the service; certificates by the
    day on which they were issued or revoked."""

    activities: int | None
    volunteers: int | None
    """Distinct people: those of all places together are fewer than their sum."""

    records: int | None
    minutes: int | None
    late: int | None
    """Recorded more than ten working days after the end of the activity."""

    corrected: int | None
    """Records whose place another took, after verification."""

    issued: int | None
    revoked: int | None


@dataclass(frozen=True)
class AnnualReport:
    """What the report says. `places` are the areas or sites right below; none for a single site."""

    year: int
    unit: Words
    """Who reports."""

    scope_name: Words
    as_of: datetime
    total: Service
    by_how: Sequence[ByHow]
    places: Sequence[tuple[Words, Service]]
    notes: Sequence[Words] = ()


def annual_report(report: AnnualReport, language: Language) -> bytes:
    """The report as a PDF."""
    title = say(language, "志愿服务记录与证明出具年度报告", "Annual report on service records and certificates")
    subtitle = say(language, f"{report.year} 年度", f"Year {report.year}")
    return typeset(
        title, subtitle, in_language(report.unit, language), blocks_of(report, language), report.as_of, language
    )


def blocks_of(report: AnnualReport, language: Language) -> list[Block]:
    """What stands in it, from the top."""
    sections = [
        (say(language, "概况", "Overview"), [words(_overview(report, language))]),
        (say(language, "服务时间的来源", "How hours came about"), _hours(report, language)),
        (say(language, "记录的及时与更正", "Timeliness and corrections"), _care(report.total, language)),
        (say(language, "志愿服务记录证明", "Certificates"), [words(_certificates(report.total, language))]),
        (say(language, "各区划、站点情况", "Areas and sites"), _places(report, language)),
        (say(language, "说明", "Notes"), [notes(_notes(report, language))]),
    ]
    blocks = [facts(_facts(report, language))]
    for number, (title, content) in enumerate((section for section in sections if section[1]), start=1):
        blocks += [heading(say(language, f"{NUMERALS[number - 1]}、{title}", f"{number}. {title}")), *content]
    return [*blocks, signatures(_signatures(language))]


def _facts(report: AnnualReport, language: Language) -> list[tuple[str, str]]:
    year = report.year
    period = Words(f"{year} 年 1 月 1 日至 12 月 31 日", f"1 January to 31 December {year}")
    basis = Words(
        "《志愿服务记录与证明出具办法（试行）》（民政部令第 67 号）",
        "Measures for volunteer service records and certificates (Order 67, Ministry of Civil Affairs)",
    )
    said = [
        (Words("报告单位", "Reported by"), report.unit),
        (SCOPE, report.scope_name),
        (PERIOD, period),
        (Words("依据", "Under"), basis),
    ]
    return [
        *((in_language(name, language), in_language(value, language)) for name, value in said),
        (in_language(AS_OF, language), day(report.as_of)),
    ]


def _overview(report: AnnualReport, language: Language) -> str:
    total = report.total
    if total.records == 0:
        return say(
            language,
            f"{report.year} 年没有志愿服务记录。",
            f"There are no records of volunteer service in {report.year}.",
        )
    number = _counts(total, language)
    time = shown(total.minutes, "minutes", language)
    return say(
        language,
        f"{report.year} 年，有志愿服务记录的活动 {number['activities']} 场，"
        f"参加服务的志愿者 {number['volunteers']} 人，志愿服务记录 {number['records']} 条，服务时间共计 {time}。",
        f"In {report.year}, {number['volunteers']} volunteers served at {number['activities']} activities. "
        f"There are {number['records']} service records of {time} in all.",
    )


def _hours(report: AnnualReport, language: Language) -> list[Block]:
    if not report.by_how:
        return []
    columns = [
        say(language, "来源", "How"),
        say(language, "记录（条）", "Records"),
        say(language, "服务时间", "Service time"),
        say(language, "占服务时间", "Share of time"),
        say(language, "逾期记录（条）", "Recorded late"),
    ]
    total = report.total
    lines = [_hours_line(in_language(HOWS[one.how], language), one, total, language) for one in report.by_how]
    return [table(columns, lines, _hours_line(in_language(TOTAL, language), total, total, language))]


def _hours_line(name: str, one: ByHow | Service, total: Service, language: Language) -> list[str]:
    return [
        name,
        shown(one.records, "count", language),
        shown(one.minutes, "minutes", language),
        shown(part_of(one.minutes, total.minutes), "share", language),
        shown(one.late, "count", language),
    ]


def _care(total: Service, language: Language) -> list[Block]:
    if total.records == 0:
        return []
    number = _counts(total, language)
    late = shown(part_of(total.late, total.records), "share", language)
    said = say(
        language,
        f"志愿服务记录应在活动结束后 10 个工作日内完成。本年度逾期 {number['late']} 条，占 {late}。"
        f"经核实更正 {number['corrected']} 条，原记录一并保留。",
        f"Service is to be recorded within 10 working days of the end of the activity. {number['late']} records were "
        f"late, or {late}. {number['corrected']} were corrected after verification; what they said before is kept.",
    )
    return [words(said)]


def _certificates(total: Service, language: Language) -> str:
    number = _counts(total, language)
    return say(
        language,
        f"本年度出具志愿服务记录证明 {number['issued']} 份，撤销 {number['revoked']} 份。"
        "证明只依据志愿服务记录，无偿出具，可在系统中核验。",
        f"{number['issued']} certificates were issued and {number['revoked']} revoked. They are made from records "
        "only, free of charge, and can be verified through the system.",
    )


def _places(report: AnnualReport, language: Language) -> list[Block]:
    if not report.places:
        return []
    columns = [
        say(language, "名称", "Name"),
        say(language, "志愿者（人）", "Volunteers"),
        say(language, "记录（条）", "Records"),
        say(language, "服务时间", "Service time"),
        say(language, "逾期（条）", "Late"),
        say(language, "出具证明（份）", "Issued"),
        say(language, "撤销（份）", "Revoked"),
    ]
    lines = [_place_line(in_language(name, language), one, language) for name, one in report.places]
    return [table(columns, lines, _place_line(in_language(TOTAL, language), report.total, language))]


def _place_line(name: str, one: Service, language: Language) -> list[str]:
    number = _counts(one, language)
    time = shown(one.minutes, "minutes", language)
    counts = (number["late"], number["issued"], number["revoked"])
    return [name, number["volunteers"], number["records"], time, *counts]


def _notes(report: AnnualReport, language: Language) -> list[str]:
    said = [
        Words(
            "“本人扫码”由志愿者到达和离开时扫码形成；“现场确认”由现场负责人确认；"
            "“事后补录”和“历史导入”须另一人审核后才计入。",
            "Scanned: volunteers scanned a code when they came and when they left. Confirmed on the spot: by the "
            "person in charge. What was entered later or imported counts once a second person approved it.",
        ),
        Words(
            "服务时间是实际提供服务的时间，不超过场次时长。志愿者按人计数，在多处服务的只在合计中计一次。",
            "Service time is time actually given, and never longer than the shift. People are counted once: who served "
            "in several places counts in each, and once in the total.",
        ),
        *report.notes,
    ]
    if _any_withheld(report):
        said.append(WITHHELD_NOTE)
    return [in_language(line, language) for line in said]


def _any_withheld(report: AnnualReport) -> bool:
    every = [report.total, *(one for _, one in report.places), *report.by_how]
    return any(value is None for one in every for value in vars(one).values())


def _signatures(language: Language) -> list[str]:
    if language == "zh":
        return ["负责人（签字）：", "报告单位（盖章）：", "日期："]
    return ["Person in charge: ", "Seal of the unit: ", "Date: "]


def _counts(one: Service, language: Language) -> dict[str, str]:
    return {name: shown(value, "count", language) for name, value in vars(one).items() if name != "minutes"}
