"""Teams: nobody is a member against their will, one leads, everybody may leave."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy.exc import IntegrityError

from services.common.auth import RESIDENT_COOKIE, Principal, csrf_token
from services.common.auth import Caller as Kind
from services.common.database import Database
from services.common.events import TeamMemberJoined, TeamMemberLeft, TeamSaved
from services.registration.operations.teams.teams import roster
from services.registration.personal_data import PersonalData
from tests.registration.rooms_world import book, make_room
from tests.registration.world import Site, fresh_phone, resident_cookie

CHOIR = {"name_zh": "暖阳合唱团", "name_en": "Warm Sun choir", "kind": "choir"}
PAPER = "签署入队名单"


@pytest.fixture
def team(site: Site) -> str:
    return site.expect(201, "POST", "/v1/teams", CHOIR)["id"]


def person(site: Site) -> str:
    return site.sign_up(site.shift(), email="singer@example.com")["person_id"]


def add(site: Site, team: str, who: str, agreement: str = PAPER) -> dict[str, Any]:
    return site.expect(201, "POST", f"/v1/teams/{team}/members", {"person_id": who, "agreement": agreement})


def as_resident(app: APIFlask, database: Database, data: PersonalData, who: str) -> Any:
    """Sends requests with the session that a link from a message opens."""
    cookie = resident_cookie(database, data, who)
    token = csrf_token(Principal(Kind.PERSON, who, session=cookie))

    def call(method: str, path: str) -> Any:
        client = app.test_client()
        client.set_cookie(RESIDENT_COOKIE, cookie)
        return client.open(path, method=method, headers={"X-CSRF-Token": token})

    return call


def test_a_team_is_saved_and_told(site: Site, other: Site, team: str) -> None:
    renamed = site.expect(200, "PATCH", f"/v1/teams/{team}", {"name_en": "Choir", "kind": "other"}, If_Match='"1"')
    assert (renamed["version"], renamed["kind"]) == (2, "other")
    assert [type(event) for event in site.events(team)] == [TeamSaved, TeamSaved]
    for method, path in (("GET", ""), ("GET", "/members"), ("PATCH", "")):
        assert other.call(method, f"/v1/teams/{team}{path}", {}, If_Match="*").status_code == 404


def test_an_invited_person_is_no_member_until_they_accept(
    site: Site, team: str, app: APIFlask, database: Database, data: PersonalData
) -> None:
    singer, stranger = person(site), person(site)
    invited = add(site, team, singer, "")
    assert (invited["status"], invited["joined_at"]) == ("invited", None)
    with database.transaction(site.id) as session:
        assert roster(session, team) == []  # type: ignore[arg-type]
    path = f"/v1/my/teams/{invited['id']}"
    assert as_resident(app, database, data, stranger)("POST", f"{path}/accept").status_code == 404
    singer_calls = as_resident(app, database, data, singer)
    assert [one["status"] for one in singer_calls("GET", "/v1/my/teams").get_json()["items"]] == ["invited"]
    for _ in range(2):
        assert singer_calls("POST", f"{path}/accept").status_code == 204
    assert singer_calls("POST", f"{path}/decline").status_code == 409
    joined = site.expect(200, "GET", f"/v1/teams/{team}/members?status=member")["items"]
    assert [(one["person_id"], one["agreed"]) for one in joined] == [(singer, "session")]
    assert singer_calls("POST", f"{path}/leave").status_code == 204
    assert [type(event) for event in site.events(team)] == [TeamSaved, TeamMemberJoined, TeamMemberLeft]
    again = add(site, team, singer, "")
    assert singer_calls("POST", f"/v1/my/teams/{again['id']}/decline").status_code == 204
    assert site.expect(200, "GET", f"/v1/teams/{team}/members?status=member")["items"] == []


def test_staff_add_whose_agreement_is_on_record(site: Site, other: Site, team: str) -> None:
    singer = person(site)
    add(site, team, singer, "")
    added = add(site, team, singer)
    assert (added["status"], added["agreed"]) == ("member", PAPER)
    body = {"person_id": singer, "agreement": PAPER}
    assert site.call("POST", f"/v1/teams/{team}/members", body).status_code == 409
    unknown = site.call("POST", f"/v1/teams/{team}/members", {"person_id": person(other)})
    assert (unknown.status_code, unknown.get_json()["errors"][0]["field"]) == (422, "person_id")
    with pytest.raises(IntegrityError, match="of_their_own_will"):
        site.sql("UPDATE team_members SET agreed = '' WHERE id = :id", id=added["id"])


def test_one_leads_and_hands_over(site: Site, team: str) -> None:
    first, second, outsider = (person(site) for _ in range(3))
    add(site, team, first)
    add(site, team, second)
    path = f"/v1/teams/{team}/leader"
    site.expect(200, "PUT", path, {"person_id": first})
    assert site.expect(200, "PUT", path, {"person_id": second})["role"] == "leader"
    members = site.expect(200, "GET", f"/v1/teams/{team}/members")["items"]
    assert {one["person_id"]: one["role"] for one in members} == {first: "member", second: "leader"}
    assert site.call("PUT", path, {"person_id": outsider}).status_code == 422
    leader = next(one["id"] for one in members if one["role"] == "leader")
    assert site.call("DELETE", f"/v1/team-members/{leader}").status_code == 204
    assert site.call("DELETE", f"/v1/team-members/{leader}").status_code == 204
    assert [e.role for e in site.events(team) if isinstance(e, TeamMemberJoined)] == [
        "member",
        "member",
        "leader",
        "member",
        "leader",
    ]


def test_many_adding_the_same_person_at_once_make_one_member(site: Site, team: str) -> None:
    singer = person(site)
    body = {"person_id": singer, "agreement": PAPER}
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: site.call("POST", f"/v1/teams/{team}/members", body).status_code, range(12)))
    assert sorted(answers) == [201] + [409] * 11


def test_a_roster_becomes_volunteers_in_one_step(site: Site, team: str) -> None:
    first, second, minor, outsider = (
        person(site),
        person(site),
        site.sign_up(site.shift(), birth_date="2012-05-05", guardian_consent=True)["person_id"],
        person(site),
    )
    for who in (first, second, minor):
        add(site, team, who)
    agreed = [{"person_id": who, "sex": "female", "terms_consent": True} for who in (first, second, minor, outsider)]
    path = f"/v1/teams/{team}/volunteers"
    refused = site.call("POST", path, {"members": [agreed[0] | {"terms_consent": False}]})
    assert refused.get_json()["errors"][0]["field"] == "members.0.terms_consent"
    done = site.expect(201, "POST", path, {"members": agreed})["items"]
    assert [one["outcome"] for one in done] == ["registered", "registered", "refused", "refused"]
    assert done[0]["volunteer_number"] and "18" in done[2]["en"]
    site.expect(200, "GET", f"/v1/volunteers/{first}")
    again = site.expect(201, "POST", path, {"members": agreed[:1]})["items"]
    assert again[0]["outcome"] == "volunteer_already"


def test_what_the_roster_lacks_is_told_and_a_guardian_on_record_need_not_be_told_again(site: Site, team: str) -> None:
    told = {"name": "小歌手", "phone": fresh_phone(), "birth_date": "2012-05-05"}
    guardian = {"name": "歌手妈妈", "phone": fresh_phone()}
    minor = site.expect(201, "POST", "/v1/people", told | {"guardian": guardian, "guardian_consent": True})["id"]
    adult = site.sign_up(site.shift(), birth_date=None)["person_id"]
    for who in (minor, adult):
        add(site, team, who)
    path = f"/v1/teams/{team}/volunteers"
    lacks = {one["person_id"]: one["lacks"] for one in site.expect(200, "GET", path)["items"]}
    rest = ["id_number", "area", "skills", "categories"]
    assert lacks == {minor: ["sex", *rest], adult: ["sex", "birth_date", *rest]}
    agreed = {"sex": "female", "terms_consent": True, "guardian_consent": True, "how": "phone", "skills": ["singing"]}
    done = site.expect(201, "POST", path, {"members": [agreed | {"person_id": minor}], "how": "paper"})["items"]
    assert done[0]["outcome"] == "registered"
    (consent,) = site.sql("SELECT how FROM consents WHERE person_id = :of AND kind = 'terms'", of=minor)
    assert consent.how == "phone", "this member's own way"
    now = {one["person_id"]: one for one in site.expect(200, "GET", path)["items"]}
    assert now[minor]["volunteer_number"] and now[minor]["lacks"] == ["id_number", "area", "categories"]


def test_nobody_is_invited_whom_no_mail_reaches(site: Site, team: str) -> None:
    elder = site.sign_up(site.shift())["person_id"]
    refused = site.expect(409, "POST", f"/v1/teams/{team}/members", {"person_id": elder})
    assert "no e-mail" in refused["detail"]
    assert site.expect(200, "GET", f"/v1/teams/{team}/members")["items"] == []
    assert add(site, team, elder, "电话里口头同意")["status"] == "member"
    helped = site.sign_up(site.shift())["person_id"]
    site.expect(
        200, "PUT", f"/v1/people/{helped}/helper", {"name": "邻居", "email": "neighbour@example.com", "agreed": True}
    )
    assert add(site, team, helped, "")["status"] == "invited", "their helper gets it"


def test_a_team_that_ended_has_nobody_and_takes_nobody(site: Site, other: Site, team: str) -> None:
    member, invited = person(site), person(site)
    add(site, team, member)
    add(site, team, invited, "")
    other.expect(404, "POST", f"/v1/teams/{team}/end")
    room = make_room(site)
    booked = book(site, room, 9, 10, team_id=team)
    assert "1 room" in site.expect(409, "POST", f"/v1/teams/{team}/end")["detail"]
    site.expect(200, "POST", f"/v1/bookings/{booked['id']}/cancel")
    for _ in range(2):
        assert site.expect(200, "POST", f"/v1/teams/{team}/end")["ended_at"]
    left = site.expect(200, "GET", f"/v1/teams/{team}/members")["items"]
    assert {one["status"] for one in left} == {"left"}
    site.expect(409, "POST", f"/v1/teams/{team}/members", {"person_id": member, "agreement": PAPER})
    told = site.events(team)
    assert [type(event) for event in told] == [TeamSaved, TeamMemberJoined, TeamMemberLeft, TeamSaved]
    assert [event.ended for event in told if isinstance(event, TeamSaved)] == [False, True]
