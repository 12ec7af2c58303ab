"""How long a confirmation takes from its sign-up's commit to the mail server, alone and beside an announcement to many.

The announcement is in the database as somebody would have approved it; all that follows is the services' own.
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.parser import BytesHeaderParser
from pathlib import Path

import psycopg

from bench.place import admin, fresh_system
from bench.programme import ROOM_FOR_ALL, Programme, load_programme
from bench.reminded import add_people
from bench.report import Report, Value, percentile
from deploy.local.system import System

PEOPLE = 100_000
SIGN_UPS, SECONDS = 200, 20.0
PATIENCE = 300.0

TABLE = "a confirmation, from the sign-up's commit to the mail server"
ANNOUNCE = """
INSERT INTO announcements (site_id, state, audience, about_zh, about_en, subject_zh, text_zh, subject_en, text_en,
                           created_by, written_by, people, unreached, submitted_at, submitted_by, approved_at,
                           approved_by)
VALUES (%s, 'scheduled', %s, '站点', 'the site', '停水通知', '{{name}}：明天停水。', '', '', 'bench', '{bench}', %s, 0,
        now(), 'bench', now(), 'another')
RETURNING id::text
"""
AUDIENCE = {
    "to": "site", "activity_id": None, "shift_ids": [], "places": [], "team_id": None, "area": None,
    "volunteers_only": False, "language": None, "ages": None,
}  # fmt: skip
WRITTEN = """
SELECT written, extract(epoch FROM written_at - begun_at)::float FROM announcements WHERE id = %s
"""
SENT = "SELECT count(*) FROM messages WHERE kind = 'announcement' AND state = 'sent'"
CONFIRMED = (
    "SELECT event_id::text, occurred_at FROM outbox WHERE id > %s AND type = 'hesheng.registration.confirmed.v1'"
)
MAILED = """
SELECT cause_event::text, message_id_header FROM messages
WHERE kind = 'confirmation' AND state = 'sent' AND cause_event = ANY(%s::uuid[])
"""


def measure(report: Report, rows: int = PEOPLE) -> None:
    """Sign-ups at an even pace without an announcement, then while one is written down and sent."""
    with fresh_system() as system:
        report.note(f"{rows:,} people")
        programme = load_programme(system, sites=1, activities=0)
        _awake(system)
        add_people(system, programme.sites[0][0], rows)
        with admin(system, "registration") as registration:
            registration.execute("VACUUM ANALYZE")
        shift, _ = programme.shift(ROOM_FOR_ALL)
        _row(report, "nothing else", _delays(system, programme, shift))
        with _announcing(report, system, programme, rows):
            _row(report, f"while an announcement to {rows:,} people goes out", _delays(system, programme, shift))


def _awake(system: System) -> None:
    """No quiet hours: it is measured at any time of day."""
    with admin(system, "notifications") as notifications:
        deadline = time.monotonic() + PATIENCE
        while not notifications.execute("UPDATE sites SET quiet_from = '00:00', quiet_until = '00:00'").rowcount:
            if time.monotonic() > deadline:
                raise RuntimeError("the site did not arrive")
            time.sleep(0.1)


def _row(report: Report, row: str, delays: list[float]) -> None:
    report.row(
        TABLE, row,
        Value("p50", percentile(delays, 0.5), "ms"), Value("p99", percentile(delays, 0.99), "ms"),
        Value("longest", max(delays), "ms"), Value("confirmations", len(delays), "mails"),
    )  # fmt: skip


@contextmanager
def _announcing(report: Report, system: System, programme: Programme, rows: int) -> Iterator[None]:
    """An announcement goes out meanwhile; says how long it took to write down, and how many mails went in the time."""
    with admin(system, "notifications") as notifications:
        told = [programme.sites[0][0], json.dumps(AUDIENCE), rows]
        made = notifications.execute(ANNOUNCE, told).fetchone()[0]  # type: ignore[index]
        begun = time.perf_counter()
        yield
        sent, elapsed = _count(notifications, SENT), time.perf_counter() - begun
        deadline = time.monotonic() + PATIENCE
        while (found := notifications.execute(WRITTEN, [made]).fetchone()) and found[1] is None:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{found[0]} of {rows} people were written down")
            time.sleep(0.1)
    table = f"an announcement to {rows:,} people"
    report.row(table, "written down", Value("rate", rows / found[1], "people/s"), Value("took", found[1], "s"))  # type: ignore[index]
    report.row(table, "sent beside the sign-ups", Value("rate", sent / elapsed, "mails/s"))


def _delays(system: System, programme: Programme, shift: str) -> list[float]:
    """Milliseconds, of each sign-up."""
    with admin(system, "registration") as registration:
        last = _count(registration, "SELECT coalesce(max(id), 0) FROM outbox")
        _sign_up(programme, shift)
        occurred = dict(registration.execute(CONFIRMED, [last]).fetchall())
    with admin(system, "notifications") as notifications:
        mailed = _mailed(notifications, list(occurred))
    came = _arrivals(system.mails)
    return [(came[mailed[event]] - at.timestamp()) * 1000 for event, at in occurred.items()]


def _sign_up(programme: Programme, shift: str) -> None:
    """At an even pace, whatever the answers take: each in a thread of its own."""
    _, _, api = programme.sites[0]
    failed: list[Exception] = []

    def one(number: int) -> None:
        mark = f"{time.time_ns()}{number}"
        person = {"name": f"居民{mark}", "email": f"r{mark}@example.org"}
        try:
            api.call("POST", f"/v1/shifts/{shift}/registrations", {"person": person})
        except Exception as error:
            failed.append(error)

    threads = []
    begun = time.monotonic()
    for number in range(SIGN_UPS):
        time.sleep(max(0.0, begun + number * SECONDS / SIGN_UPS - time.monotonic()))
        threads.append(threading.Thread(target=one, args=(number,)))
        threads[-1].start()
    for thread in threads:
        thread.join()
    if failed:
        raise RuntimeError(f"{len(failed)} sign-ups failed: {failed[0]}")


def _mailed(notifications: psycopg.Connection, events: list[str]) -> dict[str, str]:
    """The Message-ID of each event's confirmation, once all are sent."""
    deadline = time.monotonic() + PATIENCE
    while len(found := dict(notifications.execute(MAILED, [events]).fetchall())) < len(events):
        if time.monotonic() > deadline:
            raise RuntimeError(f"{len(found)} of {len(events)} confirmations were sent")
        time.sleep(0.1)
    return found


def _arrivals(folder: Path) -> dict[str, float]:
    """When each mail came, in seconds since 1970, by its Message-ID."""
    came = {}
    for file in folder.glob("*.eml"):
        with file.open("rb") as content:
            headers = BytesHeaderParser().parse(content)
        came[str(headers["Message-ID"]).strip()] = int(file.stem.partition("-")[2]) / 1000
    return came


def _count(database: psycopg.Connection, query: str) -> int:
    return int(database.execute(query.encode()).fetchone()[0])  # type: ignore[index]
