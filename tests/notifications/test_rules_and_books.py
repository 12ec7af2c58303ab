"""Whatever happens, the reminders that there are, are those that the faults' books work out from the log by walking."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.common import events
from services.common.events import Event, ReminderRule
from tests.faults.books.material import LogEntry
from tests.faults.books.reminders import Plan
from tests.notifications.story import Story

Rows = Callable[..., list[Any]]
DAY = datetime(2048, 10, 24, tzinfo=UTC)  # the day before Berlin's clocks go back
RULES = (
    ReminderRule(days_before=1, at="19:00"),
    ReminderRule(days_before=0, at="02:30"),
    ReminderRule(days_before=1, at="23:30", only_unconfirmed=True),
    ReminderRule(minutes_before=600, late="send"),
    ReminderRule(to="leaders", minutes_before=60),
)
STEPS = ("sign_up", "wait", "promote", "come", "move", "rules", "move_back", "cancel")


class Logged(Story):
    """A story that keeps the log of what it tells."""

    log: list[LogEntry]

    def tell(self, *happened: Event, at: datetime | None = None, request_id: str = "req-1") -> Any:
        now = at or datetime.now(UTC)
        for event in happened:
            place = len(self.log) + 1
            data = event.model_dump(mode="json")
            self.log.append(LogEntry(0, place, f"e{place}", event.type, event.aggregate, data, now))
        return super().tell(*happened, at=now, request_id=request_id)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 9)), min_size=4, max_size=12))
def test_reminders_are_those_of_the_books(story: Story, rows: Rows, steps: list[tuple[str, int]]) -> None:
    rows("DELETE FROM messages")
    rows("DELETE FROM reminders")
    story.__class__, story.log = Logged, []  # type: ignore[attr-defined]
    story.activity["activity_id"] = uuid4()  # of this example alone
    shift = story.opening(zone="Europe/Berlin", quiet=("22:00", "07:00"), reminder_minutes=[120], reminder_rules=[])
    story.change_shift(shift, DAY + timedelta(hours=10))
    places: list[dict[str, Any]] = []
    for step, much in steps:
        take(story, shift, places, step, much)
    plan = Plan(story.log).reminders  # type: ignore[attr-defined]
    expected = {place: (one.due_at, "withdrawn" if one.dropped else "pending") for place, one in plan.items()}
    kept = rows("SELECT registration_id::text AS id, rule, of_status, due_at, state FROM reminders")
    assert {(row.id, row.rule, row.of_status): (row.due_at, row.state) for row in kept} == expected


def take(story: Story, shift: UUID, places: list[dict[str, Any]], step: str, much: int) -> None:
    """One thing that happens, to whoever it can."""
    if step == "sign_up":
        places.append(story.sign_up(shift) | {"is": "confirmed"})
    elif step == "wait":
        places.append(story.wait(shift) | {"is": "waitlisted"})
    elif step == "move":
        story.change_shift(shift, DAY + timedelta(hours=3 + 5 * much, minutes=7 * much))
    elif step == "rules":
        story.change_activity(reminder_minutes=[30 * much] if much else [], reminder_rules=list(RULES[much % 3 :]))
    else:
        follow_up(story, [one for one in places if one["is"] == WHO[step]], step, much)


WHO = {"promote": "waitlisted", "come": "confirmed", "move_back": "confirmed", "cancel": "confirmed"}


def follow_up(story: Story, whom: list[dict[str, Any]], step: str, much: int) -> None:
    if not whom:
        return
    one = whom[much % len(whom)]
    if step == "promote":
        story.tell(events.RegistrationPromoted(**one))
        one["is"] = "confirmed"
    elif step == "come":
        story.tell(events.RegistrationComing(**one))
    elif step == "move_back":
        story.tell(events.RegistrationMovedToWaitlist(**one, was_offered=False))
        one["is"] = "waitlisted"
    else:
        story.cancel(one)
        one["is"] = "cancelled"
