"""What the leader of a team does for it, and what no leader does."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.common.auth import RESIDENT_COOKIE
from services.registration.personal_data import PersonalData
from tests.conftest import NOTIFICATIONS_TOKEN
from tests.registration.hours_world import records_of, second_person
from tests.registration.office import Office
from tests.registration.own_world import resident_of
from tests.registration.rooms_world import at, body_of, book, make_room, next_monday, set_up
from tests.registration.test_public import fresh_mail
from tests.registration.world import Caller, Site, in_hours

TEAM = {"name_zh": "合唱团", "name_en": "Choir", "kind": "choir"}


class Choir:
    """A team with a leader who has a session, and some members."""

    def __init__(self, site: Site, data: PersonalData, members: int = 2) -> None:
        self.site, self.data = site, data
        self.id = site.expect(201, "POST", "/v1/teams", TEAM)["id"]
        self.people = [self.somebody() for _ in range(members + 1)]
        made = [self.join(person) for person in self.people]
        site.expect(200, "PUT", f"/v1/teams/{self.id}/leader", {"person_id": self.people[0]})
        self.leader = resident_of(site, data, self.people[0])
        self.path = f"/v1/my/teams/{made[0]['id']}"
        self.membership = made[0]["id"]

    def somebody(self, **fields: Any) -> str:
        details = {"email": fresh_mail()} | fields
        return str(self.site.sign_up(self.site.shift(), **details)["person_id"])

    def join(self, person: str, agreement: str = "签署入队名单") -> Any:
        body = {"person_id": person, "agreement": agreement}
        return self.site.expect(201, "POST", f"/v1/teams/{self.id}/members", body)

    def on_shift(self, others: Sequence[str] = ()) -> str:
        """A volunteering shift that runs now, for which the team signed up, and others."""
        shift = self.site.shift(volunteering=True, starts=900, capacity=10)
        self.site.expect(201, "POST", f"/v1/shifts/{shift}/team-registrations", {"team_id": self.id})
        for person in others:
            self.site.expect(201, "POST", f"/v1/shifts/{shift}/registrations", {"person_id": person})
        self.site.move_shift(shift, -1, 1)
        return shift

    def roll(self, shift: str) -> Any:
        return self.leader.expect(200, "GET", f"{self.path}/shifts/{shift}/roll-call")["items"]


@pytest.fixture
def choir(site: Site, data: PersonalData) -> Choir:
    return Choir(site, data)


def test_a_leader_sees_who_joined_and_not_who_was_asked(choir: Choir) -> None:
    invited = choir.somebody(name="还没答复的人")
    choir.join(invited, agreement="")
    roster = choir.leader.expect(200, "GET", f"{choir.path}/roster")
    assert (len(roster["items"]), roster["open_invitations"]) == (3, 1)
    assert "还没答复的人" not in str(roster) and roster["items"][0]["role"] == "leader"
    member = resident_of(choir.site, choir.data, choir.people[1])
    [own] = member.expect(200, "GET", "/v1/my/teams")["items"]
    member.expect(404, "GET", f"/v1/my/teams/{own['member_id']}/roster")
    member.expect(404, "GET", f"{choir.path}/roster")


def test_that_a_leader_read_a_childs_name_is_on_record(choir: Choir) -> None:
    child = choir.somebody(birth_date="2016-05-01", guardian_consent=True)
    choir.join(child)
    choir.leader.expect(200, "GET", f"{choir.path}/roster")
    read = "SELECT actor FROM audit_log WHERE record = :p AND action = 'read' AND actor LIKE 'person:%'"
    assert [row.actor for row in choir.site.sql(read, p=child)] == [f"person:{choir.people[0]}"]
    seen = resident_of(choir.site, choir.data, child).expect(200, "GET", "/v1/my/data")
    assert "person" in [one["by"] for one in seen["read_by"]]


def test_a_leader_invites_and_learns_of_nobody(choir: Choir) -> None:
    mail = fresh_mail()
    person = choir.somebody(name="新团员", email=mail)
    path = f"{choir.path}/invitations"
    asked = choir.leader.expect(201, "POST", path, {"name": "新团员", "email": mail})
    assert choir.leader.expect(201, "POST", path, {"name": "没有这个人", "email": fresh_mail()}) == asked
    choir.leader.expect(201, "POST", path, {"name": "新团员", "email": mail})
    new = resident_of(choir.site, choir.data, person)
    [invitation] = new.expect(200, "GET", "/v1/my/teams")["items"]
    assert invitation["status"] == "invited"
    new.expect(204, "POST", f"/v1/my/teams/{invitation['member_id']}/accept")
    assert len(choir.leader.expect(200, "GET", f"{choir.path}/roster")["items"]) == 4


def test_a_leader_asks_for_a_room_and_staff_decide(choir: Choir, office: Office) -> None:
    room = {"name_zh": "排练厅", "name_en": "Hall", "capacity": 40, "approval": False}
    room_id = choir.site.expect(201, "POST", "/v1/rooms", room)["id"]
    body = {"room_id": room_id, "starts_at": in_hours(60), "ends_at": in_hours(62)}
    made = choir.leader.expect(201, "POST", f"{choir.path}/bookings", body, Idempotency_Key="room")
    assert (made["status"], made["team_id"]) == ("requested", choir.id)
    assert choir.leader.expect(201, "POST", f"{choir.path}/bookings", body, Idempotency_Key="room") == made
    taken = choir.leader.expect(409, "POST", f"{choir.path}/bookings", body)
    assert "is taken" in taken["detail"] and made["title"] not in taken["detail"]
    staff = second_person(office, choir.site)
    staff.expect(200, "POST", f"/v1/bookings/{made['id']}/confirm")
    elsewhere = Choir(choir.site, choir.data, 0)
    page = f"/my/teams/{elsewhere.membership}/lead/rooms/{made['id']}/withdraw"
    assert elsewhere.leader.call("POST", page, form="").status_code == 404
    page = f"/my/teams/{choir.membership}/lead/rooms/{made['id']}/withdraw"
    assert choir.leader.call("POST", page, form="").status_code == 303
    assert choir.site.expect(200, "GET", f"/v1/bookings/{made['id']}")["status"] == "cancelled"


def test_a_leader_sees_when_rooms_are_free_and_not_who_has_them(choir: Choir, other: Site) -> None:
    site, monday = choir.site, next_monday()
    set_up(site, opening_hours={"mon": [["08:00", "12:00"], ["14:00", "22:00"]]}, team_minutes_per_week=600)
    hall, another = make_room(site, setup_minutes=15), make_room(site, name_zh="小教室", for_teams=False)
    make_room(other)
    book(site, hall, 9, 10, title="别队的排练")
    book(site, hall, 15, 15.5, title="秘密的会")
    answer = choir.leader.expect(200, "GET", f"{choir.path}/rooms?from={monday}")
    [room] = answer["items"]
    assert room["room_id"] == hall and another not in str(answer) and "秘密" not in str(answer)
    free = [(one["starts_at"], one["ends_at"]) for one in room["days"][0]["free"]]
    foreseen = [(8, 8.5), (10.5, 12), (14, 14.5), (16, 22)]
    assert [tuple(map(datetime.fromisoformat, one)) for one in free] == [(at(a), at(b)) for a, b in foreseen]
    assert [one["free"] for one in room["days"][1:]] == [[]] * 6, "the site is closed then"
    for begins, ends in free:
        wanted = {"room_id": hall, "starts_at": begins, "ends_at": ends}
        choir.leader.expect(201, "POST", f"{choir.path}/bookings", wanted)
    refused = choir.leader.expect(409, "POST", f"{choir.path}/bookings", body_of(hall, 8.75, 13, title="x"))
    told = [one["message"] for one in refused["errors"]]
    assert len(told) == 5 and "opening hours" in told[3] and not any("别队" in one for one in told)


def test_whether_a_room_can_be_had_is_seen_before_it_is_asked_for(choir: Choir) -> None:
    hall = make_room(choir.site)
    book(choir.site, hall, 19, 21, title="别队的排练")
    page = f"/my/teams/{choir.membership}/lead/rooms"

    def look(begins: str, ends: str) -> tuple[int, str]:
        form = f"step=check&room_id={hall}&day={next_monday()}&starts_at={begins}&ends_at={ends}"
        answer = choir.leader.call("POST", page, form=form, Accept="text/html")
        return answer.status_code, answer.get_data(as_text=True)

    status, taken = look("18:00", "20:00")
    assert status == 422 and "is taken" in taken and "别队" not in taken
    assert look("21:00", "22:00")[0] == 200
    assert len(choir.site.expect(200, "GET", "/v1/bookings")["items"]) == 1, "nothing was asked for yet"


@pytest.mark.parametrize("step", ["decline", "confirm"])
def test_the_leader_hears_what_became_of_a_request_and_sees_the_reason(choir: Choir, step: str) -> None:
    site = choir.site
    room = site.expect(201, "POST", "/v1/rooms", {"name_zh": "排练厅", "name_en": "Hall", "capacity": 40})["id"]
    wanted = {"room_id": room, "starts_at": in_hours(60), "ends_at": in_hours(62)}
    made = choir.leader.expect(201, "POST", f"{choir.path}/bookings", wanted)
    for _ in range(2):
        site.expect(200, "POST", f"/v1/bookings/{made['id']}/{step}", {"reason": "设备检修"})
    [link] = site.sql("SELECT id FROM links WHERE purpose = 'room_answer' AND subject = :b", b=made["id"])
    notifications = Caller(site.app, NOTIFICATIONS_TOKEN)
    [mailed] = notifications.expect(200, "POST", "/internal/links", {"links": [str(link.id)]})["links"]
    assert mailed["email"] and mailed["about_en"].endswith("was turned down" if step == "decline" else "was granted")
    browser = site.app.test_client()
    page = browser.get(mailed["url"], headers={"Accept-Language": "en"}).get_data(as_text=True)
    assert ("was not granted" in page, "设备检修" in page) == (step == "decline", step == "decline")
    assert "Rehearsals and rooms" in page and ("· Hall" in page.partition("Rehearsals and rooms")[2]) == (
        step == "confirm"
    )
    assert browser.post(mailed["url"]).status_code == 410 and browser.get_cookie(RESIDENT_COOKIE) is None
    led = choir.leader.call("GET", f"/my/teams/{choir.membership}/lead", Accept="text/html").get_data(as_text=True)
    assert ("Reason: 设备检修" in led) == (step == "decline")


def test_one_team_does_not_ask_for_every_room(choir: Choir, office: Office) -> None:
    room = {"name_zh": "排练厅", "name_en": "Hall", "capacity": 40, "approval": False}
    room_id = choir.site.expect(201, "POST", "/v1/rooms", room)["id"]

    def ask(status: int, day: int) -> Any:
        body = {"room_id": room_id, "starts_at": in_hours(24 * day), "ends_at": in_hours(24 * day + 2)}
        return choir.leader.expect(status, "POST", f"{choir.path}/bookings", body)

    assert ask(422, 61)["errors"][0]["field"] == "starts_at"
    first, *_ = [ask(201, day) for day in range(1, 6)]
    assert "not decided yet" in ask(409, 6)["detail"]
    second_person(office, choir.site).expect(200, "POST", f"/v1/bookings/{first['id']}/confirm")
    ask(201, 6)
    choir.site.expect(200, "PATCH", f"/v1/sites/{choir.site.id}/settings", {"booking_horizon_days": 90}, If_Match="*")
    assert "not decided yet" in ask(409, 61)["detail"], "the site's own horizon counts, where it has one"


@pytest.mark.parametrize("days", [None, 30])
def test_no_time_is_offered_that_cannot_be_asked_for(choir: Choir, days: int | None) -> None:
    hours = {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
    set_up(choir.site, opening_hours=hours, booking_horizon_days=days)
    make_room(choir.site)
    furthest = datetime.now(UTC) + timedelta(days=days or 60)
    first = (furthest - timedelta(days=3)).date()
    [room] = choir.leader.expect(200, "GET", f"{choir.path}/rooms?from={first}")["items"]
    ends = [datetime.fromisoformat(one["ends_at"]) for day in room["days"] for one in day["free"]]
    assert furthest - timedelta(hours=1) < max(ends) <= furthest + timedelta(minutes=1)


def test_a_leader_calls_the_roll_of_their_team_and_of_nobody_else(choir: Choir) -> None:
    stranger = choir.somebody()
    shift = choir.on_shift([stranger])
    people = choir.roll(shift)
    assert len(people) == 2  # not the leader: for them staff do
    path = f"{choir.path}/shifts/{shift}/roll-call"
    of = "SELECT id FROM registrations WHERE shift_id = :s AND person_id = :p"
    for person in (stranger, choir.people[0]):
        wrong = str(choir.site.sql(of, s=shift, p=person)[0].id)
        choir.leader.expect(404, "POST", path, {"entries": [{"registration_id": wrong, "outcome": "present"}]})
    came, missing = (one["registration_id"] for one in people)
    entries = [
        {"registration_id": came, "outcome": "attended"},
        {"registration_id": missing, "outcome": "no_show"},
    ]
    called = choir.leader.expect(200, "POST", path, {"entries": entries})["items"]
    assert [one["outcome"] for one in called] == ["attended", "no_show"]
    [record] = records_of(choir.site, came)
    assert (record.how, record.in_charge) == ("confirmed", f"person:{choir.people[0]}")


def test_the_roll_is_open_while_the_shift_runs_and_a_day_after(choir: Choir) -> None:
    shift = choir.on_shift()
    path = f"{choir.path}/shifts/{shift}/roll-call"
    body = {"entries": [{"registration_id": choir.roll(shift)[0]["registration_id"], "outcome": "present"}]}
    choir.site.move_shift(shift, 2, 4)
    choir.leader.expect(422, "POST", path, body)
    choir.site.move_shift(shift, -30, -26)
    choir.leader.expect(422, "POST", path, body)
    choir.site.move_shift(shift, -20, -18)
    choir.leader.expect(200, "POST", path, body)


def test_who_leads_no_more_does_nothing_more(choir: Choir) -> None:
    choir.site.expect(200, "PUT", f"/v1/teams/{choir.id}/leader", {"person_id": choir.people[1]})
    choir.leader.expect(404, "GET", f"{choir.path}/roster")


def test_ones_teams_are_read_in_one_statement(choir: Choir, data: PersonalData) -> None:
    for _ in range(3):
        team = choir.site.expect(201, "POST", "/v1/teams", TEAM)["id"]
        body = {"person_id": choir.people[1], "agreement": "同意"}
        choir.site.expect(201, "POST", f"/v1/teams/{team}/members", body)
    member = resident_of(choir.site, data, choir.people[1])
    assert len(member.expect(200, "GET", "/v1/my/teams")["items"]) == 4
    page = member.call("GET", "/my/teams", Accept="text/html").get_data(as_text=True)
    assert page.count("Leave<span") == 4


def test_whoever_erased_themselves_sees_no_menu_of_their_own(choir: Choir) -> None:
    page = choir.leader.call("POST", "/my/data/erase", form="", Accept="text/html").get_data(as_text=True)
    assert "was erased" in page and "/my/teams" not in page and "Log out" not in page


def test_who_is_new_to_the_site_is_led_to_where_they_are_registered(choir: Choir, office: Office) -> None:
    form = {"person_name": "没来过的人", "contact": "new-here@example.com", "agreement": "口头"}
    answer = office.site_staff(choir.site.id).call("POST", f"/staff/teams/{choir.id}", form=form)
    assert answer.status_code == 422 and "/staff/people/new" in answer.get_data(as_text=True)
