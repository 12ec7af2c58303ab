"""An answer as CSV, streamed: `Response(csv_table(answer, "zh"), content_type=CSV_TYPE)`.

UTF-8 with the mark that Excel needs. First the headings, then the rows, then the total, then lines that say what was
counted and what was withheld: below the table, because spreadsheets and programs look for headings in the first line,
and as wide as the table, because some programs refuse lines of another length. Minutes stay whole minutes, shares stay
between 0 and 1: what a program adds up must be exact.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from services.common.errors import Words
from services.reporting.exports.cells import Cell, Cells, Language, about, headings, safe_cell
from services.reporting.operations.answer import Answer

CSV_TYPE = "text/csv; charset=utf-8"
BOM = "\ufeff"
ROWS_AT_ONCE = 500
MINUTES = Words("分钟", "minutes")


def csv_table(answer: Answer, language: Language) -> Iterator[bytes]:
    """The file, in pieces of about 500 rows. Takes the answer's rows as it goes."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    buffer.write(BOM)
    for number, line in enumerate(_lines(answer, language), start=1):
        writer.writerow([safe_cell(cell) for cell in line])
        if number % ROWS_AT_ONCE == 0:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()


def _lines(answer: Answer, language: Language) -> Iterable[Sequence[Cell]]:
    cells = Cells(answer.columns, language, minutes=int)
    yield headings(answer.columns, language, MINUTES)
    for row in answer.rows:
        yield cells.of(row)
    yield cells.of_total(answer.total)
    colon = "：" if language == "zh" else ": "
    blank = [""] * (len(answer.columns) - 1)
    for heading, line in about(answer, language, cells.withheld):
        yield [f"{heading}{colon}{line}", *blank]
