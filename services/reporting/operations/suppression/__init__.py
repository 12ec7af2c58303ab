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

from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from datetime import date, timedelta

from services.reporting.operations.suppression.table import Key, Table

REST = ""
"""What is in none of a whole's parts. Nobody shows it, everybody can subtract it."""


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
            table = Table(
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
