"""The subscriber's side: an event takes effect once and in order, and one that fails holds back its aggregate alone."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from random import Random
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from services.common.apply import Applied, Subscriber
from services.common.database import Database
from services.common.events import AreaSaved, Envelope, Received, SiteSaved
from services.common.outbox import Page
from tests.reporting.log import MemoryLog, partition_of
from tests.reporting.scene import site

A, B = "p-1", next(name for name in (f"p-{n}" for n in range(2, 500)) if partition_of(name) == partition_of("p-1"))
"""Two aggregates of one partition."""
PARTITION = partition_of(A)


class Handler:
    """Writes one effect per event. Fails, before or after writing, on the numbers in `poison`."""

    def __init__(self) -> None:
        self.poison: set[int] = set()
        self.outage = False

    def __call__(self, session: Session, events: Sequence[Received]) -> None:
        for event in events:
            session.execute(
                text("INSERT INTO effects (aggregate, number) VALUES (:aggregate, :number)"),
                {"aggregate": event.data.code, "number": int(event.data.name_en)},
            )
            if self.outage:
                raise OperationalError("SELECT 1", {}, Exception("server closed the connection"))
            if int(event.data.name_en) in self.poison:
                raise ValueError(f"cannot take {event.data.name_en}")


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()


@pytest.fixture
def handler() -> Handler:
    return Handler()


@pytest.fixture
def subscriber(subscribing: Database, log: MemoryLog, handler: Handler) -> Subscriber:
    return Subscriber(subscribing, log, {AreaSaved: handler})


def write(log: MemoryLog, *numbers: tuple[str, int]) -> None:
    log.add(
        *(AreaSaved(code=name, parent=None, level="city", name_zh="", name_en=str(number)) for name, number in numbers)
    )


def effects(database: Database, aggregate: str | None = None) -> list[int]:
    with database.transaction() as session:
        return list(
            session.scalars(
                text("SELECT number FROM effects WHERE aggregate = :aggregate OR :aggregate IS NULL ORDER BY id"),
                {"aggregate": aggregate},
            )
        )


def parked(database: Database) -> list[int]:
    with database.transaction() as session:
        return [e["sequence"] for e in session.scalars(text("SELECT envelope FROM parked ORDER BY sequence"))]


def halted(database: Database) -> set[str | None]:
    with database.transaction() as session:
        return set(session.scalars(text("SELECT halted FROM cursors")))


def test_a_page_applied_twice_takes_effect_once(subscriber: Subscriber, subscribing: Database, log: MemoryLog) -> None:
    write(log, (A, 1), (A, 2), (A, 3))
    for after, limit in ((0, 2), (0, 2), (0, 3), (1, 2), (0, 1)):
        assert subscriber.apply_page(log.page(PARTITION, after, limit)) is Applied.DONE
    assert effects(subscribing) == [1, 2, 3]


def test_pages_applied_at_once_take_effect_once(subscriber: Subscriber, subscribing: Database, log: MemoryLog) -> None:
    write(log, *((A, number) for number in range(1, 101)))
    pages = [log.page(PARTITION, after, 20) for after in range(0, 100, 10) for _ in range(3)]
    Random(1).shuffle(pages)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(subscriber.apply, pages))
    subscriber.catch_up_fully()
    assert effects(subscribing) == list(range(1, 101))


def test_a_gap_is_refused_and_pulled_from_the_feed(
    subscriber: Subscriber, subscribing: Database, log: MemoryLog
) -> None:
    write(log, (A, 1), (A, 2), (A, 3))
    assert subscriber.apply_page(log.page(PARTITION, 2)) is Applied.GAP
    assert effects(subscribing) == []
    subscriber.apply(log.page(PARTITION, 2))
    assert effects(subscribing) == [1, 2, 3]


def test_silence_is_repaired_by_the_second_look(subscriber: Subscriber, subscribing: Database, log: MemoryLog) -> None:
    write(log, (A, 1))
    subscriber.catch_up()
    subscriber.catch_up()
    assert effects(subscribing) == [1]


def test_a_poisoned_event_parks_its_aggregate_and_no_other(
    subscriber: Subscriber, subscribing: Database, log: MemoryLog, handler: Handler
) -> None:
    handler.poison = {2}
    write(log, (A, 1), (A, 2), (B, 10), (A, 3), (B, 11))
    assert subscriber.apply_page(log.page(PARTITION, 0)) is Applied.DONE
    write(log, (A, 4), (B, 12))
    subscriber.apply(log.page(PARTITION, 5))
    assert (effects(subscribing, A), effects(subscribing, B)) == ([1], [10, 11, 12])
    assert parked(subscribing) == [2, 4, 6]


def test_release_applies_what_was_parked_in_order_all_or_nothing(
    subscriber: Subscriber, subscribing: Database, log: MemoryLog, handler: Handler
) -> None:
    handler.poison = {2, 4}
    write(log, (A, 1), (A, 2), (A, 3), (A, 4))
    subscriber.apply(log.page(PARTITION, 0))
    handler.poison = {4}
    with pytest.raises(ValueError, match="cannot take 4"):
        subscriber.release(A)
    assert (effects(subscribing), parked(subscribing)) == ([1], [2, 3, 4])
    handler.poison = set()
    assert subscriber.release(A) == 3
    assert (effects(subscribing), parked(subscribing)) == ([1, 2, 3, 4], [])
    write(log, (A, 5))
    subscriber.apply(log.page(PARTITION, 4))
    assert effects(subscribing) == [1, 2, 3, 4, 5]
    assert subscriber.release(A) == 0


def test_an_outage_is_not_poison(
    subscriber: Subscriber, subscribing: Database, log: MemoryLog, handler: Handler
) -> None:
    write(log, (A, 1))
    handler.outage = True
    with pytest.raises(OperationalError):
        subscriber.apply(log.page(PARTITION, 0))
    assert (effects(subscribing), parked(subscribing)) == ([], [])
    handler.outage = False
    subscriber.apply(log.page(PARTITION, 0))
    assert effects(subscribing) == [1]


def test_a_type_from_a_newer_producer_waits_for_the_upgrade(
    subscriber: Subscriber, subscribing: Database, log: MemoryLog
) -> None:
    write(log, (A, 1), (A, 2), (B, 10))
    log.partitions[PARTITION][0] = log.partitions[PARTITION][0].model_copy(update={"type": "hesheng.area.saved.v2"})
    subscriber.apply(log.page(PARTITION, 0))
    assert (effects(subscribing), parked(subscribing)) == ([10], [1, 2])


def test_a_known_type_without_a_handler_is_passed_over(
    subscriber: Subscriber, subscribing: Database, log: MemoryLog
) -> None:
    log.add(site("x", A))
    assert SiteSaved not in subscriber._handlers
    subscriber.catch_up_fully()
    assert parked(subscribing) == []


def test_another_epoch_halts_and_adopting_it_goes_on(
    subscriber: Subscriber, subscribing: Database, log: MemoryLog
) -> None:
    write(log, (A, 1), (A, 2))
    subscriber.catch_up_fully()
    log.epoch = uuid4()
    write(log, (A, 3))
    assert subscriber.apply_page(log.page(PARTITION, 2)) is Applied.HALTED
    subscriber.catch_up()
    assert halted(subscribing) == {"the log has another epoch"}
    assert effects(subscribing) == [1, 2]
    subscriber.adopt_epoch()
    subscriber.catch_up_fully()
    assert effects(subscribing) == [1, 2, 3]


def test_a_cursor_ahead_of_the_log_halts(subscriber: Subscriber, subscribing: Database, log: MemoryLog) -> None:
    write(log, (A, 1), (A, 2))
    subscriber.catch_up_fully()
    log.partitions[PARTITION].pop()
    subscriber.catch_up()
    assert "the cursor is ahead of the log" in halted(subscribing)
    write(log, (A, 9), (A, 10))
    subscriber.catch_up_fully()
    assert effects(subscribing) == [1, 2]


def test_every_applied_event_is_in_the_books_once(
    subscriber: Subscriber, subscribing: Database, log: MemoryLog, handler: Handler
) -> None:
    handler.poison = {2}
    write(log, (A, 1), (A, 2), (B, 10))
    page = log.page(PARTITION, 0)
    subscriber.apply(page)
    subscriber.apply(Page.model_validate_json(page.model_dump_json()))
    with subscribing.transaction() as session:
        rows = session.execute(text("SELECT sequence, event_id FROM applied ORDER BY id")).all()
    assert [(row.sequence, row.event_id) for row in rows] == [(e.sequence, e.id) for e in page.events]
    assert all(isinstance(envelope, Envelope) for envelope in page.events)
