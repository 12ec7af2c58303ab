"""An answer of reporting: what the query engine fills, and what pages, files and papers are made from."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from services.common.errors import Words


@dataclass(frozen=True)
class Column:
    """One column. `title` is without a unit where the kind is minutes: whoever shows them adds theirs."""

    name: str
    title: Words
    kind: Literal["code", "label", "count", "people", "minutes", "share"]
    """Codes and labels say of what a row is; the others are figures. A share goes from 0 to 1."""


@dataclass
class Answer:
    """Rows are taken once, and may be a million. A row holds a value for each column's name.

    Codes are text; labels are text, or words in both languages. A figure that is None is withheld because the group is
    small; one that a row does not hold at all has no meaning there (seats by age band).
    """

    title: Words
    scope_name: Words
    first: date
    last: date
    as_of: datetime
    """Aware; shown with the offset that it comes with."""

    columns: Sequence[Column]
    rows: Iterable[Mapping[str, Any]]
    total: Mapping[str, Any]
    notes: Sequence[Words]
    compared: bool = False
    """Columns named `<measure>_before` hold the figures of the other period."""
