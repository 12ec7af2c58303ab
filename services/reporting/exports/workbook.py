"""Answers as one XLSX workbook: a sheet that says what was counted, then a sheet each, with a chart where it is short.

    with NamedTemporaryFile() as file:
        write_workbook([answer, another], "zh", file)

Figures are numbers, everything else is text: nothing in it is a formula, not even when somebody edits the cell. Hours
are decimal, cut as everywhere: spreadsheets cannot show more than 71 million hours as hours and minutes, which a city
has within ten years.

A workbook with a long sheet is written row by row: memory does not grow with the rows. The disk holds them meanwhile,
about 1 MB for 1,000 rows of twelve columns, where `TMPDIR` says: that is no place in memory for a long one.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from itertools import chain, islice
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import xlsxwriter

from services.common.durations import decimal_hours
from services.common.errors import Kind, Problem, Words
from services.reporting.exports.cells import (
    FORMULA,
    LABELLING,
    WITHHELD_NOTE,
    Cell,
    Cells,
    Language,
    about,
    headings,
    in_language,
)
from services.reporting.operations.answer import Answer

XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MOST_ROWS = 1_048_576 - 2
"""What a sheet can hold besides the headings and the total."""

MOST_CHARTED = 60
"""Rows up to which a chart can be read."""

LONGEST_CELL = 32_767
WIDEST = 40
"""Characters; what is longer is read in the cell."""

HOURS = Words("小时", "hours")
ABOUT = Words("说明", "About")
TIMES = ("day", "week", "month", "quarter", "year", "academic_year", "hour", "weekday")
"""Dimensions that have an order and no gaps: a line may join them."""

TOO_MANY_ROWS = Kind("too-many-rows", 422, Words("行数过多", "Too many rows"))


def write_workbook(answers: Sequence[Answer], language: Language, file: BinaryIO) -> None:
    """Write the whole workbook to the file, taking the answers' rows as it goes. There must be an answer.

    Raises 422 where an answer has more rows than a sheet can hold; what was written so far is of no use then.
    """
    begun = [_begin(answer) for answer in answers]
    with TemporaryDirectory() as folder:  # what xlsxwriter leaves when a row cannot be read goes with it
        book = xlsxwriter.Workbook(file, _options(folder, long=any(len(head) > MOST_CHARTED for head, _ in begun)))
        book.set_properties({"title": in_language(answers[0].title, language), "created": _utc(answers[0])})
        styles = _styles(book)
        names = _sheet_names([in_language(ABOUT, language), *(in_language(a.title, language) for a in answers)])
        cover = book.add_worksheet(next(names))
        said: list[tuple[str, str]] = []
        for answer, (head, rows) in zip(answers, begun, strict=True):
            table = _Table(book, book.add_worksheet(next(names)), styles, answer, language)
            said += [*table.write(head, rows), ("", "")]
        _write_cover(cover, styles, said[:-1])
        book.worksheets()[1].activate()
        book.close()


def _begin(answer: Answer) -> tuple[list[Mapping[str, Any]], Iterator[Mapping[str, Any]]]:
    """As many rows as show whether there are few, and all rows."""
    rows = iter(answer.rows)
    head = list(islice(rows, MOST_CHARTED + 1))
    return head, chain(head, rows)


def _options(folder: str, long: bool) -> dict[str, Any]:
    """Only a workbook that is held in memory can keep the figures inside its charts, where previews look for them."""
    return {"constant_memory": long, "tmpdir": folder, "in_memory": False, "use_zip64": True}


def _utc(answer: Answer) -> Any:
    return answer.as_of.astimezone(UTC).replace(tzinfo=None, microsecond=0)


@dataclass(frozen=True)
class _Styles:
    heading: Any
    text: Any
    risky: Any
    total: Any
    withheld: Any
    by_kind: Mapping[str, Any]
    total_by_kind: Mapping[str, Any]


NUMBERS = {"count": "#,##0", "people": "#,##0", "minutes": "#,##0.00", "share": "0.0%"}


def _styles(book: Any) -> _Styles:
    """Text is of the format `@`: what somebody types there stays text too."""
    line = {"bold": True, "top": 1}
    return _Styles(
        heading=book.add_format({"bold": True, "num_format": "@", "bottom": 1, "text_wrap": True, "valign": "top"}),
        text=book.add_format({"num_format": "@"}),
        risky=book.add_format({"num_format": "@", "quote_prefix": True}),
        total=book.add_format({"num_format": "@", **line}),
        withheld=book.add_format({"num_format": "@", "align": "right"}),
        by_kind={kind: book.add_format({"num_format": form}) for kind, form in NUMBERS.items()},
        total_by_kind={kind: book.add_format({"num_format": form, **line}) for kind, form in NUMBERS.items()},
    )


class _Table:
    """One answer's sheet."""

    def __init__(self, book: Any, sheet: Any, styles: _Styles, answer: Answer, language: Language) -> None:
        self._book, self._sheet, self._styles = book, sheet, styles
        self._answer, self._language = answer, language
        self._columns = answer.columns
        self._cells = Cells(answer.columns, language, minutes=decimal_hours)
        self._headings = headings(answer.columns, language, HOURS)

    def write(self, head: Sequence[Mapping[str, Any]], rows: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
        """Write everything; returns what the cover says of it."""
        for place, heading in enumerate(self._headings):
            write_text(self._sheet, 0, place, heading, self._styles.heading)
        last = 0
        for last, row in enumerate(rows, start=1):
            if last > MOST_ROWS:
                raise _too_many_rows()
            self._write_row(last, self._cells.of(row), self._styles.by_kind, self._styles.text)
        self._write_row(
            last + 1, self._cells.of_total(self._answer.total), self._styles.total_by_kind, self._styles.total
        )
        self._lay_out(head, last)
        if 0 < last <= MOST_CHARTED:
            self._draw(head, last)
        title = in_language(self._answer.title, self._language)
        return [(title, ""), *about(self._answer, self._language, self._cells.withheld)]

    def _write_row(self, number: int, cells: Sequence[Cell], by_kind: Mapping[str, Any], text: Any) -> None:
        for place, (column, cell) in enumerate(zip(self._columns, cells, strict=True)):
            if not isinstance(cell, str):
                self._sheet.write_number(number, place, cell, by_kind[column.kind])
            elif cell:
                style = text if column.kind in LABELLING else self._styles.withheld
                risky = self._styles.risky if FORMULA.match(cell) else style
                write_text(self._sheet, number, place, cell, risky)

    def _lay_out(self, head: Sequence[Mapping[str, Any]], last: int) -> None:
        """Headings stay in sight, on paper too. The total is no row that a filter could hide or a sort could move."""
        sheet = self._sheet
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, last, len(self._columns) - 1)
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(0)
        shown = Cells(self._columns, self._language, minutes=decimal_hours)
        for place, cells in enumerate(zip(self._headings, *(shown.of(row) for row in head), strict=True)):
            sheet.set_column(place, place, min(WIDEST, max(10, 4 + max(_width(cell) for cell in cells))))

    def _draw(self, head: Sequence[Mapping[str, Any]], last: int) -> None:
        """A chart of the first figure by the first dimension; beside it, where there is one, the other period.

        A spreadsheet draws text as nought. In columns that is a gap; a line would dip to it, so there is none then.
        """
        names = [column.name for column in self._columns]
        dimensions = [place for place, column in enumerate(self._columns) if column.kind in LABELLING]
        figures = [place for place, column in enumerate(self._columns) if column.kind not in LABELLING]
        if not dimensions or not figures:
            return
        drawn = [figures[0]]
        if self._answer.compared and f"{names[figures[0]]}_before" in names:
            drawn.append(names.index(f"{names[figures[0]]}_before"))
        withheld = any(row.get(names[place], 0) is None for row in head for place in drawn)
        line = names[0] in TIMES and last > 1 and not withheld
        chart = self._book.add_chart({"type": "line" if line else "column"})
        said = dimensions[1:] if names[1:2] == [f"{names[0]}_name"] else dimensions
        for place in drawn:
            chart.add_series(
                {
                    "name": [self._sheet.get_name(), 0, place],
                    "categories": [self._sheet.get_name(), 1, said[0], last, said[-1]],
                    "values": [self._sheet.get_name(), 1, place, last, place],
                    "marker": {"type": "circle", "size": 4},
                }
            )
        self._label(chart, said[0], drawn, withheld)
        self._sheet.insert_chart(1, len(self._columns) + 1, chart, {"object_position": 3})

    def _label(self, chart: Any, said: int, drawn: Sequence[int], withheld: bool) -> None:
        title = f"{in_language(self._answer.title, self._language)} · {self._headings[drawn[0]]}"
        if withheld:
            title += f"\n{in_language(WITHHELD_NOTE, self._language)}"
        chart.set_title({"name": _literal(title), "name_font": {"size": 11, "bold": False}, "overlay": False})
        chart.set_legend({"position": "bottom"} if len(drawn) > 1 else {"none": True})
        chart.set_x_axis({"name": [self._sheet.get_name(), 0, said]})
        chart.set_y_axis({"num_format": NUMBERS[self._columns[drawn[0]].kind], "min": 0})
        chart.set_size({"width": 720, "height": 380})


def _literal(text: str) -> str:
    """A title that is none of the references to cells which xlsxwriter looks for: `=A!B1`, and `A!B1` as well."""
    return text.replace("!", "！").removeprefix("=")


def write_text(sheet: Any, row: int, column: int, text: str, style: Any) -> None:
    """Write a cell of text. xlsxwriter puts what looks like its own rich text into the file as XML, unescaped, and so
    would give whoever names a site `<r>…</r>` a formula: a blank in front makes it text again."""
    harmless = f" {text}" if text.startswith("<r>") else text
    sheet.write_string(row, column, _cut(harmless, LONGEST_CELL), style)


def _write_cover(sheet: Any, styles: _Styles, said: Sequence[tuple[str, str]]) -> None:
    for number, (heading, line) in enumerate(said):
        write_text(sheet, number, 0, heading, styles.heading if not line and heading else styles.text)
        write_text(sheet, number, 1, line, styles.risky if FORMULA.match(line) else styles.text)
    sheet.set_column(0, 0, 24)
    sheet.set_column(1, 1, 80)


def _sheet_names(titles: Iterable[str]) -> Iterator[str]:
    """Names that spreadsheets take: no more than 31 characters, none of those that formulas are made of, each once."""
    taken: set[str] = {"history", ""}  # Excel keeps the first for itself
    for title in titles:
        stem = re.sub(r"[\[\]:*?/\\'\x00-\x1f]", " ", title).strip()
        name, number = _cut(stem, 31).strip(), 1
        while name.lower() in taken:
            number += 1
            name = f"{_cut(stem, 26).strip()} {number}".strip()
        taken.add(name.lower())
        yield name


def _cut(text: str, most: int) -> str:
    """So much of it, as spreadsheets count: rare characters are two."""
    return text if len(text) * 2 <= most else text.encode("utf-16-le")[: most * 2].decode("utf-16-le", "ignore")


def _width(cell: Cell) -> int:
    """How wide a cell is, in digits: a Chinese character takes two."""
    text = cell if isinstance(cell, str) else f"{cell:,.2f}" if isinstance(cell, float) else f"{cell:,}"
    return sum(2 if letter >= "\u2e80" else 1 for letter in text)


def _too_many_rows() -> Problem:
    return Problem(
        TOO_MANY_ROWS,
        Words(
            f"一张工作表最多 {MOST_ROWS:,} 行。请缩小范围，或改用 CSV。",
            f"A sheet holds at most {MOST_ROWS:,} rows. Ask for less, or for CSV.",
        ),
    )
