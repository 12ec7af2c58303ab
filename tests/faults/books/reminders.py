"""Which reminders there should be, worked out from the log alone, against those that there are.

Every offset of the activity is a moment before the shift begins. One that still lay ahead at the time of an event that
gives it (a place, a move, other offsets) is due; an event after which nobody is to be reminded at that moment drops it.
Whoever waits is told instead, at a moment that is the same for everybody, that there is no place so far.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.faults.books.material import Finding, LogEntry, Material, ReminderRow

Place = tuple[str, int, str]
"""A registration, minutes before the start of its shift, and the status of whoever is to be reminded."""

NO_PLACE = 120


STATUSES = {
    "registration.confirmed": "confirmed",
    "registration.promoted": "confirmed",
    "registration.waitlisted": "waitlisted",
    "registration.moved_to_waitlist": "waitlisted",
    "registration.offered": "offered",
}


@dataclass
class Expected:
    """A reminder as the log would have it. One that was dropped may have fired before that was known."""

    due_at: datetime
    starts_at: datetime
    dropped: bool = False
    moments: set[datetime] = field(default_factory=set)


class Plan:
    """All reminders, as far as the log was taken."""

    def __init__(self, log: Sequence[LogEntry]) -> None:
        self._of: dict[str, dict[tuple[int, str], Expected]] = {}
        self._offsets: dict[str, list[int]] = {}
        self._called_off: set[str] = set()
        self._shifts: dict[str, dict[str, Any]] = {}
        self._statuses: dict[str, dict[str, str]] = {}
        for entry in log:
            self._take(entry)

    @property
    def reminders(self) -> dict[Place, Expected]:
        """Every reminder that was ever to be."""
        return {(whose, *which): one for whose, its in self._of.items() for which, one in its.items()}

    def _take(self, entry: LogEntry) -> None:
        data, at = entry.data, entry.occurred_at
        if entry.name in ("activity.published", "activity.changed"):
            self._offsets[data["activity_id"]] = data["reminder_minutes"]
            self._each_shift(data["activity_id"], at)
        elif entry.name == "activity.cancelled":
            self._called_off.add(data["activity_id"])
            self._each_shift(data["activity_id"], at)
        elif entry.name in ("shift.opened", "shift.changed"):
            self._shifts[data["shift_id"]] = data
            self._each_registration(data["shift_id"], at)
        elif entry.name == "shift.cancelled":
            for registration_id in self._statuses.pop(data["shift_id"], {}):
                self._drop(registration_id, [])
        elif entry.name in STATUSES:
            self._statuses.setdefault(data["shift_id"], {})[data["registration_id"]] = STATUSES[entry.name]
            self._bring_in_line(data["registration_id"], data["shift_id"], at)
        elif entry.name == "registration.cancelled":
            self._statuses.get(data["shift_id"], {}).pop(data["registration_id"], None)
            self._drop(data["registration_id"], [])

    def _each_shift(self, activity_id: str, at: datetime) -> None:
        for shift_id, shift in self._shifts.items():
            if shift["activity_id"] == activity_id:
                self._each_registration(shift_id, at)

    def _each_registration(self, shift_id: str, at: datetime) -> None:
        for registration_id in self._statuses.get(shift_id, {}):
            self._bring_in_line(registration_id, shift_id, at)

    def _bring_in_line(self, registration_id: str, shift_id: str, at: datetime) -> None:
        shift, status = self._shifts[shift_id], self._statuses[shift_id][registration_id]
        starts_at = datetime.fromisoformat(shift["starts_at"])
        offsets = self._minutes(shift["activity_id"], status)
        moments = {(minutes, status): starts_at - timedelta(minutes=minutes) for minutes in offsets}
        for which, due_at in moments.items():
            if due_at > at:
                known = self._of.setdefault(registration_id, {}).setdefault(which, Expected(due_at, starts_at))
                known.due_at, known.starts_at, known.dropped = due_at, starts_at, False
                known.moments.add(due_at)
        self._drop(registration_id, list(moments.items()))

    def _minutes(self, activity_id: str, status: str) -> list[int]:
        if activity_id in self._called_off or status == "offered":
            return []
        return [NO_PLACE] if status == "waitlisted" else self._offsets.get(activity_id, [])

    def _drop(self, registration_id: str, but: Sequence[tuple[tuple[int, str], datetime]]) -> None:
        for which, known in self._of.get(registration_id, {}).items():
            if (which, known.due_at) not in but:
                known.dropped = True


def reminders_are_as_the_log_has_them(material: Material) -> Iterator[Finding]:
    """Each reminder that the log gives is there, due and decided as it should be; there is no other."""
    expected = Plan(material.log).reminders
    rows = {_place(row): row for row in material.reminders.values()}
    for place, reminder in expected.items():
        row = rows.pop(place, None)
        what = f"reminder of {place[0]}, {place[2]}, {place[1]} min before"
        if row is None:
            yield Finding("unsent", f"{what} does not exist")
        elif row.due_at != reminder.due_at:
            yield Finding("effects", f"{what} is due at {row.due_at}, should be at {reminder.due_at}")
        elif row.state not in (allowed := _allowed(reminder, material.taken_at)):
            yield Finding("unsent", f"{what}, due at {row.due_at}, is {row.state}, should be {' or '.join(allowed)}")
    for row in rows.values():
        yield Finding("effects", f"{row} is one that the log does not give")


def _allowed(reminder: Expected, now: datetime) -> list[str]:
    """The states that a reminder may have. Nothing fires before its time, whatever was dropped later."""
    begun = ["missed"] if reminder.starts_at <= now else []
    if reminder.due_at > now:
        return ["withdrawn" if reminder.dropped else "pending"]
    return ["fired", *begun, "withdrawn"] if reminder.dropped else ["fired", *begun]


def reminder_messages_are_as_the_log_has_them(material: Material) -> Iterator[Finding]:
    """Whoever was to be reminded has a message of that moment, and nobody has one of a moment that never was."""
    expected = Plan(material.log).reminders
    sent = {
        (*_place(material.reminders[message.reminder_id]), message.due_at)
        for message in material.messages
        if message.reminder_id in material.reminders
    }
    for place, reminder in expected.items():
        begun = reminder.starts_at <= material.taken_at
        owed = reminder.due_at <= material.taken_at and not (reminder.dropped or begun)
        if owed and (*place, reminder.due_at) not in sent:
            yield Finding("unsent", f"{place[0]} was not reminded {place[1]} min before, at {reminder.due_at}")
    for registration_id, minutes, status, due_at in sent:
        known = expected.get((registration_id, minutes, status))
        if known is None or due_at not in known.moments:
            yield Finding("duplicated", f"{registration_id} was reminded at {due_at}, which the log does not give")


def _place(row: ReminderRow) -> Place:
    return row.registration_id, row.minutes_before, row.of_status
