"""Reminders come once each, never early, and follow whatever becomes of the shift and the registration."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.common import events
from services.common.database import Database
from services.notifications.operations.deliver import Postman, deliver_batch
from services.notifications.operations.reminders import fire_due_reminders
from tests.notifications.sink import FaultySink
from tests.notifications.story import Story

Rows = Callable[..., list[Any]]
STATES = "SELECT rule, state FROM reminders ORDER BY id"


def states(rows: Rows) -> dict[int, str]:
    return {int(row.rule): row.state for row in rows(STATES)}


def reminded(rows: Rows) -> int:
    return int(rows("SELECT count(*) AS n FROM messages WHERE kind = 'reminder'")[0].n)


def time_passes(rows: Rows, minutes: float) -> None:
    """Move everything the reminders know of into the past, instead of the clock into the future."""
    for table, column in (("reminders", "due_at"), ("reminders", "expires_at"), ("shifts", "starts_at")):
        rows(f"UPDATE {table} SET {column} = {column} - make_interval(secs => :s)", s=minutes * 60)


def test_due_times_are_the_offsets_before_the_start(story: Story, rows: Rows) -> None:
    starts_at = datetime.now(UTC) + timedelta(days=3)
    shift = story.opening()
    story.change_shift(shift, starts_at)
    story.sign_up(shift)
    found = {int(row.rule): row for row in rows("SELECT * FROM reminders")}
    assert {m: row.due_at for m, row in found.items()} == {m: starts_at - timedelta(minutes=m) for m in (1440, 120)}
    assert {row.expires_at for row in found.values()} == {starts_at}


def test_only_offsets_that_lie_ahead_at_sign_up_are_reminded_of(story: Story, rows: Rows) -> None:
    story.sign_up(story.opening(starts_in=timedelta(hours=5)))
    assert states(rows) == {120: "pending"}


def test_nothing_is_reminded_of_early(story: Story, database: Database, rows: Rows) -> None:
    story.sign_up(story.opening())
    assert fire_due_reminders(database) == 0
    time_passes(rows, 2 * 1440 - 0.1)
    assert fire_due_reminders(database) == 0
    time_passes(rows, 0.2)
    assert fire_due_reminders(database) == 1
    assert states(rows) == {1440: "fired", 120: "pending"}
    (message,) = rows("SELECT due_at, created_at FROM messages WHERE kind = 'reminder'")
    assert message.created_at >= message.due_at
    assert fire_due_reminders(database) == 0


def test_a_reminder_reaches_the_person_until_the_shift_begins(story: Story, postman: Postman, sink: FaultySink,
                                                              rows: Rows) -> None:  # fmt: skip
    story.sign_up(story.opening())
    deliver_batch(postman)
    time_passes(rows, 2 * 1440 + 1)
    fire_due_reminders(postman.database)
    (message,) = rows("SELECT expires_at, request_id FROM messages WHERE kind = 'reminder'")
    assert message.expires_at == rows("SELECT starts_at FROM shifts")[0].starts_at
    assert message.request_id == "req-1"
    deliver_batch(postman)
    assert "活动提醒" in sink.kept[-1].mail["Subject"]


def test_whoever_waits_is_not_reminded_until_promoted(story: Story, rows: Rows) -> None:
    waiting = story.wait(story.opening(reminder_minutes=[1440, 60]))
    assert states(rows) == {120: "pending"}, "to hear in time that there is no place"
    story.tell(events.RegistrationPromoted(**waiting))
    assert states(rows) == {1440: "pending", 120: "withdrawn", 60: "pending"}


def test_who_waits_in_vain_hears_it_once_and_before_the_start(story: Story, postman: Postman, sink: FaultySink,
                                                              rows: Rows) -> None:  # fmt: skip
    shift = story.opening(starts_in=timedelta(hours=3))
    first, second = story.wait(shift), story.wait(shift, "second@example.org", language="en")
    story.wait(shift, None)  # type: ignore[arg-type]
    deliver_batch(postman)
    time_passes(rows, 61)
    late = story.wait(shift, "late@example.org")
    for _ in range(2):
        fire_due_reminders(postman.database)
    story.tell(events.RegistrationPromoted(**second))
    deliver_batch(postman)
    for facts in (first, late):
        story.cancel(facts, "shift_begun", was_waitlisted=True)
    told = rows("SELECT registration_id, state, expires_at FROM messages WHERE kind = 'no_place' ORDER BY number")
    assert [row.state for row in told] == ["sent", "expired", "no_contact"], "whoever has a place by now is told that"
    assert {row.expires_at for row in told} == {rows("SELECT starts_at FROM shifts")[0].starts_at}
    [mail] = [one.mail for one in sink.kept if "目前没有名额" in one.mail["Subject"]]
    assert "li@example.org" in mail["To"]
    assert rows("SELECT count(*) AS n FROM messages WHERE registration_id = :r", r=late["registration_id"])[0].n == 1


def test_a_wait_that_ends_late_is_not_told_after_the_start(story: Story, database: Database, rows: Rows) -> None:
    story.wait(story.opening(starts_in=timedelta(hours=3)))
    time_passes(rows, 181)
    fire_due_reminders(database)
    assert states(rows) == {120: "missed"}


def test_a_cancelled_registration_is_not_reminded(story: Story, database: Database, rows: Rows) -> None:
    facts = story.sign_up(story.opening())
    story.cancel(facts)
    assert states(rows) == {1440: "withdrawn", 120: "withdrawn"}
    time_passes(rows, 3 * 1440 - 10)
    assert fire_due_reminders(database) == 0


def test_a_reminder_that_is_not_sent_yet_is_recalled_by_a_cancellation(story: Story, database: Database,
                                                                       rows: Rows) -> None:  # fmt: skip
    facts = story.sign_up(story.opening())
    time_passes(rows, 2 * 1440 + 1)
    fire_due_reminders(database)
    story.cancel(facts)
    assert rows("SELECT state FROM messages WHERE kind = 'reminder'") == [("expired",)]


def test_a_cancelled_shift_withdraws_reminders_at_once(story: Story, rows: Rows) -> None:
    starts_at = datetime.now(UTC) + timedelta(days=3)
    shift = story.opening()
    story.sign_up(shift)
    story.tell(events.ShiftCancelled(**story.shift(shift, starts_at)))
    assert states(rows) == {1440: "withdrawn", 120: "withdrawn"}


def test_a_cancelled_activity_withdraws_the_reminders_of_whoever_remains(story: Story, database: Database,
                                                                         rows: Rows) -> None:  # fmt: skip
    """Registrations with attendance keep their place when an activity is called off, and are told nothing."""
    shift = story.opening()
    story.sign_up(shift)
    time_passes(rows, 2 * 1440 + 1)
    fire_due_reminders(database)
    story.tell(events.ActivityCancelled(**story.activity))
    assert states(rows) == {1440: "fired", 120: "withdrawn"}
    assert rows("SELECT state FROM messages WHERE kind = 'reminder'") == [("expired",)]
    story.change_shift(shift, datetime.now(UTC) + timedelta(days=9))
    assert states(rows) == {1440: "fired", 120: "withdrawn"}


def test_reminders_move_with_the_shift(story: Story, rows: Rows) -> None:
    shift = story.opening()
    story.sign_up(shift)
    later = datetime.now(UTC) + timedelta(days=9)
    story.change_shift(shift, later)
    assert {row.due_at for row in rows("SELECT due_at FROM reminders")} == {
        later - timedelta(minutes=1440), later - timedelta(minutes=120)}  # fmt: skip
    assert {row.expires_at for row in rows("SELECT expires_at FROM reminders")} == {later}


def test_a_reminder_whose_moment_a_move_has_passed_over_is_withdrawn(story: Story, database: Database,
                                                                     rows: Rows) -> None:  # fmt: skip
    shift = story.opening()
    story.sign_up(shift)
    story.change_shift(shift, datetime.now(UTC) + timedelta(hours=5))
    assert states(rows) == {1440: "withdrawn", 120: "pending"}
    story.change_shift(shift, datetime.now(UTC) + timedelta(days=2))
    assert states(rows) == {1440: "pending", 120: "pending"}


def test_a_reminder_that_fired_fires_again_when_the_shift_moves_on(story: Story, database: Database,
                                                                   rows: Rows) -> None:  # fmt: skip
    shift = story.opening(starts_in=timedelta(days=1, minutes=10))
    story.sign_up(shift)
    time_passes(rows, 11)
    assert fire_due_reminders(database) == 1
    story.change_shift(shift, datetime.now(UTC) + timedelta(days=1, minutes=30))
    assert states(rows)[1440] == "pending"
    assert fire_due_reminders(database) == 0
    time_passes(rows, 31)
    assert fire_due_reminders(database) == 1
    occurrences = rows("SELECT occurrence, state FROM messages WHERE kind = 'reminder' ORDER BY number")
    # The first was never sent: it spoke of a time that no longer holds.
    assert occurrences == [(1, "expired"), (2, "pending")]


def test_a_shift_that_comes_closer_does_not_remind_a_second_time(story: Story, database: Database, rows: Rows) -> None:
    shift = story.opening(starts_in=timedelta(days=1, minutes=10))
    story.sign_up(shift)
    time_passes(rows, 11)
    fire_due_reminders(database)
    sooner = datetime.now(UTC) + timedelta(hours=20)
    story.change_shift(shift, sooner)
    assert states(rows)[1440] == "fired"
    assert rows("SELECT state, expires_at FROM messages WHERE kind = 'reminder'") == [("pending", sooner)]


def test_other_offsets_of_the_activity_replace_the_reminders(story: Story, rows: Rows) -> None:
    story.sign_up(story.opening())
    story.change_activity(reminder_minutes=[120, 60])
    assert states(rows) == {1440: "withdrawn", 120: "pending", 60: "pending"}
    story.change_activity(reminder_minutes=[1440])
    assert states(rows) == {1440: "pending", 120: "withdrawn", 60: "withdrawn"}


def test_a_reminder_found_only_after_the_start_is_recorded_as_missed(story: Story, database: Database,
                                                                     rows: Rows) -> None:  # fmt: skip
    story.sign_up(story.opening())
    time_passes(rows, 3 * 1440 + 1)
    assert fire_due_reminders(database) == 2
    assert states(rows) == {1440: "missed", 120: "missed"}
    assert rows("SELECT DISTINCT reason FROM reminders") == [("the shift had begun",)]
    assert reminded(rows) == 0


def test_an_event_that_comes_late_still_gets_its_reminder(story: Story, database: Database, rows: Rows) -> None:
    before = datetime.now(UTC) - timedelta(hours=2)
    shift = story.opening(starts_in=timedelta(hours=1), at=before)
    facts = story.registration(shift, story.person("wang@example.org"))
    story.tell(events.RegistrationConfirmed(**facts), at=before)
    assert states(rows) == {120: "pending"}
    assert fire_due_reminders(database) == 1


def test_a_long_absence_loses_no_reminder_and_many_claimants_double_none(story: Story, database: Database,
                                                                         rows: Rows) -> None:  # fmt: skip
    shift = story.opening()
    story.tell(*(events.RegistrationConfirmed(**story.registration(shift, story.person(None))) for _ in range(1000)))
    time_passes(rows, 3 * 1440 - 10)

    def claim_all(_: int) -> int:
        return sum(iter(lambda: fire_due_reminders(database, 50), 0))

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(claim_all, range(6))) + sum(iter(lambda: fire_due_reminders(database), 0)) == 2000
    fired = rows("SELECT reminder_id FROM messages WHERE kind = 'reminder'")
    assert set(Counter(row.reminder_id for row in fired).values()) == {1}
    assert len(fired) == 1000, "one each: the one a day before came to nothing beside the one two hours before"
    assert rows("SELECT rule, state, count(*) AS n FROM reminders GROUP BY 1, 2 ORDER BY 1") == [
        ("120", "fired", 1000), ("1440", "superseded", 1000)]  # fmt: skip


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Europe/Berlin"])
def test_a_reminder_counts_true_minutes_across_a_change_of_clocks(zone: str, story: Story, rows: Rows) -> None:
    starts_at = datetime(2048, 3, 29, 8, 0, tzinfo=UTC)  # Berlin's clocks went forward seven hours before
    shift = story.opening(zone=zone)
    story.change_shift(shift, starts_at)
    story.sign_up(shift)
    assert {row.due_at for row in rows("SELECT due_at FROM reminders")} == {
        starts_at - timedelta(minutes=1440), starts_at - timedelta(minutes=120)}  # fmt: skip
