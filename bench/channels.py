"""SMS and webhooks per second, each beside a bare loop that sends the same requests to the same stand-in."""

import time
from collections.abc import Callable

import psycopg
import requests

from bench.events import settings_of
from bench.place import admin, fresh_system, start_only
from bench.reminded import PHONE, SITE, fill, make_people
from bench.report import Report, Value
from bench.stand_in import stand_in
from deploy.local.system import System
from services.common.database import Database
from services.notifications.operations.reminders import fire_due_reminders
from services.notifications.operations.webhooks.endpoints import Rules, create_endpoint
from services.notifications.schemas.webhooks import WebhookBody

ROWS = 5_000
SITES = 5
PATIENCE = 120.0
TOKEN = "bench"

DELIVERIES = """
INSERT INTO webhook_deliveries (id, endpoint_id, site_id, event_id, type, occurred_at, body, state, expires_at)
SELECT gen_random_uuid(), e.id, e.site_id, gen_random_uuid(), 'hesheng.shift.opened.v1', now(), %s, 'pending',
       now() + interval '1 day'
FROM webhook_endpoints AS e CROSS JOIN generate_series(1, %s::int)
"""
BODY = '{"specversion":"1.0","type":"hesheng.shift.opened.v1","data":{"text":"%s"}}' % ("和声" * 120)
SMS_DONE = "SELECT count(*) FROM messages WHERE channel = 'sms' AND state = 'sent'"
WEBHOOKS_DONE = "SELECT count(*) FROM webhook_deliveries WHERE state = 'delivered'"


def measure(report: Report, rows: int = ROWS) -> None:
    """So many SMS and so many webhooks, each until the last is sent."""
    with stand_in() as address:
        told = {"SMS_URL": f"http://{TOKEN}@{address}/send"}
        with fresh_system(processes=False, told={"notifications": told}) as system:
            _sms(report, system, address, rows)
            _webhooks(report, system, address, rows)


def _sms(report: Report, system: System, address: str, rows: int) -> None:
    report.note(f"{rows:,} SMS")
    fill(system, make_people(system, rows, by="phone"), rows, 0)
    database = Database(settings_of(system, "notifications").database_dsn)
    while fire_due_reminders(database):
        pass
    start_only(system, "registration-api", "notifications-worker", "notifications-pump")
    table = "SMS to a gateway that answers at once"
    report.row(table, "the notifications worker", Value("rate", _rate(system, SMS_DONE, rows), "SMS/s"))
    body = {"id": "0" * 34, "to": PHONE % 1, "text": "【职工新街社区】" + "提醒" * 30, "kind": "reminder"}
    headers = {"Authorization": f"Bearer {TOKEN}", "Idempotency-Key": "0" * 34}
    bare = _bare_loop(lambda http: http.post(f"http://{address}/send", json=body, headers=headers), rows)
    report.row(table, "a bare loop, one connection", Value("rate", bare, "SMS/s"))


def _webhooks(report: Report, system: System, address: str, rows: int) -> None:
    report.note(f"{rows:,} webhooks of {SITES} sites")
    settings = settings_of(system, "notifications")
    rules = Rules(settings.box(), loopback=True)
    database = Database(settings.database_dsn)
    for number in range(SITES):
        site = f"{SITE[:-4]}{number:04d}"
        with database.transaction(site) as session:
            create_endpoint(session, rules, site, WebhookBody(url=f"http://{address}/{number}"))  # type: ignore[arg-type]
    with admin(system, "notifications") as notifications:
        notifications.execute(DELIVERIES, [BODY, rows // SITES])
    table = "webhooks to a receiver that answers at once"
    rate = _rate(system, WEBHOOKS_DONE, rows // SITES * SITES)
    report.row(table, f"the notifications pump, {SITES} sites", Value("rate", rate, "webhooks/s"))
    headers = {"Content-Type": "application/cloudevents+json; charset=utf-8", "webhook-signature": "v1," + "0" * 44}
    bare = _bare_loop(lambda http: http.post(f"http://{address}/0", data=BODY.encode(), headers=headers), rows)
    report.row(table, "a bare loop, one connection", Value("rate", bare, "webhooks/s"))


def _rate(system: System, done: str, rows: int) -> float:
    """Per second, from the first that is done to the last."""
    with admin(system, "notifications") as notifications:
        first = _until(notifications, done, 1)
        begun = time.perf_counter()
        last = _until(notifications, done, rows)
        return (last - first) / (time.perf_counter() - begun)


def _until(notifications: psycopg.Connection, done: str, count: int) -> int:
    deadline = time.monotonic() + PATIENCE
    while (now := int(notifications.execute(done.encode()).fetchone()[0])) < count:  # type: ignore[index]
        if time.monotonic() > deadline:
            raise RuntimeError(f"{now} of {count} were sent within {PATIENCE:.0f} s")
        time.sleep(0.05)
    return now


def _bare_loop(send: Callable[[requests.Session], requests.Response], count: int) -> float:
    with requests.Session() as http:
        http.trust_env = False
        begun = time.perf_counter()
        for _ in range(count):
            send(http).raise_for_status()
        return count / (time.perf_counter() - begun)
