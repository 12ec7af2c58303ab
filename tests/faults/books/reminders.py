"""Which reminders there should be, worked out from the log alone, against those that there are.

Every rule of the activity that is for participants gives a moment before the shift begins, by the site's clocks and out
of its quiet hours (`moments.py`). One that still lay ahead at the time of an event that
gives it (a place, a move, other offsets) is due; an event after which nobody is to be reminded at that moment drops it.
Whoever waits is told instead, two hours before, that there is no place so far. Of several that are overdue at once the
last one is enough. A site's clocks count as they are at the end of the log, since when they last changed: which of its
other partitions' events they came before, no log tells.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.faults.books.material import Finding, LogEntry, Material, ReminderRow
from tests.faults.books.moments import Clock, expected, name_of

Place = tuple[str, str, str]
"""A registration, what the rule is called, and the status of whoever is to be reminded."""

NO_PLACE = {"to": "participants", "minutes_before": 120, "only_unconfirmed": False}


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
    late: str = "latest"
    dropped: bool = False
    moments: set[datetime] = field(default_factory=set)


class Plan:
    """All reminders, as far as the log was taken."""

    def __init__(self, log: Sequence[LogEntry]) -> None:
        self._of: dict[str, dict[tuple[str, str], Expected]] = {}
        self._rules: dict[str, list[dict[str, Any]]] = {}
        self._clocks: dict[str, tuple[Clock, datetime]] = {}
        self._coming: set[str] = set()
        self._walked: dict[Any, datetime | None] = {}
        self._called_off: set[str] = set()
        self._shifts: dict[str, dict[str, Any]] = {}
        self._statuses: dict[str, dict[str, str]] = {}
        for entry in sorted((one for one in log if one.name == "site.saved"), key=lambda one: one.occurred_at):
            self._take_site(entry)
        for entry in log:
            self._take(entry)

    @property
    def reminders(self) -> dict[Place, Expected]:
        """Every reminder that was ever to be."""
        return {(whose, *which): one for whose, its in self._of.items() for which, one in its.items()}

    def _take_site(self, entry: LogEntry) -> None:
        data, default = entry.data, ("21:00", "08:00")
        clock = Clock(data["time_zone"], data.get("quiet_from", default[0]), data.get("quiet_until", default[1]))
        known = self._clocks.get(data["site_id"])
        if known is None or known[0].key != clock.key:
            self._clocks[data["site_id"]] = clock, entry.occurred_at

    def _take(self, entry: LogEntry) -> None:
        data, at = entry.data, entry.occurred_at
        if entry.name in ("activity.published", "activity.changed"):
            plain = [NO_PLACE | {"minutes_before": minutes} for minutes in data["reminder_minutes"]]
            self._rules[data["activity_id"]] = plain + data.get("reminder_rules", [])
            self._each_shift(data["activity_id"], at)
        elif entry.name == "activity.cancelled":
            self._called_off.add(data["activity_id"])
            self._each_shift(data["activity_id"], at)
        elif entry.name in ("shift.opened", "shift.changed"):
            known = self._shifts.get(data["shift_id"], data)
            if (known["starts_at"], known["ends_at"]) != (data["starts_at"], data["ends_at"]):
                self._coming -= self._statuses.get(data["shift_id"], {}).keys()
            self._shifts[data["shift_id"]] = data
            self._each_registration(data["shift_id"], at)
        elif entry.name == "shift.cancelled":
            for registration_id in self._statuses.pop(data["shift_id"], {}):
                self._drop(registration_id, [])
        elif entry.name in STATUSES:
            self._statuses.setdefault(data["shift_id"], {})[data["registration_id"]] = STATUSES[entry.name]
            self._coming.discard(data["registration_id"])
            self._bring_in_line(data["registration_id"], data["shift_id"], at)
        elif entry.name == "registration.coming":
            self._coming.add(data["registration_id"])
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
        clock, since = self._clocks[shift["site_id"]]
        moments: dict[tuple[str, str], datetime] = {}
        for rule in self._rules_for(registration_id, shift["activity_id"], status):
            due_at = self._walk(rule, starts_at, clock)
            if due_at is None:
                continue
            which = name_of(rule), status
            moments[which] = due_at
            if due_at > max(at, since):
                known = self._of.setdefault(registration_id, {}).setdefault(which, Expected(due_at, starts_at))
                known.due_at, known.starts_at, known.dropped = due_at, starts_at, False
                known.late = rule.get("late", "latest")
                known.moments.add(due_at)
        self._drop(registration_id, list(moments.items()))

    def _walk(self, rule: dict[str, Any], starts_at: datetime, clock: Clock) -> datetime | None:
        """The moment, walked to once for everybody on the shift."""
        which = rule["to"], name_of(rule), starts_at, clock.key
        if which not in self._walked:
            self._walked[which] = expected(rule, starts_at, clock)
        return self._walked[which]

    def _rules_for(self, registration_id: str, activity_id: str, status: str) -> list[dict[str, Any]]:
        if activity_id in self._called_off or status == "offered":
            return []
        rules = [NO_PLACE] if status == "waitlisted" else self._rules.get(activity_id, [])
        return [
            rule
            for rule in rules
            if rule["to"] == "participants" and not (rule.get("only_unconfirmed") and registration_id in self._coming)
        ]

    def _drop(self, registration_id: str, but: Sequence[tuple[tuple[str, str], datetime]]) -> None:
        for which, known in self._of.get(registration_id, {}).items():
            if (which, known.due_at) not in but:
                known.dropped = True


def reminders_are_as_the_log_has_them(material: Material) -> Iterator[Finding]:
    """Each reminder that the log gives is there, due and decided as it should be; there is no other."""
    plan, beside = _planned(material)
    rows = {_place(row): row for row in material.reminders.values()}
    for place, reminder in plan.items():
        row = rows.pop(place, None)
        what = f"reminder of {place[0]}, {place[2]}, by {place[1]}"
        if row is None:
            yield Finding("unsent", f"{what} does not exist")
        elif row.due_at != reminder.due_at:
            yield Finding("effects", f"{what} is due at {row.due_at}, should be at {reminder.due_at}")
        elif row.state not in (allowed := _allowed(reminder, beside(place), material.taken_at)):
            yield Finding("unsent", f"{what}, due at {row.due_at}, is {row.state}, should be {' or '.join(allowed)}")
    for row in rows.values():
        yield Finding("effects", f"{row} is one that the log does not give")


def _planned(material: Material) -> tuple[dict[Place, Expected], Callable[[Place], list[Expected]]]:
    """All reminders, and what finds those of the same person and shift."""
    plan = Plan(material.log).reminders
    together: dict[tuple[str, str], list[Expected]] = {}
    for place, reminder in plan.items():
        together.setdefault((place[0], place[2]), []).append(reminder)
    return plan, lambda place: together[place[0], place[2]]


def _allowed(reminder: Expected, all_of_them: Sequence[Expected], now: datetime) -> list[str]:
    """The states that a reminder may have. Nothing fires before its time, whatever was dropped later."""
    if reminder.due_at > now:
        return ["withdrawn" if reminder.dropped else "pending"]
    late = ["missed"] if reminder.starts_at <= now or reminder.late == "skip" else []
    late += ["superseded"] if reminder.late == "latest" and _has_later(reminder, all_of_them, now) else []
    return ["fired", *late, "withdrawn"] if reminder.dropped else ["fired", *late]


def _has_later(reminder: Expected, all_of_them: Sequence[Expected], now: datetime) -> bool:
    """Whether a later one was due as well, so that this one need not go out any more."""
    return any(reminder.due_at <= moment <= now for one in all_of_them if one is not reminder for moment in one.moments)


def reminder_messages_are_as_the_log_has_them(material: Material) -> Iterator[Finding]:
    """Whoever was to be reminded has a message of that moment, and nobody has one of a moment that never was."""
    plan, beside = _planned(material)
    rows = {_place(row): row for row in material.reminders.values()}
    sent = {
        (*_place(material.reminders[message.reminder_id]), message.due_at)
        for message in material.messages
        if message.reminder_id in material.reminders
    }
    for place, reminder in plan.items():
        begun = reminder.starts_at <= material.taken_at
        state = rows[place].state if place in rows else ""
        spared = state in ("missed", "superseded") and state in _allowed(reminder, beside(place), material.taken_at)
        owed = reminder.due_at <= material.taken_at and not (reminder.dropped or begun or spared)
        if owed and (*place, reminder.due_at) not in sent:
            yield Finding("unsent", f"{place[0]} was not reminded by {place[1]}, at {reminder.due_at}")
    for registration_id, rule, status, due_at in sent:
        known = plan.get((registration_id, rule, status))
        if known is None or due_at not in known.moments:
            yield Finding("duplicated", f"{registration_id} was reminded at {due_at}, which the log does not give")


def _place(row: ReminderRow) -> Place:
    return row.registration_id, row.rule, row.of_status
