"""What each event causes: one message per cause and recipient, and never one for nothing."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError

from services.common import events
from services.common.apply import Applied
from tests.notifications.story import Story

Rows = Callable[..., list[Any]]


def kinds(rows: Rows) -> list[str]:
    return [row.kind for row in rows("SELECT kind FROM messages ORDER BY number")]


def test_each_step_of_a_registration_causes_its_message(story: Story, rows: Rows) -> None:
    shift = story.opening()
    story.sign_up(shift)
    waiting = story.wait(shift)
    story.tell(events.RegistrationPromoted(**waiting))
    story.cancel(waiting)
    assert kinds(rows) == ["confirmation", "waitlisted", "promotion", "cancellation"]


def test_a_page_that_comes_twice_causes_one_message(story: Story, rows: Rows) -> None:
    shift = story.opening()
    facts = [story.registration(shift, story.person(f"p{n}@example.org")) for n in range(20)]
    (page,) = story.tell(*(events.RegistrationConfirmed(**one) for one in facts))
    assert story.subscriber.apply_page(page) is Applied.DONE
    assert rows("SELECT count(*) AS n FROM messages")[0].n == 20
    assert rows("SELECT count(*) AS n FROM reminders")[0].n == 40


def test_reading_the_log_again_from_its_start_causes_no_second_mail(story: Story, rows: Rows) -> None:
    shift = story.opening()
    facts = story.registration(shift, story.person("wang@example.org"))
    (page,) = story.tell(events.RegistrationConfirmed(**facts))
    rows("UPDATE cursors SET sequence = sequence - 1 WHERE partition = :p", p=page.partition)
    story.subscriber.apply_page(page)
    assert kinds(rows) == ["confirmation"]


def test_another_capacity_mails_nobody(story: Story, rows: Rows) -> None:
    starts_at = datetime.now(UTC) + timedelta(days=3)
    shift = story.opening()
    story.change_shift(shift, starts_at)
    story.sign_up(shift)
    story.change_shift(shift, starts_at, capacity=5)
    assert kinds(rows) == ["confirmation"]


@pytest.mark.parametrize("changed", [{"role_zh": "指挥"}, {"role_en": "conductor"}, {"hours": 1}])
def test_another_time_or_role_is_told_to_everyone_who_is_active(changed: dict[str, Any], story: Story,
                                                                rows: Rows) -> None:  # fmt: skip
    starts_at = datetime.now(UTC) + timedelta(days=3)
    shift = story.opening()
    story.change_shift(shift, starts_at)
    story.sign_up(shift)
    story.wait(shift)
    story.cancel(story.sign_up(shift, "zhao@example.org"))
    story.change_shift(shift, starts_at + timedelta(hours=changed.pop("hours", 0)), **changed)
    told = rows("SELECT registrations.status FROM messages JOIN registrations ON registrations.id = registration_id"
                " WHERE kind = 'change' ORDER BY number")  # fmt: skip
    assert {row.status for row in told} == {"confirmed", "waitlisted"}
    assert len(told) == 2


def test_several_changes_in_one_page_are_told_one_by_one(story: Story, rows: Rows) -> None:
    starts_at = datetime.now(UTC) + timedelta(days=3)
    shift = story.opening()
    story.sign_up(shift)
    story.tell(*(events.ShiftChanged(**story.shift(shift, starts_at + timedelta(hours=hour))) for hour in (1, 2, 3)))
    sequences = rows("SELECT calendar_sequence AS s FROM messages WHERE kind = 'change' ORDER BY number")
    assert [row.s for row in sequences] == [1, 2, 3]


@pytest.mark.parametrize(("changed", "mails"), [
    ({"place": "别处"}, 1), ({"title_zh": "汇报演出"}, 1), ({"title_en": "Show"}, 1),
    ({"volunteering": True}, 0), ({"reminder_minutes": [60]}, 0)])  # fmt: skip
def test_another_title_or_place_is_told_and_nothing_else(changed: dict[str, Any], mails: int, story: Story,
                                                         rows: Rows) -> None:  # fmt: skip
    story.sign_up(story.opening())
    story.change_activity(**changed)
    assert kinds(rows).count("change") == mails


def test_whoever_took_part_in_a_past_shift_is_not_told_of_changes(story: Story, rows: Rows) -> None:
    story.sign_up(story.opening(starts_in=timedelta(days=-7)))
    story.change_activity(place="别处")
    assert kinds(rows) == ["confirmation"]


def test_a_registration_of_an_unknown_shift_is_parked_and_not_lost(story: Story, rows: Rows) -> None:
    story.opening()
    facts = story.registration(uuid4(), story.person("wang@example.org"))
    story.tell(events.RegistrationConfirmed(**facts))
    (parked,) = rows("SELECT aggregate, error FROM parked")
    assert parked.aggregate == str(story.activity["activity_id"])
    with pytest.raises(IntegrityError):
        story.subscriber.release(parked.aggregate)


def test_a_crowd_that_signs_up_at_once_takes_few_statements(story: Story, rows: Rows) -> None:
    shift = story.opening()
    facts = [story.registration(shift, story.person(None)) for _ in range(200)]
    seen: list[str] = []
    engine = story.subscriber._database.engine
    event.listen(engine, "before_cursor_execute", lambda _c, _cur, statement, *_: seen.append(statement))
    story.tell(*(events.RegistrationConfirmed(**one) for one in facts))
    assert rows("SELECT count(*) AS n FROM messages")[0].n == 200
    assert len(seen) < 15


def test_site_keys_are_remembered_and_forgotten(story: Story, rows: Rows) -> None:
    key = {"key_id": uuid4(), "site_id": story.site_id}
    story.tell(events.SiteKeyIssued(**key, sha256="ab"))
    assert rows("SELECT revoked_at FROM site_keys") == [(None,)]
    story.tell(events.SiteKeyRevoked(**key))
    assert rows("SELECT revoked_at IS NULL FROM site_keys") == [(False,)]
