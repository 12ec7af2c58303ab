"""The table of areas as a file: CSV as Excel writes it in China, or JSON lines.

    rows, faults = read_table(request.get_data(), "text/csv")

Every fault is told by row and column, the heading being row 1, before anything looks at the tree.
"""

import csv
import io
import json
from collections.abc import Iterator

from pydantic import ValidationError

from services.common.errors import MALFORMED, Problem, Words, field_error
from services.registration.schemas.areas import AreaRow, Fault

KNOWN = tuple(AreaRow.model_fields)
NEEDED = ("code", "level", "name_zh", "name_en")


def read_table(raw: bytes, mimetype: str) -> tuple[list[tuple[int, AreaRow]], list[Fault]]:
    """The rows that can be read, each with its number, and what is wrong with the others. Raises 400 for no table."""
    lines = _json_lines(decoded(raw)) if mimetype in ("application/x-ndjson", "application/jsonl") else None
    rows: list[tuple[int, AreaRow]] = []
    faults: list[Fault] = []
    for number, cells in lines if lines is not None else _csv(decoded(raw)):
        if isinstance(cells, Words):
            faults.append(Fault(row=number, column="", zh=cells.zh, en=cells.en))
            continue
        try:
            rows.append((number, AreaRow.model_validate(cells)))
        except ValidationError as error:
            faults += [_fault(number, found) for found in error.errors(include_url=False, include_input=False)]
    return rows, faults


def _fault(number: int, found: object) -> Fault:
    told = field_error(found)  # type: ignore[arg-type]
    return Fault(row=number, column=told.field, zh=told.message.zh, en=told.message.en)


def decoded(raw: bytes) -> str:
    """The file as text: UTF-8, or as Chinese Excel writes it. Raises 400 for neither."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Problem(MALFORMED, Words("文件应为 UTF-8 或 GB18030 编码。", "The file must be UTF-8 or GB18030."))


def _csv(content: str) -> Iterator[tuple[int, object]]:
    reader = csv.reader(io.StringIO(content, newline=""))
    heading = [cell.strip() for cell in next(reader, [])]
    missing = [name for name in NEEDED if name not in heading]
    unknown = [name for name in heading if name not in KNOWN]
    if missing or unknown or len(set(heading)) < len(heading):
        raise Problem(
            MALFORMED,
            Words(f"首行应为列名：{','.join(KNOWN)}。", f"The first row must name the columns: {','.join(KNOWN)}."),
        )
    try:
        for cells in reader:
            number = reader.line_num
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(heading):
                words = Words(
                    f"有 {len(cells)} 格，应为 {len(heading)} 格。",
                    f"has {len(cells)} cells instead of {len(heading)}.",
                )
                yield number, words
                continue
            yield number, {name: cell.strip() for name, cell in zip(heading, cells, strict=True)}
    except csv.Error as error:
        raise Problem(
            MALFORMED,
            Words(f"第 {reader.line_num} 行不是有效的 CSV。", f"Row {reader.line_num} is not valid CSV."),
        ) from error


def _json_lines(content: str) -> Iterator[tuple[int, object]]:
    for number, line in enumerate(content.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            yield number, json.loads(line)
        except (ValueError, RecursionError):
            yield number, Words("不是有效的 JSON。", "is not valid JSON.")
