"""A small city that things happen in at random: it writes the events, and counts for itself, slowly and obviously.

A step is four numbers: what happens, to what, and how. Numbers are taken modulo what there is, so that every list of
steps is a possible history.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from services.common.events import (
    ActivityCancelled,
    ActivityChanged,
    ActivityKind,
    ActivityPublished,
    AgeBand,
    AttendanceRecorded,
    AttendanceWithdrawn,
    CancelReason,
    Event,
    Outcome,
    PersonMerged,
    PersonUnmerged,
    RegistrationCancelled,
    RegistrationConfirmed,
    RegistrationMovedToWaitlist,
    RegistrationOffered,
    RegistrationPromoted,
    RegistrationResized,
    RegistrationWaitlisted,
    ShiftCancelled,
    ShiftChanged,
    ShiftOpened,
)
from tests.reporting.log import MemoryLog
from tests.reporting.scene import activity_fields, an_id, area, registration_fields, shift_fields, site

Step = tuple[int, int, int, int]
AREAS = ["city", "d1", "d2", "s1", "s2"]
SITES = ["north", "south", "west"]
KINDS = list(ActivityKind)
BANDS = list(AgeBand)
FIRST_DAY = date(2025, 12, 28)


@dataclass
class Activity:
    name: str
    site: str
    kind: ActivityKind
    cancelled: bool = False


@dataclass
class Shift:
    name: str
    activity: Activity
    day: date
    capacity: int
    version: int = 1
    cancelled: bool = False


@dataclass
class Registration:
    name: str
    shift: Shift
    person: int
    age_band: AgeBand
    status: str
    version: int = 1
    promoted: bool = False
    outcome: Outcome | None = None
    minutes: int = 0
    places: int = 1


ENDED = ("cancelled", "waited")


class World:
    """What is true, and the log that says how it came about."""

    def __init__(self, log: MemoryLog) -> None:
        self.log = log
        self.parents: dict[str, str | None] = {"city": None, "d1": "city", "d2": "city", "s1": "d1", "s2": "d2"}
        self.site_areas = {"north": "s1", "south": "s2", "west": "city"}
        self.activities: list[Activity] = []
        self.shifts: list[Shift] = []
        self.registrations: list[Registration] = []
        self.merges: list[tuple[str, int, int]] = []
        self.log.add(*(area(code, parent) for code, parent in self.parents.items()))
        for name in SITES:
            self._site_event(name)
        for which in range(3):
            self.publish(which, which, which * 31)

    def live(self, steps: Iterable[Step]) -> None:
        """Let these steps happen."""
        for what, which, how, much in steps:
            STEPS[what % len(STEPS)](self, which, how, much)

    # -- what can happen ---------------------------------------------------------------------------------------------

    def publish(self, which: int, how: int, much: int) -> None:
        activity = Activity(f"activity {len(self.activities)}", SITES[which % 3], KINDS[how % len(KINDS)])
        self.activities.append(activity)
        self._activity_event(ActivityPublished, activity)
        self._open(activity, much)

    def open_shift(self, which: int, how: int, much: int) -> None:
        if activity := self._pick(self.activities, which):
            self._open(activity, how + much)

    def change_kind(self, which: int, how: int, much: int) -> None:
        if activity := self._pick(self.activities, which):
            activity.kind = KINDS[how % len(KINDS)]
            self._activity_event(ActivityChanged, activity)

    def change_shift(self, which: int, how: int, much: int) -> None:
        if (shift := self._pick(self.shifts, which)) and not shift.cancelled:
            shift.day = FIRST_DAY + timedelta(days=how % 120)
            shift.capacity = 1 + much % 20
            shift.version += 1
            self._shift_event(ShiftChanged, shift)

    def cancel_activity(self, which: int, how: int, much: int) -> None:
        activity = self._pick(self.activities, which)
        if activity and how % 3 == 0:
            activity.cancelled = True
            self._activity_event(ActivityCancelled, activity)
            for shift in self.shifts:
                if shift.activity is activity and not shift.cancelled:
                    self._cancel_shift(shift)

    def cancel_shift(self, which: int, how: int, much: int) -> None:
        shift = self._pick(self.shifts, which)
        if shift and how % 2 == 0 and not shift.cancelled:
            self._cancel_shift(shift)

    def sign_up(self, which: int, how: int, much: int) -> None:
        shift = self._pick(self.shifts, which)
        if shift and not shift.cancelled:
            status = "waitlisted" if how % 3 == 0 else "confirmed"
            registration = Registration(
                f"registration {len(self.registrations)}", shift, how % 7, BANDS[much % len(BANDS)], status
            )
            registration.places = 1 + much % 3
            self.registrations.append(registration)
            model = RegistrationWaitlisted if status == "waitlisted" else RegistrationConfirmed
            self._registration_event(model, registration)

    def promote(self, which: int, how: int, much: int) -> None:
        registration = self._pick([r for r in self.registrations if r.status in ("waitlisted", "offered")], which)
        if registration:
            registration.status, registration.promoted = "confirmed", True
            self._next(RegistrationPromoted, registration)

    def offer(self, which: int, how: int, much: int) -> None:
        registration = self._pick([r for r in self.registrations if r.status == "waitlisted"], which)
        if registration:
            registration.status = "offered"
            until = datetime.combine(registration.shift.day, time(), UTC)
            self._next(RegistrationOffered, registration, expires_at=until, clashes=False)

    def move_back(self, which: int, how: int, much: int) -> None:
        places = [r for r in self.registrations if r.status in ("confirmed", "offered") and r.outcome is None]
        registration = self._pick(places, which)
        if registration:
            was_offered, registration.status = registration.status == "offered", "waitlisted"
            self._next(RegistrationMovedToWaitlist, registration, was_offered=was_offered)

    def resize(self, which: int, how: int, much: int) -> None:
        registration = self._pick([r for r in self.registrations if r.status not in ENDED], which)
        if registration:
            registration.places = 1 + much % 5
            self._next(RegistrationResized, registration)

    def cancel(self, which: int, how: int, much: int) -> None:
        registration = self._pick([r for r in self.registrations if r.status not in ENDED], which)
        if registration:
            self._cancel(registration, CancelReason.PERSON)

    def wait_in_vain(self, which: int, how: int, much: int) -> None:
        """The shift begins: who still waits is ended, and stays counted as somebody who waited."""
        registration = self._pick([r for r in self.registrations if r.status == "waitlisted"], which)
        if registration:
            registration.status = "waited"
            self._next(RegistrationCancelled, registration, reason=CancelReason.SHIFT_BEGUN, was_waitlisted=True)

    def attend(self, which: int, how: int, much: int) -> None:
        registration = self._pick([r for r in self.registrations if r.status == "confirmed"], which)
        if registration and registration.outcome is not None and much % 4 == 3:
            registration.outcome, registration.minutes = None, 0
            self._next(AttendanceWithdrawn, registration)
        elif registration:
            registration.outcome = list(Outcome)[how % 3]
            registration.minutes = much % 200 if registration.outcome is Outcome.ATTENDED else 0
            self._next(
                AttendanceRecorded,
                registration,
                outcome=registration.outcome,
                checked_in_at=None,
                checked_out_at=None,
                service_minutes=registration.minutes,
            )

    def merge_people(self, which: int, how: int, much: int) -> None:
        known = sorted({r.person for r in self.registrations})
        if len(known) > 1:
            merged, survivor = self.counted_as(known[which % len(known)]), self.counted_as(known[how % len(known)])
            if merged != survivor:
                self.merges.append((f"merge {sum(map(len, self.log.partitions.values()))}", merged, survivor))
                self._merge_event(PersonMerged, *self.merges[-1])

    def unmerge_people(self, which: int, how: int, much: int) -> None:
        if edge := self._pick(self.merges, which):
            self.merges.remove(edge)
            self._merge_event(PersonUnmerged, *edge)

    def counted_as(self, person: int) -> int:
        """Who the person is by the merges in force."""
        return next((self.counted_as(into) for _, merged, into in self.merges if merged == person), person)

    def _merge_event(self, model: type[PersonMerged], name: str, merged: int, into: int) -> None:
        ids = {"person_id": an_id(f"person {merged}"), "into_id": an_id(f"person {into}")}
        self.log.add(model(merge_id=an_id(name), person_number=merged, into_number=into, **ids))

    def move_area(self, which: int, how: int, much: int) -> None:
        code = ["s1", "s2"][which % 2]
        self.parents[code] = ["city", "d1", "d2"][how % 3]
        self.log.add(area(code, self.parents[code]))

    def move_site(self, which: int, how: int, much: int) -> None:
        name = SITES[which % 3]
        self.site_areas[name] = AREAS[how % 5]
        self._site_event(name)

    # -- what follows ------------------------------------------------------------------------------------------------

    def _pick(self, things: Sequence[Any], which: int) -> Any:
        return things[which % len(things)] if things else None

    def _open(self, activity: Activity, much: int) -> None:
        if not activity.cancelled:
            name = f"shift {len(self.shifts)}"
            shift = Shift(name, activity, FIRST_DAY + timedelta(days=much % 120), 1 + much % 20)
            self.shifts.append(shift)
            self._shift_event(ShiftOpened, shift)

    def _cancel_shift(self, shift: Shift) -> None:
        shift.cancelled = True
        shift.version += 1
        self._shift_event(ShiftCancelled, shift)
        for registration in self.registrations:
            if registration.shift is shift and registration.status not in ENDED:
                self._cancel(registration, CancelReason.SHIFT_CANCELLED)

    def _cancel(self, registration: Registration, reason: CancelReason) -> None:
        was_waitlisted, registration.status = registration.status == "waitlisted", "cancelled"
        self._next(RegistrationCancelled, registration, reason=reason, was_waitlisted=was_waitlisted)

    def _next(self, model: type[Event], registration: Registration, **more: Any) -> None:
        registration.version += 1
        self._registration_event(model, registration, **more)

    def _site_event(self, name: str) -> None:
        self.log.add(site(name, self.site_areas[name]))

    def _activity_event(self, model: type[Event], activity: Activity) -> None:
        self.log.add(model(**activity_fields(activity.name, activity.site, activity.kind)))

    def _shift_event(self, model: type[Event], shift: Shift) -> None:
        day, activity = shift.day.isoformat(), shift.activity
        self.log.add(
            model(**shift_fields(shift.name, activity.name, activity.site, day, shift.version, shift.capacity))
        )

    def _registration_event(self, model: type[Event], registration: Registration, **more: Any) -> None:
        shift = registration.shift
        fields = registration_fields(
            registration.name,
            shift.name,
            shift.activity.name,
            shift.activity.site,
            registration.person,
            registration.version,
            registration.age_band,
        )
        self.log.add(model(**fields, places=registration.places, **more))

    # -- the recount -------------------------------------------------------------------------------------------------

    def branch(self, site_name: str, scope: str) -> str | None:
        """The child of the scope that the site lies under (the scope itself if directly), None when outside."""
        below, here = self.site_areas[site_name], self.site_areas[site_name]
        while here != scope:
            below, parent = here, self.parents[here]
            if parent is None:
                return None
            here = parent
        return below

    def recount(
        self, scope: str, first: date, last: date, by: Sequence[str], only: dict[str, list[str]]
    ) -> dict[tuple[Any, ...], dict[str, Any]]:
        """Every row by its dimensions' codes, and the total under ()."""
        places = {name: branch for name in SITES if (branch := self.branch(name, scope))}
        shifts = [s for s in self.shifts if s.activity.site in places and first <= s.day <= last]
        shifts = [s for s in shifts if s.activity.kind in only.get("kind", KINDS)]
        registrations = [r for r in self.registrations if r.shift in shifts]
        registrations = [r for r in registrations if r.age_band in only.get("age_band", BANDS)]
        open_shifts = [s for s in shifts if not s.cancelled]
        of_band = "age_band" in only
        rows = {(): _figures(registrations, None if of_band else open_shifts, self.counted_as)}
        keys = {key_of(by, r.shift, r, places) for r in registrations}
        if "age_band" not in by and not of_band:
            keys |= {key_of(by, s, None, places) for s in open_shifts}
        for key in keys if by else ():
            mine = [r for r in registrations if key_of(by, r.shift, r, places) == key]
            offered = [s for s in open_shifts if key_of(by, s, None, places) == key]
            rows[key] = _figures(mine, None if "age_band" in by or of_band else offered, self.counted_as)
        return rows


STEPS = [
    World.publish,
    World.open_shift,
    World.sign_up,
    World.sign_up,
    World.sign_up,
    World.attend,
    World.attend,
    World.promote,
    World.offer,
    World.move_back,
    World.resize,
    World.cancel,
    World.wait_in_vain,
    World.change_shift,
    World.change_kind,
    World.cancel_shift,
    World.cancel_activity,
    World.merge_people,
    World.unmerge_people,
    World.move_area,
    World.move_site,
]


def key_of(
    by: Sequence[str], shift: Shift, registration: Registration | None, places: dict[str, str]
) -> tuple[Any, ...]:
    codes: dict[str, str | UUID | None] = {
        "day": str(shift.day),
        "week": shift.day.strftime("%G-W%V"),
        "month": str(shift.day)[:7],
        "quarter": f"{shift.day.year}-Q{(shift.day.month - 1) // 3 + 1}",
        "year": str(shift.day.year),
        "academic_year": "2025-2026",  # of all the days there are
        "site": an_id(shift.activity.site),
        "area": places[shift.activity.site],
        "kind": shift.activity.kind.value,
        "age_band": registration.age_band.value if registration else None,
    }
    return tuple(codes[name] for name in by)


def _figures(
    registrations: list[Registration], shifts: list[Shift] | None, counted_as: Callable[[int], int]
) -> dict[str, Any]:
    came = [r for r in registrations if r.outcome in (Outcome.PRESENT, Outcome.ATTENDED)]
    return {
        "activities": None if shifts is None else len({s.activity.name for s in shifts}),
        "shifts": None if shifts is None else len(shifts),
        "seats": None if shifts is None else sum(s.capacity for s in shifts),
        "registrations": len(registrations),
        "confirmed": sum(r.status == "confirmed" for r in registrations),
        "waitlisted": sum(r.status in ("waitlisted", "waited") for r in registrations),
        "promotions": sum(r.promoted for r in registrations),
        "cancellations": sum(r.status == "cancelled" for r in registrations),
        "attended": len(came),
        "no_shows": sum(r.outcome is Outcome.NO_SHOW for r in registrations),
        "service_minutes": sum(r.minutes for r in registrations),
        "offered": sum(r.status == "offered" for r in registrations),
        "places": sum(r.places for r in registrations if r.status == "confirmed"),
        "people": len({counted_as(r.person) for r in registrations if r.status != "cancelled"}),
        "people_attended": len({counted_as(r.person) for r in came}),
    }
