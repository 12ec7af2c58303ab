"""Facts, cells and buckets: what is recomputed when, what waits, what is seen of it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import inspect, text

from services.common.apply import Applied, Subscriber
from services.common.database import EVERY_SITE, Database
from services.common.events import ActivityKind, ShiftChanged
from services.common.outbox import Page
from services.reporting.handlers import HANDLERS
from services.reporting.models import METADATA
from services.reporting.operations.aggregation import RECOMPUTE, aggregate, gauges, is_dirty
from services.reporting.operations.caught_up import CatchUp
from services.reporting.operations.upkeep import trim_applied
from services.reporting.pump import duties, wake_aggregation
from services.reporting.rebuild import rebuild
from services.reporting.settings import Settings
from services.reporting.tasks import make_celery_app
from tests.reporting.log import MemoryLog, partition_of
from tests.reporting.scene import activity, an_id, confirmed, shift, shift_fields


def query(database: Database, sql: str) -> list[Any]:
    with database.transaction(EVERY_SITE) as session:
        return [tuple(row) for row in session.execute(text(sql))]


def buckets_are_exact(database: Database) -> bool:
    return query(database, "TABLE buckets_now EXCEPT TABLE bucket_source") == query(
        database, "TABLE bucket_source EXCEPT TABLE buckets_now"
    )


@pytest.fixture
def drive(log: MemoryLog, subscriber: Subscriber) -> None:
    """An activity with one shift and two sign-ups."""
    log.add(activity("A", "a"), shift("s", "A", "a", "2026-03-01"))
    log.add(confirmed("1", "s", "A", "a", 1), confirmed("2", "s", "A", "a", 2))
    subscriber.catch_up_fully()


@pytest.mark.usefixtures("drive")
def test_a_report_does_not_wait_for_the_worker(database: Database) -> None:
    assert query(database, "SELECT count(*) FROM buckets") == [(0,)]
    assert query(database, "SELECT sum(registrations) FROM buckets_now") == [(2,)]
    assert aggregate(database) == 1
    assert query(database, "SELECT sum(registrations) FROM buckets") == [(2,)]
    assert not is_dirty(database)


@pytest.mark.usefixtures("drive")
def test_a_moved_shift_takes_its_facts_to_the_new_day(
    database: Database, log: MemoryLog, subscriber: Subscriber
) -> None:
    aggregate(database)
    log.add(ShiftChanged(**shift_fields("s", "A", "a", "2026-03-02", version=2)))
    subscriber.catch_up_fully()
    assert query(database, "SELECT DISTINCT day::text FROM dirty ORDER BY 1") == [("2026-03-01",), ("2026-03-02",)]
    aggregate(database)
    assert query(database, "SELECT day::text, registrations FROM buckets") == [("2026-03-02", 2)]


@pytest.mark.usefixtures("drive")
def test_a_shift_that_only_changes_its_capacity_dirties_nothing(
    database: Database, log: MemoryLog, subscriber: Subscriber
) -> None:
    aggregate(database)
    log.add(ShiftChanged(**shift_fields("s", "A", "a", "2026-03-01", version=2, capacity=99)))
    log.add(activity("A", "a", ActivityKind.CLASS))
    subscriber.catch_up_fully()
    assert not is_dirty(database)


@pytest.mark.usefixtures("drive")
def test_a_cell_dirtied_while_it_is_recomputed_is_not_lost(
    database: Database, log: MemoryLog, subscriber: Subscriber
) -> None:
    """The worst moment: the worker has read the facts and has not committed yet."""
    log.add(confirmed("3", "s", "A", "a", 3))
    with database.transaction(EVERY_SITE) as session:
        cells = session.execute(text("DELETE FROM dirty RETURNING site_id, day")).all()
        session.execute(RECOMPUTE, {"sites": [cells[0].site_id], "days": [cells[0].day]})
        subscriber.catch_up_fully()
    assert is_dirty(database)
    assert buckets_are_exact(database)
    aggregate(database)
    assert query(database, "SELECT sum(registrations) FROM buckets") == [(3,)]


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
            with database.snapshot() as session:
                session.execute(text("SELECT set_config('hesheng.site', '*', true)"))
                rows = session.execute(
                    text("SELECT (SELECT sum(registrations) FROM buckets_now), (SELECT count(*) FROM facts)")
                ).one()
            seen.append(rows[0] == rows[1])
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
    assert query(database, "SELECT sum(registrations) FROM buckets") == [(149,)]
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
    assert {duty.name for duty in duties(settings)} == {"catch_up", "aggregate", "trim"}


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
        session.execute(text("DELETE FROM buckets"))
    rebuild(database, subscriber)
    assert query(database, "SELECT sum(confirmed) FROM buckets") == [(2,)]


def test_the_models_say_what_the_migrations_made(database: Database) -> None:
    found = inspect(database.engine)
    for table in METADATA.tables.values():
        assert {c["name"] for c in found.get_columns(table.name)} == set(table.columns.keys())
        assert found.get_pk_constraint(table.name)["constrained_columns"] == table.primary_key.columns.keys()
