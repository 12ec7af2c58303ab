"""The report as JSON or CSV, written row by row to a spool that goes to disk when it is long.

The whole report is written before any of it is sent: no connection is held while a slow client reads, and what fails
half-way becomes an error instead of half a report.
"""

import csv
import io
import json
from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from typing import Any, Protocol

from services.common.durations import decimal_hours
from services.common.errors import Words
from services.reporting.exports.cells import safe_cell
from services.reporting.labels import AGE_BANDS, DIMENSIONS, KINDS, MEASURES, NAME, TOTAL
from services.reporting.operations.participation import FIGURES
from services.reporting.operations.scope import Scope

NAMED = ("site", "area", "kind", "age_band")
"""Dimensions whose codes need a name; days, months, quarters and years are read as they are."""

SPOOL_BYTES = 4_000_000
CHUNK_BYTES = 64_000


class Document(Protocol):
    """A report being written: each row in turn, the total last."""

    def row(self, row: dict[str, Any]) -> None:
        """Write one row."""

    def total(self, total: dict[str, Any]) -> None:
        """Write the total and end."""


def write_document(rows: Iterator[dict[str, Any]], document: Document) -> None:
    """Write all rows; the last one is the total."""
    previous: dict[str, Any] | None = None
    for row in rows:
        if previous is not None:
            document.row(previous)
        previous = row
    document.total(previous or {})


class Spool:
    """Text that is written once and then sent."""

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile(max_size=SPOOL_BYTES)  # noqa: SIM115 - closed when it was sent

    def write(self, content: str) -> None:
        """Add some text."""
        self._file.write(content.encode())

    def chunks(self) -> Iterator[bytes]:
        """All of it, once; the file is gone afterwards."""
        with self._file as file:
            file.seek(0)
            while chunk := file.read(CHUNK_BYTES):
                yield chunk


class JsonDocument:
    """`{…head, "rows": […], "total": {…}}`."""

    def __init__(self, spool: Spool, head: dict[str, Any], scope: Scope, by: list[str]) -> None:
        self._spool = spool
        self._scope = scope
        self._by = by
        self._separator = ""
        spool.write(f'{_json(head)[:-1]}, "rows": [')

    def row(self, row: dict[str, Any]) -> None:
        """Write one row."""
        labels = labels_of(row, self._scope, self._by)
        self._spool.write(self._separator + "\n" + _json(labels | _figures(row)))
        self._separator = ","

    def total(self, total: dict[str, Any]) -> None:
        """Write the total and end."""
        self._spool.write(f'\n], "total": {_json(_figures(total))}}}\n')


class CsvDocument:
    """A table for spreadsheets: UTF-8 with a mark that Excel needs, headings in the caller's language."""

    def __init__(self, spool: Spool, scope: Scope, by: list[str]) -> None:
        self._spool = spool
        self._scope = scope
        self._by = by
        spool.write("\ufeff")
        self._write([*self._headings(), *(str(MEASURES[name]) for name in MEASURES)])

    def row(self, row: dict[str, Any]) -> None:
        """Write one row."""
        labels = labels_of(row, self._scope, self._by)
        del labels["name"]
        self._write([*labels.values(), *self._measures(row)])

    def total(self, total: dict[str, Any]) -> None:
        """Write the total and end."""
        empty = [""] * (len(self._headings()) - 1)
        self._write([*([str(TOTAL), *empty] if self._by else []), *self._measures(total)])

    def _headings(self) -> list[str]:
        headings = []
        for name in self._by:
            headings.append(str(DIMENSIONS[name]))
            if name in NAMED:
                headings.append(f"{DIMENSIONS[name]} · {NAME}")
        return headings

    def _measures(self, row: dict[str, Any]) -> list[Any]:
        figures = _figures(row)
        return [figures[name] for name in MEASURES]

    def _write(self, cells: list[Any]) -> None:
        line = io.StringIO()
        csv.writer(line).writerow([safe_cell(cell) for cell in cells])
        self._spool.write(line.getvalue())


def labels_of(row: dict[str, Any], scope: Scope, by: list[str]) -> dict[str, Any]:
    """The row's dimensions, the names of those that are codes, and `name`, which is all of them together."""
    labels: dict[str, Any] = {}
    names = []
    for dimension in by:
        code = str(row[dimension])
        labels[dimension] = code
        if dimension in NAMED:
            labels[f"{dimension}_name"] = str(_words(dimension, code, scope))
        names.append(labels.get(f"{dimension}_name", code))
    labels["name"] = " · ".join(names)
    return labels


def _words(dimension: str, code: str, scope: Scope) -> Words:
    known = {"kind": KINDS, "age_band": AGE_BANDS}.get(dimension, scope.names)
    return known.get(code, Words(code, code))


def _figures(row: dict[str, Any]) -> dict[str, Any]:
    figures = {name: row[name] for name in FIGURES}
    return figures | {"service_hours": decimal_hours(figures["service_minutes"])}


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
