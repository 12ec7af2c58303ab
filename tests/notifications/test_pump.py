"""The pump wakes the worker for what is due, and no more often than that helps."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import Celery

from services.common.database import Database
from services.common.pump import Duty
from services.common.queue import make_celery, queue_length
from services.notifications.operations.announcements.sending import send_announcements
from services.notifications.operations.deliver import Postman, deliver_batch
from services.notifications.operations.providers import failing, tell
from services.notifications.operations.reminders import fire_due_reminders
from services.notifications.pump import LONGEST_QUEUE, duties
from services.notifications.settings import Settings
from tests.notifications.story import Story
from tests.notifications.test_announcements import Desk, site  # noqa: F401

Rows = Callable[..., list[Any]]
QUEUE = "notifications.work"


@pytest.fixture
def celery(settings: Settings) -> Iterator[Celery]:
    app = make_celery(settings)
    with app.connection_for_write() as connection, connection.channel() as channel:
        channel.queue_purge(QUEUE)
        yield app
        channel.queue_purge(QUEUE)


@pytest.fixture
def looks(settings: Settings, database: Database) -> dict[str, Duty]:
    return {duty.name: duty for duty in duties(settings)}


def test_the_worker_is_woken_for_due_messages_until_the_queue_is_long(story: Story, looks: dict[str, Duty],
                                                                      celery: Celery, rows: Rows) -> None:  # fmt: skip
    assert not looks["deliver"].act()
    story.sign_up(story.opening())
    assert [looks["deliver"].act() for _ in range(LONGEST_QUEUE + 1)] == [True] * LONGEST_QUEUE + [False]
    assert queue_length(celery, QUEUE) == LONGEST_QUEUE
    rows("UPDATE messages SET next_attempt_at = now() + interval '30 seconds'")
    assert not looks["deliver"].act()


def test_announcements_wake_the_worker_until_the_queue_is_long(
    site: Desk, story: Story, postman: Postman, looks: dict[str, Duty], celery: Celery
) -> None:
    story.person("p@example.org")
    site.submitted(1)
    while send_announcements(postman.database, postman.contacts, ()):
        pass
    for _ in range(LONGEST_QUEUE + 2):
        looks["deliver_bulk"].act()
    assert queue_length(celery, QUEUE) == LONGEST_QUEUE


def test_a_wiped_queue_is_filled_again(story: Story, looks: dict[str, Duty], celery: Celery) -> None:
    story.sign_up(story.opening())
    looks["deliver"].act()
    with celery.connection_for_write() as connection, connection.channel() as channel:
        channel.queue_purge(QUEUE)
    assert looks["deliver"].act()


def test_no_duty_rests_so_long_that_the_pump_takes_it_as_stuck(looks: dict[str, Duty]) -> None:
    assert set(looks) == {
        "catch_up", "clocks", "reminders", "deliver", "deliver_bulk", "recover", "expire", "trim", "forget",
        "receipts", "mail_reports", "told", "notices", "webhooks", "webhooks_upkeep", "settle", "announcements",
        "ask_colleagues",
        "plan_digests", "digests", "operators_chats", "alarms", "providers",
    }  # fmt: skip
    assert max(duty.idle for duty in looks.values()) <= 30


def test_the_list_of_applied_events_is_kept_for_thirty_days(story: Story, looks: dict[str, Duty], rows: Rows) -> None:
    story.opening()
    rows("UPDATE applied SET applied_at = now() - interval '31 days' WHERE id = (SELECT min(id) FROM applied)")
    assert looks["trim"].act() == 1
    assert looks["trim"].act() == 0
    assert rows("SELECT count(*) FROM applied") == [(2,)]


def test_what_is_finished_is_forgotten_after_four_hundred_days(story: Story, looks: dict[str, Duty], postman: Postman,
                                                               database: Database, rows: Rows) -> None:  # fmt: skip
    shift = story.opening(reminder_minutes=[120])
    facts = story.sign_up(shift)
    rows("UPDATE reminders SET due_at = now()")
    fire_due_reminders(database)
    while deliver_batch(postman):
        pass
    story.cancel(facts)
    for table, column in (("messages", "created_at"), ("reminders", "expires_at")):
        rows(f"UPDATE {table} SET {column} = now() - interval '399 days'")
    assert looks["forget"].act() == 0
    for table, column in (("messages", "created_at"), ("reminders", "expires_at")):
        rows(f"UPDATE {table} SET {column} = {column} - interval '2 days'")
    assert looks["forget"].act() == 3
    assert rows("SELECT kind FROM messages") == [("cancellation",)]
    assert rows("SELECT count(*) FROM deliveries") == rows("SELECT count(*) FROM reminders") == [(0,)]
    assert looks["forget"].act() == 0


def test_one_forgetting_that_fails_keeps_no_other_from_it(looks: dict[str, Duty], rows: Rows) -> None:
    rows("INSERT INTO receipts (provider, hand_over, delivered, reason, received_at)"
         " VALUES ('aliyun', 'x', true, '', now() - interval '9 days')")  # fmt: skip
    rows("ALTER TABLE erasures RENAME TO gone")
    try:
        assert looks["forget"].act() == 1
    finally:
        rows("ALTER TABLE gone RENAME TO erasures")
    assert rows("SELECT * FROM receipts") == []


def test_a_provider_that_the_settings_name_no_more_fails_no_more(
    looks: dict[str, Duty], database: Database, settings: Settings
) -> None:
    [server] = settings.mail_servers
    for name in ("smtp://old.example:25", server.name):
        tell(database, name, "it does not answer")
    looks["providers"].act()
    assert [one.name for one in failing(database)] == [server.name]
