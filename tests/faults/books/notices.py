"""What leaders and staff are told of shifts, worked out from the log alone, against what is there.

A rule for them gives one moment of a shift. One that lay ahead at the time of the event that gives it is due; whoever
leads the team, or works at the site, then has one message of it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.faults.books.material import Finding, LogEntry, Material, NoticeRow
from tests.faults.books.moments import Clock, expected, name_of

AUDIENCES = ("leaders", "staff")
Place = tuple[str, str, str]
"""A shift, the audience, and what the rule is called."""


@dataclass
class Owed:
    """A notice as the log would have it; `moments` are those that it ever had."""

    site_id: str
    due_at: datetime
    starts_at: datetime
    dropped: bool = False
    moments: set[datetime] = field(default_factory=set)


class Plan:
    """All notices, as far as the log was taken."""

    def __init__(self, log: Sequence[LogEntry]) -> None:
        self.notices: dict[Place, Owed] = {}
        self._clocks: dict[str, Clock] = {}
        self._rules: dict[str, list[dict[str, Any]]] = {}
        self._shifts: dict[str, dict[str, Any]] = {}
        for entry in log:
            if entry.name == "site.saved":
                data = entry.data
                clock = Clock(data["time_zone"], data.get("quiet_from", "21:00"), data.get("quiet_until", "08:00"))
                self._clocks[data["site_id"]] = clock
        for entry in log:
            self._take(entry)

    def _take(self, entry: LogEntry) -> None:
        data, touched = entry.data, []
        if entry.name.startswith("activity."):
            gone = entry.name == "activity.cancelled"
            self._rules[data["activity_id"]] = [] if gone else data.get("reminder_rules", [])
            touched = [one for one in self._shifts.values() if one["activity_id"] == data["activity_id"]]
        elif entry.name == "shift.cancelled":
            self._drop(data["shift_id"], {})
            self._shifts.pop(data["shift_id"], None)
        elif entry.is_of_shift:
            self._shifts[data["shift_id"]] = data
            touched = [data]
        for shift in touched:
            self._bring_in_line(shift, entry.occurred_at)

    def _bring_in_line(self, shift: dict[str, Any], at: datetime) -> None:
        starts_at = datetime.fromisoformat(shift["starts_at"])
        moments: dict[Place, datetime] = {}
        for rule in self._rules.get(shift["activity_id"], []):
            moment = expected(rule, starts_at, self._clocks[shift["site_id"]]) if rule["to"] in AUDIENCES else None
            if moment:
                place = shift["shift_id"], rule["to"], name_of(rule)
                moments[place] = moment
                if moment > at:
                    owed = self.notices.setdefault(place, Owed(shift["site_id"], moment, starts_at))
                    owed.due_at, owed.starts_at, owed.dropped = moment, starts_at, False
                    owed.moments.add(moment)
        self._drop(shift["shift_id"], moments)

    def _drop(self, shift_id: str, but: dict[Place, datetime]) -> None:
        for place, owed in self.notices.items():
            if place[0] == shift_id and but.get(place) != owed.due_at:
                owed.dropped = True


def notices_are_as_the_log_has_them(material: Material) -> Iterator[Finding]:
    """Each that the log gives is there, due and decided as it should be; there is no other."""
    rows = {_place(row): row for row in material.notices if row.kind in AUDIENCES}
    for place, owed in Plan(material.log).notices.items():
        row = rows.pop(place, None)
        if row is None:
            yield Finding("unsent", f"notice {place} does not exist")
        elif row.due_at != owed.due_at:
            yield Finding("effects", f"{row} should be due at {owed.due_at}")
        elif row.state not in (allowed := _allowed(owed, material.taken_at)):
            yield Finding("unsent", f"{row} should be {' or '.join(allowed)}")
    for row in rows.values():
        yield Finding("effects", f"{row} is one that the log does not give")


def _allowed(owed: Owed, now: datetime) -> list[str]:
    if owed.due_at > now:
        return ["withdrawn" if owed.dropped else "pending"]
    late = ["missed"] if owed.starts_at <= now else []
    return ["fired", *late, "withdrawn"] if owed.dropped else ["fired", *late]


def notices_reach_everyone_once(material: Material) -> Iterator[Finding]:
    """Of a notice that fired, each whom it concerns has one message, of a moment that the log gives."""
    owed, world = Plan(material.log).notices, material.world
    rows = {row.id: row for row in material.notices}
    told: dict[tuple[int, datetime], list[str]] = {}
    for message in material.messages:
        if message.notice_id is not None and message.due_at is not None and message.chat_id is None:
            told.setdefault((message.notice_id, message.due_at), []).append(str(message.staff_id or message.person_id))
    for (notice_id, due_at), whom in told.items():
        known = owed.get(_place(rows[notice_id]))
        if known is None or due_at not in known.moments:
            yield Finding("duplicated", f"{rows[notice_id]} was told at {due_at}, which the log does not give")
            continue
        wanted = {world.leaders[known.site_id]} if rows[notice_id].kind == "leaders" else world.staff[known.site_id]
        if sorted(whom) != sorted(wanted):
            kind = "duplicated" if len(whom) > len(set(whom)) else "unsent"
            yield Finding(kind, f"{rows[notice_id]} was told to {sorted(whom)} instead of {sorted(wanted)}")
    for row in material.notices:
        if row.kind in AUDIENCES and row.state == "fired" and (row.id, row.due_at) not in told:
            yield Finding("unsent", f"{row} fired and was told to nobody")


def nothing_due_was_left(material: Material) -> Iterator[Finding]:
    """Of whichever kind: what was due before the books began is decided."""
    for row in material.notices:
        if row.state == "pending" and row.due_at < material.taken_at:
            yield Finding("unsent", f"{row} is still pending")


def _place(row: NoticeRow) -> Place:
    return row.shift_id, row.kind, row.rule
