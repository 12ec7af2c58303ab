"""Collects figures, prints them as tables, and gives them as JSON.

    report = Report("signups")
    report.row("sign-ups", "32 clients, spread", Value("rate", 1400.0, "1/s"), Value("p99", 41.0, "ms"))
    report.show(Console())

What a part has measured before it fails is kept.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Value:
    """One figure of a row."""

    name: str
    value: float
    unit: str


@dataclass
class Report:
    """What one part measured: tables of rows of figures, in the order in which they came."""

    part: str
    tables: dict[str, dict[str, list[Value]]] = field(default_factory=dict)
    failure: str = ""
    seconds: float = 0.0

    def row(self, table: str, row: str, *values: Value) -> None:
        """Add figures to a row of a table."""
        self.tables.setdefault(table, {}).setdefault(row, []).extend(values)

    def note(self, text: str) -> None:
        """Say what goes on, while it lasts."""
        Console(stderr=True, highlight=False).print(f"[dim]{self.part}: {text}[/]")

    def as_json(self) -> dict[str, Any]:
        """Every figure with its unit, what it took, and why it failed where it did."""
        figures = [
            {"table": table, "row": row} | asdict(value)
            for table, rows in self.tables.items()
            for row, values in rows.items()
            for value in values
        ]
        return {"seconds": self.seconds, "failed": self.failure or None, "figures": figures}

    def show(self, console: Console) -> None:
        """Print the tables, and the failure where there is one."""
        for title, rows in self.tables.items():
            console.print(_drawn(f"{self.part}: {title}", rows))
        if self.failure:
            console.print(f"[red]{self.part} FAILED[/]", end=" ")
            console.print(self.failure, markup=False)


def _drawn(title: str, rows: dict[str, list[Value]]) -> Table:
    columns = list(dict.fromkeys((value.name, value.unit) for values in rows.values() for value in values))
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    table.add_column("", no_wrap=True)
    for name, unit in columns:
        table.add_column(f"{name}\n{unit}", justify="right")
    for row, values in rows.items():
        shown = {(value.name, value.unit): number(value.value) for value in values}
        table.add_row(row, *(shown.get(column, "") for column in columns))
    return table


def number(value: float) -> str:
    """Three digits that mean something, whole numbers from a hundred on."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def percentile(values: list[float], share: float) -> float:
    """The value below which that share of them lies; 0 when there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0
