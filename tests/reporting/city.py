"""The small city of `world.py`, in which there are programmes, plaques, rooms and hours as well.

It holds what is true as lists of plain things; `recounts.py` counts them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from services.common.events import (
    ActivityCancelled,
    ActivityChanged,
    ActivityCompleted,
    ActivityOrganisationsSet,
    BookingCancelled,
    BookingConfirmed,
    BookingDeclined,
    BookingMoved,
    BookingRequested,
    CertificateIssued,
    CertificateRevoked,
    DesignationSaved,
    Event,
    OrganisationSaved,
    ProgrammeCloned,
    ProgrammeSaved,
    RegistrationCancelled,
    RoomSaved,
    ServiceRecordCorrected,
    ServiceRecordRecorded,
)
from tests.reporting.log import MemoryLog
from tests.reporting.scene import activity_fields, an_id, shift_fields, site
from tests.reporting.townsfolk import Townsfolk
from tests.reporting.world import FIRST_DAY, SITES, STEPS, Activity, Registration, Shift, Step

ZONES = ["Asia/Shanghai", "Asia/Urumqi", "America/St_Johns"]
CHANNELS = ["site", "web", "desk", "team"]
ROLES = ["host", "partner"]
PURPOSES = ["shift", "team", "other", "block"]
HOWS = ["scanned", "confirmed", "entered_later", "imported"]


@dataclass
class Booking:
    name: str
    site: str
    room: str
    purpose: str
    team: str | None
    day: date
    minutes: int
    status: str
    starts_at: datetime = field(init=False)


@dataclass
class Record:
    name: str
    site: str
    person: int
    registration: Registration | None
    day: date
    minutes: int
    how: str
    late: bool
    corrected: bool = False


class City(Townsfolk):
    """What is true of everything."""

    def __init__(self, log: MemoryLog) -> None:
        self.zones = dict(zip(SITES, ZONES, strict=True))
        self.about: dict[str, dict[str, Any]] = {}
        self.starts: dict[str, tuple[datetime, datetime]] = {}
        self.facts: dict[str, dict[str, Any]] = {}
        self.parts: dict[str, set[tuple[str, str]]] = {}
        self.programmes: dict[str, int] = {}
        self.clones: dict[tuple[str, str], dict[str, Any]] = {}
        self.designations: dict[str, dict[str, Any]] = {}
        self.bookings: list[Booking] = []
        self.records: list[Record] = []
        self.certificates: dict[str, dict[str, Any]] = {}
        super().__init__(log)
        for which in range(3):
            self.found_team(which, 0, 0)
            self.join(which, which, which)
            self.register_volunteer(which, which, which)
            self.save_programme(which, 0, 0)
            self.save_directory(which, 0, 0)

    def live(self, steps: Iterable[Step]) -> None:
        for what, which, how, much in steps:
            self.log.now += timedelta(hours=much % 37)
            ALL_STEPS[what % len(ALL_STEPS)](self, which, how, much)

    def here(self, which: int) -> dict[str, Any]:
        return {"site_id": an_id(SITES[which % 3])}

    # -- what the world tells more of --------------------------------------------------------------------------------

    def _site_event(self, name: str) -> None:
        self.log.add(site(name, self.site_areas[name], time_zone=self.zones[name]))

    def change_clocks(self, which: int, how: int, much: int) -> None:
        self.zones[SITES[which % 3]] = ZONES[how % 3]
        self._site_event(SITES[which % 3])

    def _activity_event(self, model: type[Event], activity: Activity) -> None:
        about = self.about.setdefault(
            activity.name, {"programme": None, "team": None, "volunteering": True, "service_category": None}
        )
        about["status"] = {ActivityCompleted: "completed", ActivityCancelled: "cancelled"}.get(model, "open")
        told = {f"{name}_id": an_id(about[name]) if about[name] else None for name in ("programme", "team")}
        told |= {name: about[name] for name in ("volunteering", "service_category")}
        self.log.add(model(**activity_fields(activity.name, activity.site, activity.kind) | told))

    def change_about(self, which: int, how: int, much: int) -> None:
        activity = self._pick(self.activities, which)
        about = self.about[activity.name]
        about["programme"] = self._pick([None, *self.programmes], how)
        about["team"] = self._pick([None, *(team.name for team in self.teams)], much)
        about["volunteering"], about["service_category"] = how % 2 == 0, [None, "elders"][much % 2]
        self._activity_event(ActivityChanged, activity)

    def complete(self, which: int, how: int, much: int) -> None:
        self._activity_event(ActivityCompleted, self._pick(self.activities, which))

    def _shift_event(self, model: type[Event], shift: Shift) -> None:
        zone = ZoneInfo(self.zones[shift.activity.site])
        hour = (shift.day.toordinal() * 5 + shift.capacity) % 24
        starts = datetime.combine(shift.day, time(hour, 30), zone).astimezone(UTC)
        ends = starts + timedelta(minutes=30 + shift.capacity * 5)
        self.starts[shift.name] = (starts, ends)
        activity, day = shift.activity, shift.day.isoformat()
        told = shift_fields(shift.name, activity.name, activity.site, day, shift.version, shift.capacity)
        told |= {"starts_at": starts, "ends_at": ends, "role_zh": f"第{hour}时", "role_en": f"hour {hour}"}
        self.log.add(model(**told))

    def _registration_event(self, model: type[Event], registration: Registration, **more: Any) -> None:
        place = len(self.registrations)
        first = {"channel": CHANNELS[place % 4], "team": self.teams[place % len(self.teams)].name}
        known = registration.name in self.facts
        fact = self.facts.setdefault(registration.name, first)
        super()._registration_event(model, registration, channel=fact["channel"], team_id=an_id(fact["team"]), **more)
        if not known:
            fact["signed_up_at"] = self.log.now
        if model is RegistrationCancelled:
            notice = self.starts[registration.shift.name][0] - self.log.now
            fact |= {"cancelled_at": self.log.now, "notice": notice // timedelta(minutes=1), **more}

    # -- programmes, organisations, plaques --------------------------------------------------------------------------

    def save_programme(self, which: int, how: int, much: int) -> None:
        name = f"programme {which % 3}"
        self.programmes[name] = self.programmes.get(name, 0) + 1
        site_id, area = (an_id(SITES[how % 3]), None) if how % 2 else (None, "city")
        self.log.add(
            ProgrammeSaved(
                programme_id=an_id(name),
                version=self.programmes[name],
                site_id=site_id,
                area=area,
                title_zh="项目",
                title_en="Programme",
                activities=much % 5,
            )
        )

    def clone(self, which: int, how: int, much: int) -> None:
        name, where = self._pick(list(self.programmes), which), SITES[how % 3]
        clone = {"version": self.programmes[name], "first_day": FIRST_DAY + timedelta(days=much % 90), "activities": 3}
        self.clones[name, where] = clone
        told = clone | {"first_day": str(clone["first_day"])}
        self.log.add(ProgrammeCloned(programme_id=an_id(name), site_id=an_id(where), **told))

    def save_directory(self, which: int, how: int, much: int) -> None:
        """An organisation and a room."""
        names = {"name_zh": f"名{how}", "name_en": f"Name {how}"}
        owner = an_id(SITES[which % 3]) if which % 2 else None
        organisation = {"organisation_id": an_id(f"organisation {which % 3}"), "site_id": owner, "kind": "school"}
        self.log.add(OrganisationSaved(**organisation, **names))
        self.log.add(RoomSaved(room_id=an_id(f"room {which % 3}"), **self.here(which), capacity=how, **names))

    def set_parts(self, which: int, how: int, much: int) -> None:
        activity = self._pick(self.activities, which)
        every = [(f"organisation {n}", role) for n in range(3) for role in ROLES]
        parts = [part for place, part in enumerate(every) if (how + much) >> place & 1]
        self.parts[activity.name] = set(parts)
        told = [{"organisation_id": an_id(name), "role": role} for name, role in parts]
        self.log.add(
            ActivityOrganisationsSet(activity_id=an_id(activity.name), site_id=an_id(activity.site), organisations=told)
        )

    def hang(self, which: int, how: int, much: int) -> None:
        """A plaque is hung, changed or taken away."""
        name, begins = f"designation {which % 5}", FIRST_DAY + timedelta(days=how % 60)
        ends = begins + timedelta(days=1 + how % 50) if how % 3 else None
        revoked = begins + timedelta(days=much % 40) if much % 2 else None
        self.designations[name] = {"valid_from": begins, "valid_until": ends, "revoked_on": revoked}
        named = {"name_zh": "牌", "name_en": "Plaque", "granted_by": "市民政局", "organisation_id": None}
        ids = {"designation_id": an_id(name), "site_id": an_id(SITES[which % 5 % 3]), "team_id": None}
        self.log.add(DesignationSaved(**ids, **named, **self.designations[name]))

    # -- rooms -------------------------------------------------------------------------------------------------------

    def book(self, which: int, how: int, much: int) -> None:
        model = BookingRequested if how % 2 else BookingConfirmed
        booking = Booking(
            name=f"booking {len(self.bookings)}",
            site=SITES[which % 3],
            room=f"room {how % 2}",
            purpose=PURPOSES[much % 4],
            team=f"team {which % 3}" if much % 4 == 1 else None,
            day=FIRST_DAY + timedelta(days=how % 40),
            minutes=15 * (1 + much % 20),
            status="requested" if how % 2 else "confirmed",
        )
        self.bookings.append(booking)
        self._booking_event(model, booking)

    def decide(self, which: int, how: int, much: int) -> None:
        if booking := self._pick([b for b in self.bookings if b.status == "requested"], which):
            booking.status = "declined" if how % 2 else "confirmed"
            self._booking_event(BookingDeclined if how % 2 else BookingConfirmed, booking)

    def move_booking(self, which: int, how: int, much: int) -> None:
        if booking := self._pick([b for b in self.bookings if b.status in ("requested", "confirmed")], which):
            booking.day, booking.room = FIRST_DAY + timedelta(days=how % 40), f"room {much % 2}"
            self._booking_event(BookingMoved, booking)

    def give_up(self, which: int, how: int, much: int) -> None:
        if booking := self._pick([b for b in self.bookings if b.status in ("requested", "confirmed")], which):
            booking.status = "cancelled"
            self._booking_event(BookingCancelled, booking)

    def _booking_event(self, model: type[Event], booking: Booking) -> None:
        booking.starts_at = datetime.combine(booking.day, time(8), UTC)
        self.log.add(
            model(
                booking_id=an_id(booking.name),
                version=1,
                room_id=an_id(booking.room),
                site_id=an_id(booking.site),
                purpose=booking.purpose,
                team_id=an_id(booking.team) if booking.team else None,
                shift_id=None,
                starts_at=booking.starts_at,
                ends_at=booking.starts_at + timedelta(minutes=booking.minutes),
                local_day=str(booking.day),
            )
        )

    # -- hours -------------------------------------------------------------------------------------------------------

    def record(self, which: int, how: int, much: int) -> None:
        """Hours of a registration, or of a past year."""
        registration = self._pick([*self.registrations, None], which)
        where = registration.shift.activity.site if registration else SITES[which % 3]
        person = registration.person if registration else how % 7
        day = registration.shift.day if registration else date(2025, 1, 1) + timedelta(days=much % 60)
        standing = [r for r in self.records if registration and r.registration is registration and not r.corrected]
        name = f"record {len(self.records)}"
        new = Record(name, where, person, registration, day, much % 120, HOWS[how % 4], how % 3 == 0)
        self.records.append(new)
        if standing:
            standing[0].corrected = True
            self._record_event(ServiceRecordCorrected, new, corrects=an_id(standing[0].name))
        else:
            self._record_event(ServiceRecordRecorded, new)

    def _record_event(self, model: type[Event], record: Record, **more: Any) -> None:
        shift = record.registration.shift if record.registration else None
        self.log.add(
            model(
                record_id=an_id(record.name),
                site_id=an_id(record.site),
                number=len(self.records),
                hash="00",
                person_id=an_id(f"person {record.person}"),
                registration_id=an_id(record.registration.name) if record.registration else None,
                activity_id=an_id(shift.activity.name) if shift else None,
                shift_id=an_id(shift.name) if shift else None,
                day=record.day,
                minutes=record.minutes,
                how=record.how,
                late=record.late,
                **more,
            )
        )

    def certify(self, which: int, how: int, much: int) -> None:
        """A certificate is made, or one is revoked."""
        standing = [name for name, one in self.certificates.items() if not one["revoked"]]
        name = self._pick(standing, which) if how % 3 == 0 else f"certificate {len(self.certificates)}"
        if name:
            revokes = name in self.certificates
            one = self.certificates.setdefault(name, {"site": SITES[which % 3], "minutes": much, "revoked": False})
            one["revoked"] = revokes
            period = {"period_from": date(2025, 1, 1), "period_to": date(2025, 12, 31)}
            ids = {"certificate_id": an_id(name), "site_id": an_id(one["site"]), "person_id": an_id("person 1")}
            model = CertificateRevoked if revokes else CertificateIssued
            self.log.add(model(**ids, **period, minutes=one["minutes"]))
            one.setdefault("issued_at", self.log.now)


ALL_STEPS = [
    *STEPS,
    City.change_clocks,
    City.change_about,
    City.change_about,
    City.complete,
    City.save_programme,
    City.clone,
    City.save_directory,
    City.set_parts,
    City.hang,
    City.hang,
    City.found_team,
    City.change_team,
    *[City.join] * 3,
    City.change_role,
    City.leave,
    City.leave,
    *[City.register_volunteer] * 3,
    City.change_volunteer,
    City.erase,
    *[City.merge_people] * 2,
    City.unmerge_people,
    City.book,
    City.book,
    City.decide,
    City.move_booking,
    City.give_up,
    *[City.record] * 3,
    City.certify,
    City.certify,
]
