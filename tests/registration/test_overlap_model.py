"""Who is where when: places on shifts that move and share a hall, against a list that is looked through whole."""

from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests.registration.hours_world import moment
from tests.registration.test_transfers import known
from tests.registration.test_venues import in_venue, sweep, venue
from tests.registration.world import Site

FIRST, LASTS = 6000, 2
"""Hours from now: of a grid on which shifts of two hours lie, so that they overlap, touch or stand apart."""
CAP = 2
CROWD = ((0, 0), (1, 0), (2, 0), (3, 0), (2, 2), (3, 1), (3, 2))
"""Who signs up for what before anything is drawn: two who wait in the hall have, or wait for, a place elsewhere."""
WHICH = st.integers(0, 9)


@dataclass
class Room:
    """A shift as the model knows it."""

    id: str
    starts: int
    capacity: int
    in_hall: bool

    def meets(self, other: "Room", starts: int | None = None) -> bool:
        """Whether this one, perhaps begun at another hour, runs while the other does."""
        begins = self.starts if starts is None else starts
        return begins < other.starts + LASTS and other.starts < begins + LASTS


@dataclass
class Place:
    """A registration as the model knows it."""

    id: str
    person: str
    room: Room
    status: str


def make_machine(site: Site) -> type[RuleBasedStateMachine]:
    """A machine that drives three people over three shifts, two of which share a hall."""

    class Overlap(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            hall = venue(site, capacity=CAP)
            self.rooms = [Room(in_venue(site, hall, FIRST + 3 * n, 2), 3 * n, 2, True) for n in range(2)]
            self.rooms.append(Room(site.shift(1, starts=FIRST + 1), 1, 1, False))
            self.people = [known(site) for _ in range(4)]
            self.places: list[Place] = []
            for room in self.rooms:
                assert self._move(room, room.starts) == 200
            for person, which in CROWD:
                self._sign_up(self.people[person], self.rooms[which])

        # -- the model ---------------------------------------------------------------------------------------------

        def _are(self, *statuses: str) -> list[Place]:
            return [place for place in self.places if place.status in statuses]

        def _clash(self, person: str, room: Room, starts: int | None = None) -> Place | None:
            """Where the person has a place while the shift runs."""
            held = [one for one in self._are("confirmed") if one.person == person and one.room is not room]
            return next((one for one in held if room.meets(one.room, starts)), None)

        def _inside(self, hour: int) -> int:
            """How many are in the hall in this hour, or might be."""
            taken = self._are("confirmed", "offered")
            return sum(one.room.in_hall and one.room.starts <= hour < one.room.starts + LASTS for one in taken)

        def _free(self, room: Room) -> int:
            free = room.capacity - sum(one.room is room for one in self._are("confirmed", "offered"))
            fullest = max(self._inside(hour) for hour in range(room.starts, room.starts + LASTS))
            return min(free, CAP - fullest) if room.in_hall else free

        def _move_up(self) -> None:
            """Whoever came first and fits, until nobody does."""
            stuck: list[Room] = []
            while waiting := [one for one in self._are("waitlisted") if one.room not in stuck]:
                head = waiting[0]
                if self._free(head.room) < 1:
                    stuck.append(head.room)
                else:
                    head.status = "offered" if self._clash(head.person, head.room) else "confirmed"

        def _settled(self) -> None:
            sweep(site)
            self._move_up()

        def _move(self, room: Room, starts: int) -> int:
            """Whole minutes from one clock, so that shifts which touch do not overlap by a moment."""
            body = {"starts_at": moment(FIRST + starts), "ends_at": moment(FIRST + starts + LASTS)}
            return site.call("PATCH", f"/v1/shifts/{room.id}", body, If_Match="*").status_code

        def _some(self, which: int, *statuses: str) -> Place | None:
            found = self._are(*statuses)
            return found[which % len(found)] if found else None

        # -- what is done ------------------------------------------------------------------------------------------

        @rule(wanted=st.lists(st.tuples(WHICH, WHICH), min_size=1, max_size=6))
        def sign_up(self, wanted: list[tuple[int, int]]) -> None:
            for person, which in wanted:
                self._sign_up(self.people[person % 4], self.rooms[which % 3])

        def _sign_up(self, who: str, room: Room) -> None:
            active = self._are("confirmed", "offered", "waitlisted")
            refused = any(one.person == who and one.room is room for one in active) or self._clash(who, room)
            answer = site.call("POST", f"/v1/shifts/{room.id}/registrations", {"person_id": who})
            assert answer.status_code == (409 if refused else 201), answer.get_data(as_text=True)
            if not refused:
                fits = self._free(room) > 0 and all(one.room is not room for one in self._are("waitlisted"))
                status = "confirmed" if fits else "waitlisted"
                assert answer.get_json()["status"] == status
                self.places.append(Place(answer.get_json()["id"], who, room, status))
                self._settled()

        @rule(which=WHICH, starts=st.integers(0, 6))
        def move_shift(self, which: int, starts: int) -> None:
            room = self.rooms[which % 3]
            people = [one.person for one in self._are("confirmed") if one.room is room]
            before, room.starts = room.starts, starts
            refused = any(self._clash(who, room) for who in people) or self._free(room) < 0
            assert self._move(room, starts) == (409 if refused else 200)
            room.starts = before if refused else starts
            self._settled()

        @rule(which=WHICH)
        def cancel(self, which: int) -> None:
            wanted = [one.room for one in self._are("waitlisted")]
            taken = [one for one in self._are("confirmed", "offered") if one.room in wanted]
            if place := taken[which % len(taken)] if taken else self._some(which, "confirmed", "waitlisted"):
                site.cancel(place.id)
                place.status = "cancelled"
                self._settled()

        @rule(which=WHICH, instead_of=st.booleans())
        def accept(self, which: int, instead_of: bool) -> None:
            if place := self._some(which, "offered"):
                clash = self._clash(place.person, place.room)
                body = {"instead_of": instead_of}
                answer = site.call("POST", f"/v1/registrations/{place.id}/accept", body)
                refused = clash is not None and not instead_of
                assert answer.status_code == (409 if refused else 200), answer.get_data(as_text=True)
                if not refused:
                    place.status = "confirmed"
                    if clash:
                        clash.status = "cancelled"
                    self._settled()

        @rule(which=WHICH, person=WHICH)
        def hand_over(self, which: int, person: int) -> None:
            place, taker = self._some(which, "confirmed"), self.people[person % 4]
            if place is None or place.person == taker:
                return
            asked = site.expect(201, "POST", f"/v1/registrations/{place.id}/hand-over", {"to_person_id": taker})["id"]
            active = self._are("confirmed", "offered", "waitlisted")
            refused = any(one.person == taker and one.room is place.room for one in active)
            refused = refused or self._clash(taker, place.room) is not None
            answer = site.call("POST", f"/v1/transfers/{asked}/accept", {})
            assert answer.status_code == (409 if refused else 200), answer.get_data(as_text=True)
            if refused:
                site.expect(200, "POST", f"/v1/transfers/{asked}/withdraw")
                return
            place.status = "cancelled"
            query = "SELECT id FROM registrations WHERE shift_id = :s AND person_id = :p AND status = 'confirmed'"
            made = site.sql(query, s=place.room.id, p=taker)[0].id
            self.places.append(Place(str(made), taker, place.room, "confirmed"))
            self._settled()

        @invariant()
        def both_agree_and_nobody_is_in_two_places(self) -> None:
            query = "SELECT id, status, during FROM registrations WHERE shift_id = ANY(cast(:ids AS uuid[]))"
            rows = site.sql(query, ids=[room.id for room in self.rooms])
            assert {str(row.id): row.status for row in rows} == {one.id: one.status for one in self.places}
            query = "SELECT id, starts_at FROM shifts WHERE id = ANY(cast(:ids AS uuid[])) ORDER BY starts_at"
            begins = {str(row.id): row.starts_at for row in site.sql(query, ids=[room.id for room in self.rooms])}
            during = {str(row.id): row.during for row in rows}
            for one in self._are("confirmed", "offered", "waitlisted"):
                assert during[one.id].lower == begins[one.room.id], "a place is where its shift is"
            for one in self._are("confirmed"):
                assert self._clash(one.person, one.room) is None

    return Overlap


def test_nobody_is_in_two_places_however_shifts_move(make_site: Callable[..., Site]) -> None:
    run_state_machine_as_test(
        make_machine(make_site()),
        settings=settings(
            max_examples=12,
            stateful_step_count=25,
            deadline=None,
            phases=(Phase.explicit, Phase.reuse, Phase.generate),  # shrinking through HTTP takes minutes
            suppress_health_check=list(HealthCheck),
        ),
    )
