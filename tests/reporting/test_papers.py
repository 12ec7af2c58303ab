"""The annual report and the monthly brief: what stands on their pages, read back out of the PDF."""

import io
import string
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from services.common.errors import Words
from services.common.typesetting import covered
from services.reporting.exports.annual import annual_report
from services.reporting.exports.cells import plain
from services.reporting.exports.monthly import ActivityKind, Bar, KeyFigure, change, monthly_brief
from services.reporting.exports.paper import NO_SUCH_SIGN, bars, part_of, shown, table
from tests.reporting.answers import AS_OF, HARMFUL, hostile
from tests.reporting.papers import NOTHING, annual, monthly


def pages(pdf: bytes) -> list[str]:
    """The text of each page, without the blanks that typesetting puts between scripts."""
    return ["".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(pdf)).pages]


def test_an_annual_report_says_what_the_order_asks_for() -> None:
    (page,) = pages(annual_report(annual(2), "zh"))
    for said in (
        "志愿服务记录与证明出具年度报告2026年度",
        "报告单位太原市民政局",
        "期间2026年1月1日至12月31日",
        "统计截至2026-12-3116:30+08:00",
        "活动5,310场，参加服务的志愿者41,020人，志愿服务记录120,400条，服务时间共计240800小时30分钟。",
        "本人扫码30,10060200小时7分钟25.0%301",
        "合计120,400240800小时30分钟100.0%1,204",
        "逾期1,204条，占1.0%。经核实更正37条",
        "出具志愿服务记录证明9,870份，撤销12份。",
        "职工新街第2社区1860120小时2分钟240",
        "负责人（签字）：",
    ):
        assert said in page
    (english,) = pages(annual_report(annual(2), "en"))
    assert "41,020volunteersservedat5,310activities." in english
    assert "ZhigongXinjiecommunity21860120h2min240" in english


def test_every_page_of_a_long_table_has_its_headings_and_the_last_its_total() -> None:
    made = pages(annual_report(annual(758), "zh"))
    assert len(made) > 10
    assert all("名称志愿者（人）记录（条）服务时间逾期（条）出具证明（份）撤销（份）" in page for page in made)
    assert [number for number, page in enumerate(made) if "合计41,020" in page] == [len(made) - 1]
    assert all(sum(f"职工新街第{n}社区" in page for page in made) == 1 for n in range(1, 759))
    assert f"{len(made)}/{len(made)}" in made[-1]


def test_a_year_without_service_is_said_in_words() -> None:
    (page,) = pages(annual_report(annual(0), "zh"))
    assert "一、概况2026年没有志愿服务记录。二、志愿服务记录证明本年度出具志愿服务记录证明0份，撤销0份。" in page
    assert "区划" not in page and "逾期" not in page
    (english,) = pages(annual_report(annual(0), "en"))
    assert "Therearenorecordsofvolunteerservicein2026." in english


def test_what_is_withheld_is_no_number_and_there_is_a_note() -> None:
    assert "“…”表示人数很少" not in pages(annual_report(annual(1), "zh"))[0]
    few = annual(0, places=[(Words("少人", "Few"), replace(NOTHING, volunteers=None, minutes=None))])
    (page,) = pages(annual_report(few, "zh"))
    assert "少人…0…000" in page
    assert "“…”表示人数很少" in page


def test_a_brief_compares_with_the_month_before_and_the_year_before() -> None:
    (page,) = pages(monthly_brief(monthly(), "zh"))
    for said in (
        "公益文化活动月报2026年12月",
        "活动4238+10.5%30+40.0%",
        "到场人数1,2041,180+2.0%12+1,192",
        "新参与的人1612+4…",
        "服务时间1500小时45分钟1350小时+11.2%10小时+1490小时45分钟",
        "缺席率8.1%10.4%−2.3个百分点8.1%持平",
        "每日到场人次",
        "演出9900500",
        "“…”表示人数很少",
    ):
        assert said in page
    (english,) = pages(monthly_brief(monthly(), "en"))
    assert "December2026" in english and "No-shows8.1%10.4%−2.3points8.1%same" in english


def test_a_month_of_nothing_is_said_in_words() -> None:
    nothing = monthly(kinds=0, chart=[Bar(Words(str(n), str(n)), 0) for n in range(1, 32)], figures=[])
    (page,) = pages(monthly_brief(nothing, "zh"))
    assert "本月没有数据。" in page and "本月没有活动。" in page


def test_only_what_is_withheld_is_noted() -> None:
    whole = monthly(kinds=0, chart=[Bar(Words("1日", "1"), 3)], figures=[KeyFigure(Words("甲", "a"), "count", 1, 1, 1)])
    assert "“…”" not in pages(monthly_brief(whole, "zh"))[0]
    for more in (
        {"chart": [Bar(Words("1日", "1"), None)]},
        {"kinds": [ActivityKind(Words("甲", "a"), 1, None, 1)]},
        {"figures": [KeyFigure(Words("甲", "a"), "count", 1, None, 1)]},
    ):
        assert "“…”表示" in pages(monthly_brief(replace(whole, **more), "zh"))[0]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("now", "earlier", "kind", "said"),
    [
        (30, 20, "count", "+50.0%"),
        (10, 20, "people", "−50.0%"),
        (30, 19, "count", "+11"),
        (7, 0, "people", "+7"),
        (0, 0, "count", "持平"),
        (None, 30, "count", ""),
        (30, None, "count", ""),
        (1800, 1200, "minutes", "+50.0%"),
        (90, 60, "minutes", "+30 分钟"),
        (0.5, 0.25, "share", "+25.0 个百分点"),
    ],
)
def test_a_change_is_said_so_that_few_do_not_look_like_many(
    now: float | None, earlier: float | None, kind: str, said: str
) -> None:
    assert change(now, earlier, kind, "zh") == said  # type: ignore[arg-type]


@example([6])  # whose round number has no whole quarters
@given(st.lists(st.none() | st.integers(0, 10**9), min_size=1, max_size=31))
def test_bars_are_as_high_as_their_values(values: list[int | None]) -> None:
    block = bars([str(n) for n in range(len(values))], values, "zh")
    top = int(block["ticks"][-1]["label"].replace(",", ""))
    ticks = [int(tick["label"].replace(",", "")) for tick in block["ticks"]]
    assert ticks == [top * n // 4 for n in range(5)] and top % 4 == 0
    assert max(value or 0 for value in values) <= top <= max(4, 3 * max(value or 0 for value in values))
    for value, bar in zip(values, block["bars"], strict=True):
        assert bar["part"] * top == pytest.approx(value or 0)
        assert value is not None or bar["value"] == "…"
    assert block["alt"].count("；") == len(values) - 1, "what the picture shows is said in words"


def test_figures_are_read_as_people_read_them() -> None:
    said = [shown(value, kind, "zh") for value, kind in ((1234567, "count"), (90, "minutes"), (0.1234, "share"))]
    assert said == ["1,234,567", "1 小时 30 分钟", "12.3%"]
    assert [part_of(1, 4), part_of(0, 0), part_of(None, 4), part_of(1, None)] == [0.25, 0.0, None, None]
    assert table(["甲", "乙"], [["1", "2"]])["total"] is None


def test_the_same_report_gives_the_same_bytes_and_another_moment_others() -> None:
    report, brief = annual(3), monthly()
    assert annual_report(report, "zh") == annual_report(report, "zh")
    assert monthly_brief(brief, "en") == monthly_brief(brief, "en")
    assert annual_report(report, "zh") != annual_report(replace(report, as_of=AS_OF + timedelta(days=1)), "zh")


def test_a_paper_is_dated_by_its_figures_and_not_by_the_clock() -> None:
    for pdf in (annual_report(annual(1), "zh"), monthly_brief(monthly(), "zh")):
        document = PdfReader(io.BytesIO(pdf)).metadata
        assert document is not None and document.creation_date == AS_OF


def test_it_can_be_read_aloud_and_kept() -> None:
    document = PdfReader(io.BytesIO(monthly_brief(monthly(), "zh")))
    root = document.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"] and root["/Lang"] == "zh-CN"
    assert b"pdfaid:part>2" in root["/Metadata"].get_object().get_data()
    assert document.metadata is not None and document.metadata.title == "公益文化活动月报 · 2026 年 12 月"


def everywhere(text: str) -> list[bytes]:
    """Both reports, with this text wherever a text comes from data."""
    said = Words(text, text)
    report = annual(0, unit=said, scope_name=said, places=[(said, NOTHING)], notes=[said])
    brief = replace(
        monthly(),
        scope_name=said,
        chart_title=said,
        chart=[Bar(said, 1)],
        figures=[KeyFigure(said, "count", 1, 1, 1)],
        kinds=[ActivityKind(said, 1, 1, 1)],
        notes=[said],
    )
    return [annual_report(report, "zh"), monthly_brief(brief, "en")]


LETTERS = st.text(st.sampled_from(string.punctuation + "aZ09 赛马场#[]$*_`\\"), min_size=1, max_size=20)


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(HARMFUL) | LETTERS)
def test_no_text_is_read_as_markup(text: str) -> None:
    written = "".join(letter if ord(letter) in covered() else NO_SUCH_SIGN for letter in plain(text))
    for pdf, times in zip(everywhere(text), (4, 6), strict=True):
        seen = "".join(pages(pdf))
        assert seen.count("".join(written.split())) >= times


@settings(deadline=None, max_examples=60)
@given(hostile)
def test_whatever_somebody_typed_is_printed(text: str) -> None:
    for pdf in everywhere(text):
        assert pdf.startswith(b"%PDF")
