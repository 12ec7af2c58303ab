"""Who is to be told of a change: everyone who is signed up when a shift's time, role, title or place changes."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from tests.faults.books.material import LogEntry

OF_SHIFT = ("starts_at", "ends_at", "role_zh", "role_en")
OF_ACTIVITY = ("title_zh", "title_en", "place")


class _Known:
    """What the log has told so far."""

    def __init__(self) -> None:
        self.activities: dict[str, dict[str, Any]] = {}
        self.shifts: dict[str, dict[str, Any]] = {}
        self.signed_up: dict[str, set[str]] = {}

    def take(self, entry: LogEntry) -> None:
        data = entry.data
        if entry.name.startswith("activity."):
            self.activities[data["activity_id"]] = data
        elif entry.name == "shift.cancelled":
            self.shifts.pop(data["shift_id"], None)
        elif entry.is_of_shift:
            self.shifts[data["shift_id"]] = data
        elif entry.name == "registration.cancelled":
            self.signed_up.get(data["shift_id"], set()).discard(data["registration_id"])
        elif entry.name.startswith("registration."):
            self.signed_up.setdefault(data["shift_id"], set()).add(data["registration_id"])

    def touched(self, entry: LogEntry) -> Sequence[str]:
        """The shifts whose people are to be told of this event, which was not taken yet."""
        if entry.name == "shift.changed" and _differ(self.shifts.get(entry.data["shift_id"]), entry.data, OF_SHIFT):
            # The shift as it is now: one that moved into the past is told to nobody.
            return [entry.data["shift_id"]] if _is_ahead(entry.data, entry.occurred_at) else []
        activity_id = entry.data.get("activity_id", "")
        if entry.name == "activity.changed" and _differ(self.activities.get(activity_id), entry.data, OF_ACTIVITY):
            return [
                shift_id
                for shift_id, shift in self.shifts.items()
                if shift["activity_id"] == activity_id and _is_ahead(shift, entry.occurred_at)
            ]
        return []


def expected_changes(log: Sequence[LogEntry]) -> Iterator[tuple[str, str]]:
    """(registration, event) of each change that somebody is to be told of."""
    known = _Known()
    for entry in log:
        for shift_id in known.touched(entry):
            for registration_id in known.signed_up.get(shift_id, ()):
                yield registration_id, entry.event_id
        known.take(entry)


def _differ(old: dict[str, Any] | None, new: dict[str, Any], fields: Sequence[str]) -> bool:
    return old is not None and any(old[field] != new[field] for field in fields)


def _is_ahead(shift: dict[str, Any], moment: datetime) -> bool:
    return datetime.fromisoformat(shift["ends_at"]) > moment
