"""Reminders and mails: claims per second, what an idle look costs, mails per second beside a bare smtplib loop."""

import smtplib
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from bench.events import settings_of
from bench.place import admin, fresh_system, start_only
from bench.report import Report, Value, percentile
from bench.sql_bound import PERSON, personal_data
from deploy.local.system import System
from services.common.database import Database
from services.notifications.operations.reminders import fire_due_reminders

DUE = 50_000
PEOPLE = 2_000
IDLE_LOOKS = 500
MAIL_SECONDS = 15.0
MAIL_PATIENCE = 60.0
BARE_MAILS = 2_000

SITE = "00000000-0000-0000-0000-000000000001"
"""As in the scene."""

SCENE = Path(__file__).with_name("reminders.sql")


def measure(report: Report) -> None:
    """A million rows, then claims, idle looks and mails."""
    with fresh_system(processes=False) as system:
        report.note("filling a million reminders")
        _fill(system, _people(system))
        database = Database(settings_of(system, "notifications").database_dsn)
        _claims(report, database)
        _idle_looks(report, system, database)
        _mails(report, system)


def _people(system: System) -> list[str]:
    """People in registration whom mails can be sent to; each will get many."""
    data = personal_data(system)
    with admin(system, "registration") as registration:
        registration.execute(
            "WITH area AS (INSERT INTO areas (code, level, name_zh, name_en) VALUES ('1', 'city', '太原市', 'Taiyuan'))"
            " INSERT INTO sites (id, area, name_zh, name_en, time_zone) VALUES (%s, '1', '社区', 'Site', 'UTC')",
            [SITE],
        )
        rows = registration.execute(
            "WITH new AS (INSERT INTO people SELECT FROM generate_series(1, %s::int) RETURNING id)"
            " INSERT INTO person_sites (person_id, site_id, name, phone, email, encrypted_with)"
            " SELECT id, %s, %s::bytea, %s::bytea, %s::bytea, %s FROM new RETURNING person_id::text",
            [PEOPLE, SITE, *(data.encrypt(value) for value in PERSON.values()), data.newest_key],
        )
        return [row[0] for row in rows]


def _fill(system: System, people: list[str]) -> None:
    with admin(system, "notifications") as notifications:
        notifications.execute("CREATE TEMPORARY TABLE bench_people (id uuid)")
        notifications.execute("INSERT INTO bench_people SELECT unnest(%s::uuid[])", [people])
        notifications.execute(SCENE.read_bytes())
        notifications.execute("VACUUM ANALYZE")
        notifications.execute("CHECKPOINT")


def _claims(report: Report, database: Database) -> None:
    report.note(f"claiming {DUE:,} due reminders")
    claimed, begun = 0, time.perf_counter()
    while count := fire_due_reminders(database):
        claimed += count
    elapsed = time.perf_counter() - begun
    if claimed != DUE:
        raise RuntimeError(f"{claimed} reminders were claimed instead of {DUE}")
    report.row(
        "a million reminders, 50,000 due",
        "claimed by one worker, each with its message",
        Value("rate", claimed / elapsed, "1/s"),
        Value("took", elapsed, "s"),
    )


def _idle_looks(report: Report, system: System, database: Database) -> None:
    looks = [_milliseconds(lambda: fire_due_reminders(database)) for _ in range(IDLE_LOOKS)]
    with admin(system, "notifications") as connection:
        ahead = _count(connection, "SELECT count(*) FROM reminders WHERE state = 'pending'")
    report.row(
        "a million reminders, 50,000 due",
        f"idle look, {ahead:,} ahead",
        Value("p50", percentile(looks, 0.5), "ms"),
        Value("p99", percentile(looks, 0.99), "ms"),
    )


def _milliseconds(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return (time.perf_counter() - begun) * 1000


def _mails(report: Report, system: System) -> None:
    report.note(f"sending due messages for {MAIL_SECONDS:.0f} s")
    start_only(system, "sink", "registration-api", "notifications-pump", "notifications-worker")
    with admin(system, "notifications") as notifications:
        _until_sent(notifications, 1)
        before, begun = _sent(notifications), time.perf_counter()
        while time.perf_counter() - begun < MAIL_SECONDS and _sent(notifications) < DUE:
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
            server.sendmail("hesheng@hesheng.example", [PERSON["email"]], content)
        return BARE_MAILS / (time.perf_counter() - begun)
