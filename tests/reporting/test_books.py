"""Facts and cells: what is recomputed when, what waits, what is seen of it."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.orm import Session

from services.common.apply import Applied, Subscriber
from services.common.database import EVERY_SITE, Database
from services.common.events import ActivityKind, ShiftChanged
from services.common.outbox import Page
from services.reporting.handlers import HANDLERS
from services.reporting.models import METADATA
from services.reporting.operations.aggregation import aggregate, aggregate_batch, gauges, is_dirty
from services.reporting.operations.caught_up import CatchUp
from services.reporting.operations.cells import from_cells
from services.reporting.operations.participation import from_facts
from services.reporting.operations.scope import read_scope, report_snapshot
from services.reporting.operations.upkeep import trim_applied
from services.reporting.pump import duties, wake_aggregation
from services.reporting.rebuild import rebuild
from services.reporting.settings import Settings
from services.reporting.tasks import make_celery_app
from tests.reporting.log import MemoryLog, partition_of
from tests.reporting.scene import activity, an_id, area, confirmed, shift, shift_fields, site


def query(database: Database, sql: str) -> list[Any]:
    with database.transaction(EVERY_SITE) as session:
        return [tuple(row) for row in session.execute(text(sql))]


def asked(session: Session, ask: Callable[..., Any]) -> list[Any]:
    scope = read_scope(session, None, an_id("a"))
    return list(ask(session, scope, date(2026, 1, 1), date(2026, 12, 31), ["month"]))


def cells_are_exact(database: Database) -> bool:
    with report_snapshot(database, EVERY_SITE) as session:
        return asked(session, from_cells) == asked(session, from_facts)


def in_cells(database: Database, figure: str = "registrations") -> list[Any]:
    """A figure in the cells of the site's months, by month."""
    return query(
        database, f"SELECT month::text, {figure} FROM site_cells WHERE kind = '*' AND age_band = '*' ORDER BY month"
    )


@pytest.fixture
def drive(log: MemoryLog, subscriber: Subscriber) -> None:
    """An activity with one shift and two sign-ups."""
    log.add(area("140107"), site("a", "140107"))
    log.add(activity("A", "a"), shift("s", "A", "a", "2026-03-01"))
    log.add(confirmed("1", "s", "A", "a", 1), confirmed("2", "s", "A", "a", 2))
    subscriber.catch_up_fully()


@pytest.mark.usefixtures("drive")
def test_a_report_does_not_wait_for_the_worker(database: Database) -> None:
    assert in_cells(database) == []
    with report_snapshot(database, EVERY_SITE) as session:
        assert [row["registrations"] for row in asked(session, from_cells)] == [2, 2]
    assert aggregate(database) > 0
    assert in_cells(database) == [("2026-03-01", 2)]
    assert not is_dirty(database)


@pytest.mark.usefixtures("drive")
def test_a_moved_shift_takes_its_facts_to_the_new_month(
    database: Database, log: MemoryLog, subscriber: Subscriber
) -> None:
    aggregate(database)
    log.add(ShiftChanged(**shift_fields("s", "A", "a", "2026-04-02", version=2)))
    subscriber.catch_up_fully()
    assert query(database, "SELECT DISTINCT month::text FROM dirty ORDER BY 1") == [("2026-03-01",), ("2026-04-01",)]
    aggregate(database)
    assert in_cells(database) == [("2026-04-01", 2)]


@pytest.mark.usefixtures("drive")
def test_what_changes_no_figure_dirties_nothing_and_what_changes_seats_its_month(
    database: Database, log: MemoryLog, subscriber: Subscriber
) -> None:
    aggregate(database)
    log.add(activity("A", "a", ActivityKind.CLASS), site("a", "140107", "新名字"))
    subscriber.catch_up_fully()
    assert not is_dirty(database)
    log.add(ShiftChanged(**shift_fields("s", "A", "a", "2026-03-01", version=2, capacity=99)))
    subscriber.catch_up_fully()
    assert query(database, "SELECT month::text FROM dirty") == [("2026-03-01",)]
    aggregate(database)
    assert in_cells(database, "seats") == [("2026-03-01", 99)]


@pytest.mark.usefixtures("drive")
def test_a_cell_dirtied_while_it_is_recomputed_is_not_lost(
    database: Database, log: MemoryLog, subscriber: Subscriber
) -> None:
    """The worst moment: the worker has read the facts and has not committed yet."""
    log.add(confirmed("3", "s", "A", "a", 3))
    with database.transaction(EVERY_SITE) as session:
        assert aggregate_batch(session, 1_000_000) == 1
        subscriber.catch_up_fully()
    assert is_dirty(database)
    assert cells_are_exact(database)
    aggregate(database)
    assert in_cells(database) == [("2026-03-01", 3)]


@pytest.mark.usefixtures("drive")
def test_sweeps_and_sign_ups_at_once_lose_nothing(database: Database, log: MemoryLog, subscriber: Subscriber) -> None:
    """Every look at the figures, whatever moment it falls on, equals the facts of that moment."""
    done = threading.Event()

    def sweep() -> None:
        while not done.is_set():
            aggregate(database)

    def look() -> list[bool]:
        seen = []
        while not done.is_set():
            seen.append(cells_are_exact(database))
        return seen

    with ThreadPoolExecutor(5) as threads:
        others = [threads.submit(sweep), threads.submit(sweep)]
        looks = threads.submit(look)
        for n in range(3, 150):
            log.add(confirmed(str(n), "s", "A", "a", n))
            subscriber.catch_up_fully()
        done.set()
        for other in others:
            other.result()
        assert len(looks.result()) > 10
        assert all(looks.result())
    aggregate(database)
    assert in_cells(database) == [("2026-03-01", 149)]
    assert not is_dirty(database)


def test_a_sign_up_for_an_unknown_shift_parks_its_activity(
    database: Database, log: MemoryLog, subscriber: Subscriber
) -> None:
    log.add(confirmed("1", "lost", "A", "a", 1))
    log.add(activity("B", "a"), shift("sb", "B", "a", "2026-03-01"), confirmed("2", "sb", "B", "a", 1))
    subscriber.catch_up_fully()
    assert query(database, "SELECT count(*) FROM facts") == [(1,)]
    assert "never opened" in query(database, "SELECT error FROM parked")[0][0]


@pytest.mark.usefixtures("drive")
def test_gauges_tell_how_much_waits(database: Database) -> None:
    with database.transaction(EVERY_SITE) as session:
        session.execute(text("UPDATE dirty SET marked_at = now() - interval '1 minute'"))
        figures = gauges(session)
    assert figures["dirty_cells"] == 1
    assert 60 <= figures["oldest_dirty_seconds"] < 120
    aggregate(database)
    with database.transaction(EVERY_SITE) as session:
        assert gauges(session) == {"dirty_cells": 0, "oldest_dirty_seconds": 0}


@pytest.mark.usefixtures("drive")
def test_the_list_of_applied_events_is_trimmed_after_thirty_days(database: Database) -> None:
    assert trim_applied(database) == 0
    query_all = "SELECT count(*) FROM applied"
    before = query(database, query_all)[0][0]
    with database.transaction() as session:
        session.execute(text("UPDATE applied SET applied_at = now() - interval '31 days' WHERE id % 2 = 0"))
    assert trim_applied(database) == before // 2
    assert query(database, query_all) == [(before - before // 2,)]


@pytest.mark.usefixtures("drive")
def test_the_worker_is_nudged_while_cells_are_dirty(database: Database, settings: Settings) -> None:
    celery = make_celery_app(settings)
    nudged: list[str] = []
    celery.send_task = lambda task, **_: nudged.append(task)
    wake_aggregation(database, celery, "reporting")
    assert nudged == ["aggregate"]
    celery.tasks["aggregate"]()
    wake_aggregation(database, celery, "reporting")
    assert nudged == ["aggregate"]
    assert {duty.name for duty in duties(settings)} == {"catch_up", "aggregate", "recount", "trim"}


class SilentLog(MemoryLog):
    """Says where it ends but gives no events: they are still on their way through the queue."""

    def page(self, partition: int, after: int, limit: int = 200) -> Page:
        return super().page(partition, after, 0)


def test_as_of_is_when_the_log_ended_where_the_cursors_are(database: Database) -> None:
    def as_of() -> datetime:
        return query(database, "SELECT as_of FROM caught_up")[0][0]

    log = SilentLog()
    subscriber = Subscriber(database, log, HANDLERS)
    look = CatchUp(database, subscriber)
    look()
    empty_log_seen = as_of()
    assert abs(datetime.now(UTC) - empty_log_seen) < timedelta(minutes=1)
    log.add(activity("A", "a"))
    look()
    log.add(shift("s", "A", "a", "2026-03-01"))
    look()
    assert as_of() == empty_log_seen
    partition = partition_of(str(an_id("A")))
    assert subscriber.apply_page(MemoryLog.page(log, partition, 0, limit=1)) is Applied.DONE
    before = datetime.now(UTC)
    look()  # the activity has arrived, the shift, which came after the first look, has not
    assert empty_log_seen < as_of() < before
    subscriber.apply_page(MemoryLog.page(log, partition, 1))
    look()
    assert as_of() >= before


@pytest.mark.usefixtures("drive")
def test_a_rebuild_mends_what_was_wrong(database: Database, subscriber: Subscriber) -> None:
    aggregate(database)
    with database.transaction(EVERY_SITE) as session:
        session.execute(text("UPDATE facts SET status = 'cancelled'"))
        session.execute(text("DELETE FROM site_cells"))
    rebuild(database, subscriber)
    assert in_cells(database, "confirmed") == [("2026-03-01", 2)]


def test_the_models_say_what_the_migrations_made(database: Database) -> None:
    found = inspect(database.engine)
    for table in METADATA.tables.values():
        assert {c["name"] for c in found.get_columns(table.name)} == set(table.columns.keys())
        assert found.get_pk_constraint(table.name)["constrained_columns"] == table.primary_key.columns.keys()
