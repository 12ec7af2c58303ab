"""Where the headings of a file stand: in Chinese or English, in any order, decorated as people do."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from services.registration.spreadsheets.faults import Fault
from services.registration.spreadsheets.kinds import COLUMNS, NEEDED, Kind

ROWS_BEFORE_HEADINGS = 10
"""Rows in which headings are looked for: lists often begin with a title."""


@dataclass(frozen=True)
class Headings:
    """Where the headings stand (`row`, from 1) and the field of each column; None for a column that is not read."""

    row: int
    fields: list[str | None]


def find_columns(kind: Kind, records: Sequence[Sequence[str]]) -> tuple[Headings | None, list[Fault]]:
    """The headings among the first rows, or what is wrong with them. A fault tells the column, never what stands in it:
    a file without headings has people there."""
    candidates = [
        (number, _fields(kind, cells)) for number, cells in enumerate(records[:ROWS_BEFORE_HEADINGS], start=1)
    ]
    row, fields = max(candidates, key=lambda one: sum(field is not None for field in one[1]), default=(1, []))
    known = [field for field in fields if field is not None]
    if not known:
        return None, [Fault(1, "", "no_headings")]
    faults = [
        Fault(row, letter(place), "heading_twice")
        for place, field in enumerate(fields)
        if field is not None and field in fields[:place]
    ]
    required = [column for column in COLUMNS[kind] if column.required and column.field not in known]
    faults += [Fault(row, column.title.zh, "column_missing", title=column.title.en) for column in required]
    for needed in NEEDED[kind]:
        if not needed.met(known):
            lacking = next(column for column in COLUMNS[kind] if column.field == needed.to_blame())
            faults.append(Fault(row, lacking.title.zh, "column_missing", title=lacking.title.en))
    return (None if faults else Headings(row, fields)), faults


def _fields(kind: Kind, cells: Sequence[str]) -> list[str | None]:
    known = {
        _plain(heading): column.field
        for column in COLUMNS[kind]
        for heading in (column.title.zh, column.title.en, column.field, *column.also)
    }
    return [known.get(_plain(cell)) for cell in cells]


def _plain(heading: str) -> str:
    """A heading without what people decorate it with: `姓名*`, `电话（手机）`, `Birth date`."""
    folded = unicodedata.normalize("NFKC", heading).casefold()
    return re.sub(r"\(.*?\)|[\s_*::-]", "", folded)


def letter(place: int) -> str:
    """A column as spreadsheets name it: 0 is A, 26 is AA."""
    name = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        name = chr(65 + rest) + name
    return name
