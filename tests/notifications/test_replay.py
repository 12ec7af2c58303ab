"""A database that was emptied and reads the log again gives every message the Message-ID that it had."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.common import events
from services.common.database import Database
from services.common.outbox import Page
from services.notifications.operations.reminders import fire_due_reminders
from tests.notifications.conftest import TABLES
from tests.notifications.story import Story

Rows = Callable[..., list[Any]]
TOLD = "SELECT kind, registration_id, due_at, id FROM messages WHERE state <> 'expired'"


@pytest.fixture
def pages(story: Story, monkeypatch: pytest.MonkeyPatch) -> list[Page]:
    """Everything that the story told, in order."""
    kept: list[Page] = []
    apply_page = story.subscriber.apply_page

    def apply(page: Page) -> Any:
        kept.append(page)
        return apply_page(page)

    monkeypatch.setattr(story.subscriber, "apply_page", apply)
    return kept


def told(rows: Rows) -> dict[tuple[Any, ...], Any]:
    return {(row.kind, row.registration_id, row.due_at): row.id for row in rows(TOLD)}


def read_again(pages: list[Page], story: Story, rows: Rows) -> None:
    for table in TABLES:
        rows(f"DELETE FROM {table}")
    for page in list(pages):
        story.subscriber.apply_page(page)


def test_messages_of_events_keep_their_ids(story: Story, pages: list[Page], rows: Rows) -> None:
    shift = story.opening()
    story.sign_up(shift)
    waiting = story.wait(shift)
    story.tell(events.RegistrationPromoted(**waiting))
    story.change_activity(place="别处")
    story.cancel(waiting)
    before = told(rows)
    assert len(set(before.values())) == 6
    read_again(pages, story, rows)
    assert told(rows) == before


def test_reminders_keep_their_ids_also_where_one_had_fired_for_an_earlier_time(
    story: Story, pages: list[Page], database: Database, rows: Rows
) -> None:
    """The second database never fires for the earlier time: by then the whole log says another."""
    now = datetime.now(UTC)
    shift = story.opening(timedelta(hours=3), at=now - timedelta(hours=4), reminder_minutes=[120])
    facts = story.registration(shift, story.person("wang@example.org"))
    story.tell(events.RegistrationConfirmed(**facts), at=now - timedelta(hours=2))
    story.change_shift(shift, now + timedelta(hours=1), at=now - timedelta(hours=1, minutes=30))
    assert fire_due_reminders(database) == 1
    story.change_shift(shift, now + timedelta(hours=1, minutes=5), at=now - timedelta(hours=1, minutes=20))
    assert fire_due_reminders(database) == 1
    before = {key: id for key, id in told(rows).items() if key[0] == "reminder"}
    assert len(before) == 1
    read_again(pages, story, rows)
    fire_due_reminders(database)
    assert {key: id for key, id in told(rows).items() if key[0] == "reminder"} == before


def test_two_reminders_of_the_same_moment_are_two_messages(story: Story, database: Database, rows: Rows) -> None:
    now = datetime.now(UTC)
    shift = story.opening(timedelta(hours=3), at=now - timedelta(hours=4), reminder_minutes=[120])
    facts = story.registration(shift, story.person("wang@example.org"))
    story.tell(events.RegistrationConfirmed(**facts), at=now - timedelta(hours=3))
    for start in (60, 65, 60):
        story.change_shift(shift, now + timedelta(minutes=start), at=now - timedelta(hours=2))
        assert fire_due_reminders(database) == 1
    ids = [row.id for row in rows("SELECT id FROM messages WHERE kind = 'reminder'")]
    assert len(set(ids)) == 3
