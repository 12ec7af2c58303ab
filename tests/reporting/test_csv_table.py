"""Answers as CSV: what spreadsheets, programs and people find in it."""

import csv
import io
import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given

from services.common.errors import Words
from services.reporting.exports.cells import Language, safe_cell
from services.reporting.exports.csv_table import ROWS_AT_ONCE, csv_table
from services.reporting.operations.answer import Answer
from tests.reporting.answers import AREA, AREA_NAME, MONTH, REGISTRATIONS, answer, hostile, months


def table(asked: Answer, language: Language = "zh") -> list[list[str]]:
    content = b"".join(csv_table(asked, language))
    assert content.startswith(b"\xef\xbb\xbf"), "without it, Excel shows Chinese as other signs"
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@x", "\tx", "\rx", "\nx", " =1", "＝1", "＋1", "－1", "＠x"])
def test_what_a_spreadsheet_would_run_is_text(cell: str) -> None:
    assert safe_cell(cell) == f"'{cell}"


def test_other_cells_stay_as_they_are() -> None:
    assert [safe_cell(cell) for cell in ("a=1", "", -1, 0.5)] == ["a=1", "", -1, 0.5]


def test_a_table_has_headings_rows_a_total_and_says_what_it_is() -> None:
    lines = table(months())
    assert lines == [
        ["月份", "报名人次", "人数", "服务时间（分钟）", "缺席率"],
        ["2026-01", "1000", "9", "100", "0.0333"],
        ["2026-02", "2000", "…", "200", "0.0667"],
        ["2026-03", "3000", "27", "300", "0.1"],
        ["合计", "6000", "30", "600", "0.0667"],
        ["范围：杏花岭区", "", "", "", ""],
        ["期间：2026-01-01 至 2026-12-31", "", "", "", ""],
        ["统计截至：2026-12-31 16:30:00+08:00", "", "", "", ""],
        ["说明：“…”表示人数很少，为保护个人信息不予显示；它不是零。", "", "", "", ""],
    ]


def test_english_is_a_file_of_its_own() -> None:
    lines = table(months(1), "en")
    assert lines[0] == ["Month", "Registrations", "People", "Service time (minutes)", "No-shows"]
    assert [line[0] for line in lines[2:]] == [
        "Total",
        "Scope: Xinghualing",
        "Period: 2026-01-01 to 2026-12-31",
        "As of: 2026-12-31 16:30:00+08:00",
    ], "nothing was withheld, and nothing is said of it"


def test_a_figure_that_has_no_meaning_in_a_row_is_empty_and_not_withheld() -> None:
    lines = table(answer([MONTH, REGISTRATIONS], [{"month": "2026-01"}], notes=[Words("甲", "a")]))
    assert lines[1:3] == [["2026-01", ""], ["合计", ""]]
    assert [line[0] for line in lines[-2:]] == ["统计截至：2026-12-31 16:30:00+08:00", "说明：甲"]


def test_no_rows_and_no_dimensions_are_tables_too() -> None:
    assert table(answer([MONTH, REGISTRATIONS], [], total={"registrations": 0}))[:2] == [
        ["月份", "报名人次"],
        ["合计", "0"],
    ]
    assert table(answer([REGISTRATIONS], [], total={"registrations": 7}))[:2] == [["报名人次"], ["7"]]


@given(hostile)
def test_no_name_becomes_a_formula_or_another_line(name: str) -> None:
    asked = answer([AREA, AREA_NAME], [{"area": name, "area_name": Words(name, name)}], name=name, title=name)
    lines = table(asked)
    assert len(lines) == 6
    assert {len(line) for line in lines} == {2}
    for cell in (cell for line in lines for cell in line):
        assert cell.lstrip()[:1] not in {*"=+-@＝＋－＠"}
        assert not {unicodedata.category(letter) for letter in cell} & {"Cc", "Cf", "Cs", "Zl", "Zp"}


def test_rows_are_taken_as_the_file_is_read() -> None:
    taken = 0

    def rows() -> Iterator[dict[str, Any]]:
        nonlocal taken
        for taken in range(1, 10 * ROWS_AT_ONCE + 1):
            yield {"month": "2026-01", "registrations": taken}

    pieces = csv_table(answer([MONTH, REGISTRATIONS], rows(), total={"registrations": 1}), "zh")
    next(pieces)
    assert taken < ROWS_AT_ONCE
    rest = b"".join(pieces)
    assert taken == 10 * ROWS_AT_ONCE
    assert rest.count(b"\r\n") == 10 * ROWS_AT_ONCE + 2 + 3 - ROWS_AT_ONCE
