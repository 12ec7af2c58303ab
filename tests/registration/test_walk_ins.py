"""Whoever comes when the shift runs: staff sign them up until its end, the public is told that it is closed."""

from typing import Any
from uuid import UUID

import pytest

from services.common.database import EVERY_SITE
from services.common.events import CancelReason, RegistrationCancelled
from services.registration.operations.seats.holds import due_shifts, settle
from tests.registration.office import Member, Office
from tests.registration.world import Caller, Site, in_hours, somebody


@pytest.fixture
def clerk(office: Office, site: Site) -> Member:
    """Somebody at the site's desk."""
    return office.site_staff(site.id)


def running(site: Site, capacity: int = 2, **fields: Any) -> str:
    """A shift that began a quarter of an hour ago."""
    shift = site.shift(capacity, **fields)
    site.move_shift(shift, -0.25, 1)
    return shift


def sign_up(by: Site | Member, shift: str, **body: Any) -> tuple[int, str]:
    answer = by.call("POST", f"/v1/shifts/{shift}/registrations", {"person": somebody()} | body)
    said = answer.get_json()
    return answer.status_code, said.get("status") if answer.status_code == 201 else said["type"].rpartition(":")[2]


@pytest.mark.parametrize("channel", ["desk", "phone", "proxy"])
def test_staff_sign_up_who_walks_in_until_the_end(site: Site, clerk: Member, channel: str) -> None:
    shift = running(site)
    assert sign_up(site, shift) == (409, "registration-closed"), "a site's own form is the public's"
    assert sign_up(site, shift, channel=channel) == (201, "confirmed")
    assert sign_up(clerk, shift) == (201, "confirmed")
    site.move_shift(shift, -2, -0.01)
    assert sign_up(clerk, shift) == (409, "registration-closed")


def test_nobody_waits_for_a_place_on_a_shift_that_runs(site: Site, clerk: Member) -> None:
    shift = site.shift(2)
    first = site.sign_up(shift)
    site.sign_up(shift)
    waiting = site.sign_up(shift)
    site.move_shift(shift, -0.25, 1)
    assert sign_up(clerk, shift) == (409, "full")
    site.cancel(first["id"])
    assert site.statuses(waiting) == ["waitlisted"], "nobody is told of a place on a shift that runs without them"
    assert sign_up(clerk, shift) == (201, "confirmed"), "who waits elsewhere does not keep out who stands there"


def test_staff_sign_up_after_the_window_and_not_before_it(site: Site, clerk: Member) -> None:
    over = site.shift(registration_closes_at=in_hours(-1))
    assert sign_up(site, over) == (409, "registration-closed")
    assert sign_up(clerk, over) == (201, "confirmed")
    assert sign_up(clerk, site.shift(registration_opens_at=in_hours(1))) == (409, "registration-closed")


def test_pages_and_programs_say_the_same(site: Site, clerk: Member) -> None:
    shift = running(site, 1)
    activity = site.activity_of(shift)
    anybody = Caller(site.app, "")
    [listed] = anybody.expect(200, "GET", f"/v1/sites/{site.id}/calendar")["activities"]
    assert [one["sign_up"] for one in listed["shifts"]] == ["closed"]
    assert "/sign-up" not in anybody.call("GET", f"/activities/{activity}").get_data(as_text=True)
    desk = clerk.call("GET", f"/staff/desk/{shift}").get_data(as_text=True)
    assert "1 place free" in desk and "/new" in desk
    sign_up(clerk, shift)
    desk = clerk.call("GET", f"/staff/desk/{shift}").get_data(as_text=True)
    assert "no place left" in desk and "/new" not in desk


def test_who_still_waits_when_the_shift_begins_is_ended_with_the_reason(site: Site) -> None:
    shift = site.shift(1)
    site.sign_up(shift)
    waiting = site.sign_up(shift)
    site.move_shift(shift, -0.01, 1)
    with site.database.transaction(EVERY_SITE) as session:
        assert UUID(shift) in due_shifts(session)
        settle(session, UUID(shift))
        assert UUID(shift) not in due_shifts(session)
    told = site.expect(200, "GET", f"/v1/registrations/{waiting['id']}")
    assert (told["status"], told["cancel_reason"]) == ("cancelled", "shift_begun")
    [event] = [one for one in site.events(site.activity_of(shift)) if isinstance(one, RegistrationCancelled)]
    assert (event.reason, event.was_waitlisted) == (CancelReason.SHIFT_BEGUN, True)
    row = site.sql("SELECT confirmed, waitlisted FROM shifts WHERE id = :id", id=shift)[0]
    assert (row.confirmed, row.waitlisted) == (1, 0)


def test_whoever_is_entered_at_the_end_was_not_there_from_the_start(site: Site, clerk: Member) -> None:
    shift = site.shift(volunteering=True)
    site.move_shift(shift, -8, 0.1)
    [early, late] = [
        clerk.expect(201, "POST", f"/v1/shifts/{shift}/registrations", {"person": somebody()})["id"] for _ in range(2)
    ]
    refused = clerk.expect(422, "POST", f"/v1/registrations/{early}/check-in", {"at": in_hours(-7)})
    assert "later-entries" in refused["errors"][0]["message"]
    tap = {"id": f"tap-{early}", "registration_id": early, "what": "in", "at": in_hours(-7)}
    told = clerk.expect(200, "POST", f"/v1/shifts/{shift}/attendance/batch", {"taps": [tap]})
    assert [one["verdict"] for one in told["results"]] == ["refused"]
    both = [{"registration_id": one, "outcome": "attended"} for one in (early, late)]
    clerk.expect(200, "POST", f"/v1/shifts/{shift}/roll-call", {"entries": both})
    seen = site.sql("SELECT outcome, checked_in_at >= created_at AS so FROM registrations WHERE shift_id = :s", s=shift)
    assert [(one.outcome, one.so) for one in seen] == [("attended", True)] * 2
    assert site.sql("SELECT minutes FROM service_records WHERE shift_id = :s", s=shift) == []


def test_events_say_how_a_sign_up_came_and_with_which_team(site: Site, clerk: Member) -> None:
    shift = site.shift()
    person = site.sign_up(site.shift())["person_id"]
    team = site.expect(201, "POST", "/v1/teams", {"name_zh": "队", "name_en": "Team", "kind": "choir"})["id"]
    site.expect(201, "POST", f"/v1/teams/{team}/members", {"person_id": person, "agreement": "名单"})
    site.expect(201, "POST", f"/v1/shifts/{shift}/team-registrations", {"team_id": team})
    made = clerk.expect(201, "POST", f"/v1/shifts/{shift}/registrations", {"person": somebody()})
    site.cancel(made["id"])
    told = [(one.channel, str(one.team_id)) for one in site.events(site.activity_of(shift)) if hasattr(one, "channel")]
    assert told == [("team", team), ("desk", "None"), ("desk", "None")]
