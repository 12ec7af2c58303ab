"""Small groups are not told: which figures of an answer are withheld from whoever is not the site's own staff.

    withheld = suppress(rows, total, 5, additive=["registrations"], distinct={"people": ["registrations"]})
    # frozenset({(("visit",), "people"), (("visit",), "registrations"), (("class",), "people"), …})

**Rule.** A count of 1 to k-1 is small; k is the operator's. Withheld first (primary suppression) are

- every small count, of sign-ups as of people;
- of distinct people also a count that leaves a small one out of its total (100 of 102: the other two are a group as
  well). Counts that add up need no such rule: what is left out is the sum of other rows, and those must not be known;
- every figure of a row whose people are few, zeros too: two people and 3,000 minutes are two people's hours, and "none
  of the two came" is told of both. `distinct` says which figures are about which people.

Then so much more (secondary suppression) that nothing comes back by subtraction: for everything withheld above there
are two tables, both of which agree with all that is shown, in which its values are at least k apart; of an amount such
as minutes, at least the amount apart. As no count is below 0, its upper end is at least k: nobody can tell from the
figures that a withheld count is small. That is the *sliding protection level* k of the literature. A rate is shown
only where all counts that it is made of are shown; whoever computes it sees to that.

**Zero** is shown: it describes nobody. So whoever reads the answer knows that what is withheld is not 0, and the two
tables keep each withheld count at 1 or more. Where that cannot be had (1 + 1 + 1 + 1 + 1 = 5: everybody could work it
out) the zeros of the line are withheld as well, and counts in it may be 0: such keys are *closed*, and everything under
them is. A zero may yet tell something of a group: if all of the 40 people at a clinic are 60 and over, who knows one of
them knows the age. That is disclosure of an attribute, against which thresholds do nothing.

**Sources.** Handbook on Statistical Disclosure Control (Eurostat, ESSnet; now at sdctools.github.io/HandbookSDC),
chapters 4 and 5: primary and secondary suppression, audit of a pattern by the feasible interval of each cell. Fischetti
and Salazar 2001, *Solving the cell suppression problem on tabular data with linear constraints*: protection levels.
Federal Committee on Statistical Methodology, Working Paper 22; US Census Bureau RR-92/02 (Zayatz) and RR2001/01
(Massell): threshold rule, audit by linear programming, network flows. Repsilber's and Giessing's hypercube method in
τ-ARGUS: the moves below. Langsrud 2024, *Secondary cell suppression by Gaussian elimination*, and the notes on zeros
and ones of easySdcTable: what these give away.

**How.** A *move* raises a cell and lowers others so that each sum stays: with one dimension one row up and another
down, with two the corners of a rectangle with signs in turn, with three those of a box. A margin is one more place in
its dimension, that goes the same way as what it is the sum of. Moves whose corners are all withheld are done one after
the other until the cell went far enough; what they come to is one of the two tables, so what this accepts is safe
without any linear programme. Where they do not go far enough, the cheapest move is opened: the smallest figures first.
Where none is left, lines are closed, then the whole margin, and at last nothing but the total is shown.

Figures of which one is the sum of others (`parts`) are withheld together in a row, all but the sum: of 300 sign-ups 297
attended is 3 who did not. Their moves leave each row's sum as it is, or take it along where it is withheld as well.

Margins (keys with None) are settled before what they are the sums of, and are not touched by it: `by=kind` withholds
the same as the margin of `by=kind,month`. Give them whenever they can be asked for, even if they are not shown.
Without any, rows have only their total in common.

**Across questions.** Nothing here remembers who asked what. `may_show` says whether a part of an answer (some of its
months, some of its areas) may be told beside the answer itself, and `whole_months` whether a range is made of months.
Whoever is not the site's staff is then answered only

- whole months, from the table of their year: a range is shown, of a figure that adds up, if it may be beside the year;
- an area as its parent's table shows it, which is made of all children of the parent: no sum of a parent's total and
  all children but one is more than that table tells.

**What is not promised.**

- Answers that are not from one such table: of ranges a day apart, of two area trees, of the same months before and
  after somebody came late. Subtract them, and what remains may be small.
- Distinct people of overlapping ranges: people of a quarter less people of its first two months are those who came only
  in the third. Show people for months, quarters and years alone, each as a row or total of a table given here.
- A part of a withheld sum: its two tables are k apart, or as far as the sum is large. Relations of figures other than
  `parts`. Figures of one row that bound each other (people are at most registrations): one that is shown is 0 or at
  least k, and so is the bound.
- Pairs of dimensions: (kind, month), (kind, age) and (month, age) together may settle a cell of all three. Give all
  three with all margins to have that considered.
- Where nothing but the total is left, `by=kind` alone may still show margins that `by=kind,month` withholds. That
  happens to `parts`, to people and with three dimensions, in tables with next to nothing in them.
- Whoever is in a small group themselves, or knows somebody who is, knows more than is shown; and whoever runs this very
  program on guessed tables can rule out those for which it would have withheld something else.
- That a row is there may say that it is not empty: do not list keys of which everything is withheld, unless keys that
  are empty are listed as well.
"""

import math
from bisect import insort
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import combinations, islice, product

Key = tuple[Hashable, ...]
"""One code per dimension; None stands for all of them."""

MOST_MOVES = 100
"""Moves that are looked at for a cell. Fewer found is more withheld, never less safe."""

REST = ""
"""What is in none of a whole's parts. Nobody shows it, everybody can subtract it."""

Target = tuple[Key, frozenset[str]]
Shift = dict[tuple[Key, str], float]

MOST_PARTNERS = 20
"""Withheld cells of a line that are looked at, the largest."""

CHOICES = 4
"""Of each line, so many of the smallest figures, and of the smallest that suffice alone, may be withheld for a cell."""


def suppress(
    rows: Mapping[Key, Mapping[str, int | None]],
    total: Mapping[str, int | None],
    k: int,
    *,
    additive: Sequence[str] = (),
    distinct: Mapping[str, Collection[str]] | None = None,
    amounts: Collection[str] = (),
    parts: Mapping[str, Sequence[str]] | None = None,
) -> frozenset[tuple[Key, str]]:
    """Which figures are withheld, as (key, figure); those of the total have a key of None alone.

    `additive` are counts that add up to the total; `amounts` are those of them that count no people (minutes), so that
    a small one is no small group. `distinct` are counts of people, each with the additive figures that are about them.
    `parts` says which additive figures add up to at most another one; a figure is part of one other at most. Missing
    figures are 0. Rows come with all their margins or without any; cells that nobody gave are 0 and may be withheld.
    Raises `ValueError` for a k below 1, or for counts that are negative or do not add up.
    """
    if k < 1:
        raise ValueError("k is at least 1")
    answer = _Answer(rows, total, k, additive, distinct or {}, amounts, parts or {})
    return frozenset((answer.keys.get(key, key), name) for key, name in answer.withheld())


def may_show(wanted: Collection[Hashable], withheld: Collection[Hashable]) -> bool:
    """Whether the sum of some rows may be told beside an answer that withholds those others.

    It may if it says nothing new: if it is made of shown rows alone, or of all withheld ones and some shown. Of an
    additive figure; of distinct people only a row of the answer may be told, and its total.
    """
    return set(withheld).isdisjoint(wanted) or set(withheld).issubset(wanted)


def whole_months(first: date, last: date) -> bool:
    """Whether a range, both days included, begins with a month and ends with one."""
    return first.day == 1 and (last + timedelta(days=1)).day == 1 and first <= last


class _Answer:
    """The whole answer: its figures in tables, each of which is protected by itself."""

    def __init__(
        self,
        rows: Mapping[Key, Mapping[str, int | None]],
        total: Mapping[str, int | None],
        k: int,
        additive: Sequence[str],
        distinct: Mapping[str, Collection[str]],
        amounts: Collection[str],
        parts: Mapping[str, Sequence[str]],
    ) -> None:
        self.k, self.additive, self.distinct, self.amounts, self.parts = k, additive, distinct, amounts, parts
        size = len(next(iter(rows), ()))
        flat = size > 1 and not any(None in key for key in rows)
        self.size = 1 if flat else size
        self.cells: dict[Key, Mapping[str, int | None]] = {}
        self.keys: dict[Key, Key] = {}
        for key in sorted(rows, key=repr):  # the same is withheld in whatever order rows come
            place = (key,) if flat else key
            self.cells[place], self.keys[place] = rows[key], key
        top = (None,) * self.size
        self.cells[top], self.keys[top] = total, (None,) * size
        self.names = [*distinct, *additive]

    def withheld(self) -> Iterator[tuple[Key, str]]:
        """What is withheld, table by table."""
        done: set[tuple[Key, str]] = set()
        for whole, groups in self._families():
            leaves = sorted({leaf for group in groups.values() for leaf in group})
            table = _Table(
                self.size,
                self.k,
                {key: {leaf: self._leaf(row, leaf, whole) for leaf in leaves} for key, row in self.cells.items()},
                list(groups.values()),
                told={key for key in self.cells if (key, whole) not in done} if whole else set(),
                distinct=not groups.keys().isdisjoint(self.distinct),
                amount=not groups.keys().isdisjoint(self.amounts),
            )
            untold = {key for key in self.cells if (key, whole) in done}
            table.protect({key for name in groups for key in self._few(name)} | untold)
            done |= {(key, name) for key in table.withheld for name in groups if name != REST}
        for key, name in done:
            yield self.keys.get(key, key), name

    def _families(self) -> Iterator[tuple[str | None, dict[str, frozenset[str]]]]:
        """Figures that are withheld together, one alone or the parts of one, each with the leaves that it sums up."""
        part_of = {part: whole for whole, names in self.parts.items() for part in names}
        for name in self.names:
            if name not in part_of:
                yield None, {name: frozenset([name])}
        for whole in self.parts:
            if whole not in part_of:
                names = list(self._under(whole))
                yield (
                    whole,
                    {name: frozenset([name, *self._under(name)]) for name in names} | {REST: frozenset([whole])},
                )

    def _under(self, name: str) -> Iterator[str]:
        """The parts of a figure, and theirs."""
        for part in self.parts.get(name, ()):
            yield part
            yield from self._under(part)

    def _leaf(self, row: Mapping[str, int | None], leaf: str, whole: str | None) -> int:
        """A figure; among the parts of another, what is of it and of none of its own parts."""
        parts = self.parts.get(leaf, ()) if whole else ()
        return (row.get(leaf) or 0) - sum(row.get(part) or 0 for part in parts)

    def _few(self, figure: str) -> Iterator[Key]:
        """Keys in which the people whom this figure is about are few."""
        for people, about in self.distinct.items():
            if figure in about:
                yield from (key for key, row in self.cells.items() if 0 < (row.get(people) or 0) < self.k)


class _Table:
    """One figure by key, or all parts of another: what hangs together by sums.

    `values` are the leaves of each key, `groups` the leaves that each figure is the sum of, `told` the keys of which
    the sum of all leaves is shown, under another name. The leaves of a key are withheld together.
    """

    def __init__(
        self,
        size: int,
        k: int,
        values: dict[Key, dict[str, int]],
        groups: list[frozenset[str]],
        told: set[Key],
        distinct: bool,
        amount: bool,
    ) -> None:
        self.size, self.k, self.values, self.told, self.distinct, self.amount = size, k, values, told, distinct, amount
        self.leaves = list(values[(None,) * size])
        self.whole = len(self.leaves) > 1
        self.groups = list(dict.fromkeys([*groups, *(frozenset([leaf]) for leaf in self.leaves)]))
        self.nothing = dict.fromkeys(self.leaves, 0)
        self.number = {key: number for number, key in enumerate(values)}
        self.sums = {key: sum(leaves.values()) for key, leaves in values.items()}
        self.levels = [list(dict.fromkeys(key[n] for key in values if key[n] is not None)) for n in range(size)]
        self.withheld: set[Key] = set()
        self.closed: set[Key] = set()
        self.lines: dict[tuple[int, Key], list[tuple[int, int, Key]]] = {}
        self.shown: dict[int, dict[Key, list[tuple[int, int, Key]]]] = {}
        self.free: tuple[int, ...] = ()
        self.opened = False
        for leaf in self.leaves:
            self._check(leaf)

    def _check(self, leaf: str) -> None:
        """Raise `ValueError` where a figure cannot be a count of one thing."""
        sums: dict[tuple[int, Key], int] = {}
        for key, leaves in self.values.items():
            value = leaves[leaf]
            if value < 0:
                raise ValueError(f"{leaf} at {key}: below 0, or less than its parts")
            for n, parent in self._parents(key):
                if self.distinct and value > self._value(parent, leaf):
                    raise ValueError(f"{leaf} at {key}: more than at {parent}")
                sums[n, parent] = sums.get((n, parent), 0) + value
        for (_, parent), value in sums.items():
            if value < self._value(parent, leaf) or (value > self._value(parent, leaf) and not self.distinct):
                raise ValueError(f"{leaf} at {parent}: its rows come to {value}")

    def _value(self, key: Key, leaf: str) -> int:
        return self.values.get(key, self.nothing)[leaf]

    def _parents(self, key: Key) -> Iterator[tuple[int, Key]]:
        """The margins that a key is in, with the dimension of each."""
        return ((n, _at(key, n, None)) for n in range(self.size) if key[n] is not None)

    def protect(self, few: Collection[Key]) -> None:
        """Withhold what is small, what is of few people, and what these can be computed from."""
        self.close(few)
        found = []
        for key, leaves in self.values.items():
            for group in self.groups:
                value = sum(leaves[leaf] for leaf in group)
                if value and (key in few or self._is_small(key, value)):
                    found.append((value, self.number[key], key, group))
        targets: list[Target] = [(key, group) for _, _, key, group in sorted(found, key=lambda target: target[:2])]
        for key, _ in targets:
            self._withhold(key)
        for count in range(self.size + 1):
            for dimensions in combinations(range(self.size), count):
                self._protect_margin(dimensions, targets)

    def _is_small(self, key: Key, value: int) -> bool:
        if self.amount:
            return False
        return value < self.k or (self.distinct and self._leaves_few(key, value))

    def _leaves_few(self, key: Key, value: int) -> bool:
        """Whether few of the people of some margin are not among these."""
        above = product(*({code, None} for code in key))
        return any(0 < self.sums.get(margin, 0) - value < self.k for margin in above)

    def close(self, keys: Iterable[Key]) -> None:
        """Withhold these, zeros too, so that nobody can say which of them are 0."""
        for key in keys:
            if key not in self.values:
                self.number[key] = len(self.values)
                self.values[key] = self.nothing
                self.sums[key] = 0
            self.closed.add(key)
            self._withhold(key)

    def _withhold(self, key: Key) -> None:
        if key in self.withheld:
            return
        self.withheld.add(key)
        if self.whole:
            self.closed.add(key)  # its zeros are withheld too
        for position in range(self.size):
            line = self.lines.setdefault((position, _without(key, position)), [])
            insort(line, (-self.sums[key], self.number[key], key))  # the largest first

    def _protect_margin(self, dimensions: tuple[int, ...], targets: list[Target]) -> None:
        """Protect everything up to the margin by these dimensions by withholding more of that margin alone."""
        self.free = dimensions
        others = [n for n in range(self.size) if n not in dimensions]
        for n in dimensions:  # whoever sees that a part is 0 would know something of the closed whole
            parents = [key for key in self.closed if self._dimensions(key) == set(dimensions) - {n}]
            self.close(_at(key, n, code) for key in parents for code in self.levels[n])
        for target in targets:
            if all(target[0][n] is None for n in others):
                self._secure(target)

    def _dimensions(self, key: Key) -> set[int]:
        return {n for n in range(self.size) if key[n] is not None}

    def _need(self, key: Key) -> int:
        """How far apart the two tables are in a figure of this key."""
        if self.amount:
            return max(self.k, self.sums[key])
        return min(self.k, self.sums[key]) if self.whole and key not in self.told else self.k

    def _secure(self, target: Target) -> None:
        """Withhold until the target's two tables exist."""
        key, _ = target
        need = self._need(key)
        while not self.opened:
            width = self._width(target, need)
            if width >= need:
                return
            keys = self._cheapest(target, need, need - width)
            if not keys:
                break
            for new in keys:
                self._withhold(new)
        for region in () if self.opened else self._regions(key):
            if self._width(target, need) >= need:
                return
            self.close(region)
        if self.opened or self._width(target, need) >= need:
            return
        # With all of a margin closed, a cell of two dimensions may be anything between Fréchet's bounds, and these are
        # as far apart as the margins and what is left out of them; only no chain of moves says so.
        if len(self.free) > 2 or self.whole or self.distinct:
            self.opened = True  # nothing but the total is shown: each cell may be all of it, or nothing
            self.close([key for key in self.values if any(code is not None for code in key)])

    def _regions(self, target: Key) -> Iterator[list[Key]]:
        """What is closed when no move is left: a line through the target, then all of the margin."""
        for loose in (*((n,) for n in self.free), self.free):
            codes = [
                self.levels[n] if n in self.free and (target[n] is None or n in loose) else [target[n]]
                for n in range(self.size)
            ]
            yield [key for key in product(*codes) if key not in self.closed]

    def _width(self, target: Target, need: float) -> float:
        """How far a target's value goes up and down with all sums and everything shown as they are, or at least so."""
        up = self._reach(target, +1, need)
        return up if up >= need else up + self._reach(target, -1, need - up)

    def _reach(self, target: Target, way: int, need: float) -> float:
        """How far it goes one way, by moves that are done one after the other; at most as far as is needed."""
        key, group = target
        shift: Shift = {}
        reached = 0.0
        lines = [self._line(key, n, way) for n in self.free]
        for partners in islice(product(*lines), MOST_MOVES):
            move = self._move(key, partners, way)
            if not self.withheld.issuperset(move):
                continue
            step = min(need - reached, self._room(move, group, shift))
            if step > 0:
                reached += step
                self._shift(move, group, shift, step)
                if reached >= need:
                    break
        return reached

    def _line(self, key: Key, position: int, way: int) -> list[Hashable]:
        """Where else in its line something is withheld that may make room, the largest first."""
        line = self.lines.get((position, _without(key, position)), [])
        return [
            other[position]
            for value, _, other in line[: MOST_PARTNERS + 1]
            if other != key
            and (way < 0 or value < -1 or other in self.closed or None in (key[position], other[position]))
        ]

    def _move(self, key: Key, partners: Sequence[Hashable], way: int) -> dict[Key, int]:
        """The corners, each with the way that it goes, +1 or -1."""
        corners = {key: way}
        for position, partner in zip(self.free, partners, strict=True):
            along = 1 if partner is None or key[position] is None else -1
            corners |= {_at(corner, position, partner): along * sign for corner, sign in corners.items()}
        return corners

    def _room(self, move: dict[Key, int], group: frozenset[str], shift: Shift) -> float:
        """How far a move of some leaves can be done, all of it being withheld, after others.

        Where they go down, each leaf goes as far as it can everywhere. Where they go up others go down instead, so that
        the sum of all stays; or it goes along, where it is withheld everywhere.
        """
        room = sum(self._least(move, -1, leaf, shift) for leaf in group)
        if self.whole and room:
            room = min(room, max(self._room_instead(move, group, shift), self._room_along(move, shift)))
        return min(room, self._people_room(move, shift)) if self.distinct else room

    def _room_instead(self, move: dict[Key, int], group: frozenset[str], shift: Shift) -> float:
        return sum(self._least(move, +1, leaf, shift) for leaf in self.leaves if leaf not in group)

    def _room_along(self, move: dict[Key, int], shift: Shift) -> float:
        """How far the sum of all leaves can go down; it may be known not to be 0."""
        if not self.told.isdisjoint(move):
            return 0
        lower = [key for key, sign in move.items() if sign < 0]
        sums = (sum(self.values[key][leaf] + shift.get((key, leaf), 0) for leaf in self.leaves) for key in lower)
        return min(sums, default=math.inf) - 1

    def _least(self, move: dict[Key, int], way: int, leaf: str, shift: Shift) -> float:
        """How far a leaf can go down wherever the move goes this way."""
        return min(
            (
                self.values[key][leaf] + shift.get((key, leaf), 0) - (0 if key in self.closed else 1)
                for key, sign in move.items()
                if sign == way
            ),
            default=math.inf,
        )

    def _people_room(self, move: dict[Key, int], shift: Shift) -> float:
        """How far people can go so that no row has more than its margin. Margins go up alone, for they have rows."""
        leaf = self.leaves[0]
        if any(sign < 0 and None in key for key, sign in move.items()):
            return 0
        now = {key: self._value(key, leaf) + shift.get((key, leaf), 0) for key in move}
        return min(
            (
                self._value(parent, leaf) + shift.get((parent, leaf), 0) - now[key]
                for key, sign in move.items()
                if sign > 0
                for _, parent in self._parents(key)
                if parent not in move
            ),
            default=math.inf,
        )

    def _shift(self, move: dict[Key, int], group: frozenset[str], shift: Shift, step: float) -> None:
        """Do a move."""
        others = [leaf for leaf in self.leaves if leaf not in group]
        instead = step if self.whole and self._room_along(move, shift) < step else 0
        for leaves, way, left in ((group, 1, step), (others, -1, instead)):
            for leaf in leaves:
                part = min(left, self._least(move, -way, leaf, shift))
                left -= part
                for key, sign in move.items():
                    shift[key, leaf] = shift.get((key, leaf), 0) + way * sign * part

    def _cheapest(self, target: Target, need: float, missing: float) -> list[Key]:
        """What to withhold besides, so that there is one more move; nothing if there is none."""
        key, group = target
        best: tuple[float, int, int] | None = None
        found: list[Key] = []
        for partners in product(*(self._choices(key, n, need) for n in self.free)):
            move = self._move(key, partners, +1)
            new = [corner for corner in move if corner not in self.withheld]
            if not new or not all(self._may_go(corner) for corner in new):
                continue
            back = {corner: -sign for corner, sign in move.items()}
            gain = min(missing, self._room(move, group, {}) + self._room(back, group, {}))
            rank = (-gain, sum(self.sums[corner] for corner in new), len(new))
            if gain > 0 and (best is None or rank < best):
                best, found = rank, new
        return found

    def _choices(self, key: Key, position: int, need: float) -> list[Hashable]:
        line = self._shown_line(key, position)
        enough = next((n for n, (value, _, _) in enumerate(line) if value > need), len(line))
        chosen = [*line[:CHOICES], *line[max(enough, CHOICES) : enough + CHOICES]]
        return self._line(key, position, -1)[: 2 * CHOICES] + [other[position] for _, _, other in chosen]

    def _shown_line(self, key: Key, position: int) -> list[tuple[int, int, Key]]:
        """What might be withheld in a line, the smallest first."""
        if position not in self.shown:
            lines: dict[Key, list[tuple[int, int, Key]]] = {}
            for other, value in self.sums.items():
                if value and other not in self.withheld:
                    lines.setdefault(_without(other, position), []).append((value, self.number[other], other))
            for line in lines.values():
                line.sort()
            self.shown[position] = lines
        line = self.shown[position].get(_without(key, position), [])
        return [item for item in line if item[2] not in self.withheld]

    def _may_go(self, key: Key) -> bool:
        """Whether it may be withheld for others: margins were settled before."""
        return self.sums.get(key, 0) > 0 and self._dimensions(key) == set(self.free)


def _at(key: Key, position: int, code: Hashable) -> Key:
    return (*key[:position], code, *key[position + 1 :])


def _without(key: Key, position: int) -> Key:
    return (*key[:position], *key[position + 1 :])
