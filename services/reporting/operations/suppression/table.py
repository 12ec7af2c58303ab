"""One table of figures that hang together by sums, and what is withheld of it: the moves of the package's docstring."""

import math
from bisect import insort
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from itertools import combinations, islice, product

Key = tuple[Hashable, ...]
"""One code per dimension; None stands for all of them."""

MOST_MOVES = 100
"""Moves that are looked at for a cell. Fewer found is more withheld, never less safe."""

Target = tuple[Key, frozenset[str]]
Shift = dict[tuple[Key, str], float]

MOST_PARTNERS = 20
"""Withheld cells of a line that are looked at, the largest."""

CHOICES = 4
"""Of each line, so many of the smallest figures, and of the smallest that suffice alone, may be withheld for a cell."""


class Table:
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
