"""A leader signs their team up: first the verdicts, then the sign-up; and who may not."""

import uuid
from typing import Any
from urllib.parse import unquote

import pytest

from services.registration.operations.teams import led_sign_up
from services.registration.personal_data import PersonalData
from tests.registration.own_world import resident_of
from tests.registration.test_concurrency import at_once
from tests.registration.test_leading import Choir
from tests.registration.test_statements import statements
from tests.registration.test_transfers import active
from tests.registration.world import Site


@pytest.fixture
def choir(site: Site, data: PersonalData) -> Choir:
    return Choir(site, data)


def members(choir: Choir) -> list[str]:
    return [one["member_id"] for one in choir.leader.expect(200, "GET", f"{choir.path}/roster")["items"]]


def preview(choir: Choir, shift: str, status: int = 200, **body: Any) -> Any:
    return choir.leader.expect(status, "POST", f"{choir.path}/shifts/{shift}/registrations/preview", body)


def sign_up(choir: Choir, shift: str, status: int = 201, **body: Any) -> Any:
    path = f"{choir.path}/shifts/{shift}/registrations"
    return choir.leader.expect(status, "POST", path, {"agreed": True} | body, Idempotency_Key="once")


def verdicts(answer: Any) -> list[str]:
    return [one["verdict"] for one in answer["members"]]


def test_what_each_would_get_is_said_before_anybody_is_signed_up(choir: Choir) -> None:
    shift, own = choir.site.shift(capacity=2), members(choir)
    foreseen = preview(choir, shift, member_ids=[own[2], own[0], own[1]])
    assert verdicts(foreseen) == ["confirmed", "confirmed", "waitlisted"] and active(choir.site, shift) == []
    places = "SELECT confirmed, waitlisted, last_queue_number FROM shifts WHERE id = :s"
    assert tuple(choir.site.sql(places, s=shift)[0]) == (0, 0, 0)
    made = sign_up(choir, shift, member_ids=[own[2], own[0]])
    assert sign_up(choir, shift, member_ids=[own[2], own[0]]) == made
    assert [one[0] for one in active(choir.site, shift)] == [choir.people[2], choir.people[0]]
    who = "SELECT DISTINCT made_by, channel, team_id::text FROM registrations WHERE shift_id = :s"
    assert [tuple(row) for row in choir.site.sql(who, s=shift)] == [(f"person:{choir.people[0]}", "team", choir.id)]
    assert verdicts(preview(choir, shift)) == ["already", "waitlisted", "already"]


def test_the_page_ticks_nobody_who_was_not_chosen(choir: Choir) -> None:
    page = f"/my/teams/{choir.membership}/lead/shifts/{choir.site.shift()}"
    own = members(choir)
    assert " checked" not in choir.leader.call("GET", page, Accept="text/html").get_data(as_text=True)
    chosen = choir.leader.call("POST", page, form=f"step=choose&member_ids={own[1]}", Accept="text/html")
    assert [f'value="{one}" checked' in chosen.get_data(as_text=True) for one in own] == [False, True, False]


def test_pressed_twice_it_says_the_same_people_have_their_places(choir: Choir) -> None:
    shift, doors = choir.site.shift(), [choir.leader, resident_of(choir.site, choir.data, choir.people[0])]
    page = f"/my/teams/{choir.membership}/lead/shifts/{shift}"
    form = "&".join(["step=confirm&agreed=on", *(f"member_ids={one}" for one in members(choir))])
    answers = at_once(2, lambda n: doors[n].call("POST", page, form=form, Accept="text/html"))
    told = sorted(unquote(str(one.headers.getlist("Set-Cookie"))) for one in answers)
    assert [one.status_code for one in answers] == [303, 303]
    assert "0 with a place, 0 waiting, 3 signed up before." in told[0] and "3 with a place, 0 waiting." in told[1]


def test_how_many_can_be_signed_up_at_once(choir: Choir, monkeypatch: pytest.MonkeyPatch) -> None:
    shift = choir.site.shift()
    page = f"/my/teams/{choir.membership}/lead/shifts/{shift}"
    for form, words in (("", "Tick at least one"), (f"member_ids={uuid.uuid4()}&" * 201, "at most 200 people at once")):
        answer = choir.leader.call("POST", page, form=f"{form}step=check", Accept="text/html")
        assert answer.status_code == 422 and words in answer.get_data(as_text=True)
    monkeypatch.setattr(led_sign_up, "MOST_AT_ONCE", 2)
    for answer in (preview(choir, shift, 422), sign_up(choir, shift, 422)):
        assert [error["field"] for error in answer["errors"]] == ["member_ids"]
    assert active(choir.site, shift) == []


def test_members_of_a_team_cost_no_statements_each_under_the_lock(choir: Choir, site: Site, data: PersonalData) -> None:
    large = Choir(site, data, 6)
    counts = []
    for team in (choir, large):
        shift = site.shift()
        with statements() as sent:
            sign_up(team, shift)
        counts.append(len(sent))
    assert counts[0] == counts[1]


def test_nobody_unless_each_gets_a_place(choir: Choir) -> None:
    shift = choir.site.shift(capacity=2)
    refused = sign_up(choir, shift, 409, all_or_nothing=True)
    assert [error["field"] for error in refused["errors"]] == ["member_ids.2"] and active(choir.site, shift) == []


def test_a_leader_does_not_learn_why_somebody_cannot_be_signed_up(choir: Choir) -> None:
    child = choir.somebody(birth_date="2016-05-01", guardian_consent=True, name="小队员")
    choir.join(child)
    shift = choir.site.shift(starts=700)
    at_that_hour = choir.site.shift(starts=700)
    for person, where in ((choir.people[1], at_that_hour), (choir.people[2], shift)):
        choir.site.expect(201, "POST", f"/v1/shifts/{where}/registrations", {"person_id": person})
    told = preview(choir, shift)
    assert verdicts(told) == ["confirmed", "refused", "refused", "refused"]
    assert len({one["detail"] for one in told["members"][1:]}) == 1
    assert not {"birth_date", "email", "phone", "person_id"} & set(str(told).split("'"))
    sign_up(choir, shift)
    assert [one[0] for one in active(choir.site, shift)] == [choir.people[2], choir.people[0]]


def test_nobody_is_signed_up_unasked_or_for_what_the_public_does_not_see(choir: Choir, other: Site) -> None:
    shift = choir.site.shift()
    choir.leader.expect(422, "POST", f"{choir.path}/shifts/{shift}/registrations", {})
    for hidden in (choir.site.shift(public=False), other.shift()):
        preview(choir, hidden, 404)
        sign_up(choir, hidden, 404)
        page = f"/my/teams/{choir.membership}/lead/shifts/{hidden}"
        assert choir.leader.call("GET", page, Accept="text/html").status_code == 404
    choir.site.move_shift(shift, -0.5, 1)
    assert sign_up(choir, shift, 409)["type"].endswith("registration-closed")


def test_who_does_not_lead_the_team_signs_nobody_up(choir: Choir, site: Site, data: PersonalData) -> None:
    shift, another = site.shift(), Choir(site, data, 0)
    sign_up(another, shift, 422, member_ids=members(choir))
    plain = resident_of(site, data, choir.people[1])
    [own] = plain.expect(200, "GET", "/v1/my/teams")["items"]
    site.expect(200, "PUT", f"/v1/teams/{choir.id}/leader", {"person_id": choir.people[2]})
    former = choir.leader
    for caller, led in ((another.leader, choir.membership), (former, choir.membership), (plain, own["member_id"])):
        path = f"/v1/my/teams/{led}/shifts/{shift}/registrations"
        caller.expect(404, "POST", path, {"agreed": True})
        caller.expect(404, "POST", f"{path}/preview", {})
        for page in ("", f"/{shift}"):
            address = f"/my/teams/{led}/lead/shifts{page}"
            assert caller.call("GET", address, Accept="text/html").status_code == 404
        form = "step=confirm&agreed=on"
        assert caller.call("POST", f"/my/teams/{led}/lead/shifts/{shift}", form=form).status_code == 404
    assert active(site, shift) == []


def test_the_public_page_leads_the_leader_there_and_nobody_else(choir: Choir, other: Site) -> None:
    shift = choir.site.shift(title_zh="社区汇演")
    activity = choir.site.expect(200, "GET", f"/v1/shifts/{shift}")["activity_id"]
    way = f"/my/teams/{choir.membership}/lead/shifts/{shift}"
    plain = resident_of(choir.site, choir.data, choir.people[1])
    seen = [way in one.call("GET", f"/activities/{activity}").get_data(as_text=True) for one in (choir.leader, plain)]
    assert seen == [True, False]
    elsewhere = other.expect(200, "GET", f"/v1/shifts/{other.shift()}")["activity_id"]
    assert "/lead/" not in choir.leader.call("GET", f"/activities/{elsewhere}").get_data(as_text=True)


def test_hours_of_members_whom_the_same_leader_signed_up_and_confirmed_are_looked_at(choir: Choir) -> None:
    shift = choir.site.shift(volunteering=True, starts=900)
    sign_up(choir, shift)
    choir.site.move_shift(shift, -2, -0.1)
    choir.site.sql("UPDATE registrations SET created_at = created_at - interval '3 hours' WHERE shift_id = :s", s=shift)
    entries = [{"registration_id": one["registration_id"], "outcome": "attended"} for one in choir.roll(shift)]
    choir.leader.expect(200, "POST", f"{choir.path}/shifts/{shift}/roll-call", {"entries": entries})
    flags = {flag["kind"]: flag for flag in choir.site.expect(200, "GET", "/v1/hour-flags")["items"]}
    assert len(flags["by_leader"]["records"]) == 2 and flags["by_leader"]["concerned"] == [f"person:{choir.people[0]}"]


def test_a_leader_tries_so_often_and_no_oftener(choir: Choir) -> None:
    shift = choir.site.shift()
    path = f"{choir.path}/shifts/{shift}/registrations/preview"
    answers = [choir.leader.call("POST", path, {"member_ids": members(choir)[:1]}).status_code for _ in range(22)]
    assert answers[:20] == [200] * 20 and answers[-1] == 429
