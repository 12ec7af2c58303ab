"""A producer's log in memory: what the outbox and the feed do, without a database."""

from datetime import UTC, datetime, timedelta
from hashlib import md5
from random import Random
from uuid import UUID, uuid4

from services.common.events import PARTITIONS, Envelope, Event
from services.common.feed import FeedClient
from services.common.outbox import Heads, Page

START = datetime(2026, 1, 1, tzinfo=UTC)


def partition_of(aggregate: str) -> int:
    """As the outbox computes it."""
    return md5(aggregate.encode()).digest()[0] >> 4


class MemoryLog(FeedClient):
    """Stands in for the feed of a producer; `add` is its outbox and pump."""

    def __init__(self, producer: str = "registration") -> None:
        self.producer = producer
        self.epoch: UUID = uuid4()
        self.now = START
        self.partitions: dict[int, list[Envelope]] = {partition: [] for partition in range(PARTITIONS)}

    def add(self, *events: Event) -> None:
        """Write events to the log, a second after each other: no two happen at the same moment."""
        for event in events:
            self.now += timedelta(seconds=1)
            partition = partition_of(event.aggregate)
            self.partitions[partition].append(
                Envelope(
                    id=uuid4(),
                    source=f"/hesheng/{self.producer}",
                    type=event.type,
                    subject=event.aggregate,
                    time=self.now,
                    partition=partition,
                    sequence=len(self.partitions[partition]) + 1,
                    data=event.model_dump(mode="json"),
                )
            )

    def shuffle(self, chance: Random) -> None:
        """Name the partitions in another order from now on: readers pull them in the order they are named in."""
        partitions = list(self.partitions.items())
        chance.shuffle(partitions)
        self.partitions = dict(partitions)

    def heads(self) -> Heads:
        """Where the log ends."""
        return Heads(self.epoch, {partition: len(events) for partition, events in self.partitions.items()})

    def page(self, partition: int, after: int, limit: int = 200) -> Page:
        """The events that follow `after`."""
        events = self.partitions[partition]
        return Page(
            producer=self.producer,
            epoch=self.epoch,
            partition=partition,
            head=len(events),
            events=events[after : after + limit],
        )
