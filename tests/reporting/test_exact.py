"""Whatever happens, in whatever pages it arrives: the report equals a recount, and a rebuild gives the same bytes."""

from collections.abc import Callable
from datetime import date
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.common.apply import Applied, Subscriber
from services.common.database import EVERY_SITE, Database
from services.reporting.handlers import HANDLERS
from services.reporting.labels import DIMENSIONS
from services.reporting.operations.aggregation import aggregate, is_dirty
from services.reporting.operations.books import dump_books
from services.reporting.operations.measures import FIGURES
from services.reporting.operations.participation import from_facts, participation
from services.reporting.operations.scope import read_scope, report_snapshot
from services.reporting.rebuild import rebuild
from tests.reporting.conftest import empty
from tests.reporting.log import MemoryLog
from tests.reporting.world import AREAS, BANDS, KINDS, Step, World

number = st.integers(0, 10_000)
steps = st.lists(st.tuples(number, number, number, number), min_size=25, max_size=100)
dimensions = st.lists(st.sampled_from(list(DIMENSIONS)), max_size=3, unique=True)


def some(of: list[Any]) -> st.SearchStrategy[list[str]]:
    """One to three of them."""
    return st.lists(st.sampled_from([one.value for one in of]), min_size=1, max_size=3, unique=True)


many_databases = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def deliver(log: MemoryLog, database: Database, chance: Random) -> None:
    """Everything arrives in pages of any size, some twice, some too early, some never; now and then a sweep runs."""
    subscriber = Subscriber(database, log, HANDLERS)
    reached = dict.fromkeys(log.partitions, 0)
    behind = [p for p, events in log.partitions.items() if events]
    while behind:
        partition = chance.choice(behind)
        after = max(0, reached[partition] + chance.choice([-3, -1, 0, 0, 0, 0, 2]))
        page = log.page(partition, after, limit=chance.randint(1, 6))
        if page.events:
            applied = subscriber.apply_page(page)
            assert applied is (Applied.GAP if after > reached[partition] else Applied.DONE)
            if applied is Applied.DONE:
                reached[partition] = max(reached[partition], page.last)
        if chance.random() < 0.4:
            aggregate(database)
        if chance.random() < 0.1 or reached[partition] == len(log.partitions[partition]):
            behind.remove(partition)
    subscriber.catch_up_fully()


def report(
    database: Database, scope: str, first: date, last: date, by: list[str], only: dict[str, list[str]],
    ask: Callable[..., Any] = participation,
) -> dict[tuple[Any, ...], Any]:  # fmt: skip
    with report_snapshot(database, EVERY_SITE) as session:
        rows = list(ask(session, read_scope(session, scope, None), first, last, by, only))
    figures = [{name: row[name] for name in FIGURES} for row in rows]
    keys = [tuple(row[name] for name in by) for row in rows[:-1]]
    assert len(set(keys)) == len(keys)
    return dict(zip([*keys, ()], figures, strict=True))


def books(database: Database) -> bytes:
    while is_dirty(database):
        aggregate(database)
    with database.transaction(EVERY_SITE) as session:
        return dump_books(session)


@many_databases
@given(
    history=steps,
    seed=number,
    by=dimensions,
    scope=st.sampled_from(AREAS),
    only=st.fixed_dictionaries({}, optional={"kind": some(KINDS), "age_band": some(BANDS)}),
    days=st.tuples(st.dates(date(2025, 12, 1), date(2026, 2, 1)), st.dates(date(2026, 2, 1), date(2026, 5, 1))),
)
def test_the_report_equals_a_recount(
    database: Database, history: list[Step], seed: int, by: list[str], scope: str, only: dict[str, list[str]],
    days: tuple[date, date],
) -> None:  # fmt: skip
    empty(database)
    world = World(MemoryLog())
    world.live(history)
    deliver(world.log, database, Random(seed))
    assert report(database, scope, *days, by, only) == world.recount(scope, *days, by, only)
    aggregate(database, seconds=0.01)
    assert report(database, scope, *days, by, only) == world.recount(scope, *days, by, only), "half of it recomputed"
    aggregate(database)
    assert not is_dirty(database)
    for where in (scope, "city"):
        told = world.recount(where, *days, by, only)
        assert report(database, where, *days, by, only) == told
        assert report(database, where, *days, by, only, from_facts) == told


@many_databases
@given(history=steps, seed=number)
def test_a_rebuild_gives_the_same_bytes_whatever_the_order_of_partitions(
    database: Database, history: list[Step], seed: int
) -> None:
    empty(database)
    chance = Random(seed)
    world = World(MemoryLog())
    world.live(history)
    deliver(world.log, database, chance)
    before = books(database)
    world.log.shuffle(chance)
    rebuild(database, Subscriber(database, world.log, HANDLERS))
    assert books(database) == before
