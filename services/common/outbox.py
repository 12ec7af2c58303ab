"""The producer's side of the pipeline: add events in a business transaction, number them, send them.

    with database.transaction(site) as session:
        ...                                         # lock the aggregate, change it
        add_events(session, [ActivityPublished(...)])

The pump then calls `sequence_events` and `send_pages` over and over. What is guaranteed: each committed event gets
exactly one place in the log, in an order that agrees with the locks its transactions took, and reaches each
subscriber at least once. What is not: that sending is prompt, or that a page is sent only once. The subscriber's
cursor and the feed (`apply.py`, `feed.py`) make exactly-once of that.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any, Protocol
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from services.common.database import Database
from services.common.events import Envelope, Event
from services.common.logs import current_request_id, get_logger

log = get_logger(__name__)

SEQUENCE_BATCH = 5_000
PAGE_SIZE = 200
BUSY = 4
"""Pages waiting in a subscriber's queue beyond which sending rests: what is written meanwhile comes in fewer, larger
pages, which cost its worker less. A crowd's confirmations beside an announcement took a third of the time by it."""

LONGEST_BACKLOG = 40_000
"""Events that a busy subscriber was not sent beyond which they are left to the feed, which brings them from disk."""


class Page(BaseModel):
    """Consecutive events of one partition of one producer's log."""

    producer: str
    epoch: UUID
    partition: int
    head: int
    events: list[Envelope]

    @property
    def first(self) -> int:
        """Sequence of the first event."""
        return self.events[0].sequence

    @property
    def last(self) -> int:
        """Sequence of the last event."""
        return self.events[-1].sequence


class PageQueue(Protocol):
    """Where pages go: the broker, as the pump sees it."""

    def send_page(self, subscriber: str, page: dict[str, Any]) -> None:
        """Put one page on the subscriber's queue, or raise."""

    def length(self, subscriber: str) -> int:
        """How many pages wait there."""


def add_events(session: Session, events: Iterable[Event]) -> None:
    """Add events to the log within the caller's transaction, which must hold the lock of their aggregate."""
    told = list(events)
    if told:
        session.execute(
            text(
                "INSERT INTO outbox (type, aggregate, request_id, data)"
                " SELECT type, aggregate, :request_id, cast(data AS jsonb) FROM unnest("
                "cast(:types AS text[]), cast(:aggregates AS text[]), cast(:data AS text[]))"
                " WITH ORDINALITY AS e (type, aggregate, data, place) ORDER BY place"
            ),
            {
                "types": [event.type for event in told],
                "aggregates": [event.aggregate for event in told],
                "request_id": current_request_id(),
                "data": [event.model_dump_json() for event in told],
            },
        )


def sequence_events(database: Database) -> int:
    """Give committed events their places in the log; returns how many got one.

    The lock on `log_heads` lets one pump at a time do this, and UNIQUE(partition, sequence) stops whoever did not
    hold it. Row ids order the batch: they are drawn under the aggregate's lock, so they agree with commit order
    wherever two transactions could see each other.
    """
    with database.transaction() as session:
        if not session.scalar(text("SELECT EXISTS (SELECT 1 FROM outbox WHERE sequence IS NULL)")):
            return 0  # row locks are writes: an idle pump must not make any
        session.execute(text("SELECT 1 FROM log_heads ORDER BY partition FOR UPDATE"))
        return session.execute(
            text("""
            WITH waiting AS MATERIALIZED (
                SELECT id, partition, row_number() OVER (PARTITION BY partition ORDER BY id) AS place
                FROM (SELECT id, partition FROM outbox WHERE sequence IS NULL ORDER BY id LIMIT :batch) AS oldest
            ), moved AS (
                UPDATE log_heads SET sequence = log_heads.sequence + added.count
                FROM (SELECT partition, count(*) AS count FROM waiting GROUP BY partition) AS added
                WHERE log_heads.partition = added.partition
                RETURNING log_heads.partition, log_heads.sequence - added.count AS base
            )
            UPDATE outbox SET sequence = moved.base + waiting.place
            FROM waiting JOIN moved USING (partition)
            WHERE outbox.id = waiting.id
            """),
            {"batch": SEQUENCE_BATCH},
        ).rowcount  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Heads:
    """Where the log ends: its epoch, and the last sequence of each partition."""

    epoch: UUID
    sequences: dict[int, int]


def read_heads(session: Session) -> Heads:
    """Where this service's log ends now."""
    epoch = session.execute(text("SELECT epoch FROM event_log")).scalar_one()
    rows = session.execute(text("SELECT partition, sequence FROM log_heads ORDER BY partition"))
    return Heads(epoch, {row.partition: row.sequence for row in rows})


def read_page(session: Session, producer: str, partition: int, after: int, limit: int = PAGE_SIZE) -> Page:
    """The events of one partition that follow `after`, at most `limit` of them."""
    heads = read_heads(session)
    rows = session.execute(
        text(
            "SELECT event_id, type, aggregate, partition, sequence, occurred_at, request_id, data FROM outbox"
            " WHERE partition = :partition AND sequence > :after ORDER BY sequence LIMIT :limit"
        ),
        {"partition": partition, "after": after, "limit": limit},
    )
    events = [
        Envelope(
            id=row.event_id,
            source=f"/hesheng/{producer}",
            type=row.type,
            subject=row.aggregate,
            time=row.occurred_at,
            partition=row.partition,
            sequence=row.sequence,
            requestid=row.request_id,
            data=row.data,
        )
        for row in rows
    ]
    return Page(
        producer=producer, epoch=heads.epoch, partition=partition, head=heads.sequences[partition], events=events
    )


_BEHIND = text("""
SELECT name AS subscriber, h.partition, coalesce(s.sequence, 0) AS sent, h.sequence AS head
FROM unnest(cast(:subscribers AS text[])) AS name CROSS JOIN log_heads AS h
LEFT JOIN sent_pages AS s ON s.subscriber = name AND s.partition = h.partition
WHERE h.sequence > coalesce(s.sequence, 0) ORDER BY name, h.partition
""")
"""One statement for all subscribers: this is asked thirty times a second, and nearly always there is nothing."""


def send_pages(database: Database, queue: PageQueue, producer: str, subscribers: Sequence[str]) -> int:
    """Send what each subscriber was not sent yet; returns the number of pages.

    A page is sent first and marked after. A pump killed in between sends it again and the subscriber skips it.
    """
    with database.transaction() as session:
        behind = session.execute(_BEHIND, {"subscribers": list(subscribers)}).all()
    return sum(
        _send_to(database, queue, producer, subscriber, list(rows))
        for subscriber, rows in groupby(behind, key=attrgetter("subscriber"))
    )


def _send_to(database: Database, queue: PageQueue, producer: str, subscriber: str, behind: list[Row[Any]]) -> int:
    if queue.length(subscriber) > BUSY:
        if sum(row.head - row.sent for row in behind) > LONGEST_BACKLOG:
            # The subscriber is down, or pulls by itself. Pages would only say again what the feed has.
            log.warning("queue_long", subscriber=subscriber, left_to_the_feed=True)
            _mark_sent(database, subscriber, {row.partition: row.head for row in behind})
        return 0
    pages = 0
    for row in behind:
        with database.transaction() as session:
            page = read_page(session, producer, row.partition, row.sent)
        if page.events:
            queue.send_page(subscriber, page.model_dump(mode="json"))
            _mark_sent(database, subscriber, {row.partition: page.last})
            pages += 1
    return pages


def _mark_sent(database: Database, subscriber: str, sequences: dict[int, int]) -> None:
    with database.transaction() as session:
        session.execute(
            text(
                "INSERT INTO sent_pages (subscriber, partition, sequence) VALUES (:subscriber, :partition, :sequence)"
                " ON CONFLICT (subscriber, partition)"
                " DO UPDATE SET sequence = greatest(sent_pages.sequence, excluded.sequence)"
            ),
            [{"subscriber": subscriber, "partition": p, "sequence": s} for p, s in sequences.items()],
        )


def begin_new_epoch(database: Database) -> UUID:
    """Give the log a new id. To be called once after the producer's database was restored from a backup.

    Subscribers that have seen events which the backup does not hold then stop with an alarm instead of skipping
    what will be written at the same places.
    """
    with database.transaction() as session:
        return session.execute(
            text("UPDATE event_log SET epoch = gen_random_uuid(), created_at = now() RETURNING epoch")
        ).scalar_one()
