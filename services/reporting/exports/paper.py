"""A report on paper, as a PDF: words, tables and a chart, one below the other.

    pdf = typeset(title, subtitle, author, [heading("…"), words("…"), table([…], […])], made, "zh")

It is tagged (PDF/A-2a): its words can be selected, searched and read aloud, and a chart says in words what it shows.
The same content gives the same bytes. A page takes about 15 ms.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import typst

from services.common.durations import duration
from services.common.errors import Words
from services.common.typesetting import covered, fonts
from services.reporting.exports.cells import WITHHELD, Language, in_language, plain

LAYOUT = Path(__file__).parents[1] / "templates" / "paper.typ"
NO_SUCH_SIGN = "〓"
"""What Chinese printers put where a character is missing."""

STEPS = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)
MOST_LABELS = 16
"""Labels that fit below a chart's bars; of more, every second, third … is written."""

MOST_VALUES = 14
"""Values that fit above them."""

Block = Mapping[str, Any]
Figure = int | float | None
FigureKind = Literal["count", "people", "minutes", "share"]


def typeset(
    title: str, subtitle: str, author: str, blocks: Sequence[Block], made: datetime, language: Language
) -> bytes:
    """The PDF. `made` dates it, instead of the clock."""
    said = {
        "title": title,
        "subtitle": subtitle,
        "author": author,
        "blocks": blocks,
        "lang": language,
        "region": "cn" if language == "zh" else "gb",
    }
    document = typst.Compiler(font_paths=fonts(), root=str(LAYOUT.parent)).compile(
        input=LAYOUT.read_bytes(),
        format="pdf",
        sys_inputs={"said": json.dumps(_printable(said), ensure_ascii=False)},
        timestamp=made,
        pdf_standards="a-2a",
    )
    assert isinstance(document, bytes)  # noqa: S101 (one document, not a page per file)
    return document


def heading(text: str) -> Block:
    """A section begins."""
    return {"kind": "heading", "text": text}


def words(text: str) -> Block:
    """A paragraph."""
    return {"kind": "words", "text": text}


def facts(pairs: Sequence[tuple[str, str]]) -> Block:
    """What is said of the report itself."""
    return {"kind": "facts", "facts": pairs}


def notes(lines: Sequence[str]) -> Block:
    """Small print; there must be some."""
    return {"kind": "notes", "notes": lines}


def signatures(lines: Sequence[str]) -> Block:
    """Where it is signed and sealed."""
    return {"kind": "signatures", "lines": lines}


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], total: Sequence[str] | None = None) -> Block:
    """A table; its headings come again on each page. The first column is words, the others are figures."""
    return {"kind": "table", "columns": columns, "rows": rows, "total": total}


def bars(labels: Sequence[str], values: Sequence[int | None], language: Language) -> Block:
    """A bar chart; there must be a bar. A value that is withheld has no bar, and its sign instead."""
    top = _top(max((value or 0 for value in values), default=0))
    every = -(-len(labels) // MOST_LABELS)
    said = [shown(value, "count", language) for value in values]
    separator = "；" if language == "zh" else "; "
    return {
        "kind": "bars",
        "alt": separator.join(f"{label} {value}" for label, value in zip(labels, said, strict=True)),
        "ticks": [{"at": n / 4, "label": f"{top // 4 * n:,}"} for n in range(5)],
        "bars": [
            {
                "label": label if number % every == 0 else "",
                "part": (value or 0) / top,
                "value": written if value is None or len(values) <= MOST_VALUES else "",
            }
            for number, (label, value, written) in enumerate(zip(labels, values, said, strict=True))
        ],
    }


def shown(value: Figure, kind: FigureKind, language: Language) -> str:
    """A figure as people read it."""
    if value is None:
        return WITHHELD
    if kind == "minutes":
        return in_language(duration(int(value)), language)
    return f"{value:.1%}" if kind == "share" else f"{value:,}"


def part_of(part: int | None, whole: int | None) -> float | None:
    """The share, or None where either is withheld; of nothing, nothing."""
    if part is None or whole is None:
        return None
    return part / whole if whole else 0.0


def day(moment: datetime) -> str:
    """A moment with its offset, to the minute."""
    return moment.isoformat(" ", "minutes")


def say(language: Language, zh: str, en: str) -> str:
    """One of two."""
    return in_language(Words(zh, en), language)


def _top(most: int) -> int:
    """The end of the scale: a round number, and so are its quarters."""
    scale = 4
    while scale * 10 < most:
        scale *= 10
    return next(int(scale * step) for step in STEPS if scale * step >= most and scale * step % 4 == 0)


def _printable(value: Any) -> Any:
    """All text in it as the font can print it: PDF/A has no place for what cannot be seen or read."""
    if isinstance(value, str):
        return "".join(letter if ord(letter) in covered() else NO_SUCH_SIGN for letter in plain(value))
    if isinstance(value, Mapping):
        return {name: _printable(one) for name, one in value.items()}
    return [_printable(one) for one in value] if isinstance(value, list | tuple) else value
