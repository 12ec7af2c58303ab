"""Small groups stay untold: an attacker who knows every sum finds out nothing that is narrower than k."""

import time
from collections.abc import Collection, Mapping
from datetime import date
from itertools import combinations, product
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.reporting.operations.suppression import may_show, suppress, whole_months
from services.reporting.operations.suppression.table import Table
from tests.reporting.attack import (
    Key,
    Knowledge,
    add,
    margins,
    read_counts,
    read_people,
    term,
    wholly_withheld,
    with_margins,
)

thorough = settings(max_examples=200, deadline=None)
thresholds = st.integers(2, 6)
count = st.one_of(st.integers(0, 8), st.integers(0, 40))


def one_figure(cells: Mapping[Key, int], k: int, figure: str = "n") -> frozenset[tuple[Key, str]]:
    """What is withheld of one figure, given with margins and total."""
    rows = {key: {figure: value} for key, value in cells.items()}
    total = rows.pop((None,) * len(next(iter(cells))))
    return suppress(rows, total, k, additive=[figure])


def shown(cells: Mapping[Key, int], withheld: Collection[tuple[Key, str]], figure: str = "n") -> dict[Key, int | None]:
    """What is read of one figure."""
    return {key: None if (key, figure) in withheld else value for key, value in cells.items()}


def narrow(cells: Mapping[Key, int], told: Mapping[Key, int | None], k: int) -> dict[Key, Any]:
    """Small counts that the attacker knows more closely than k, each with its interval."""
    known = read_counts(told, wholly_withheld(told))
    found = {}
    for key, value in cells.items():
        if 0 < value < k:
            low, high = (value, value) if told[key] is not None else known.interval(key)
            assert low <= value <= high
            if high - low < k:
                found[key] = (low, high)
    return found


def row_of(values: list[int]) -> dict[Key, int]:
    return with_margins({(f"r{number}",): value for number, value in enumerate(values)})


def pivot_of(values: list[int], width: int) -> dict[Key, int]:
    return with_margins({(f"r{n // width}", f"c{n % width}"): value for n, value in enumerate(values)})


def test_a_small_row_takes_the_smallest_that_suffices_along() -> None:
    cells = row_of([3, 50, 60, 0])
    assert one_figure(cells, 5) == {(("r0",), "n"), (("r1",), "n")}


def test_nothing_small_nothing_withheld() -> None:
    assert not one_figure(row_of([5, 0, 7]), 5)
    assert not one_figure(pivot_of([5, 0, 7, 9], 2), 5)
    assert not suppress({}, {"n": 5}, 5, additive=["n"])
    assert not suppress({}, {"n": 0}, 5, additive=["n"])


def test_a_small_total_is_withheld_and_so_is_everything_under_it() -> None:
    assert suppress({}, {"n": 4}, 5, additive=["n"]) == {((), "n")}
    assert one_figure(row_of([4, 0]), 5) >= {((None,), "n"), (("r0",), "n")}


def test_small_rows_that_hide_each_other_need_no_more() -> None:
    assert one_figure(row_of([4, 4, 3, 50]), 5) == {(("r0",), "n"), (("r1",), "n"), (("r2",), "n")}


def test_five_ones_are_not_five_times_one() -> None:
    """1 + 1 + 1 + 1 + 1 = 5 is known to whoever knows that zeros are shown; so here they are not."""
    withheld = one_figure(row_of([1, 1, 1, 1, 1, 0, 0]), 5)
    assert withheld == {((f"r{n}",), "n") for n in range(7)}


@thorough
@given(st.lists(count, min_size=1, max_size=7), thresholds)
def test_rows_and_total(values: list[int], k: int) -> None:
    cells = row_of(values)
    withheld = one_figure(cells, k)
    assert not narrow(cells, shown(cells, withheld), k)


@thorough
@given(st.integers(1, 4), st.data(), thresholds)
def test_pivots_with_their_margins(width: int, data: st.DataObject, k: int) -> None:
    values = data.draw(st.lists(count, min_size=width, max_size=4 * width).map(lambda v: v[: len(v) // width * width]))
    cells = pivot_of(values, width)
    withheld = one_figure(cells, k)
    assert not narrow(cells, shown(cells, withheld), k)


@settings(max_examples=40, deadline=None)
@given(st.lists(count, min_size=8, max_size=8), thresholds)
def test_boxes_with_all_their_margins(values: list[int], k: int) -> None:
    cells = with_margins(dict(zip(product("ab", "cd", "ef"), values, strict=True)))
    withheld = one_figure(cells, k)
    assert not narrow(cells, shown(cells, withheld), k)


PARTS = {"registrations": ["confirmed", "waitlisted", "cancellations"], "confirmed": ["attended", "no_shows"]}
ADDITIVE = ["registrations", "confirmed", "waitlisted", "cancellations", "attended", "no_shows"]
ABOUT = {"people": [*ADDITIVE, "people_attended"], "people_attended": ["attended"]}
OUTCOMES = ["attended", "no_shows", "open", "waitlisted", "cancellations"]
Facts = list[tuple[int, int, str]]
facts = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 3), st.sampled_from(OUTCOMES)), min_size=1, max_size=40)


def answer_of(facts: Facts) -> dict[Key, dict[str, int]]:
    """Rows and total of sign-ups of (person, row, outcome)."""
    found = {}
    for key in [*((f"r{n}",) for n in sorted({row for _, row, _ in facts})), (None,)]:
        mine = [(person, outcome) for person, row, outcome in facts if key in [(None,), (f"r{row}",)]]
        counts = {name: sum(outcome == name for _, outcome in mine) for name in OUTCOMES}
        counts["confirmed"] = counts["attended"] + counts["no_shows"] + counts.pop("open")
        people = {person for person, outcome in mine if outcome != "cancellations"}
        attended = {person for person, outcome in mine if outcome == "attended"}
        found[key] = counts | {
            "registrations": len(mine),
            "people": len(people),
            "people_attended": len(attended),
        }
    return found


def withheld_of(answer: Mapping[Key, dict[str, int]], k: int) -> frozenset[tuple[Key, str]]:
    rows = dict(answer)
    return suppress(rows, rows.pop((None,)), k, additive=ADDITIVE, distinct=ABOUT, parts=PARTS)


@settings(max_examples=50, deadline=None)
@given(facts, thresholds)
def test_parts_of_a_figure_are_not_found_from_it_and_each_other(facts: Facts, k: int) -> None:
    """The attacker knows that every sign-up is in one part, and no row of which people are few to be without any."""
    answer = answer_of(facts)
    withheld = withheld_of(answer, k)
    everything: dict[Key, int | None] = {}
    may_be_zero: set[Key] = set()
    for name in ADDITIVE:
        told = shown({key: row[name] for key, row in answer.items()}, withheld, name)
        everything |= {(*key, name): value for key, value in told.items()}
        hidden = set(told) if name != "registrations" else wholly_withheld(told)
        may_be_zero |= {(*key, name) for key in hidden}
        if name == "registrations":
            may_be_zero |= {(*key, name) for key, row in answer.items() if 0 < row["people"] < k}
    known = read_parts(everything, may_be_zero)
    for key, row in answer.items():
        for name in ADDITIVE:
            few = 0 < row["people"] < k or (name == "attended" and 0 < row["people_attended"] < k)
            if row[name] and (row[name] < k or few):
                assert (key, name) in withheld
                low, high = known.interval((*key, name))
                assert low <= row[name] <= high
                whole_withheld = name != "registrations" and (key, "registrations") in withheld
                assert high - low >= (min(k, row["registrations"]) if whole_withheld else k), (key, name, low, high)


def read_parts(told: Mapping[Key, int | None], may_be_zero: set[Key]) -> Knowledge:
    """Sums over rows, and over the parts of each row."""
    known = Knowledge()
    known.least = {key: int(key not in may_be_zero) for key, value in told.items() if value is None}
    for name in ADDITIVE:
        row = term((None, name), told, -1)
        for key in told:
            if key[1] == name and key[0] is not None:
                add(row, term(key, told, 1))
        known.equal.append(row)
    for code in {key[0] for key in told}:
        for whole, parts in PARTS.items():
            row = term((code, whole), told, 1)
            for part in parts:
                add(row, term((code, part), told, -1))
            (known.equal if whole == "registrations" else known.at_least).append(row)
    return known


@thorough
@given(facts, thresholds)
def test_people_are_not_found(facts: Facts, k: int) -> None:
    """Neither from what holds of distinct people anywhere, nor where nobody is in two rows."""
    answer = answer_of(facts)
    withheld = withheld_of(answer, k)
    for name in ("people", "people_attended"):
        cells = {key: row[name] for key, row in answer.items()}
        told = shown(cells, withheld, name)
        few = {key for key, row in answer.items() if name == "people_attended" and 0 < row["people"] < k}
        apart = sum(value for key, value in cells.items() if key != (None,)) == cells[(None,)]
        readings = [read_people, read_counts] if apart else [read_people]
        for key, value in cells.items():
            left = cells[(None,)] - value
            if value and (value < k or 0 < left < k or key in few):
                assert told[key] is None
                for read in readings:
                    low, high = read(told, wholly_withheld(told) | few).interval(key)
                    assert low <= value <= high
                    assert high - low >= k, (name, key, low, high)


@settings(max_examples=12, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 1), st.integers(0, 1)), min_size=4, max_size=50), thresholds
)
def test_people_are_not_found_in_pivots(visits: list[tuple[int, int, int]], k: int) -> None:
    groups: dict[Key, set[int]] = {}
    for person, row, column in visits:
        for margin in product((f"r{row}", None), (f"c{column}", None)):
            groups.setdefault(margin, set()).add(person)
    cells = {key: len(people) for key, people in groups.items()}
    for key in product(["r0", "r1", None], ["c0", "c1", None]):
        cells.setdefault(key, 0)
    rows = {key: {"people": value} for key, value in cells.items()}
    told = shown(cells, suppress(rows, rows.pop((None, None)), k, distinct={"people": []}), "people")
    known = read_people(told, wholly_withheld(told))
    for key, value in cells.items():
        left = [cells[margin] - value for margin in product((key[0], None), (key[1], None))]
        if value and (value < k or any(0 < others < k for others in left)):
            assert told[key] is None
            low, high = known.interval(key)
            assert low <= value <= high
            assert high - low >= k, (key, low, high)


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(count, count), min_size=4, max_size=6).map(lambda v: v[: len(v) // 2 * 2]), thresholds)
def test_parts_are_not_found_in_pivots(values: list[tuple[int, int]], k: int) -> None:
    came = pivot_of([first for first, _ in values], 2)
    away = pivot_of([second for _, second in values], 2)
    rows = {key: {"all": came[key] + away[key], "came": came[key], "away": away[key]} for key in came}
    total = rows[None, None]
    given_rows = {key: row for key, row in rows.items() if key != (None, None)}
    names = list(total)
    withheld = suppress(given_rows, total, k, additive=names, parts={"all": ["came", "away"]})
    told = {(*key, name): None if (key, name) in withheld else row[name] for key, row in rows.items() for name in names}
    hidden = wholly_withheld({key: told[(*key, "all")] for key in rows})
    known = Knowledge()
    known.least = {key: int(key[-1] == "all" and key[:2] not in hidden) for key in told if told[key] is None}
    for name in names:
        for parent, position in margins({key: told[(*key, name)] for key in rows}):
            row = term((*parent, name), told, -1)
            for key in rows:
                if key[position] is not None and (*key[:position], None, *key[position + 1 :]) == parent:
                    add(row, term((*key, name), told, 1))
            known.equal.append(row)
    for key in rows:
        row = term((*key, "all"), told, -1)
        add(row, term((*key, "came"), told, 1))
        add(row, term((*key, "away"), told, 1))
        known.equal.append(row)
    for key, figures in rows.items():
        for name, value in figures.items():
            if 0 < value < k:
                low, high = known.interval((*key, name)) if told[(*key, name)] is None else (value, value)
                assert low <= value <= high
                assert high - low >= (min(k, figures["all"]) if name != "all" and told[(*key, "all")] is None else k)


def test_a_withheld_sum_takes_its_parts_along() -> None:
    """Row b is withheld to hide the sum of row a, row c to hide its part; the parts of b would give away its sum."""
    rows = {
        ("a",): {"all": 3, "came": 0, "away": 3},
        ("b",): {"all": 7, "came": 7, "away": 0},
        ("c",): {"all": 19, "came": 10, "away": 9},
    }
    total = {"all": 29, "came": 17, "away": 12}
    withheld = suppress(rows, total, 5, additive=["all", "came", "away"], parts={"all": ["came", "away"]})
    assert (("b",), "all") in withheld
    assert (("b",), "came") in withheld


def test_a_withheld_margin_hides_what_is_in_it() -> None:
    """The first column's 3 is hidden by the second's total; under these two, one line of a pivot is enough."""
    cells = pivot_of([3, 20, 40, 0, 30, 50], 3)
    assert one_figure(cells, 5) == {((r, c), "n") for r in ("r0", None) for c in ("c0", "c1")}


def test_of_few_people_it_is_not_told_either_where_they_were_not() -> None:
    """The two people of row r0 were both in c0; that c1 has nobody of them is theirs as well."""
    counts = pivot_of([2, 0, 30, 40, 50, 60], 2)
    rows = {key: {"n": value, "people": value} for key, value in counts.items()}
    withheld = suppress(rows, rows.pop((None, None)), 5, additive=["n"], distinct={"people": ["n"]})
    assert (("r0", "c1"), "n") in withheld
    assert (("r2", "c1"), "n") not in withheld


def test_of_few_people_nothing_is_told() -> None:
    """Two people and 3,000 minutes are two people's hours; that neither was absent is theirs as well."""
    rows = {
        ("a",): {"registrations": 12, "no_shows": 0, "minutes": 3000, "people": 2},
        ("b",): {"registrations": 90, "no_shows": 9, "minutes": 4000, "people": 60},
        ("c",): {"registrations": 99, "no_shows": 9, "minutes": 9000, "people": 70},
    }
    total = {"registrations": 201, "no_shows": 18, "minutes": 16000, "people": 100}
    names = ["registrations", "no_shows", "minutes"]
    withheld = suppress(rows, total, 5, additive=names, distinct={"people": names}, amounts=["minutes"])
    assert {(("a",), name) for name in rows[("a",)]} <= withheld
    assert {(("b",), "minutes"), (("b",), "registrations"), (("b",), "people")} <= withheld
    assert not any(key == ("c",) for key, _ in withheld)


def test_who_is_left_out_may_be_few() -> None:
    rows = {("a",): {"people": 100}, ("b",): {"people": 60}, ("c",): {"people": 50}}
    assert (("a",), "people") in suppress(rows, {"people": 102}, 5, distinct={"people": []})
    assert not suppress(rows, {"people": 110}, 5, distinct={"people": []})


@thorough
@given(st.lists(count, min_size=6, max_size=12).map(lambda v: v[: len(v) // 3 * 3]), thresholds)
def test_a_pivot_withholds_of_its_margins_what_they_withhold_alone(values: list[int], k: int) -> None:
    cells = pivot_of(values, 3)
    withheld = one_figure(cells, k)
    for position in (0, 1):
        margin = {key: value for key, value in cells.items() if key[1 - position] is None}
        alone = one_figure({(key[position],): value for key, value in margin.items()}, k)
        assert {(key[position],) for key in margin if (key, "n") in withheld} == {key for key, _ in alone}


@thorough
@given(st.lists(count, min_size=2, max_size=9), thresholds, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(values: list[int], k: int, chance: Random) -> None:
    cells = row_of(values)
    mixed = list(cells.items())
    chance.shuffle(mixed)
    assert one_figure(dict(mixed), k) == one_figure(cells, k)


def test_rows_of_two_dimensions_without_margins_have_only_their_total_in_common() -> None:
    rows = {("a", "x"): {"n": 3}, ("a", "y"): {"n": 30}, ("b", "x"): {"n": 9}}
    assert suppress(rows, {"n": 42}, 5, additive=["n"]) == {(("a", "x"), "n"), (("b", "x"), "n")}
    assert suppress({("a", "x"): {"n": 3}}, {"n": 3}, 5, additive=["n"]) == {(("a", "x"), "n"), ((None, None), "n")}


def test_the_attacker_finds_what_primary_suppression_alone_lets_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Table, "_secure", lambda table, target: None)
    for cells in (row_of([3, 50, 60, 0]), pivot_of([3, 50, 60, 70, 80, 90], 3)):
        told = shown(cells, one_figure(cells, 5))
        assert narrow(cells, told, 5) == {next(iter(cells)): (3, 3)}


@pytest.mark.parametrize(
    ("rows", "total", "settings"),
    [
        ({("a",): {"n": 3}}, {"n": 4}, {"additive": ["n"]}),
        ({("a",): {"n": -1}}, {"n": -1}, {"additive": ["n"]}),
        ({("a",): {"n": 5}}, {"n": 4}, {"distinct": {"n": []}}),
        ({("a",): {"n": 5}}, {"n": 7}, {"distinct": {"n": []}}),
        ({}, {"n": 5, "part": 6}, {"additive": ["n", "part"], "parts": {"n": ["part"]}}),
    ],
)
def test_what_cannot_be_counts_is_refused(rows: Any, total: Any, settings: Any) -> None:
    with pytest.raises(ValueError, match="at"):
        suppress(rows, total, 5, **settings)


def test_a_threshold_is_at_least_one_and_one_withholds_nothing() -> None:
    with pytest.raises(ValueError, match="k is at least 1"):
        suppress({}, {"n": 1}, 0, additive=["n"])
    assert not suppress({("a",): {"n": 1}}, {"n": 1}, 1, additive=["n"])


@thorough
@given(st.lists(count, min_size=3, max_size=6), thresholds)
def test_parts_of_a_year_tell_nothing_that_the_year_does_not(values: list[int], k: int) -> None:
    """Every sum of months that may be shown is added to what the attacker knows."""
    cells = row_of(values)
    told = shown(cells, one_figure(cells, k))
    months = [key for key in cells if key != (None,)]
    known = read_counts(told, wholly_withheld(told))
    secret = [key for key in months if told[key] is None]
    before = {key: known.interval(key) for key in secret}
    for size in range(1, len(months) + 1):
        for wanted in combinations(months, size):
            if told[(None,)] is not None and may_show(wanted, secret):
                row: dict[Any, int] = {(): -sum(cells[key] for key in wanted)}
                for key in wanted:
                    add(row, term(key, told, 1))
                known.equal.append(row)
    assert {key: known.interval(key) for key in secret} == before


def test_a_range_with_half_of_what_is_withheld_may_not_be_shown() -> None:
    secret = ["2026-02", "2026-03"]
    assert may_show(["2026-01"], secret) and may_show(["2026-01", "2026-02", "2026-03"], secret)
    assert not may_show(["2026-01", "2026-02"], secret)
    assert may_show(["2026-01", "2026-02"], [])


def test_whole_months() -> None:
    assert whole_months(date(2026, 1, 1), date(2026, 1, 31)) and whole_months(date(2024, 2, 1), date(2024, 2, 29))
    assert not whole_months(date(2026, 1, 1), date(2026, 1, 30))
    assert not whole_months(date(2026, 1, 2), date(2026, 1, 31))
    assert not whole_months(date(2026, 3, 1), date(2026, 2, 28))


def large(keys: list[Key]) -> dict[Key, int]:
    chance = Random(7)
    return with_margins({key: int(chance.paretovariate(0.7)) - 1 for key in keys})


@pytest.mark.parametrize(
    ("keys", "seconds"),
    [
        ([(f"r{n:05d}",) for n in range(10_000)], 0.2),
        ([(f"r{n}", f"c{m}") for n in range(100) for m in range(50)], 1.0),
    ],
)
def test_it_is_quick(keys: list[Key], seconds: float) -> None:
    """Four times as long is let pass: other things run on the machine as well."""
    cells = large(keys)
    start = time.process_time()
    one_figure(cells, 5)
    assert time.process_time() - start < 4 * seconds
