"""What a community site knows by itself: who signed up, who waits, who came. Compared with the system's own answers.

    books = Books()
    books.open_shift(shift)
    books.sign_up(registration)      # an answer of POST /v1/shifts/{id}/registrations
    books.cancel(registration["id"])
    books.figures()["promotions"]

It keeps the waitlist in its own way (the next one waiting gets the place), so it knows who must have moved up without
asking.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

MailCount = Counter[tuple[str, str]]
"""How many mails of each kind each person gets: (person_id, kind) → number."""


@dataclass
class Entry:
    """One sign-up."""

    id: str
    person_id: str
    shift_id: str
    status: str
    position: int | None
    promoted: bool = False
    outcome: str | None = None
    service_minutes: int = 0


@dataclass
class Shift:
    """What is needed of a shift."""

    id: str
    activity_id: str
    capacity: int
    reminders: int


@dataclass
class Books:
    """Everything that happened at one site."""

    shifts: dict[str, Shift] = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)

    # -- what happens --------------------------------------------------------------------------------------------

    def open_shift(self, shift: dict[str, Any], reminders: int) -> None:
        """A shift was made; each of its people gets so many reminders while we watch."""
        self.shifts[shift["id"]] = Shift(shift["id"], shift["activity_id"], shift["capacity"], reminders)

    def sign_up(self, answer: dict[str, Any]) -> None:
        """Somebody signed up, and this was the answer."""
        self.entries[answer["id"]] = Entry(
            answer["id"], answer["person_id"], answer["shift_id"], answer["status"], answer["waitlist_position"]
        )

    def cancel(self, registration_id: str) -> None:
        """Somebody cancelled."""
        entry = self.entries[registration_id]
        entry.status = "cancelled"
        self._move_up(entry.shift_id)

    def raise_capacity(self, shift_id: str, capacity: int) -> None:
        """A shift got more places."""
        self.shifts[shift_id].capacity = capacity
        self._move_up(shift_id)

    def attended(self, registration_id: str, service_minutes: int) -> None:
        """Somebody was there, so long."""
        self.entries[registration_id].outcome = "attended"
        self.entries[registration_id].service_minutes = service_minutes

    def no_show(self, registration_id: str) -> None:
        """Somebody did not come."""
        self.entries[registration_id].outcome = "no_show"

    def _move_up(self, shift_id: str) -> None:
        waiting = self.waiting(shift_id)
        free = self.shifts[shift_id].capacity - len(self.confirmed(shift_id))
        for entry in waiting[: max(free, 0)]:
            entry.status = "confirmed"
            entry.promoted = True

    # -- what is ---------------------------------------------------------------------------------------------------

    def confirmed(self, shift_id: str) -> list[Entry]:
        """Who has a place on the shift."""
        return [entry for entry in self.entries.values() if entry.shift_id == shift_id and entry.status == "confirmed"]

    def waiting(self, shift_id: str) -> list[Entry]:
        """Who waits for one, in order."""
        waiting = [e for e in self.entries.values() if e.shift_id == shift_id and e.status == "waitlisted"]
        return sorted(waiting, key=lambda entry: entry.position or 0)

    def figures(self) -> dict[str, int]:
        """The participation report, as it must be."""
        entries = list(self.entries.values())
        status = Counter(entry.status for entry in entries)
        outcome = Counter(entry.outcome for entry in entries)
        return {
            "activities": len({shift.activity_id for shift in self.shifts.values()}),
            "shifts": len(self.shifts),
            "seats": sum(shift.capacity for shift in self.shifts.values()),
            "registrations": len(entries),
            "confirmed": status["confirmed"],
            "waitlisted": status["waitlisted"],
            "promotions": sum(entry.promoted for entry in entries),
            "cancellations": status["cancelled"],
            "attended": outcome["attended"],
            "no_shows": outcome["no_show"],
            "service_minutes": sum(entry.service_minutes for entry in entries),
            "people": len({entry.person_id for entry in entries if entry.status != "cancelled"}),
            "people_attended": len({entry.person_id for entry in entries if entry.outcome == "attended"}),
        }

    def mails(self, with_reminders: bool) -> MailCount:
        """Which mails must have gone out by now."""
        count: MailCount = Counter()
        for entry in self.entries.values():
            count[entry.person_id, "waitlisted" if entry.position else "confirmation"] += 1
            if entry.promoted:
                count[entry.person_id, "promotion"] += 1
            if entry.status == "cancelled":
                count[entry.person_id, "cancellation"] += 1
            if with_reminders and entry.status == "confirmed":
                count[entry.person_id, "reminder"] += self.shifts[entry.shift_id].reminders
        return +count
