"""CSV a piece at a time: encodings, delimiters, and records that a piece breaks off in the middle.

A piece ends anywhere: within a letter, a quoted cell, a line. What is not yet complete is given back as `rest` and
belongs before the next piece. Cutting at line ends is safe in both encodings: no letter of UTF-8 or GB18030 has the
byte of a line end within it.
"""

import codecs
import csv
import io
from collections.abc import Iterator

UTF8, GB18030 = "utf-8", "gb18030"
DELIMITERS = (",", "\t", ";")
LONGEST_RECORD = 1_000_000
"""Bytes. A longer one is a quote that is never closed."""


class Unreadable(Exception):
    """A file that is no table; `code` says why (faults.py)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def encoding_of(content: bytes) -> str | None:
    """The encoding, None while nothing but ASCII was seen. Raises `Unreadable` for UTF-16 and binary files."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in content[:1000]:
        raise Unreadable("not_a_table")
    if content.isascii():
        return None
    try:
        codecs.getincrementaldecoder(UTF8)().decode(content)
    except UnicodeDecodeError:
        # A damaged byte or two do not make UTF-8 something else, nor GB18030.
        wrong = {name: content.decode(name, "replace").count("\ufffd") for name in (UTF8, GB18030)}
        return min(wrong, key=lambda name: wrong[name])
    return UTF8


def read_records(content: bytes, encoding: str | None, delimiter: str, *, last: bool) -> tuple[list[list[str]], bytes]:
    """The complete records of a piece, and the bytes that belong before the next one.

    Bytes that mean nothing in the encoding become lone surrogates, so that the row can be named (rows.py).
    Raises `Unreadable` when a quote is never closed.
    """
    end = len(content) if last else max(content.rfind(b"\n"), _old_line_end(content)) + 1
    text = content[:end].decode(encoding or UTF8, "surrogateescape").removeprefix("\ufeff")
    lines = _Lines(text)
    records: list[list[str]] = []
    complete = 0
    try:
        for record in csv.reader(lines, delimiter=delimiter):
            if lines.is_over and not last:
                break  # it asked for a line that is not here: the record goes on in the next piece
            records.append(record)
            complete = lines.read
    except csv.Error:
        raise Unreadable("quote_not_closed") from None
    rest = text[complete:].encode(encoding or UTF8, "surrogateescape") + content[end:]
    if last:
        rest = b""
    if len(rest) > LONGEST_RECORD:
        raise Unreadable("quote_not_closed")
    return records, rest


def _old_line_end(content: bytes) -> int:
    """The last CR where there is no LF at all, as old programs write. A last byte may be half of CR LF."""
    return -1 if b"\n" in content else content.rfind(b"\r", 0, -1)


class _Lines:
    """Lines for the csv module, which tells that it wants more by asking."""

    def __init__(self, text: str) -> None:
        self._lines = io.StringIO(text, newline="")
        self.read = 0
        self.is_over = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._lines.readline()
        if not line:
            self.is_over = True
            raise StopIteration
        self.read += len(line)
        return line


def delimiter_of(content: bytes, encoding: str | None) -> str:
    """What stands between the cells, by the first lines."""
    head = content[:4000].decode(encoding or UTF8, "replace").splitlines()[:10]
    return max(DELIMITERS, key=lambda mark: max((line.count(mark) for line in head), default=0))
