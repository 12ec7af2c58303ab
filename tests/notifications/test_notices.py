"""Leaders and staff are told of their shifts, staff of hours that nobody recorded: each once, whatever is killed."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from services.common import events
from services.common.database import EVERY_SITE, Database
from services.common.events import ReminderRule
from services.notifications.operations import notices
from services.notifications.operations.deliver import Postman, deliver_batch
from services.notifications.operations.messages import retry_failed
from services.notifications.operations.notices import fire_due_notices
from tests.notifications.conftest import Contacts
from tests.notifications.sink import FaultySink
from tests.notifications.story import Story

Rows = Callable[..., list[Any]]
TO_STAFF = ReminderRule(to="staff", minutes_before=120)
TO_LEADERS = ReminderRule(to="leaders", minutes_before=60)


def employ(contacts: Contacts, email: str, language: str = "zh-CN") -> str:
    """Somebody who works at the site."""
    staff_id = str(uuid4())
    contacts.staff[staff_id] = {
        "staff_id": staff_id, "name": "值班员", "email": email, "language": language,
        "shifts_url": "https://hesheng.example/staff/shifts/", "hours_url": "https://hesheng.example/staff/hours",
    }  # fmt: skip
    return staff_id


def time_passes(rows: Rows, **passed: float) -> None:
    for table, columns in (("notices", ("due_at", "expires_at")), ("shifts", ("starts_at", "ends_at"))):
        for column in columns:
            rows(f"UPDATE {table} SET {column} = {column} - cast(:t AS interval)", t=timedelta(**passed))


def found(rows: Rows) -> dict[str, tuple[str, str | None]]:
    return {row.kind: (row.state, row.reason) for row in rows("SELECT kind, state, reason FROM notices")}


def test_staff_and_leaders_each_get_one_mail_in_their_language(
    story: Story, contacts: Contacts, postman: Postman, sink: FaultySink, rows: Rows
) -> None:
    employ(contacts, "staff@example.org")
    employ(contacts, "colleague@example.org", "en")
    contacts.leaders.append(str(story.person("leader@example.org", name="李队长")))
    shift = story.opening(timedelta(hours=3), reminder_rules=[TO_STAFF, TO_LEADERS])
    assert fire_due_notices(postman.database, postman.contacts) == 0
    time_passes(rows, minutes=125)
    for _ in range(2):
        fire_due_notices(postman.database, postman.contacts)
        deliver_batch(postman)
    assert found(rows) == {"staff": ("fired", None), "leaders": ("fired", None)}
    mails = {str(kept.mail["To"]).partition("<")[2].rstrip(">"): kept.mail for kept in sink.kept}
    assert len(sink.kept) == 3
    assert mails["staff@example.org"]["Subject"].startswith("工作提醒：合唱排练，")
    assert mails["colleague@example.org"]["Subject"].startswith("For your work: Choir rehearsal, ")
    body = mails["leader@example.org"].get_body(("plain",)).get_content()
    assert "李队长" in body and "您负责的队伍" in body
    body = mails["staff@example.org"].get_body(("plain",)).get_content()
    assert f"https://hesheng.example/staff/shifts/{shift}" in body
    kept = rows("SELECT person_id, staff_id, state FROM messages WHERE kind = 'notice'")
    assert {row.state for row in kept} == {"sent"}
    assert {(row.person_id is None, row.staff_id is None) for row in kept} == {(True, False), (False, True)}


def test_a_shift_that_moves_takes_its_notices_along_and_one_that_is_called_off_withdraws_them(
    story: Story, contacts: Contacts, postman: Postman, rows: Rows
) -> None:
    employ(contacts, "staff@example.org")
    shift = story.opening(timedelta(hours=3), reminder_rules=[TO_STAFF])
    time_passes(rows, minutes=61)
    fire_due_notices(postman.database, postman.contacts)
    later = datetime.now(UTC) + timedelta(days=2)
    story.change_shift(shift, later)
    assert rows("SELECT due_at, state FROM notices") == [(later - timedelta(hours=2), "pending")]
    assert rows("SELECT state FROM messages") == [("expired",)], "it spoke of a time that no longer holds"
    story.tell(events.ShiftCancelled(**story.shift(shift, later)))
    assert [state for state, _ in found(rows).values()] == ["withdrawn"]


def test_while_nobody_says_who_it_is_they_wait_and_then_they_are_told(
    story: Story, contacts: Contacts, postman: Postman, rows: Rows
) -> None:
    story.opening(timedelta(hours=3), reminder_rules=[TO_STAFF])
    time_passes(rows, minutes=61)
    contacts.failing = True
    assert fire_due_notices(postman.database, postman.contacts) == 0
    assert found(rows) == {"staff": ("pending", None)}
    contacts.failing = False
    employ(contacts, "staff@example.org")
    assert fire_due_notices(postman.database, postman.contacts) == 1
    assert found(rows) == {"staff": ("fired", None)}


@pytest.mark.parametrize(("passed", "people", "state"), [
    (61, 0, ("missed", "there is nobody to tell")), (181, 1, ("missed", "its time was over"))])  # fmt: skip
def test_what_nobody_can_be_told_is_recorded_with_the_reason(
    passed: int, people: int, state: tuple[str, str], story: Story, contacts: Contacts, postman: Postman, rows: Rows
) -> None:
    for _ in range(people):
        employ(contacts, "staff@example.org")
    story.opening(timedelta(hours=3), reminder_rules=[TO_STAFF])
    time_passes(rows, minutes=passed)
    fire_due_notices(postman.database, postman.contacts)
    assert found(rows) == {"staff": state}


def test_many_who_look_at_once_or_die_before_the_commit_tell_nobody_twice(
    story: Story, contacts: Contacts, postman: Postman, rows: Rows
) -> None:
    for number in range(3):
        employ(contacts, f"staff{number}@example.org")
    story.opening(timedelta(hours=3), reminder_rules=[TO_STAFF])
    time_passes(rows, minutes=61)
    database: Database = postman.database
    with database.transaction(EVERY_SITE) as session:
        due = session.execute(notices.DUE, {"claim": 10}).all()
    answers = postman.contacts.who_has({(row.shift_id, row.kind) for row in due})
    with ThreadPoolExecutor(6) as pool:
        told = list(pool.map(lambda _: notices.give(database, due, answers), range(6)))
    assert sorted(told) == [0, 0, 0, 0, 0, 1]
    with database.transaction(EVERY_SITE) as session:  # as after a restore to before the commit
        session.execute(text("UPDATE notices SET state = 'pending'"))
    notices.give(database, due, answers)
    assert len(rows("SELECT 1 FROM messages")) == 3


def test_staff_are_reminded_of_hours_in_one_mail_while_there_is_time_and_when_it_is_over(
    story: Story, contacts: Contacts, postman: Postman, sink: FaultySink, rows: Rows
) -> None:
    employ(contacts, "staff@example.org")
    first = story.opening(timedelta(hours=3), volunteering=True, reminder_minutes=[])
    story.tell(events.ShiftOpened(**story.shift(uuid4(), datetime.now(UTC) + timedelta(hours=3))))
    kinds = [row.kind for row in rows("SELECT kind FROM notices ORDER BY due_at")]
    assert kinds == 2 * ["hours_due"] + 2 * ["hours_over"]
    rows("UPDATE notices SET due_at = now(), expires_at = now() + interval '1 day' WHERE kind = 'hours_due'")
    assert fire_due_notices(postman.database, postman.contacts) == 2
    deliver_batch(postman)
    rows("UPDATE notices SET due_at = now(), expires_at = now() + interval '1 day' WHERE kind = 'hours_over'")
    fire_due_notices(postman.database, postman.contacts)
    deliver_batch(postman)
    subjects = [kept.mail["Subject"] for kept in sink.kept]
    assert subjects == ["请记录志愿服务时长：赛马场站，2 场", "志愿服务时长已逾期未记录：赛马场站，2 场"]
    body = sink.kept[1].mail.get_body(("plain",)).get_content()
    assert "10 个工作日" in body and body.count("合唱排练") == 2 and "2 场已经逾期" in body
    assert "https://hesheng.example/staff/hours" in body
    assert rows("SELECT count(*) AS n FROM messages WHERE shift_id = :s", s=first)[0].n == 2


def test_hours_that_are_recorded_are_not_reminded_of(
    story: Story, contacts: Contacts, postman: Postman, rows: Rows
) -> None:
    employ(contacts, "staff@example.org")
    story.opening(timedelta(hours=3), volunteering=True, reminder_minutes=[])
    contacts.unrecorded = False
    rows("UPDATE notices SET due_at = now()")
    fire_due_notices(postman.database, postman.contacts)
    assert set(found(rows).values()) == {("withdrawn", "everything is recorded")}
    assert rows("SELECT 1 FROM messages") == []


def test_only_volunteering_has_hours_and_a_shift_that_took_place_keeps_them_when_its_activity_is_called_off(
    story: Story, rows: Rows
) -> None:
    story.opening(timedelta(hours=3))
    assert rows("SELECT 1 FROM notices") == []
    story.change_activity(volunteering=True)
    assert set(found(rows)) == {"hours_due", "hours_over"}
    story.tell(events.ActivityCancelled(**story.activity))
    assert {state for state, _ in found(rows).values()} == {"pending"}


def test_what_is_no_longer_so_is_not_sent_again(story: Story, contacts: Contacts, postman: Postman, rows: Rows) -> None:
    employ(contacts, "staff@example.org")
    shift = story.opening(timedelta(hours=3), reminder_rules=[TO_STAFF])
    time_passes(rows, minutes=65)
    fire_due_notices(postman.database, postman.contacts)
    [message] = rows("UPDATE messages SET state = 'failed', error = '554' WHERE kind = 'notice' RETURNING id")
    assert retry_failed(postman.database, "554") == 1
    rows("UPDATE messages SET state = 'failed', error = '554' WHERE id = :id", id=message.id)
    story.tell(events.ShiftCancelled(**story.shift(shift, datetime.now(UTC))))
    assert retry_failed(postman.database, "554") == 0
