"""What a dashboard compares with, what it says of it, and how it counts where something happened."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.apply import Subscriber
from services.common.auth import NOTHING
from services.common.database import EVERY_SITE, Database
from services.common.events import ShiftCancelled
from services.reporting.operations.coverage import Coverage, read_coverage
from services.reporting.operations.dashboard import a_year_ago, period_before, read_dashboard
from services.reporting.operations.periods import end_of_month
from services.reporting.operations.scope import read_scope, report_snapshot
from services.reporting.pages.figures import NO_SHOW_SHARE, compared, in_a_sentence, measured, written
from tests.reporting.log import MemoryLog
from tests.reporting.scene import activity, an_id, area, confirmed, shift, shift_fields, site

FIRST, LAST = date(2026, 1, 1), date(2026, 3, 31)


def days(*written: str) -> tuple[date, ...]:
    return tuple(map(date.fromisoformat, written))


@pytest.mark.parametrize(
    ("period", "before", "year_ago"),
    [
        (("2026-02-01", "2026-02-28"), ("2026-01-01", "2026-01-31"), ("2025-02-01", "2025-02-28")),
        (("2026-01-01", "2026-03-31"), ("2025-10-01", "2025-12-31"), ("2025-01-01", "2025-03-31")),
        (("2026-03-10", "2026-03-12"), ("2026-03-07", "2026-03-09"), ("2025-03-10", "2025-03-12")),
        (("2024-02-29", "2024-02-29"), ("2024-02-28", "2024-02-28"), ("2023-02-28", "2023-02-28")),
        (("2025-02-01", "2025-02-28"), ("2025-01-01", "2025-01-31"), ("2024-02-01", "2024-02-29")),
        (("2026-01-01", "2026-12-31"), ("2025-01-01", "2025-12-31"), ("2025-01-01", "2025-12-31")),
    ],
)
def test_a_period_is_compared_with_its_like(
    period: tuple[str, str], before: tuple[str, str], year_ago: tuple[str, str]
) -> None:
    first, last = days(*period)
    assert period_before(first, last) == days(*before)
    assert a_year_ago(first, last) == days(*year_ago)


@given(st.dates(), st.integers(0, 3650))
def test_every_period_has_one_right_before(first: date, length: int) -> None:
    last = date.fromordinal(min(first.toordinal() + length, date.max.toordinal()))
    begin, end = period_before(first, last)
    assert begin <= end and end.toordinal() == max(1, first.toordinal() - 1)
    assert max(a_year_ago(first, last)) <= last and end_of_month(last) >= last


def row(**figures: Any) -> dict[str, Any]:
    return measured({"attended": 0, "no_shows": 0, "service_minutes": 0} | figures)


@pytest.mark.parametrize(
    ("now", "then", "said"),
    [
        (5, 3, "2 more"),
        (3, 5, "2 fewer"),
        (30, 20, "10 more (50.0%)"),
        (15, 20, "5 fewer (25.0%)"),
        (0, 0, "the same"),
        (None, 3, "no comparison"),
        (3, None, "no comparison"),
    ],
)
def test_a_difference_is_said_in_words(now: int | None, then: int | None, said: str, in_english: None) -> None:
    assert compared(row(people=now), row(people=then), "people") == said


def test_a_share_of_nothing_is_none_and_a_withheld_one_is_not_computed(in_english: None) -> None:
    half, none = row(attended=1, no_shows=1), row()
    withheld = row(attended=None, no_shows=1, service_minutes=None)
    written_ones = [written(one, NO_SHOW_SHARE) for one in (half, none, withheld)]
    assert written_ones == ["50.0%", "–", "…"] and written(withheld, "service_hours") == "…"
    assert compared(half, row(attended=3, no_shows=1), NO_SHOW_SHARE) == "25.0 points higher"
    assert compared(half, none, NO_SHOW_SHARE) == compared(half, withheld, NO_SHOW_SHARE) == "no comparison"


def test_a_chart_is_said_in_a_sentence(in_english: None) -> None:
    assert in_a_sentence(["a", "b", "c"], [3, None, 1]) == "3 in all: most, 3, for a; least, 1, for c."
    assert in_a_sentence(["a", "b"], [2, 2]) == "a 2, b 2."
    assert in_a_sentence(["a"], [None]) == "All of it is withheld."


@pytest.fixture
def in_english(application: Any) -> Any:
    """A request of somebody who reads English."""
    with application.application.test_request_context(headers={"Accept-Language": "en"}):
        yield


def counts(tree: Coverage) -> Any:
    return tree.code, tree.active, tree.sites, [counts(one) for one in tree.below]


@pytest.fixture
def city(log: MemoryLog, subscriber: Subscriber) -> None:
    """Two districts, one with a subdistrict; two of four sites were active: one was so last year, one called off."""
    log.add(area("C"), area("D1", "C"), area("D2", "C"), area("S", "D1"))
    log.add(site("a", "S"), site("b", "S"), site("c", "D2"), site("d", "C"))
    for name, day in (("a", "2026-01-01"), ("d", "2026-03-31"), ("c", "2025-12-31")):
        log.add(activity(name, name), shift(name, name, name, day), confirmed(name, name, name, name, 1))
    log.add(activity("off", "b"), shift("off", "off", "b", "2026-02-01"))
    log.add(ShiftCancelled(**shift_fields("off", "off", "b", "2026-02-01", version=2)))
    subscriber.catch_up_fully()


@pytest.mark.usefixtures("city")
def test_coverage_is_of_all_that_lies_below(database: Database, log: MemoryLog, subscriber: Subscriber) -> None:
    def read(code: str, visible: str = EVERY_SITE) -> Any:
        with report_snapshot(database, visible) as session:
            return counts(read_coverage(session, code, FIRST, LAST))

    assert read("C") == ("C", 2, 4, [("D1", 1, 2, [("S", 1, 2, [])]), ("D2", 0, 1, [])])
    assert read("C", NOTHING)[:3] == ("C", 0, 4), "whose shifts one may not see do not count"
    log.add(area("D1", "S"))  # for a moment they lie in each other
    subscriber.catch_up_fully()
    assert read("C") == ("C", 1, 2, [("D2", 0, 1, [])])
    assert read("D1") == ("D1", 1, 2, [("S", 1, 2, [])])


@pytest.mark.usefixtures("city")
def test_places_are_the_areas_below_or_the_sites(database: Database) -> None:
    def read(of: str | None, at: str | None = None) -> tuple[str, set[Any]]:
        with report_snapshot(database, EVERY_SITE) as session:
            scope = read_scope(session, of, an_id(at) if at else None)
            board = read_dashboard(session, scope, FIRST, LAST)
        return board.places_by, {(place[board.places_by], place["activities"]) for place in board.places}

    assert read("C") == ("area", {("C", 1), ("D1", 1), ("D2", 0)})
    assert read("S") == ("site", {(an_id("a"), 1), (an_id("b"), 0)})
    assert read(None, "a")[1] == set()
