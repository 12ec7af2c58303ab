"""The producer's side: each committed event has one place in the log, in an order that agrees with the locks."""

import random
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text

from services.common import outbox
from services.common.database import Database
from services.common.events import PARTITIONS, AreaSaved
from services.common.outbox import (
    BUSY,
    PAGE_SIZE,
    add_events,
    begin_new_epoch,
    read_heads,
    read_page,
    send_pages,
    sequence_events,
)
from tests.reporting.log import partition_of

THINGS = [f"thing-{n}" for n in range(12)]


def event(aggregate: str, number: int) -> AreaSaved:
    return AreaSaved(code=aggregate, parent=None, level="city", name_zh=str(number), name_en=str(number))


def write(producer: Database, aggregate: str, count: int = 1) -> None:
    with producer.transaction() as session:
        add_events(session, [event(aggregate, number) for number in range(count)])


def log_of(producer: Database) -> dict[int, list[Any]]:
    with producer.transaction() as session:
        rows = session.execute(text("SELECT * FROM outbox WHERE sequence IS NOT NULL ORDER BY partition, sequence"))
        partitions = defaultdict(list)
        for row in rows:
            partitions[row.partition].append(row)
    return partitions


class Queue:
    """A broker in memory."""

    def __init__(self, waiting: int = 0, fails: bool = False) -> None:
        self.pages: list[tuple[str, dict[str, Any]]] = []
        self.waiting = waiting
        self.fails = fails

    def send_page(self, subscriber: str, page: dict[str, Any]) -> None:
        if self.fails:
            raise ConnectionError("the broker is gone")
        self.pages.append((subscriber, page))

    def length(self, subscriber: str) -> int:
        return self.waiting


def test_the_log_is_gapless_and_agrees_with_the_locks_whatever_runs_at_once(producer: Database) -> None:
    """Transactions that draw their row ids early and commit late are what a log by row id would skip or swap."""
    with producer.transaction() as session:
        session.execute(text("INSERT INTO things (aggregate) SELECT unnest(cast(:names AS text[]))"), {"names": THINGS})
    done = threading.Event()

    def work(seed: int) -> int:
        chance = random.Random(seed)
        committed = 0
        for _ in range(40):
            try:
                _change(producer, sorted(chance.sample(THINGS, chance.randint(1, 3))), chance)
                committed += 1
            except RuntimeError:
                continue
        return committed

    def pump() -> int:
        passes = 0
        while not done.is_set() or sequence_events(producer):
            sequence_events(producer)
            passes += 1
        return passes

    with ThreadPoolExecutor(12) as threads:
        pumps = [threads.submit(pump) for _ in range(2)]
        workers = [threads.submit(work, seed) for seed in range(10)]
        committed = sum(worker.result() for worker in workers)
        done.set()
        assert all(running.result() > 0 for running in pumps)

    log = log_of(producer)
    with producer.transaction() as session:
        counted = dict(session.execute(text("SELECT aggregate, number FROM things")).all())
        heads = read_heads(session).sequences
        assert session.scalar(text("SELECT count(*) FROM outbox WHERE sequence IS NULL")) == 0
    assert committed > 100
    for partition in range(PARTITIONS):
        rows = log.get(partition, [])
        assert [row.sequence for row in rows] == list(range(1, heads[partition] + 1))
        numbers = defaultdict(list)
        for row in rows:
            numbers[row.aggregate].append(int(row.data["name_en"]))
        for aggregate, found in numbers.items():
            assert found == list(range(1, counted[aggregate] + 1)), aggregate


def _change(producer: Database, aggregates: list[str], chance: random.Random) -> None:
    """One business transaction over several things; some are slow to commit, some fail."""
    with producer.transaction() as session:
        for aggregate in aggregates:
            number = session.execute(
                text("UPDATE things SET number = number + 1 WHERE aggregate = :aggregate RETURNING number"),
                {"aggregate": aggregate},
            ).scalar_one()
            add_events(session, [event(aggregate, number)])
            time.sleep(chance.choice([0, 0, 0.002, 0.01]))
        if chance.random() < 0.15:
            raise RuntimeError("rolled back")


def test_a_transaction_that_commits_late_is_not_skipped(producer: Database) -> None:
    with producer.transaction() as slow:
        add_events(slow, [event("same", 1)])
        write(producer, "same")
        assert sequence_events(producer) == 1
    assert sequence_events(producer) == 1
    assert [row.sequence for row in log_of(producer)[partition_of("same")]] == [1, 2]


def test_a_rolled_back_transaction_leaves_no_event(producer: Database) -> None:
    with pytest.raises(RuntimeError), producer.transaction() as session:
        add_events(session, [event("a", 1)])
        raise RuntimeError
    assert sequence_events(producer) == 0


def test_python_and_sql_choose_the_same_partition(producer: Database) -> None:
    names = [f"x{n}" for n in range(200)]
    with producer.transaction() as session:
        add_events(session, [event(name, 1) for name in names])
        rows = session.execute(text("SELECT aggregate, partition FROM outbox")).all()
    assert {row.aggregate: row.partition for row in rows} == {name: partition_of(name) for name in names}
    assert len({row.partition for row in rows}) == PARTITIONS


def test_the_feed_gives_every_event_once_in_order(producer: Database) -> None:
    write(producer, "busy", 450)
    sequence_events(producer)
    partition, after, found = partition_of("busy"), 0, []
    with producer.snapshot() as session:
        while True:
            page = read_page(session, "registration", partition, after)
            if not page.events:
                break
            assert len(page.events) <= PAGE_SIZE
            assert page.head == 450
            found += [envelope.data["name_en"] for envelope in page.events]
            after = page.last
        assert read_page(session, "registration", partition, 10_000).events == []
    assert found == [str(number) for number in range(450)]


def test_a_page_whose_sending_failed_is_sent_later(producer: Database) -> None:
    write(producer, "a")
    sequence_events(producer)
    with pytest.raises(ConnectionError):
        send_pages(producer, Queue(fails=True), "registration", ["reporting"])
    queue = Queue()
    assert send_pages(producer, queue, "registration", ["reporting", "notifications"]) == 2
    assert {subscriber for subscriber, _ in queue.pages} == {"reporting", "notifications"}
    assert send_pages(producer, queue, "registration", ["reporting", "notifications"]) == 0


def test_while_a_subscriber_is_busy_events_gather_into_larger_pages(producer: Database) -> None:
    busy, queue = Queue(waiting=BUSY + 1), Queue()
    for _ in range(3):
        write(producer, "a")
        sequence_events(producer)
        assert send_pages(producer, busy, "registration", ["reporting"]) == 0
    assert send_pages(producer, queue, "registration", ["reporting"]) == 1
    assert [envelope["sequence"] for envelope in queue.pages[0][1]["events"]] == [1, 2, 3]


def test_a_long_backlog_is_left_to_the_feed(producer: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "LONGEST_BACKLOG", 2)
    write(producer, "a", 3)
    sequence_events(producer)
    full = Queue(waiting=BUSY + 1)
    assert send_pages(producer, full, "registration", ["reporting"]) == 0
    write(producer, "a")
    sequence_events(producer)
    queue = Queue()
    assert send_pages(producer, queue, "registration", ["reporting"]) == 1
    assert [envelope["sequence"] for envelope in queue.pages[0][1]["events"]] == [4]


def test_a_new_epoch_is_another_log(producer: Database) -> None:
    with producer.snapshot() as session:
        before = read_heads(session).epoch
    after = begin_new_epoch(producer)
    with producer.snapshot() as session:
        assert before != after == read_heads(session).epoch
