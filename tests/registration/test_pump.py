"""The pump and the feed: what was done over HTTP arrives in the queue and can be pulled."""

import threading
import time
from collections.abc import Iterator

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.database import EVERY_SITE, Database
from services.common.pump import STUCK_AFTER, Duty, overdue, turn
from services.common.queue import events_queue, queue_length, work_queue
from services.registration import pump
from services.registration.pump import Watch, duties
from services.registration.settings import SUBSCRIBERS, Settings
from services.registration.tasks import FORGET_TASK, RENEW_TASK, make_celery_app
from tests.conftest import PERSONAL_DATA_KEY, REPORTING_TOKEN
from tests.registration.world import Caller, Site


def empty_queues(settings: Settings) -> None:
    """What other tests told nobody here reads: while it lies there the pump lets events gather."""
    with make_celery_app(settings).connection_or_acquire() as connection:
        for name in SUBSCRIBERS:
            connection.default_channel.queue_purge(events_queue(name))


def test_what_is_done_is_sent_to_each_subscriber_and_can_be_pulled(site: Site, settings: Settings) -> None:
    site.sign_up(site.shift())
    app = make_celery_app(settings)
    empty_queues(settings)
    before = {name: queue_length(app, events_queue(name)) for name in SUBSCRIBERS}
    deadline = time.monotonic() + 20
    todo = [duty for duty in duties(settings) if duty.name in ("sequence", "send")]
    while any(duty.act() for duty in todo):
        assert time.monotonic() < deadline
    for name in SUBSCRIBERS:
        assert queue_length(app, events_queue(name)) > before[name]
    reporting = Caller(site.app, REPORTING_TOKEN)
    heads = reporting.expect(200, "GET", "/events/heads")["heads"]
    partition = site.sql("SELECT partition FROM outbox WHERE aggregate = :id", id=site.id)[0].partition
    page = reporting.expect(200, "GET", f"/events?partition={partition}&after=0&limit=1000")
    assert page["head"] == heads[str(partition)]
    assert site.id in {event["subject"] for event in page["events"]}


def test_the_tidying_duty_says_that_it_rests(settings: Settings) -> None:
    tidy = next(duty for duty in duties(settings) if duty.name == "tidy")
    assert not tidy.act()
    assert tidy.idle < 60


def test_a_new_key_wakes_the_worker_until_everything_is_encrypted_with_it(site: Site, settings: Settings) -> None:
    site.sign_up(site.shift())
    keys = SecretStr(f"{Fernet.generate_key().decode()},{PERSONAL_DATA_KEY}")
    rotated = settings.model_copy(update={"personal_data_keys": keys})
    app, queue = make_celery_app(settings), work_queue("registration")
    before = queue_length(app, queue)
    for which, nudges in ((settings, 0), (rotated, 1)):
        duty = next(duty for duty in duties(which) if duty.name == "renew")
        assert not duty.act()
        assert queue_length(app, queue) == before + nudges


def test_the_worker_knows_its_tasks(settings: Settings) -> None:
    assert {FORGET_TASK, RENEW_TASK} <= set(make_celery_app(settings).tasks)


def test_the_status_knows_both_subscribers(site: Site, operator: Caller) -> None:
    status = operator.expect(200, "GET", "/internal/status")
    assert set(status["unsent"]) == set(SUBSCRIBERS)
    assert status["problems"] == []


LOCK = 7_311_042


@pytest.fixture
def held_lock(database: Database) -> Iterator[threading.Event]:
    """A lock that every watch waits for, until the test lets go of it."""
    let_go, taken = threading.Event(), threading.Event()

    def hold() -> None:
        with database.transaction(EVERY_SITE) as session:
            session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
            taken.set()
            let_go.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    assert taken.wait(20)
    yield let_go
    let_go.set()
    holder.join()


def _waits(session: Session) -> None:
    session.execute(text("SELECT pg_advisory_xact_lock_shared(:key)"), {"key": LOCK})


def test_events_are_sent_while_every_watch_waits_in_the_database(
    site: Site, settings: Settings, database: Database, held_lock: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [watch.name for watch in pump.watches(settings.personal_data())]
    monkeypatch.setattr(pump, "watches", lambda data: [Watch(name, _waits, FORGET_TASK, 1.0) for name in names])
    made = {duty.name: duty for duty in duties(settings)}
    waiting = [threading.Thread(target=made[name].act) for name in names]
    for thread in waiting:
        thread.start()
    query = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = :key AND NOT granted")
    deadline = time.monotonic() + 20
    while True:  # each has a connection of its own
        with database.transaction() as session:
            if session.scalar(query, {"key": LOCK}) == len(names):
                break
        assert time.monotonic() < deadline
    empty_queues(settings)
    site.sign_up(site.shift())
    assert made["sequence"].act()
    assert made["send"].act()
    held_lock.set()
    for thread in waiting:
        thread.join()


def test_a_duty_that_rests_is_not_stuck() -> None:
    stop, acted = threading.Event(), threading.Event()
    awaited = {"rests": time.monotonic() - 2 * STUCK_AFTER, "hangs": time.monotonic() - 2 * STUCK_AFTER}
    rests = Duty("rests", acted.set, idle=10 * STUCK_AFTER)
    thread = threading.Thread(target=turn, args=(rests, stop, awaited))
    thread.start()
    assert acted.wait(20)
    stop.set()
    thread.join()
    assert overdue(awaited) == ["hangs"]
    assert awaited["rests"] > time.monotonic() + 9 * STUCK_AFTER
