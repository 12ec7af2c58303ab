"""Answers as a workbook, opened by another library than the one that wrote it."""

import io
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from openpyxl.chart import BarChart, LineChart
from openpyxl.utils.escape import unescape
from openpyxl.workbook import Workbook

from services.common.errors import Problem, Words
from services.reporting.exports import workbook
from services.reporting.exports.cells import Language, plain
from services.reporting.exports.workbook import MOST_CHARTED, write_workbook
from services.reporting.operations.answer import Answer
from tests.reporting.answers import AREA, AREA_NAME, BEFORE, MONTH, PEOPLE, REGISTRATIONS, answer, hostile, months


def written(*answers: Answer, language: Language = "zh") -> bytes:
    file = io.BytesIO()
    write_workbook(answers, language, file)
    return file.getvalue()


def opened(*answers: Answer, language: Language = "zh") -> Workbook:
    return openpyxl.load_workbook(io.BytesIO(written(*answers, language=language)))


def areas(number: int, first: str = "杏花岭区", **more: Any) -> Answer:
    rows = [{"area": str(n), "area_name": Words(first, first), "registrations": n} for n in range(1, number + 1)]
    return answer([AREA, AREA_NAME, REGISTRATIONS], iter(rows), total={"registrations": number}, **more)


def test_every_cell_is_what_the_answer_says() -> None:
    sheet = opened(months())["参与"]
    assert [[cell.value for cell in row] for row in sheet] == [
        ["月份", "报名人次", "人数", "服务时间（小时）", "缺席率"],
        ["2026-01", 1000, 9, 1.66, 0.0333],
        ["2026-02", 2000, "…", 3.33, 0.0667],
        ["2026-03", 3000, 27, 5, 0.1],
        ["合计", 6000, 30, 10, 0.0667],
    ]
    formats = ["@", "#,##0", "#,##0", "#,##0.00", "0.0%"]
    assert [[cell.number_format for cell in row] for row in sheet] == [
        ["@"] * 5,
        formats,
        [*formats[:2], "@", *formats[3:]],
        formats,
        formats,
    ]
    assert [cell.data_type for cell in sheet[3]] == ["s", "n", "s", "n", "n"]


def test_headings_stay_and_filter_all_rows_but_the_total() -> None:
    sheet = opened(months())["参与"]
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", "A1:E4")
    assert sheet.print_title_rows == "$1:$1"
    assert all(cell.font.b for cell in [*sheet[1], *sheet[5]])


def test_a_sheet_says_what_was_counted_of_every_answer() -> None:
    book = opened(months(), areas(1, notes=[Words("只含公开活动。", "Public ones only.")]), language="zh")
    assert book.sheetnames == ["说明", "参与", "参与 2"]
    assert book.active is book["参与"], "whoever opens it sees figures"
    assert [[cell.value or "" for cell in row] for row in book["说明"]] == [
        ["参与", ""],
        ["范围", "杏花岭区"],
        ["期间", "2026-01-01 至 2026-12-31"],
        ["统计截至", "2026-12-31 16:30:00+08:00"],
        ["说明", "“…”表示人数很少，为保护个人信息不予显示；它不是零。"],
        ["", ""],
        ["参与", ""],
        ["范围", "杏花岭区"],
        ["期间", "2026-01-01 至 2026-12-31"],
        ["统计截至", "2026-12-31 16:30:00+08:00"],
        ["说明", "只含公开活动。"],
    ]
    english = opened(months(), language="en")
    assert english.sheetnames == ["About", "Participation"]
    assert english["Participation"]["D1"].value == "Service time (hours)"


def test_a_chart_is_drawn_where_rows_are_few() -> None:
    (chart,) = opened(areas(3))["参与"]._charts
    (series,) = chart.series
    assert isinstance(chart, BarChart)
    assert (series.cat.strRef.f, series.val.numRef.f) == ("参与!$B$2:$B$4", "参与!$C$2:$C$4")
    assert [point.v for point in series.val.numRef.numCache.pt] == [1, 2, 3], "previews draw what is kept here"
    assert len(opened(areas(MOST_CHARTED))["参与"]._charts) == 1
    for rows in (0, MOST_CHARTED + 1):
        assert opened(areas(rows))["参与"]._charts == []


def test_time_is_a_line_and_the_other_period_another() -> None:
    rows = [{"month": f"2026-0{n}", "registrations": n, "registrations_before": 9 - n} for n in (1, 2, 3)]
    (chart,) = opened(answer([MONTH, REGISTRATIONS, BEFORE], rows, compared=True))["参与"]._charts
    assert isinstance(chart, LineChart)
    assert [series.val.numRef.f for series in chart.series] == ["参与!$B$2:$B$4", "参与!$C$2:$C$4"]


def test_no_line_dips_to_nought_where_a_figure_is_withheld() -> None:
    rows = [{"month": f"2026-0{n}", "people": None if n == 2 else n} for n in (1, 2, 3)]
    (chart,) = opened(answer([MONTH, PEOPLE], rows))["参与"]._charts
    assert isinstance(chart, BarChart)


@settings(deadline=None)
@given(hostile)
def test_no_name_becomes_a_formula_a_link_or_markup(name: str) -> None:
    for rows in (1, MOST_CHARTED + 1):  # held in memory, and written as it goes: the library has two ways
        content = written(areas(rows, first=name, title=name, name=name, notes=[Words(name, name)]))
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            inside = {part: parts.read(part).decode() for part in parts.namelist()}
        for part, xml in inside.items():
            if part.startswith("xl/worksheets/"):
                assert "<f>" not in xml and "<r>" not in xml and "hyperlink" not in xml
        book = openpyxl.load_workbook(io.BytesIO(content))
        table = book.worksheets[1]
        assert (table.max_row, table.max_column) == (rows + 2, 3)
        for sheet in book:
            assert {cell.data_type for row in sheet for cell in row} <= {"s", "n"}
        cell = str(table["B2"].value or "").lstrip()
        assert plain(name) in (cell, unescape(cell))  # written `_x005F_x003D_` so that `_x003D_` is no `=`
        assert all("!" not in str(chart.title) for chart in table._charts)


def test_what_would_be_a_formula_when_somebody_edits_it_stays_text() -> None:
    sheet = opened(areas(1, first="=1+1"))["参与"]
    assert (sheet["B2"].value, sheet["B2"].number_format) == ("=1+1", "@")
    assert [bool(sheet[cell].quotePrefix) for cell in ("A2", "B2")] == [False, True]


def test_a_sheet_that_is_too_long_is_refused_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(workbook, "MOST_ROWS", 100)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(Problem, match="too-many-rows"):
        written(areas(101))
    assert list(tmp_path.iterdir()) == []
    assert opened(areas(100))["参与"].max_row == 102


def test_what_fails_half_way_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def rows() -> Iterator[dict[str, Any]]:
        yield from ({"month": "2026-01", "registrations": n} for n in range(1000))
        assert list(tmp_path.iterdir()), "a long sheet lies on the disk meanwhile"
        raise ConnectionError

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(ConnectionError):
        written(answer([MONTH, REGISTRATIONS], rows()))
    assert list(tmp_path.iterdir()) == []


def test_sheets_have_names_that_spreadsheets_take() -> None:
    titles = ["a[b]:c*d?e/f\\g", "x" * 40, "X" * 40, "History", "'", "说明"]
    names = opened(*(areas(1, title=title) for title in titles)).sheetnames
    assert len({name.lower() for name in names}) == len(titles) + 1
    assert all(0 < len(name) <= 31 and not set("[]:*?/\\'") & set(name) for name in names)


def test_the_same_answer_gives_the_same_bytes() -> None:
    assert written(months()) == written(months())
    assert opened(months()).properties.created == datetime(2026, 12, 31, 8, 30)


def test_memory_does_not_grow_with_the_rows() -> None:
    def peak(rows: int) -> int:
        command = [sys.executable, "-m", "tests.reporting.long_export", "xlsx", str(rows)]
        return int(json.loads(subprocess.check_output(command, cwd=Path(__file__).parents[2]))["peak_mb"])

    assert peak(20_000) - peak(100) < 10, "megabytes; held in memory it is 33"
