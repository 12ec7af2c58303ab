"""Parties, priorities, offers and holds against a model that is a list: whatever is done, both agree."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from tests.registration.test_offers import sweep
from tests.registration.world import Site, somebody


@dataclass
class Party:
    """One registration, as the model knows it."""

    id: str
    size: int
    priority: int
    came: int
    status: str = "waitlisted"
    moved: bool = False
    """Whether they had a place and lost it to a lower cap: then they stand before all others."""


def make_machine(site: Site, promotion: str, order: str) -> type[RuleBasedStateMachine]:
    """A machine that drives one shift of this site."""

    class Shift(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.capacity = 4
            self.parties: list[Party] = []
            self.holds: list[tuple[str, int]] = []
            self.shift = site.shift(self.capacity, promotion=promotion, waitlist_order=order, party_limit=3)

        def _are(self, *statuses: str) -> list[Party]:
            return [party for party in self.parties if party.status in statuses]

        def _places(self, *statuses: str) -> int:
            return sum(party.size for party in self._are(*statuses))

        @property
        def _free(self) -> int:
            return self.capacity - self._places("confirmed", "offered") - sum(size for _, size in self.holds)

        def _line(self) -> list[Party]:
            by_priority = order == "priority"
            return sorted(
                self._are("waitlisted"),
                key=lambda p: (not p.moved, -p.priority if by_priority and not p.moved else 0, p.came),
            )

        def _move_up(self) -> None:
            while self._line() and self._line()[0].size <= self._free:
                self._line()[0].status = "confirmed" if promotion == "direct" else "offered"

        def _call(self, party: Party, how: str, expected: int = 200) -> Any:
            return site.expect(expected, "POST", f"/v1/registrations/{party.id}/{how}")

        @rule(size=st.integers(1, 3), priority=st.integers(0, 3), use_hold=st.booleans())
        def sign_up(self, size: int, priority: int, use_hold: bool) -> None:
            hold = next((one for one in self.holds if one[1] >= size), None) if use_hold else None
            body = {"person": somebody(), "party_size": size, "priority": priority, "hold_id": hold and hold[0]}
            made = site.expect(201, "POST", f"/v1/shifts/{self.shift}/registrations", body)
            fits = hold is not None or (not self._are("waitlisted") and size <= self._free)
            party = Party(made["id"], size, priority, len(self.parties), "confirmed" if fits else "waitlisted")
            self.parties.append(party)
            assert made["status"] == party.status
            if not fits:
                assert made["waitlist_position"] == self._line().index(party) + 1
            if hold:
                self.holds.remove(hold)
                sweep(site)
                self._move_up()

        @rule(places=st.integers(1, 2))
        def hold(self, places: int) -> None:
            held = sum(size for _, size in self.holds)
            possible = not self._are("waitlisted") and places <= self._free
            possible = possible and (held + places) * 2 <= self._free + held + 1
            answer = site.call("POST", f"/v1/shifts/{self.shift}/holds", {"places": places})
            assert answer.status_code == (201 if possible else 409)
            if possible:
                self.holds.append((answer.get_json()["id"], places))

        @precondition(lambda self: self.holds)
        @rule()
        def a_hold_runs_out(self) -> None:
            gone, _ = self.holds.pop(0)
            site.sql("UPDATE holds SET expires_at = now() WHERE id = :id", id=gone)
            sweep(site)
            self._move_up()

        @precondition(lambda self: self._are("confirmed", "waitlisted", "offered"))
        @rule(which=st.integers(0, 9))
        def cancel(self, which: int) -> None:
            active = self._are("confirmed", "offered") or self._are("waitlisted")
            party = active[which % len(active)]
            self._call(party, "cancel")
            party.status = "cancelled"
            self._move_up()

        @precondition(lambda self: self._are("offered"))
        @rule(which=st.integers(0, 9), how=st.sampled_from(["accept", "decline", "too late"]))
        def answer_offer(self, which: int, how: str) -> None:
            party = self._are("offered")[which % len(self._are("offered"))]
            if how == "too late":
                site.sql("UPDATE registrations SET offer_expires_at = now() WHERE id = :id", id=party.id)
                self._call(party, "accept", 409)
                sweep(site)
            else:
                self._call(party, how)
            party.status = "confirmed" if how == "accept" else "cancelled"
            self._move_up()
            if how != "accept":
                self._call(party, "accept", 409)

        @precondition(lambda self: self._are("confirmed", "waitlisted"))
        @rule(which=st.integers(0, 9), size=st.integers(1, 3))
        def resize(self, which: int, size: int) -> None:
            party = self._are("confirmed", "waitlisted")[which % len(self._are("confirmed", "waitlisted"))]
            more = size - party.size
            refused = more > 0 and party.status == "confirmed" and (self._are("waitlisted") or more > self._free)
            answer = site.call("PATCH", f"/v1/registrations/{party.id}", {"party_size": size}, If_Match="*")
            assert answer.status_code == (409 if refused else 200)
            if not refused and more:  # nothing happens where nothing changed
                party.size = size
                self._move_up()

        @rule(capacity=st.integers(1, 8))
        def set_capacity(self, capacity: int) -> None:
            possible = capacity >= self.capacity - self._free
            assert site.set_capacity(self.shift, capacity).status_code == (200 if possible else 422)
            if possible:
                self.capacity = capacity
                self._move_up()

        @rule(capacity=st.integers(1, 8))
        def apply_capacity(self, capacity: int) -> None:
            path, body = f"/v1/shifts/{self.shift}/capacity", {"capacity": capacity}
            plan = site.expect(200, "POST", f"{path}/preview", body)
            places, moves = self._places("confirmed", "offered"), []
            for party in sorted(self._are("confirmed", "offered"), key=lambda p: -p.came):
                if places > capacity:
                    places, moves = places - party.size, [*moves, party]
            assert [move["registration_id"] for move in plan["moves"]] == [party.id for party in moves]
            site.expect(200, "POST", path, body | {"token": plan["token"]})
            self.capacity = capacity
            for party in moves:
                party.status, party.moved = "waitlisted", True
            if self._free < 0:
                self.holds = []
            self._move_up()

        @invariant()
        def both_agree(self) -> None:
            query = "SELECT confirmed, offered, waitlisted, held FROM shifts WHERE id = :id"
            found = site.sql(query, id=self.shift)[0]
            assert (found.confirmed, found.offered) == (self._places("confirmed"), self._places("offered"))
            assert (found.waitlisted, found.held) == (self._places("waitlisted"), sum(s for _, s in self.holds))
            rows = site.sql("SELECT id, status FROM registrations WHERE shift_id = :id", id=self.shift)
            assert {str(row.id): row.status for row in rows} == {party.id: party.status for party in self.parties}

    return Shift


@pytest.mark.parametrize(("promotion", "order"), [("direct", "priority"), ("offer", "order")])
def test_seats_agree_with_a_model(make_site: Callable[..., Site], promotion: str, order: str) -> None:
    run_state_machine_as_test(
        make_machine(make_site(), promotion, order),
        settings=settings(
            max_examples=4,
            stateful_step_count=20,
            deadline=None,
            phases=(Phase.explicit, Phase.reuse, Phase.generate),  # shrinking through HTTP takes minutes
            suppress_health_check=list(HealthCheck),
        ),
    )
