"""What a service knows of its own health and lag: for `/readyz`, `/metrics`, `/internal/status`, `hesheng status`."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from celery import Celery
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.database import EVERY_SITE, Database, expected_revision
from services.common.logs import get_logger
from services.common.parked import parked
from services.common.queue import events_queue, queue_length, work_queue

log = get_logger(__name__)

Gauges = Callable[[Session], dict[str, float]]
"""A service's own figures, by metric name, e.g. {"reminders_due": 3.0}."""


@dataclass
class Status:
    """One service at one moment; of `parked` the hundred oldest.

    A part that could not be read is in `problems` and missing elsewhere.
    """

    service: str
    problems: list[str] = field(default_factory=list)
    epoch: str | None = None
    log_heads: dict[int, int] = field(default_factory=dict)
    unsequenced: int = 0
    oldest_unsent_seconds: float = 0.0
    unsent: dict[str, int] = field(default_factory=dict)
    cursors: list[dict[str, Any]] = field(default_factory=list)
    parked: list[dict[str, Any]] = field(default_factory=list)
    parked_aggregates: int = 0
    queues: dict[str, int] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return asdict(self)


class Health:
    """Reads a service's status. `subscribers` are those it produces for, empty when it has no log of its own."""

    def __init__(
        self,
        service: str,
        database: Database,
        celery: Celery,
        migrations: Path,
        *,
        subscribers: tuple[str, ...] = (),
        subscribes: bool = False,
        gauges: Gauges | None = None,
    ) -> None:
        self.service = service
        self._database = database
        self._celery = celery
        self._expected = expected_revision(migrations)
        self._subscribers = subscribers
        self._subscribes = subscribes
        self._gauges = gauges

    def not_ready(self) -> list[str]:
        """Why this service cannot answer requests now; empty when it can."""
        try:
            revision = self._database.revision()
        except Exception as error:
            return [f"database: {type(error).__name__}"]
        if revision != self._expected:
            return [f"migrations: the database is at {revision}, the code expects {self._expected}"]
        return []

    def status(self) -> Status:
        """Everything there is to know, whatever of it can be read."""
        status = Status(self.service, problems=self.not_ready())
        if not status.problems:
            try:
                with self._database.transaction(EVERY_SITE) as session:
                    self._read_database(session, status)
            except Exception as error:
                status.problems.append(f"database: {type(error).__name__}")
        try:
            status.queues = {
                name: queue_length(self._celery, name)
                for name in (events_queue(self.service), work_queue(self.service))
            }
        except Exception as error:
            status.problems.append(f"broker: {type(error).__name__}")
        return status

    def _read_database(self, session: Session, status: Status) -> None:
        if self._subscribers:
            _read_log(session, status, self._subscribers)
        if self._subscribes:
            _read_cursors(session, status)
        if self._gauges:
            status.figures = self._gauges(session)


def _read_log(session: Session, status: Status, subscribers: tuple[str, ...]) -> None:
    status.epoch = str(session.scalar(text("SELECT epoch FROM event_log")))
    heads = session.execute(text("SELECT partition, sequence FROM log_heads ORDER BY partition"))
    status.log_heads = {row.partition: row.sequence for row in heads}
    status.unsequenced = session.scalar(text("SELECT count(*) FROM outbox WHERE sequence IS NULL")) or 0
    rows = session.execute(
        text("""
        SELECT subscriber, sum(log_heads.sequence - coalesce(sent_pages.sequence, 0)) AS unsent,
               min((SELECT occurred_at FROM outbox WHERE outbox.partition = log_heads.partition
                    AND outbox.sequence = coalesce(sent_pages.sequence, 0) + 1)) AS oldest
        FROM unnest(cast(:subscribers AS text[])) AS subscriber CROSS JOIN log_heads
        LEFT JOIN sent_pages USING (subscriber, partition) GROUP BY subscriber
        """),
        {"subscribers": list(subscribers)},
    ).all()
    status.unsent = {row.subscriber: int(row.unsent) for row in rows}
    oldest = session.scalar(
        text(
            "SELECT extract(epoch FROM clock_timestamp() - least("
            "(SELECT min(occurred_at) FROM outbox WHERE sequence IS NULL), cast(:oldest AS timestamptz)))"
        ),
        {"oldest": min((row.oldest for row in rows if row.oldest), default=None)},
    )
    status.oldest_unsent_seconds = max(0.0, float(oldest or 0))


def _read_cursors(session: Session, status: Status) -> None:
    rows = session.execute(
        text("SELECT producer, partition, sequence, head, halted FROM cursors ORDER BY producer, partition")
    )
    status.cursors = [dict(row._mapping) for row in rows]
    status.parked = [dict(row._mapping) | {"since": str(row.since)} for row in parked(session)]
    status.parked_aggregates = (
        session.scalar(text("SELECT count(*) FROM (SELECT DISTINCT producer, aggregate FROM parked) AS held")) or 0
    )


class StatusCollector(Collector):
    """The status as Prometheus gauges, read when scraped."""

    def __init__(self, health: Health) -> None:
        self._health = health

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One family per figure."""
        status = self._health.status()
        yield _gauge("hesheng_ready", "1 when the service can answer requests", not self._health.not_ready())
        yield _gauge("hesheng_problems", "parts of the service that could not be read", len(status.problems))
        yield _gauge("hesheng_unsequenced_events", "committed events without a place in the log", status.unsequenced)
        yield _gauge("hesheng_oldest_unsent_seconds", "age of the oldest unsent event", status.oldest_unsent_seconds)
        yield _gauge("hesheng_parked_aggregates", "aggregates held back by a failing event", status.parked_aggregates)
        yield _gauge(
            "hesheng_halted_cursors", "partitions stopped with an alarm", sum(bool(c["halted"]) for c in status.cursors)
        )
        yield _labelled("hesheng_queue_length", "messages waiting in a queue", "queue", status.queues)
        yield _labelled("hesheng_unsent_events", "events a subscriber was not sent yet", "subscriber", status.unsent)
        lag: dict[str, float] = {}
        for cursor in status.cursors:
            lag[cursor["producer"]] = lag.get(cursor["producer"], 0) + max(0, cursor["head"] - cursor["sequence"])
        yield _labelled("hesheng_lag_events", "log head minus cursor", "producer", lag)
        for name, value in status.figures.items():
            yield _gauge(f"hesheng_{name}", name.replace("_", " "), value)


def _gauge(name: str, description: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, description, value=float(value))


def _labelled(name: str, description: str, label: str, values: dict[str, Any]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, description, labels=[label])
    for key, value in values.items():
        family.add_metric([key], float(value))
    return family
