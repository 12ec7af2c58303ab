"""Somebody who reads an answer and wants to know what is withheld in it: exact linear programming, by fractions.

It shares nothing with what it attacks. Sums over one or two dimensions are network matrices, so that the ends of its
intervals are whole numbers: it is as good as trying out every table.
"""

from collections.abc import Hashable, Mapping
from fractions import Fraction
from itertools import product

Key = tuple[Hashable, ...]
Row = dict[Hashable, int]
"""Factors by unknown; () is the constant. An equation says that the sum is 0, an inequality that it is at least 0."""

FAR = 10**9


class Knowledge:
    """What is known: unknowns with their least values, equations and inequalities."""

    def __init__(self) -> None:
        self.least: dict[Hashable, int] = {}
        self.equal: list[Row] = []
        self.at_least: list[Row] = []

    def interval(self, unknown: Hashable) -> tuple[Fraction, Fraction]:
        """What an unknown may be, from and to; FAR is as far as one likes."""
        return -self._largest({unknown: -1}), self._largest({unknown: 1})

    def _largest(self, aim: Row) -> Fraction:
        columns = {name: number for number, name in enumerate(self.least)}
        rows = []
        for number, row in enumerate([*self.equal, *self.at_least]):
            line = [Fraction(0)] * (len(columns) + len(self.at_least) + 1)
            for name, factor in row.items():
                if name == ():
                    line[-1] -= factor
                else:
                    line[columns[name]] += factor
                    line[-1] -= factor * self.least[name]
            if number >= len(self.equal):
                line[len(columns) + number - len(self.equal)] = Fraction(-1)
            rows.append(line)
        goal = [Fraction(0)] * (len(columns) + len(self.at_least))
        offset = Fraction(0)
        for name, factor in aim.items():
            goal[columns[name]] += factor
            offset += factor * self.least[name]
        best = maximum(rows, goal)
        return Fraction(FAR) if best is None else best + offset


def maximum(rows: list[list[Fraction]], goal: list[Fraction]) -> Fraction | None:
    """The largest value of the goal where all rows hold and nothing is below 0; None if there is none.

    The simplex method in two phases with Bland's rule. The last of each row is its right side.
    """
    width, height = len(goal), len(rows)
    table = []
    for number, row in enumerate(rows):
        sign = -1 if row[-1] < 0 else 1
        extra = [Fraction(int(number == other)) for other in range(height)]
        table.append([sign * value for value in row[:-1]] + extra + [sign * row[-1]])
    basis = [width + number for number in range(height)]
    phase_one = [Fraction(0)] * width + [Fraction(-1)] * height
    found = climb(table, basis, phase_one, width + height)
    assert found == 0, "what is known contradicts itself"
    for number, column in enumerate(basis):
        if column >= width:
            other = next((c for c in range(width) if table[number][c] != 0), None)
            if other is not None:
                pivot(table, basis, number, other)
    return climb(table, basis, goal + [Fraction(0)] * height, width)


def climb(table: list[list[Fraction]], basis: list[int], goal: list[Fraction], usable: int) -> Fraction | None:
    """Improve until nothing improves. Returns the goal's value, None if it has no end."""
    while True:
        gains = (goal[c] - sum(goal[b] * row[c] for b, row in zip(basis, table, strict=True)) for c in range(usable))
        column = next((c for c, gain in enumerate(gains) if gain > 0), None)
        if column is None:
            return sum((goal[b] * row[-1] for b, row in zip(basis, table, strict=True)), Fraction(0))
        steps = [(row[-1] / row[column], basis[n], n) for n, row in enumerate(table) if row[column] > 0]
        if not steps:
            return None
        pivot(table, basis, min(steps)[2], column)


def pivot(table: list[list[Fraction]], basis: list[int], number: int, column: int) -> None:
    """Bring a column into the basis."""
    divisor = table[number][column]
    table[number] = [value / divisor for value in table[number]]
    for other, row in enumerate(table):
        if other != number and row[column] != 0:
            factor = row[column]
            table[other] = [value - factor * pivoted for value, pivoted in zip(row, table[number], strict=True)]
    basis[number] = column


def read_counts(shown: Mapping[Key, int | None], may_be_zero: set[Key]) -> Knowledge:
    """What an answer of one figure tells whose rows add up: None is withheld."""
    known = Knowledge()
    known.least = {key: int(key not in may_be_zero) for key, value in shown.items() if value is None}
    for parent, position in margins(shown):
        row = term(parent, shown, -1)
        for key in shown:
            if key[position] is not None and (*key[:position], None, *key[position + 1 :]) == parent:
                add(row, term(key, shown, 1))
        known.equal.append(row)
    return known


def read_people(shown: Mapping[Key, int | None], may_be_zero: set[Key]) -> Knowledge:
    """What an answer tells of distinct people: a margin is at least each of its rows, and at most their sum."""
    known = Knowledge()
    known.least = {key: int(key not in may_be_zero) for key, value in shown.items() if value is None}
    for parent, position in margins(shown):
        total = term(parent, shown, -1)
        for key in shown:
            if key[position] is not None and (*key[:position], None, *key[position + 1 :]) == parent:
                one = term(key, shown, -1)
                add(one, term(parent, shown, 1))
                known.at_least.append(one)
                add(total, term(key, shown, 1))
        known.at_least.append(total)
    return known


def margins(shown: Mapping[Key, int | None]) -> list[tuple[Key, int]]:
    """Each margin with the dimension over which it is a sum."""
    return [(key, n) for key in shown for n, code in enumerate(key) if code is None]


def term(key: Key, shown: Mapping[Key, int | None], factor: int) -> Row:
    value = shown[key]
    return {key: factor} if value is None else {(): factor * value}


def add(row: Row, other: Row) -> None:
    for name, factor in other.items():
        row[name] = row.get(name, 0) + factor


def wholly_withheld(shown: Mapping[Key, int | None]) -> set[Key]:
    """Keys of which nobody can say whether they are 0: all of a line is withheld with them, and all that is in them."""
    lines: dict[tuple[int, Key], bool] = {}
    inside: dict[Key, bool] = {}
    for key, value in shown.items():
        for n, code in enumerate(key):
            if code is not None:
                line = (n, (*key[:n], None, *key[n + 1 :]))
                lines[line] = lines.get(line, True) and value is None
        for margin in product(*((code, None) for code in key)):
            inside[margin] = inside.get(margin, True) and (value is None or margin == key)
    return {
        key
        for key, value in shown.items()
        if value is None
        and inside[key]
        and any(lines[n, (*key[:n], None, *key[n + 1 :])] for n, code in enumerate(key) if code is not None)
    }


def with_margins(cells: Mapping[Key, int]) -> dict[Key, int]:
    """A table of one figure with all its margins and its total."""
    found: dict[Key, int] = {}
    for key, value in cells.items():
        for margin in product(*((code, None) for code in key)):
            found[margin] = found.get(margin, 0) + value
    return found
