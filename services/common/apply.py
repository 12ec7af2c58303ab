"""The subscriber's side of the pipeline: apply pages of events exactly once, in order.

    HANDLERS: Handlers = {RegistrationConfirmed: on_confirmed, ...}
    subscriber = Subscriber(database, feed_client, HANDLERS)
    subscriber.apply(page)        # from the queue
    subscriber.catch_up()         # from the feed

A handler gets the session and a run of consecutive events of one type, oldest first, and writes their effects. The
effects and the cursor commit together, so an event takes effect once however often its page arrives. A handler must
not do anything that a rollback cannot undo: no mail, no HTTP, no broker.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from itertools import groupby
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.database import EVERY_SITE, Database, is_outage
from services.common.events import EVENT_TYPES, Envelope, Event, Received
from services.common.feed import FeedClient
from services.common.logs import bind_request, get_logger
from services.common.outbox import Page

log = get_logger(__name__)

QUERY_CANCELED = "57014"
PROGRAM_LIMIT_EXCEEDED = "54"

LONGEST_PULL = 10.0
"""Seconds after which a long catch-up lets the pump breathe; it goes on at the next look."""

ATTEMPTS = 3
"""Times a handler may fail on an event before its aggregate is parked."""


Handler = Callable[[Session, Sequence[Received]], None]
Handlers = dict[type[Event], Handler]
Observer = Callable[[Session, Sequence[Envelope]], None]
"""What is shown every event whole, after its handler, in the same transaction and under the same rules."""


class Applied(Enum):
    """What became of a page."""

    DONE = "done"
    GAP = "gap"
    HALTED = "halted"


class Subscriber:
    """Applies one producer's events to one service's database."""

    def __init__(
        self, database: Database, feed: FeedClient, handlers: Handlers, observer: Observer | None = None
    ) -> None:
        self._database = database
        self._feed = feed
        self._handlers = handlers
        self._observer = observer
        self._seen: dict[int, int] = {}

    def apply(self, page: Page) -> None:
        """Apply a page from the queue; where one before it is missing, pull that from the feed first."""
        if page.events and self.apply_page(page) is Applied.GAP:
            self._pull(page.partition)

    def catch_up(self) -> bool:
        """Pull what the feed has and the cursors lack; returns whether time ran out over it and more is to be pulled.

        A partition whose cursor moved since the last call is left to the queue: it is only behind, not stuck.
        """
        deadline = time.monotonic() + LONGEST_PULL
        cursors = self._positions()
        heads = self._note_heads(cursors)
        stuck = [
            p for p, head in heads.items() if cursors.get(p, 0) < head and self._seen.get(p, 0) == cursors.get(p, 0)
        ]
        moved = [self._pull(partition, deadline) for partition in stuck]
        goes_on = any(moved) and time.monotonic() >= deadline
        self._seen = self._positions() if goes_on else cursors
        return goes_on

    def catch_up_fully(self) -> None:
        """Pull every partition to its head now, for a rebuild or a first start."""
        for partition in self._note_heads(self._positions()):
            self._pull(partition)

    def apply_page(self, page: Page) -> Applied:
        """Apply a page in one transaction: the effects, the cursor and the list of applied events."""
        try:
            return self._apply_in_one(page, self._handle_runs)
        except Exception as error:
            if _must_wait(error):
                raise
            log.warning("page_failed", partition=page.partition, first=page.first, error=repr(error))
        return self._apply_in_one(page, self._handle_singly)

    def _pull(self, partition: int, deadline: float = math.inf) -> bool:
        """Apply the feed's pages from the cursor on; returns whether there were any."""
        moved = False
        while time.monotonic() < deadline:
            page = self._feed.page(partition, self._positions().get(partition, 0))
            if not page.events or self.apply_page(page) is not Applied.DONE:
                break
            moved = True
        return moved

    def _positions(self) -> dict[int, int]:
        with self._database.transaction(EVERY_SITE) as session:
            rows = session.execute(
                text("SELECT partition, sequence FROM cursors WHERE producer = :producer"),
                {"producer": self._feed.producer},
            )
            return {row.partition: row.sequence for row in rows}

    def _note_heads(self, cursors: dict[int, int]) -> dict[int, int]:
        """Ask where the producer's log ends and write it down; halt what is of another epoch or ahead of the head.

        `cursors` must have been read before this call: one that moves while the answer is under way may rightly be
        ahead of it.
        """
        heads = self._feed.heads()
        with self._database.transaction(EVERY_SITE) as session:
            session.execute(
                text("""
                INSERT INTO cursors AS c (producer, partition, epoch, sequence, head)
                VALUES (:producer, :partition, :epoch, 0, :head)
                ON CONFLICT (producer, partition) DO UPDATE SET
                    head = greatest(c.head, excluded.head),
                    halted = CASE WHEN c.epoch <> excluded.epoch THEN 'the log has another epoch'
                                  WHEN :cursor > excluded.head THEN 'the cursor is ahead of the log'
                                  ELSE c.halted END
                WHERE c.head < excluded.head OR c.epoch <> excluded.epoch OR :cursor > excluded.head
                """),
                [
                    {
                        "producer": self._feed.producer,
                        "partition": partition,
                        "epoch": heads.epoch,
                        "head": head,
                        "cursor": cursors.get(partition, 0),
                    }
                    for partition, head in heads.sequences.items()
                ],
            )
            halted = session.execute(
                text("SELECT partition, halted FROM cursors WHERE producer = :producer AND halted IS NOT NULL"),
                {"producer": self._feed.producer},
            )
            for row in halted:
                log.error("cursor_halted", producer=self._feed.producer, partition=row.partition, reason=row.halted)
        return heads.sequences

    def _apply_in_one(self, page: Page, handle: Callable[[Session, list[Envelope]], None]) -> Applied:
        with self._database.transaction(EVERY_SITE) as session:
            cursor = self._lock_cursor(session, page)
            if cursor.halted or cursor.epoch != page.epoch:
                log.error("page_refused", partition=page.partition, reason=cursor.halted or "another epoch")
                return Applied.HALTED
            if page.first > cursor.sequence + 1:
                return Applied.GAP
            fresh = [envelope for envelope in page.events if envelope.sequence > cursor.sequence]
            if fresh:
                handle(session, self._hold_back_parked(session, fresh))
                self._move_cursor(session, page, fresh)
        if fresh:
            requests = sorted({envelope.requestid for envelope in fresh if envelope.requestid})
            log.info("events_applied", partition=page.partition, last=page.last, count=len(fresh), requests=requests)
        return Applied.DONE

    def _lock_cursor(self, session: Session, page: Page) -> Any:
        key = {"producer": page.producer, "partition": page.partition, "epoch": page.epoch}
        select = text(
            "SELECT epoch, sequence, halted FROM cursors"
            " WHERE producer = :producer AND partition = :partition FOR UPDATE"
        )
        cursor = session.execute(select, key).one_or_none()
        if cursor is None:
            session.execute(
                text(
                    "INSERT INTO cursors (producer, partition, epoch, sequence)"
                    " VALUES (:producer, :partition, :epoch, 0) ON CONFLICT DO NOTHING"
                ),
                key,
            )
            cursor = session.execute(select, key).one()
        return cursor

    def _move_cursor(self, session: Session, page: Page, fresh: list[Envelope]) -> None:
        session.execute(
            text(
                "UPDATE cursors SET sequence = :last, head = greatest(head, :head), moved_at = now()"
                " WHERE producer = :producer AND partition = :partition"
            ),
            {
                "last": page.last,
                "head": max(page.head, page.last),
                "producer": page.producer,
                "partition": page.partition,
            },
        )
        session.execute(
            text(
                "INSERT INTO applied (producer, partition, sequence, event_id)"
                " SELECT :producer, :partition, sequence, event_id"
                " FROM unnest(cast(:sequences AS bigint[]), cast(:ids AS uuid[])) AS fresh (sequence, event_id)"
            ),
            {
                "producer": page.producer,
                "partition": page.partition,
                "sequences": [envelope.sequence for envelope in fresh],
                "ids": [envelope.id for envelope in fresh],
            },
        )

    def _hold_back_parked(self, session: Session, envelopes: list[Envelope]) -> list[Envelope]:
        """Park the events whose aggregate is parked already; return the others."""
        held = set(
            session.scalars(
                text("SELECT aggregate FROM parked WHERE producer = :producer AND aggregate = ANY(:aggregates)"),
                {"producer": self._feed.producer, "aggregates": list({e.subject for e in envelopes})},
            )
        )
        for envelope in envelopes:
            if envelope.subject in held:
                self._park(session, envelope, "waits for an earlier event of the same aggregate")
        return [envelope for envelope in envelopes if envelope.subject not in held]

    def _park(self, session: Session, envelope: Envelope, error: str) -> None:
        session.execute(
            text(
                "INSERT INTO parked (producer, partition, sequence, aggregate, envelope, error)"
                " VALUES (:producer, :partition, :sequence, :aggregate, cast(:envelope AS jsonb), :error)"
                " ON CONFLICT (producer, partition, sequence) DO UPDATE SET error = excluded.error"
            ),
            {
                "producer": self._feed.producer,
                "partition": envelope.partition,
                "sequence": envelope.sequence,
                "aggregate": envelope.subject,
                "envelope": envelope.model_dump_json(),
                "error": error[:2000],
            },
        )

    def _handle_runs(self, session: Session, envelopes: list[Envelope]) -> None:
        """The fast way: each run of one type in one call, no savepoints."""
        for model, run in _runs(envelopes):
            handler = self._handlers.get(model)
            if handler:
                handler(session, run)
        if self._observer and envelopes:
            self._observer(session, envelopes)

    def _handle_singly(self, session: Session, envelopes: list[Envelope]) -> None:
        """The careful way, after the fast one failed: one event at a time, parking the aggregate that fails."""
        held: set[str] = set()
        for envelope in envelopes:
            if envelope.subject in held:
                self._park(session, envelope, "waits for an earlier event of the same aggregate")
                continue
            error = self._try(session, envelope)
            if error is not None:
                held.add(envelope.subject)
                self._park(session, envelope, repr(error))
                log.error("aggregate_parked", aggregate=envelope.subject, type=envelope.type, error=repr(error))

    def _try(self, session: Session, envelope: Envelope) -> Exception | None:
        failure: Exception | None = None
        for _ in range(ATTEMPTS):
            try:
                with session.begin_nested(), bind_request(envelope.requestid):
                    self._handle_runs(session, [envelope])
                return None
            except Exception as error:
                if _must_wait(error):
                    raise
                failure = error
        return failure

    def release(self, aggregate: str) -> int:
        """Apply the parked events of an aggregate in order; returns how many. All or nothing.

        Raises whatever the handler raises: the events then stay parked.
        """
        with self._database.transaction(EVERY_SITE) as session:
            key = {"producer": self._feed.producer, "aggregate": aggregate}
            # The cursor's lock comes first: it keeps later events of the aggregate from being parked meanwhile.
            session.execute(
                text(
                    "SELECT 1 FROM cursors WHERE producer = :producer AND partition IN"
                    " (SELECT partition FROM parked WHERE producer = :producer AND aggregate = :aggregate) FOR UPDATE"
                ),
                key,
            )
            rows = session.execute(
                text(
                    "SELECT envelope FROM parked WHERE producer = :producer AND aggregate = :aggregate"
                    " ORDER BY sequence"
                ),
                key,
            )
            envelopes = [Envelope.model_validate(row.envelope) for row in rows]
            self._handle_runs(session, envelopes)
            session.execute(text("DELETE FROM parked WHERE producer = :producer AND aggregate = :aggregate"), key)
            return len(envelopes)

    def adopt_epoch(self) -> None:
        """Accept the producer's present epoch, after an operator has made sure of what the two databases hold.

        Cursors that were ahead of the restored log go back to its head, so that what is written next is applied.
        """
        heads = self._feed.heads()
        with self._database.transaction(EVERY_SITE) as session:
            session.execute(
                text(
                    "UPDATE cursors SET epoch = :epoch, head = :head, sequence = least(sequence, :head), halted = NULL"
                    " WHERE producer = :producer AND partition = :partition"
                ),
                [
                    {"producer": self._feed.producer, "partition": p, "epoch": heads.epoch, "head": head}
                    for p, head in heads.sequences.items()
                ],
            )


def _runs(envelopes: list[Envelope]) -> Iterator[tuple[type[Event], list[Received]]]:
    """Consecutive events of one type together.

    A type that this code does not know comes from a newer producer: it is parked, for release after the upgrade.
    """
    for name, run in groupby(envelopes, key=lambda envelope: envelope.type):
        model = EVENT_TYPES.get(name)
        if model is None:
            raise LookupError(f"this service does not know {name} yet: upgrade it, then release the aggregate")
        yield (
            model,
            [Received(e.id, e.time, e.requestid, model.model_validate(e.data)) for e in run],
        )


def _must_wait(error: Exception) -> bool:
    """Whether the failure is of the infrastructure, and so no fault of the event.

    A statement that ran out of time or memory is the event's fault, or it would hold up its partition for ever.
    """
    code = getattr(getattr(error, "orig", None), "sqlstate", None) or ""
    return is_outage(error) and code != QUERY_CANCELED and not code.startswith(PROGRAM_LIMIT_EXCEEDED)
