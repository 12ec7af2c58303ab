"""Reminders by rules: moved with the site's clocks, spared who said that they will come, and decided once when late."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from services.common import events
from services.common.database import EVERY_SITE, Database
from services.common.events import ReminderRule
from services.notifications.handlers import clocks
from services.notifications.operations.deliver import Postman, deliver_batch
from services.notifications.operations.reminders import fire_due_reminders
from tests.notifications.sink import FaultySink
from tests.notifications.story import Story

Rows = Callable[..., list[Any]]
NOON = datetime(2048, 12, 1, 4, 0, tzinfo=UTC)  # at noon in Taiyuan, and far ahead
EVENING = ReminderRule(days_before=1, at="19:00")
DUE_AT = "SELECT to_char(due_at AT TIME ZONE 'Asia/Shanghai', 'HH24:MI') AS at FROM reminders"
ASKING = ReminderRule(days_before=2, at="09:00", only_unconfirmed=True)


def due(rows: Rows) -> dict[str, str]:
    """When what is pending is due, on Shanghai's clocks."""
    found = rows("SELECT rule, due_at FROM reminders WHERE state = 'pending'")
    return {row.rule: f"{row.due_at.astimezone(ZoneInfo('Asia/Shanghai')):%m-%d %H:%M}" for row in found}


def shift_at(story: Story, starts_at: datetime, quiet: tuple[str, str] = ("21:00", "08:00"), **activity: Any) -> Any:
    shift = story.opening(quiet=quiet, **activity)
    story.change_shift(shift, starts_at)
    return shift


def test_rules_by_the_clock_and_offsets_are_kept_out_of_quiet_hours(story: Story, rows: Rows) -> None:
    story.sign_up(shift_at(story, NOON - timedelta(hours=3), reminder_minutes=[120], reminder_rules=[EVENING]))
    assert due(rows) == {"120": "12-01 08:00", "1d19:00": "11-30 19:00"}


def test_other_hours_or_another_zone_of_the_site_move_what_still_lies_ahead(story: Story, rows: Rows) -> None:
    story.sign_up(shift_at(story, NOON, reminder_minutes=[240], reminder_rules=[EVENING]))
    assert due(rows) == {"240": "12-01 08:00", "1d19:00": "11-30 19:00"}
    story.save_site(quiet=("18:00", "09:00"))
    assert due(rows) == {"240": "12-01 09:00", "1d19:00": "12-01 09:00"}, "both when it is day again"
    story.save_site(zone="Asia/Urumqi", quiet=("21:00", "06:00"))
    assert due(rows) == {"240": "12-01 08:00", "1d19:00": "11-30 21:00"}, "two hours later by the sun"
    story.tell(events.SiteSaved(site_id=story.site_id, area="140107", name_zh="新名", name_en="New",
                                time_zone="Asia/Urumqi", quiet_from="21:00", quiet_until="06:00"))  # fmt: skip
    assert due(rows) == {"240": "12-01 08:00", "1d19:00": "11-30 21:00"}


def test_other_hours_are_followed_in_slices_and_what_changes_meanwhile_counts(
    story: Story, database: Database, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clocks, "SLICE", 1)
    for _ in range(3):
        story.sign_up(shift_at(story, NOON, reminder_minutes=[240]))
    rows("UPDATE sites SET quiet_until = '09:00'")
    rows("INSERT INTO clock_changes SELECT id, now() FROM sites")
    assert clocks.follow_clocks(database)
    assert sorted(row.at for row in rows(DUE_AT)) == ["08:00", "08:00", "09:00"]
    story.save_site(quiet=("18:00", "10:00"))
    assert [row.at for row in rows(DUE_AT)] == ["10:00"] * 3
    assert rows("SELECT * FROM clock_changes") == []


def test_the_order_in_which_a_site_and_its_shifts_are_heard_of_makes_no_difference(story: Story, rows: Rows) -> None:
    """They are of different partitions: what was signed up for before a site was heard of gets what it would have."""
    started = datetime.now(UTC)
    shift_id = shift_at(story, started + timedelta(minutes=90), ("00:00", "00:00"), at=started - timedelta(hours=1))
    rows("DELETE FROM moments")
    rows("DELETE FROM sites")
    facts = story.registration(shift_id, story.person("wang@example.org"))
    story.tell(events.RegistrationConfirmed(**facts), at=started - timedelta(minutes=20))
    assert rows("SELECT 1 FROM reminders") == []
    story.save_site(at=started - timedelta(hours=2))
    assert [row.rule for row in rows("SELECT rule FROM reminders")] == [], "both lay before the shift was moved"
    story.change_activity(reminder_minutes=[60, 120])
    assert [row.rule for row in rows("SELECT rule FROM reminders")] == ["60"]


def test_who_said_that_they_will_come_is_not_asked_again(story: Story, rows: Rows) -> None:
    shift = shift_at(story, NOON, reminder_minutes=[120], reminder_rules=[ASKING])
    first, second = story.sign_up(shift), story.sign_up(shift, "li@example.org")
    story.tell(events.RegistrationComing(**first))
    pending = rows("SELECT registration_id, rule FROM reminders WHERE state = 'pending' ORDER BY rule")
    assert {(str(row.registration_id), row.rule) for row in pending} == {
        (str(first["registration_id"]), "120"), (str(second["registration_id"]), "120"),
        (str(second["registration_id"]), "2d09:00/unconfirmed")}  # fmt: skip


def test_another_time_of_the_shift_asks_everybody_again(story: Story, rows: Rows) -> None:
    shift = shift_at(story, NOON, reminder_minutes=[], reminder_rules=[ASKING])
    story.tell(events.RegistrationComing(**story.sign_up(shift)))
    assert due(rows) == {}
    story.change_shift(shift, NOON, capacity=5)
    assert due(rows) == {}
    story.change_shift(shift, NOON + timedelta(days=1))
    assert due(rows) == {"2d09:00/unconfirmed": "11-30 09:00"}


def test_a_question_that_was_not_mailed_yet_is_recalled_by_the_answer(story: Story, database: Database,
                                                                      rows: Rows) -> None:  # fmt: skip
    asking = ReminderRule(minutes_before=60, only_unconfirmed=True)
    facts = story.sign_up(story.opening(timedelta(hours=2), reminder_minutes=[], reminder_rules=[asking]))
    time_passes(rows, 61)
    fire_due_reminders(database)
    story.tell(events.RegistrationComing(**facts))
    assert rows("SELECT state FROM messages WHERE kind = 'reminder'") == [("expired",)]


def time_passes(rows: Rows, minutes: float) -> None:
    """Move all that reminders know of into the past, instead of the clock into the future."""
    for table, column in (("reminders", "due_at"), ("reminders", "expires_at"), ("shifts", "starts_at"),
                          ("moments", "due_at")):  # fmt: skip
        rows(f"UPDATE {table} SET {column} = {column} - make_interval(secs => :s)", s=minutes * 60)


@dataclass
class Promise:
    """A reminder as somebody with a list and a watch would keep it, in minutes from the sign-up."""

    due: float
    late: str
    state: str = "pending"


def look(promises: list[Promise], now: float, starts: float) -> None:
    """Go through the list, the earliest first; what is late is judged by its rule."""
    overdue = sorted((one for one in promises if one.state == "pending" and one.due <= now), key=lambda one: one.due)
    too_late = [one for one in overdue if one.late == "skip" and one.due <= now - 15]
    for one in overdue:
        later = [two for two in promises if one.due < two.due <= now and two not in too_late and two.state != "missed"]
        if starts <= now or one in too_late:
            one.state = "missed"
        elif one.late == "latest" and later:
            one.state = "superseded"
        else:
            one.state = "fired"


START = 600
rules = st.lists(
    st.tuples(st.integers(1, 590), st.sampled_from(["latest", "send", "skip"])),
    min_size=1, max_size=4, unique_by=lambda rule: rule[0],
)  # fmt: skip


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rules, st.lists(st.integers(1, 700), max_size=6))
@example([(120, "latest"), (60, "skip"), (10, "latest")], [545, 100])
@example([(120, "latest"), (60, "skip")], [560, 100])
def test_whatever_time_passes_between_looks_each_reminder_ends_once_and_none_is_early(
    story: Story, database: Database, rows: Rows, given_rules: list[tuple[int, str]], absences: list[int]
) -> None:
    """The database's clock jumps by any length, as in a downtime."""
    rows("DELETE FROM messages")
    rows("DELETE FROM reminders")
    asked = [ReminderRule(minutes_before=minutes, late=late) for minutes, late in given_rules]
    # Half a minute off, so that nothing falls due while the example runs.
    shift = story.opening(timedelta(minutes=START, seconds=30), reminder_minutes=[], reminder_rules=asked)
    story.sign_up(shift)
    promises = {str(minutes): Promise(START - minutes + 0.5, late) for minutes, late in given_rules}
    now = 0
    for absence in [*absences, 2 * START]:
        before = {name: one.state for name, one in promises.items()}
        now += absence
        time_passes(rows, absence)
        while fire_due_reminders(database):
            pass
        look(list(promises.values()), now, START + 0.5)
        found = {row.rule: row.state for row in rows("SELECT rule, state FROM reminders")}
        assert found == {name: one.state for name, one in promises.items()}
        assert all(before[name] in ("pending", state) for name, state in found.items()), "what ended stays so"
    assert "pending" not in found.values()
    sent = [row.rule for row in rows("SELECT rule FROM messages JOIN reminders AS r ON r.id = reminder_id")]
    assert sorted(sent) == sorted(name for name, state in found.items() if state == "fired")
    assert all(row.reason for row in rows("SELECT reason FROM reminders WHERE state <> 'fired'"))


@pytest.mark.parametrize(("late", "state"), [("latest", "fired"), ("send", "fired"), ("skip", "missed")])
def test_a_single_one_that_is_late_is_decided_by_its_rule(late: str, state: str, story: Story, database: Database,
                                                          rows: Rows) -> None:  # fmt: skip
    rule = ReminderRule(minutes_before=60, late=late)
    story.sign_up(story.opening(timedelta(hours=2), reminder_minutes=[], reminder_rules=[rule]))
    time_passes(rows, 60 + 20)
    assert fire_due_reminders(database) == 1
    assert [row.state for row in rows("SELECT state FROM reminders")] == [state]


@pytest.mark.parametrize(("url", "said"), [("https://hesheng.example/links/mine/x", "确认您会来"), (None, "告知站点")])
def test_the_mail_asks_whether_they_come_where_its_link_lets_them_say_so(
    url: str | None, said: str, story: Story, postman: Postman, sink: FaultySink, rows: Rows
) -> None:
    facts = story.sign_up(story.opening(timedelta(hours=3)))
    story.people[str(facts["person_id"])]["manage_url"] = url
    deliver_batch(postman)
    time_passes(rows, 61)
    fire_due_reminders(postman.database)
    deliver_batch(postman)
    body = sink.kept[-1].mail.get_body(("plain",)).get_content()
    assert said in body and ("链接" in body) == bool(url)


@pytest.mark.parametrize(("starts_in", "waits"), [(10, True), (2.5, False)])
def test_what_is_found_late_in_quiet_hours_waits_for_their_end_where_that_still_helps(
    starts_in: float, waits: bool, story: Story, database: Database, rows: Rows
) -> None:
    now = datetime.now(UTC)
    quiet = (f"{now - timedelta(hours=1):%H:%M}", f"{now + timedelta(hours=2):%H:%M}")
    story.sign_up(story.opening(timedelta(hours=starts_in), zone="UTC", quiet=quiet, reminder_minutes=[30]))
    rows("UPDATE reminders SET due_at = now() - interval '1 minute'")
    fire_due_reminders(database)
    [(later,)] = rows("SELECT next_attempt_at - now() > interval '1 hour' FROM messages WHERE kind = 'reminder'")
    assert later is waits


def test_a_rule_by_the_clock_that_stays_where_it_is_ends_with_the_shift(story: Story, rows: Rows) -> None:
    clock = ReminderRule(days_before=2, at="09:00")
    shift = shift_at(story, NOON, reminder_minutes=[], reminder_rules=[clock])
    story.sign_up(shift)
    before = due(rows)
    story.change_shift(shift, NOON + timedelta(minutes=30))
    assert due(rows) == before
    assert rows("SELECT expires_at FROM reminders WHERE state = 'pending'") == [(NOON + timedelta(minutes=30),)]


def test_who_said_that_they_will_come_is_reminded_and_not_asked(
    story: Story, database: Database, postman: Postman, sink: FaultySink
) -> None:
    shift = story.opening(timedelta(hours=2), reminder_minutes=[60])
    for email in ("comes@example.org", "silent@example.org"):
        facts = story.sign_up(shift, email)
        story.people[str(facts["person_id"])]["manage_url"] = "https://hesheng.example/links/mine/x"
        if email.startswith("comes"):
            story.tell(events.RegistrationComing(**facts))
    with database.transaction(EVERY_SITE) as session:
        session.execute(text("UPDATE reminders SET due_at = now()"))
    fire_due_reminders(database)
    while deliver_batch(postman):
        pass
    words = {kept.recipient: kept.mail.get_body(("plain",)).get_content() for kept in sink.kept[-2:]}
    assert "确认您会来" in words["silent@example.org"]
    assert "确认您会来" not in words["comes@example.org"] and "尽早告知站点" in words["comes@example.org"]
