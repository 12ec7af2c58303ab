"""Hours, by a model: whatever is said, corrected, entered, approved and objected to, in whatever order."""

from typing import Any

import pytest
from apiflask import APIFlask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.common.database import EVERY_SITE, Database
from services.registration.hours_check import find_breaks
from services.registration.personal_data import PersonalData
from tests.registration.hours_world import Resident, minutes_agree, moment, over, person_of, records_of
from tests.registration.office import Member, Office
from tests.registration.world import Site

HOURS = 2.0
minutes = st.integers(-30, 150)
steps = st.one_of(
    st.tuples(st.sampled_from(["check-in", "check-out"]), minutes),
    st.tuples(st.just("no-show"), st.none()),
    st.tuples(st.just("enter"), st.tuples(minutes, minutes)),
    st.tuples(st.sampled_from(["approve-own", "approve", "reject"]), st.none()),
    st.tuples(st.sampled_from(["lower", "object"]), st.integers(0, 140)),
)


class World:
    """One volunteer's registration, three members of staff, and what the model expects of the hours."""

    def __init__(self, site: Site, office: Office, make_resident: Any) -> None:
        self.site = site
        self.first, self.second, self.third = (office.site_staff(site.id) for _ in range(3))
        _, [self.registration] = over(site)
        self.resident = make_resident(person_of(site, self.registration))
        self.hours = 0
        self.pending: str | None = None

    def at(self, minute: int) -> str:
        return moment(-1 - HOURS + minute / 60)

    def post(self, path: str, body: Any = None, by: Member | None = None) -> int:
        answer = (by or self.first).call("POST", path, body)
        assert answer.status_code < 500, answer.get_data(as_text=True)
        self.answer = answer.get_json()
        return answer.status_code

    def act(self, what: str, how: Any) -> None:
        """Do one step. The model knows nothing of attendance, only who may raise and lower what."""
        before = self.carried()
        if what in ("check-in", "check-out"):
            self.post(f"/v1/registrations/{self.registration}/{what}", {"at": self.at(how)})
        elif what == "no-show":
            self.post(f"/v1/registrations/{self.registration}/no-show", {})
        elif what == "enter":
            body = {"checked_in_at": self.at(how[0]), "checked_out_at": self.at(how[1]), "reason": "补录"}
            if self.post(f"/v1/registrations/{self.registration}/later-entries", body) == 201:
                assert self.pending is None
                self.pending, self.wanted, self.entered_by = self.answer["id"], self.within(*how), self.first
            assert self.carried() == before
        elif what.startswith(("approve", "reject")) and self.pending:
            verb = what.split("-")[0]
            another = self.third if self.entered_by is self.second else self.second
            by = self.entered_by if what == "approve-own" else another
            status = self.post(f"/v1/later-entries/{self.pending}/{verb}", {"reason": "核对"}, by)
            assert status == (409 if what == "approve-own" else 200)
            if what == "approve":
                assert self.carried() == self.wanted
            else:
                assert self.carried() == before
            self.pending = self.pending if what == "approve-own" else None
        elif what == "lower" and records_of(self.site, self.registration):
            record = records_of(self.site, self.registration)[-1]
            status = self.post(f"/v1/service-records/{record.id}/corrections", {"minutes": how, "reason": "更正"})
            assert status == (201 if how < before else 422)
            assert self.carried() == (how if status == 201 else before)
        elif what == "object" and records_of(self.site, self.registration):
            self.object(how, before)

    def object(self, how: int, before: int) -> None:
        record = records_of(self.site, self.registration)[-1]
        made = self.resident.expect(201, "POST", f"/v1/my/service-records/{record.id}/objections", {"words": "不对"})
        by = self.third if record.in_charge == f"staff:{self.second.id}" else self.second
        body = {"upheld": True, "minutes": how, "reason": "查实"}
        status = self.post(f"/v1/objections/{made['id']}/decision", body, by)
        more = how > before
        assert status == (422 if how > 120 else 409 if more and self.pending else 200)
        if status != 200:
            body = {"upheld": False, "reason": "不实"}
            assert self.post(f"/v1/objections/{made['id']}/decision", body, by) == 200
        elif more:
            self.pending, self.wanted, self.entered_by = self.answer["later_entry_id"], how, by
        assert self.carried() == (how if status == 200 and not more else before)

    def within(self, came: int, left: int) -> int:
        return max(0, min(left, 120) - max(came, 0))

    def carried(self) -> int:
        return int(self.site.expect(200, "GET", f"/v1/registrations/{self.registration}")["service_minutes"])


@pytest.fixture
def make_resident(app: APIFlask, database: Database, data: PersonalData) -> Any:
    """Makes residents with a session."""
    return lambda person_id: Resident(app, database, data, person_id)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(todo=st.lists(steps, min_size=3, max_size=12))
def test_hours_stay_within_the_shift_and_the_records_are_what_counts(
    site: Site, office: Office, make_resident: Any, todo: list[tuple[str, Any]]
) -> None:
    world = World(site, office, make_resident)
    for what, how in todo:
        world.act(what, how)
        assert 0 <= world.carried() <= 120
        chain = records_of(site, world.registration)
        assert [r.corrects for r in chain] == [None, *[r.id for r in chain]][: len(chain)]
        assert world.carried() == (chain[-1].minutes if chain else 0)
    assert minutes_agree(site)
    with site.database.transaction(EVERY_SITE) as session:
        assert [b for b in find_breaks(session) if str(b.site_id) == site.id] == []
