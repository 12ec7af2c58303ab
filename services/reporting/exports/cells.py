"""What the cells of a file say: in one language, and nothing that a program would run.

    cells = Cells(answer.columns, "zh", minutes=decimal_hours)
    for row in answer.rows:
        cells.of(row)          # ["140107", "杏花岭区", 12, "…"]
    cells.withheld             # True: one of them was None

A figure that is withheld is written `…`. Not left empty, nor 0: people take either for "none". Not `<5` either: the
threshold is the operator's and changes, and an interval invites to calculate. It is text, so that a spreadsheet's sums
leave it out and no program takes it for a number without noticing, and it is the same in all files.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from services.common.errors import Words
from services.reporting.labels import TOTAL
from services.reporting.operations.answer import Answer, Column

Language = Literal["zh", "en"]
Cell = str | int | float

WITHHELD = "…"
WITHHELD_NOTE = Words(
    f"“{WITHHELD}”表示人数很少，为保护个人信息不予显示；它不是零。",
    f'"{WITHHELD}" is withheld to protect the few people whom it is about; it is not nought.',
)
LABELLING = ("code", "label")

FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\r\n]")
"""What spreadsheets take for a formula: it may begin after blanks, or with a control character, and with the wide signs
of Chinese typing."""

SCOPE = Words("范围", "Scope")
PERIOD = Words("期间", "Period")
AS_OF = Words("统计截至", "As of")
NOTE = Words("说明", "Note")


def in_language(words: Words | str, language: Language) -> str:
    """One line of text that holds nothing but what can be seen."""
    return plain(words if isinstance(words, str) else words.zh if language == "zh" else words.en)


def plain(text: str) -> str:
    """One line without control characters, marks that turn the direction of the text around them, and halves of
    characters."""
    if not text.isprintable():
        text = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in text if _is_seen(c))
    return " ".join(text.split())


def _is_seen(character: str) -> bool:
    return unicodedata.category(character) not in ("Cf", "Cs") and character not in "\ufffe\uffff"


def safe_cell(cell: Any) -> Any:
    """A cell that no spreadsheet takes for a formula: a name such as `=HYPERLINK(…)` gets an apostrophe in front."""
    return f"'{cell}" if isinstance(cell, str) and FORMULA.match(cell) else cell


class Cells:
    """Rows as cells. Remembers in `withheld` whether any figure so far was."""

    def __init__(self, columns: Sequence[Column], language: Language, minutes: Callable[[int], Cell]) -> None:
        """`minutes` says how minutes are written."""
        self.withheld = False
        self._language = language
        self._minutes = minutes
        self._columns = columns
        self._writers = [(column.name, self._writer(column)) for column in columns]

    def of(self, row: Mapping[str, Any]) -> list[Cell]:
        """The row's cells, in the order of the columns; "" where it holds nothing."""
        return [write(row[name]) if name in row else "" for name, write in self._writers]

    def of_total(self, total: Mapping[str, Any]) -> list[Cell]:
        """The total's cells. The first says that it is one, unless it is a figure."""
        figures = {column.name for column in self._columns if column.kind not in LABELLING}
        cells = self.of({name: value for name, value in total.items() if name in figures})
        if self._columns[0].name not in figures:
            cells[0] = in_language(TOTAL, self._language)
        return cells

    def _writer(self, column: Column) -> Callable[[Any], Cell]:
        if column.kind in LABELLING:
            return self._text
        turn: Callable[[Any], Cell] = {"minutes": lambda value: self._minutes(int(value)), "share": _share}.get(
            column.kind, int
        )

        def figure(value: Any) -> Cell:
            if value is None:
                self.withheld = True
                return WITHHELD
            return turn(value)

        return figure

    def _text(self, value: Any) -> str:
        if value is None:
            return ""
        return in_language(value if isinstance(value, Words) else str(value), self._language)


def _share(value: float) -> float:
    """Four digits: a hundredth of a per cent. More would be noise to whoever reads it."""
    return round(float(value), 4)


def headings(columns: Sequence[Column], language: Language, unit: Words) -> list[str]:
    """The titles; those of minutes with the unit in which they are written."""
    titles = [in_language(column.title, language) for column in columns]
    said = f"（{unit.zh}）" if language == "zh" else f" ({unit.en})"
    return [title + (said if column.kind == "minutes" else "") for column, title in zip(columns, titles, strict=True)]


def about(answer: Answer, language: Language, withheld: bool) -> list[tuple[str, str]]:
    """What a file says of itself, as pairs of a heading and a line: without it, figures have no place or date."""
    between = " 至 " if language == "zh" else " to "
    said: list[tuple[Words, Words | str]] = [
        (SCOPE, answer.scope_name),
        (PERIOD, f"{answer.first}{between}{answer.last}"),
        (AS_OF, answer.as_of.isoformat(" ", "seconds")),
    ]
    notes = [*answer.notes, WITHHELD_NOTE] if withheld and WITHHELD_NOTE not in answer.notes else answer.notes
    said += [(NOTE, note) for note in notes]
    return [(in_language(heading, language), in_language(line, language)) for heading, line in said]
