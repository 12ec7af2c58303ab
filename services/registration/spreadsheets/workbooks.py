"""Workbooks (XLSX, XLS, ODS) as CSV, so that all that follows has one kind of file to read.

Excel shows a phone number and stores 13800000000.0, shows a date and stores a number of days: both become what was
shown. The library holds a whole sheet in memory, so the size is bounded before it is opened; what is larger is
saved as CSV, which has no bound.
"""

import csv
import io
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from services.registration.spreadsheets.texts import Unreadable

ZIP, OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
MOST_UNPACKED = 150_000_000
"""Bytes of XML. 200,000 rows of six columns take 100 MB of it, and 220 MB of memory when read."""
EXACT = 2**53
"""Above this, neighbouring whole numbers are the same to Excel: the last digits of an ID number are gone."""


def is_workbook(content: bytes) -> bool:
    """Whether a file that begins so is a workbook."""
    return content.startswith((ZIP, OLE))


def as_csv(content: bytes) -> Iterator[bytes]:
    """The first visible sheet with anything in it, as UTF-8 CSV, some thousand rows at a time.

    Raises `Unreadable` when it is damaged, locked, empty, or too large.
    """
    if content.startswith(ZIP):
        _check_size(content)
    elif len(content) > MOST_UNPACKED // 10:
        raise Unreadable("workbook_too_large")
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
        visible = [
            one.name
            for one in workbook.sheets_metadata
            if one.typ == SheetTypeEnum.WorkSheet and one.visible == SheetVisibleEnum.Visible
        ]
        sheets = (workbook.get_sheet_by_name(name) for name in visible)
        sheet = next((one for one in sheets if one.start is not None), None)
        if sheet is None:
            raise Unreadable("empty")
        yield from _pieces(sheet)
    except (CalamineError, zipfile.BadZipFile, ValueError, OSError) as error:
        raise Unreadable("workbook_damaged") from error


def _pieces(sheet: Any) -> Iterator[bytes]:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    # The library gives the empty rows above what stands there, and leaves out the empty columns beside it.
    left = [""] * sheet.start[1]
    for number, row in enumerate(sheet.iter_rows()):
        writer.writerow(left + [shown(cell) for cell in row])
        if number % 5_000 == 4_999:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()


def _check_size(content: bytes) -> None:
    """What unpacks to too much is refused; the archive's own word for it is checked by unpacking."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(part.file_size for part in archive.infolist()) > MOST_UNPACKED:
                raise Unreadable("workbook_too_large")
            if archive.testzip() is not None:
                raise Unreadable("workbook_damaged")
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError) as error:
        raise Unreadable("workbook_damaged") from error


def shown(cell: object) -> str:
    """A cell as its reader sees it."""
    match cell:
        case bool():
            return "1" if cell else "0"
        case float() if cell.is_integer() and abs(cell) < EXACT:
            return str(int(cell))
        case float():
            return f"{cell:.15G}" if abs(cell) < EXACT else f"{cell:.15E}"
        case datetime() if cell.time() == time():
            return cell.date().isoformat()
        case datetime() | date() | time():
            return cell.isoformat()
        case timedelta():
            return str(cell)
    return str(cell)
