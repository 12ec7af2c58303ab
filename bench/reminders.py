"""Reminders and mails: claims per second, what an idle look costs, mails per second beside a bare smtplib loop."""

import smtplib
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import psycopg

from bench.events import settings_of
from bench.place import admin, fresh_system, start_only
from bench.reminded import EMAIL, fill, make_people
from bench.report import Report, Value, percentile
from deploy.local.system import System
from services.common.database import Database
from services.notifications.operations.reminders import fire_due_reminders

DUE = 100_000
OF_ALL = 10
"""One in ten of those in the table is due."""

PER_PERSON = 2
IDLE_LOOKS = 500
MAIL_SECONDS = 15.0
MAIL_PATIENCE = 60.0
BARE_MAILS = 2_000


def measure(report: Report, rows: int = DUE) -> None:
    """A million rows, of which `rows` (100,000) are due, then claims, idle looks and mails."""
    table = f"{rows * OF_ALL:,} reminders, {rows:,} due"
    with fresh_system(processes=False) as system:
        report.note(f"filling {table}")
        fill(system, make_people(system, rows // PER_PERSON), rows, rows * (OF_ALL - 1))
        database = Database(settings_of(system, "notifications").database_dsn)
        _claims(report, table, database, rows)
        _idle_looks(report, table, system, database)
        _mails(report, system, rows)


def _claims(report: Report, table: str, database: Database, due: int) -> None:
    report.note(f"claiming {due:,} due reminders")
    claimed, begun = 0, time.perf_counter()
    while count := fire_due_reminders(database):
        claimed += count
    elapsed = time.perf_counter() - begun
    if claimed != due:
        raise RuntimeError(f"{claimed} reminders were claimed instead of {due}")
    report.row(
        table,
        "claimed by one worker, each with its message",
        Value("rate", claimed / elapsed, "1/s"),
        Value("took", elapsed, "s"),
    )


def _idle_looks(report: Report, table: str, system: System, database: Database) -> None:
    looks = [_milliseconds(lambda: fire_due_reminders(database)) for _ in range(IDLE_LOOKS)]
    with admin(system, "notifications") as connection:
        ahead = _count(connection, "SELECT count(*) FROM reminders WHERE state = 'pending'")
    report.row(
        table,
        f"idle look, {ahead:,} ahead",
        Value("p50", percentile(looks, 0.5), "ms"),
        Value("p99", percentile(looks, 0.99), "ms"),
    )


def _milliseconds(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return (time.perf_counter() - begun) * 1000


def _mails(report: Report, system: System, due: int) -> None:
    report.note(f"sending due messages for {MAIL_SECONDS:.0f} s")
    start_only(system, "sink", "registration-api", "notifications-pump", "notifications-worker")
    with admin(system, "notifications") as notifications:
        _until_sent(notifications, 1)
        before, begun = _sent(notifications), time.perf_counter()
        while time.perf_counter() - begun < MAIL_SECONDS and _sent(notifications) < due:
            time.sleep(0.1)
        after, elapsed = _sent(notifications), time.perf_counter() - begun
    for name in ("notifications-pump", "notifications-worker"):
        system.processes[name].terminate()
    table = "mails to the local sink"
    report.row(table, "the notifications worker", Value("rate", (after - before) / elapsed, "mails/s"))
    report.note("the bare loop")
    report.row(table, "a bare smtplib loop, same bytes", Value("rate", _bare_loop(system), "mails/s"))


def _until_sent(notifications: psycopg.Connection, count: int) -> None:
    deadline = time.monotonic() + MAIL_PATIENCE
    while _sent(notifications) < count:
        if time.monotonic() > deadline:
            raise RuntimeError(f"no mail was sent within {MAIL_PATIENCE:.0f} s")
        time.sleep(0.05)


def _sent(notifications: psycopg.Connection) -> int:
    return _count(notifications, "SELECT count(*) FROM messages WHERE state = 'sent'")


def _count(connection: psycopg.Connection, query: str) -> int:
    return int(connection.execute(query.encode()).fetchone()[0])  # type: ignore[index]


def _bare_loop(system: System) -> float:
    """Mails per second of a loop that sends what the worker sent, over one connection."""
    kept = sorted(system.mails.glob("*.eml"))[-1].read_bytes()
    content = b"".join(line for line in kept.splitlines(keepends=True) if not line.startswith(b"X-Envelope-"))
    address = urlsplit(system.smtp_url)
    with smtplib.SMTP(address.hostname or "", address.port or 25, timeout=30) as server:
        begun = time.perf_counter()
        for _ in range(BARE_MAILS):
            server.sendmail("hesheng@hesheng.example", [EMAIL], content)
        return BARE_MAILS / (time.perf_counter() - begun)
