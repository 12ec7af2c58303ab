"""Capacity, offers and waitlist, by replaying the log shift by shift; and that nobody is in two places at once."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import combinations

from tests.faults.books.material import Finding, LogEntry, Material


@dataclass
class Room:
    """A shift as the log tells it, event by event: who has a place or is offered one, who waits."""

    shift_id: str
    capacity: int = 0
    cancelled: bool = False
    starts_at: datetime | None = None
    confirmed: set[str] = field(default_factory=set)
    offered: set[str] = field(default_factory=set)
    waiting: list[str] = field(default_factory=list)

    def replay(self, entry: LogEntry) -> Iterator[Finding]:
        """Take in one event; yields what must not have happened."""
        who = entry.data.get("registration_id", "")
        if entry.is_of_shift:
            self.capacity = entry.data["capacity"]
            self.cancelled = self.cancelled or entry.name == "shift.cancelled"
            self.starts_at = datetime.fromisoformat(entry.data["starts_at"])
        elif entry.name == "registration.waitlisted":
            self.waiting.append(who)
        elif entry.name == "registration.confirmed":
            if self.waiting:
                yield Finding("waitlist", f"{entry} got a place while {len(self.waiting)} waited")
            self.confirmed.add(who)
        elif entry.name in ("registration.promoted", "registration.offered"):
            if who not in self.offered and self.waiting[:1] != [who]:
                yield Finding("waitlist", f"{entry} moved up, first in line was {self.waiting[:1]}")
            self._leave(who)
            (self.confirmed if entry.name == "registration.promoted" else self.offered).add(who)
        elif entry.name == "registration.cancelled":
            self._leave(who)
        if self.taken > self.capacity:
            yield Finding("oversold", f"{entry}: {self.taken} have a place, capacity is {self.capacity}")

    @property
    def taken(self) -> int:
        """Places that are given or kept for who was offered them."""
        return len(self.confirmed) + len(self.offered)

    def _leave(self, who: str) -> None:
        self.confirmed.discard(who)
        self.offered.discard(who)
        if who in self.waiting:
            self.waiting.remove(who)


def rooms(material: Material) -> tuple[dict[str, Room], list[Finding]]:
    """Every shift after the whole log, and what went wrong on the way."""
    found: dict[str, Room] = {}
    wrong: list[Finding] = []
    for entry in material.log:
        if "shift_id" in entry.data:
            room = found.setdefault(entry.data["shift_id"], Room(entry.data["shift_id"]))
            wrong += room.replay(entry)
    return found, wrong


def capacity_was_never_exceeded(material: Material) -> Iterator[Finding]:
    """At no point of the log are there more confirmed than places."""
    _, wrong = rooms(material)
    yield from (finding for finding in wrong if finding.kind == "oversold")


def waitlist_was_never_skipped(material: Material) -> Iterator[Finding]:
    """Whoever moves up was first in line, nobody passes the line, and no place stays empty while somebody waits.

    Once a shift has begun nobody moves up any more.
    """
    found, wrong = rooms(material)
    yield from (finding for finding in wrong if finding.kind == "waitlist")
    for room in found.values():
        is_ahead = room.starts_at is not None and room.starts_at > datetime.now(UTC) and not room.cancelled
        if is_ahead and room.waiting and room.taken < room.capacity:
            yield Finding(
                "waitlist",
                f"shift {room.shift_id}: {len(room.waiting)} wait beside {room.capacity - room.taken} places",
            )


def counters_agree(material: Material) -> Iterator[Finding]:
    """The shift's own counters, its registrations and the log's end agree, and none is above the capacity."""
    found, _ = rooms(material)
    for shift in material.shifts.values():
        room = found.get(shift.id, Room(shift.id))
        of_shift = [row.status for row in material.registrations.values() if row.shift_id == shift.id]
        for status, counter, told in (
            ("confirmed", shift.confirmed, len(room.confirmed)),
            ("offered", shift.offered, len(room.offered)),
        ):
            rows = of_shift.count(status)
            if not rows == told == counter:
                yield Finding("effects", f"shift {shift.id}, {status}: counter {counter}, rows {rows}, log {told}")
        taken = of_shift.count("confirmed") + of_shift.count("offered")
        if taken > shift.capacity:
            yield Finding("oversold", f"shift {shift.id}: {taken} rows have a place, capacity is {shift.capacity}")


def nobody_is_in_two_places(material: Material) -> Iterator[Finding]:
    """No person has two places at overlapping hours, wherever the shifts were moved."""
    of_person = defaultdict(list)
    for row in material.registrations.values():
        if row.status == "confirmed":
            of_person[row.person_id].append(material.shifts[row.shift_id])
    for person_id, shifts in of_person.items():
        for one, other in combinations(shifts, 2):
            if one.starts_at < other.ends_at and other.starts_at < one.ends_at:
                yield Finding("two places", f"person {person_id} has places at once on {one.id} and {other.id}")
