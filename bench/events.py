"""The event pipeline: how far subscribers lag under full sign-up load, and how fast an empty one catches up."""

import threading
import time
from datetime import datetime
from importlib import import_module
from typing import Any
from uuid import UUID

from psycopg.rows import tuple_row

from bench.load import Load, run_load
from bench.place import CONSUMERS, admin, fresh_system
from bench.programme import load_programme
from bench.report import Report, Value, percentile
from bench.sql_bound import sign_ups_by_sql
from deploy.local.servers import create_databases, drop_databases
from deploy.local.system import System
from services.common.apply import Subscriber
from services.common.database import Database

SUBSCRIBERS = ("notifications", "reporting")
CLIENTS = 32
SECONDS = 15.0
DRAIN = 60.0
LOG = 50_000
SQL_PERSON = 50_000_000


class LagSampler(threading.Thread):
    """Ten times a second: events committed at the producer and not yet applied by each subscriber."""

    def __init__(self, system: System) -> None:
        super().__init__(daemon=True)
        self._system = system
        self._over = threading.Event()
        self.samples: dict[str, list[float]] = {name: [] for name in SUBSCRIBERS}

    def run(self) -> None:
        producer = admin(self._system, "registration")
        subscribers = {name: admin(self._system, name) for name in SUBSCRIBERS}
        while not self._over.wait(0.1):
            # Cursors first: read the other way round, an event in between would count as less than no lag.
            cursors = {name: _number(database, CURSOR) for name, database in subscribers.items()}
            head = _number(producer, HEAD)
            for name, cursor in cursors.items():
                self.samples[name].append(head - cursor)
        for database in (producer, *subscribers.values()):
            database.close()

    def stop(self) -> dict[str, list[float]]:
        """The samples so far."""
        self._over.set()
        self.join()
        return self.samples


HEAD = "SELECT (SELECT sum(sequence) FROM log_heads) + (SELECT count(*) FROM outbox WHERE sequence IS NULL)"
CURSOR = "SELECT coalesce(sum(sequence), 0) FROM cursors WHERE producer = 'registration'"


def measure(report: Report) -> None:
    """Lag under load, then catch-up of the same log topped up to 50,000 events."""
    with fresh_system() as system:
        report.note("loading 1,000 shifts")
        programme = load_programme(system)
        _wait_until_applied(system, DRAIN)
        _lag(report, system, programme.spread)
        for name in CONSUMERS:
            system.processes[name].terminate()
        _grow_log(report, system, programme.spread)
        for name in SUBSCRIBERS:
            _catch_up(report, system, name)


def _lag(report: Report, system: System, targets: list[tuple[str, str]]) -> None:
    report.note(f"lag under {SECONDS:.0f} s of sign-ups by {CLIENTS} clients")
    with admin(system, "registration") as producer:
        first = _number(producer, "SELECT coalesce(max(id), 0) FROM outbox")
    sampler = LagSampler(system)
    sampler.start()
    result = run_load(Load(system.urls["registration"], targets, CLIENTS, SECONDS, first_person=1))
    samples = sampler.stop()
    begun = time.monotonic()
    late = _wait_until_applied(system, DRAIN)
    drained = time.monotonic() - begun
    report.row(
        "load", f"{CLIENTS} clients, 1,000 shifts, everything running", Value("sign-ups", result.rate, "1/s"),
        Value("lag gone after the load's end", drained, "s"),
    )  # fmt: skip
    for name in SUBSCRIBERS:
        lags, delays = samples[name], _delays(system, name, first)
        report.row(
            "lag at full load", name,
            Value("p50", percentile(lags, 0.5), "events"), Value("max", max(lags, default=0.0), "events"),
            Value("commit to effect p50", percentile(delays, 0.5), "s"),
            Value("commit to effect p99", percentile(delays, 0.99), "s"),
            Value("not applied", late[name], "events"),
        )  # fmt: skip


def _wait_until_applied(system: System, patience: float) -> dict[str, int]:
    """Events that each subscriber still lacks when the patience is over; zeros when it was enough."""
    deadline = time.monotonic() + patience
    connections = {name: admin(system, name) for name in ("registration", *SUBSCRIBERS)}
    while True:
        head = _number(connections["registration"], HEAD)
        lacking = {name: head - _number(connections[name], CURSOR) for name in SUBSCRIBERS}
        if not any(lacking.values()) or time.monotonic() > deadline:
            break
        time.sleep(0.05)
    for connection in connections.values():
        connection.close()
    return lacking


def _delays(system: System, subscriber: str, after: int) -> list[float]:
    """Seconds from the commit of an event to the transaction that applied it."""
    occurred = _moments(system, "registration", f"SELECT event_id, occurred_at FROM outbox WHERE id > {after}")
    applied = _moments(system, subscriber, "SELECT event_id, applied_at FROM applied")
    return [(applied[event] - at).total_seconds() for event, at in occurred.items() if event in applied]


def _moments(system: System, service: str, query: str) -> dict[UUID, datetime]:
    with admin(system, service) as database:
        return dict(database.cursor(row_factory=tuple_row).execute(query.encode()).fetchall())


def _grow_log(report: Report, system: System, targets: list[tuple[str, str]]) -> None:
    """Sign-ups by SQL alone until the log holds 50,000 events, all of them with their place."""
    report.note(f"growing the log to {LOG:,} events")
    person = SQL_PERSON
    with admin(system, "registration") as producer:
        while _number(producer, "SELECT count(*) FROM outbox") < LOG:
            sign_ups_by_sql(system, targets, connections=2, batch=32, seconds=1.0, first_person=person)
            person += 1_000_000
        while _number(producer, "SELECT count(*) FROM outbox WHERE sequence IS NULL"):
            time.sleep(0.05)


def _catch_up(report: Report, system: System, name: str) -> None:
    """From a new, empty database to the head through the feed, with nothing else running."""
    report.note(f"catch-up of {name}")
    drop_databases(system.postgres.admin_url, [name])
    create_databases(system.postgres.admin_url, {name: system.secrets[f"DATABASE_PASSWORD_{name.upper()}"]})
    system.migrate()
    subscriber = subscriber_of(system, name)
    begun = time.perf_counter()
    subscriber.catch_up_fully()
    elapsed = time.perf_counter() - begun
    with admin(system, name) as database:
        applied = _number(database, "SELECT count(*) FROM applied")
        parked = _number(database, "SELECT count(*) FROM parked")
    report.row(
        "catch-up from an empty database", name, Value("log", applied, "events"), Value("took", elapsed, "s"),
        Value("applied", applied / elapsed, "events/s"), Value("parked", parked, "events"),
    )  # fmt: skip


def settings_of(system: System, service: str) -> Any:
    """A service's settings as its own processes read them, without touching our environment."""
    model = import_module(f"services.{service}.settings").Settings
    told = {name.lower(): value for name, value in system.environment(f"{service}-worker").items()}
    return model(**{name: value for name, value in told.items() if name in model.model_fields})


def subscriber_of(system: System, service: str) -> Subscriber:
    """The service's subscriber on its database."""
    settings = settings_of(system, service)
    made: Subscriber = import_module(f"services.{service}.handlers").make_subscriber(
        settings, Database(settings.database_dsn)
    )
    return made


def _number(database: Any, query: str) -> int:
    value = database.execute(query).fetchone()[0]
    return int(value or 0)
