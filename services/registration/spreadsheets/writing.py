"""Tables written out as they are read, in a stream: a ZIP of CSV files, or one XLSX with a sheet per table.

    for piece in archive(XLSX, [Sheet("people", ["name"], rows)]): ...

Neither needs a file on disk or the whole in memory: what leaves here is personal data, and temporary files of a
process that is killed stay. Cells that a spreadsheet would take for a formula are disarmed: in CSV by an apostrophe,
in XLSX they are text and marked so (quotePrefix), which also holds when somebody edits them.
"""

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal
from xml.sax.saxutils import escape, quoteattr

from services.registration.spreadsheets.columns import letter

Format = Literal["csv", "xlsx"]
CSV: Format = "csv"
XLSX: Format = "xlsx"
MIME = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "zip": "application/zip",
}

BOM = "\ufeff"
FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\r\n]")
"""What spreadsheets take for a formula: it may begin after blanks, or with a control character, and with the wide signs
of Chinese typing."""
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
ROWS_AT_ONCE = 500
MOST_SHEET_ROWS = 1_048_576
LONGEST_CELL = 32_767


class TooManyRows(Exception):
    """More than a worksheet can hold; CSV has no such bound."""


@dataclass
class Sheet:
    """A table: its name, headings, rows of text. Rows are taken one after the other, once."""

    name: str
    headings: Sequence[str]
    rows: Iterable[Sequence[str]]


class _Pipe(io.RawIOBase):
    """What zipfile writes to, emptied as it goes."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._pieces.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        """Everything since the last time."""
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def safe(cell: str) -> str:
    """The cell as CSV may carry it."""
    return f"'{cell}" if FORMULA.match(cell) else cell


def csv_text(sheet: Sheet) -> Iterator[bytes]:
    """A table as CSV that Excel opens in Chinese: UTF-8 with BOM."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    buffer.write(BOM)
    writer.writerow([safe(heading) for heading in sheet.headings])
    for number, row in enumerate(sheet.rows, start=1):
        writer.writerow([safe(cell) for cell in row])
        if number % ROWS_AT_ONCE == 0:
            yield buffer.getvalue().encode("utf-8", "replace")
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode("utf-8", "replace")


def one_table(form: Format, sheet: Sheet) -> Iterator[bytes]:
    """One table as a CSV file or a workbook."""
    return csv_text(sheet) if form == CSV else archive(XLSX, [sheet])


def archive(form: Format, sheets: Iterable[Sheet]) -> Iterator[bytes]:
    """The tables, one after the other, as a ZIP of CSV files or one workbook."""
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as target:
        names: list[str] = []
        for sheet in sheets:
            names.append(sheet.name)
            inside = f"{sheet.name}.csv" if form == CSV else f"xl/worksheets/sheet{len(names)}.xml"
            with target.open(inside, "w", force_zip64=True) as entry:
                for piece in csv_text(sheet) if form == CSV else _sheet_xml(sheet):
                    entry.write(piece)
                    yield pipe.taken()
        if form == XLSX:
            for name, content in _frame(names).items():
                target.writestr(name, content)
    yield pipe.taken()


_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_PLAIN, _BOLD, _QUOTED = 0, 1, 2


def _sheet_xml(sheet: Sheet) -> Iterator[bytes]:
    yield (
        f'{_HEAD}<worksheet {_MAIN}><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2"'
        ' activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><sheetFormatPr defaultRowHeight="15"/>'
        f'<cols><col min="1" max="{max(1, len(sheet.headings))}" width="18" customWidth="1"/></cols><sheetData>'
    ).encode()
    lines = [_row_xml(1, sheet.headings, _BOLD)]
    for number, row in enumerate(sheet.rows, start=2):
        if number > MOST_SHEET_ROWS:
            raise TooManyRows
        lines.append(_row_xml(number, row))
        if len(lines) == ROWS_AT_ONCE:
            yield "".join(lines).encode("utf-8", "replace")
            lines.clear()
    yield "".join([*lines, "</sheetData></worksheet>"]).encode("utf-8", "replace")


def _row_xml(number: int, cells: Sequence[str], style: int = _PLAIN) -> str:
    written = "".join(
        f'<c r="{letter(place)}{number}" t="inlineStr" s="{_QUOTED if FORMULA.match(cell) else style}">'
        f'<is><t xml:space="preserve">{escape(CONTROL.sub(" ", cell[:LONGEST_CELL]))}</t></is></c>'
        for place, cell in enumerate(cells)
        if cell
    )
    return f'<row r="{number}">{written}</row>'


def _frame(names: Sequence[str]) -> dict[str, str]:
    """The parts of a workbook that are not its sheets."""
    package = "http://schemas.openxmlformats.org/package/2006"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    numbered = list(enumerate(names, start=1))
    overrides = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{kind}.worksheet+xml"/>' for n, _ in numbered
    )
    sheets = "".join(f'<sheet name={quoteattr(name[:31])} sheetId="{n}" r:id="rId{n}"/>' for n, name in numbered)
    links = "".join(
        f'<Relationship Id="rId{n}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n, _ in numbered
    )
    return {
        "[Content_Types].xml": f'{_HEAD}<Types xmlns="{package}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{kind}.styles+xml"/>{overrides}</Types>',
        "_rels/.rels": f'{_HEAD}<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'{_HEAD}<workbook {_MAIN} xmlns:r="{_OFFICE}"><sheets>{sheets}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'{_HEAD}<Relationships xmlns="{package}/relationships">{links}'
        f'<Relationship Id="rId{len(numbered) + 1}" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": f"{_HEAD}<styleSheet {_MAIN}>"
        '<fonts count="2"><font><sz val="11"/></font><font><b/><sz val="11"/></font></fonts>'
        '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/>'
        '</fill></fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf numFmtId="0"/></cellStyleXfs>'
        '<cellXfs count="3"><xf numFmtId="49" applyNumberFormat="1"/>'
        '<xf numFmtId="49" fontId="1" applyNumberFormat="1" applyFont="1"/>'
        '<xf numFmtId="49" applyNumberFormat="1" quotePrefix="1"/></cellXfs></styleSheet>',
    }
