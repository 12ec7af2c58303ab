"""Capacity and waitlist against a model that is a list: whatever is done in whatever order, both agree."""

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from services.common.events import (
    Event,
    RegistrationCancelled,
    RegistrationConfirmed,
    RegistrationEvent,
    RegistrationPromoted,
    RegistrationWaitlisted,
)
from tests.registration.world import Site, somebody


def make_machine(site: Site) -> type[RuleBasedStateMachine]:
    """A machine that drives one shift of this site."""

    class Shift(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.capacity = 2
            self.open = True
            self.confirmed: list[str] = []
            self.waiting: list[str] = []
            self.gone: list[str] = []
            self.people: dict[str, dict[str, Any]] = {}
            self.shift = site.shift(capacity=self.capacity)
            self.activity = site.activity_of(self.shift)

        def _move_up(self) -> None:
            while self.waiting and len(self.confirmed) < self.capacity:
                self.confirmed.append(self.waiting.pop(0))

        @precondition(lambda self: self.open)
        @rule(count=st.integers(1, 4))
        def sign_up(self, count: int) -> None:
            for _ in range(count):
                self._sign_up(somebody())

        @precondition(lambda self: self.open and self.gone)
        @rule(place=st.integers(0, 7))
        def come_back(self, place: int) -> None:
            person = self.people[self.gone[place % len(self.gone)]]
            if site.try_sign_up(self.shift, person).status_code == 409:
                assert any(self.people[name] == person for name in self.confirmed + self.waiting)
                return
            self._note(self._newest(), person)

        def _sign_up(self, person: dict[str, Any]) -> None:
            self._note(site.sign_up(self.shift, **person), person)

        def _newest(self) -> dict[str, Any]:
            rows = site.sql(
                "SELECT id FROM registrations WHERE shift_id = :id ORDER BY position DESC LIMIT 1", id=self.shift
            )
            return site.expect(200, "GET", f"/v1/registrations/{rows[0].id}")

        def _note(self, made: dict[str, Any], person: dict[str, Any]) -> None:
            self.people[made["id"]] = person
            self.waiting.append(made["id"])
            self._move_up()
            waits = made["id"] in self.waiting
            assert made["status"] == ("waitlisted" if waits else "confirmed")
            assert made["waitlist_position"] == (len(self.waiting) if waits else None)

        @precondition(lambda self: self.confirmed or self.waiting)
        @rule(place=st.integers(0, 7))
        def cancel(self, place: int) -> None:
            # The confirmed come first, so that most cancellations free a place.
            everybody = self.confirmed + self.waiting
            name = everybody[place % len(everybody)]
            site.cancel(name)
            (self.confirmed if name in self.confirmed else self.waiting).remove(name)
            self.gone.append(name)
            self._move_up()

        @precondition(lambda self: self.open)
        @rule(capacity=st.integers(1, 6))
        def set_capacity(self, capacity: int) -> None:
            possible = capacity >= len(self.confirmed)
            assert site.set_capacity(self.shift, capacity).status_code == (200 if possible else 422)
            if possible:
                self.capacity = capacity
                self._move_up()

        @precondition(lambda self: len(self.gone) > 4 and self.waiting)
        @rule()
        def call_off(self) -> None:
            site.expect(200, "POST", f"/v1/shifts/{self.shift}/cancel")
            self.open = False
            self.gone += self.confirmed + self.waiting
            self.confirmed, self.waiting = [], []

        @precondition(lambda self: not self.open)
        @rule()
        def nobody_gets_in_any_more(self) -> None:
            assert site.try_sign_up(self.shift).status_code == 409

        @invariant()
        def counters_and_rows_agree_with_the_model(self) -> None:
            seen = site.expect(200, "GET", f"/v1/shifts/{self.shift}")
            assert (seen["confirmed"], seen["waitlisted"]) == (len(self.confirmed), len(self.waiting))
            assert seen["confirmed"] <= seen["capacity"] == self.capacity
            rows = site.sql(
                "SELECT id, status FROM registrations WHERE shift_id = :id ORDER BY queue_number", id=self.shift
            )
            assert {str(row.id) for row in rows if row.status == "confirmed"} == set(self.confirmed)
            assert [str(row.id) for row in rows if row.status == "waitlisted"] == self.waiting
            assert {str(row.id) for row in rows if row.status == "cancelled"} == set(self.gone)

        def teardown(self) -> None:
            """Who only hears the events knows the same."""
            heard = replay(site.events(self.activity))
            assert [sorted(ids) for ids in heard] == [sorted(self.confirmed), sorted(self.waiting), sorted(self.gone)]

    return Shift


def replay(events: list[Event]) -> tuple[list[str], list[str], list[str]]:
    """Who is confirmed, waits, is gone, by the events alone; each registration's versions rise by one."""
    lists: tuple[list[str], list[str], list[str]] = ([], [], [])
    versions: dict[str, int] = {}
    places = {RegistrationConfirmed: 0, RegistrationPromoted: 0, RegistrationWaitlisted: 1, RegistrationCancelled: 2}
    for event in events:
        if isinstance(event, RegistrationEvent):
            name = str(event.registration_id)
            assert event.version == versions.get(name, 0) + 1
            versions[name] = event.version
            for ids in lists:
                if name in ids:
                    ids.remove(name)
            lists[places[type(event)]].append(name)
    return lists


def test_capacity_and_waitlist_agree_with_a_model(make_site: Callable[..., Site]) -> None:
    run_state_machine_as_test(
        make_machine(make_site()),
        settings=settings(
            max_examples=15,
            stateful_step_count=20,
            deadline=None,
            phases=(Phase.explicit, Phase.reuse, Phase.generate),  # shrinking through HTTP takes minutes
            suppress_health_check=list(HealthCheck),
        ),
    )
