"""Hand-overs and swaps, which need both people; teams, of which each member has a verdict."""

from typing import Any

import pytest

from services.common.events import RegistrationCancelled, RegistrationConfirmed, TransferDeclined, TransferExpired
from services.registration.operations.staff.links import Links
from services.registration.personal_data import PersonalData
from services.registration.settings import Settings
from services.registration.tasks import settle_seats
from tests.registration.office import Office
from tests.registration.own_world import resident_of
from tests.registration.world import Caller, Site


def known(site: Site, **fields: Any) -> str:
    """Id of a person whom the site knows."""
    return str(site.sign_up(site.shift(), **fields)["person_id"])


def ask(site: Site, registration: dict[str, Any], person: str, status: int = 201) -> Any:
    path = f"/v1/registrations/{registration['id']}/hand-over"
    return site.expect(status, "POST", path, {"to_person_id": person})


def swap(site: Site, registration: dict[str, Any], other: dict[str, Any], status: int = 201) -> Any:
    path = f"/v1/registrations/{registration['id']}/swap"
    return site.expect(status, "POST", path, {"other_registration_id": other["id"]})


def decide(site: Site, transfer: dict[str, Any], how: str = "accept", status: int = 200, **body: Any) -> Any:
    return site.expect(status, "POST", f"/v1/transfers/{transfer['id']}/{how}", body)


def active(site: Site, shift: str) -> list[tuple[str, str]]:
    rows = site.expect(200, "GET", f"/v1/shifts/{shift}/registrations")["items"]
    return [(row["person_id"], row["status"]) for row in rows if row["status"] != "cancelled"]


def test_a_place_is_handed_over_once_the_other_person_accepts(site: Site) -> None:
    shift, taker = site.shift(capacity=1), known(site)
    giver, waiting = site.sign_up(shift), site.sign_up(shift)
    asked = ask(site, giver, taker)
    assert asked["status"] == "asked" and active(site, shift)[0] == (giver["person_id"], "confirmed")
    ask(site, giver, taker, status=409)
    assert decide(site, asked)["status"] == "accepted"
    assert decide(site, asked)["status"] == "accepted"
    assert active(site, shift) == [(waiting["person_id"], "waitlisted"), (taker, "confirmed")]
    cancelled, confirmed = site.events(site.activity_of(shift))[-2:]
    assert isinstance(cancelled, RegistrationCancelled) and cancelled.reason == "handed_over"
    assert isinstance(confirmed, RegistrationConfirmed) and str(confirmed.person_id) == taker
    seen = site.expect(200, "GET", f"/v1/shifts/{shift}")
    assert (seen["confirmed"], seen["waitlisted"]) == (1, 1)
    assert site.sql("SELECT held FROM shifts WHERE id = :id", id=shift)[0].held == 0
    links = site.sql("SELECT purpose FROM links WHERE subject = :id", id=asked["id"])
    assert [link.purpose for link in links] == ["hand_over"]


def test_who_is_asked_may_decline_and_who_asked_may_take_it_back(site: Site) -> None:
    shift, taker = site.shift(), known(site)
    giver = site.sign_up(shift)
    asked = ask(site, giver, taker)
    assert decide(site, asked, "decline")["status"] == "declined"
    decide(site, asked, "accept", status=409)
    again = ask(site, giver, taker)
    assert decide(site, again, "withdraw")["status"] == "withdrawn"
    decide(site, again, "accept", status=409)
    assert active(site, shift) == [(giver["person_id"], "confirmed")]


def test_who_takes_over_meets_the_rules_of_a_sign_up(site: Site) -> None:
    shift = site.shift(starts=3000)
    giver = site.sign_up(shift)
    there, busy = site.sign_up(shift), site.sign_up(site.shift(starts=3001))
    child = known(site, birth_date="2020-01-01", guardian_consent=True)
    for person, slug in (
        (there["person_id"], "already-registered"),
        (busy["person_id"], "overlap"),
        (child, "invalid"),
    ):
        asked = ask(site, giver, person)
        answer = decide(site, asked, status=422 if slug == "invalid" else 409)
        assert answer["type"] == f"urn:hesheng:problem:{slug}"
        decide(site, asked, "decline")
    assert site.statuses(giver) == ["confirmed"]
    assert decide(site, ask(site, giver, child), guardian_consent=True)["status"] == "accepted"


def test_two_people_swap_their_places(site: Site) -> None:
    first_shift, second_shift = site.shift(capacity=1, starts=3100), site.shift(capacity=1, starts=3101)
    first, second = site.sign_up(first_shift), site.sign_up(second_shift)
    site.sign_up(first_shift)
    asked = swap(site, first, second)
    assert decide(site, asked)["status"] == "accepted"
    assert active(site, first_shift)[1] == (second["person_id"], "confirmed")
    assert active(site, second_shift) == [(first["person_id"], "confirmed")]
    ended = site.expect(200, "GET", f"/v1/registrations/{first['id']}")
    assert ended["cancel_reason"] == "swapped"
    swap(site, first, second, status=409)


def test_what_is_not_confirmed_is_not_passed_on(site: Site) -> None:
    shift, taker = site.shift(capacity=1), known(site)
    giver, waiting = site.sign_up(shift), site.sign_up(shift)
    ask(site, waiting, taker, status=409)
    asked = ask(site, giver, taker)
    site.cancel(giver["id"])
    decide(site, asked, status=409)
    site.expect(422, "POST", f"/v1/registrations/{waiting['id']}/hand-over", {"to_person_id": waiting["person_id"]})


def test_the_link_shows_and_its_button_decides(site: Site, office: Office) -> None:
    shift, taker = site.shift(), known(site)
    asked = ask(site, site.sign_up(shift), taker)
    link = site.sql("SELECT id FROM links WHERE subject = :id", id=asked["id"])[0].id
    path = "/links/" + Links(office.data, "http://localhost").token(link)
    client = site.app.test_client()
    assert "有人想把名额转给您" in client.get(path).get_data(as_text=True)
    assert active(site, shift)[0][0] != taker
    assert client.post(path, data={"decision": "accept"}).status_code == 303
    assert active(site, shift) == [(taker, "confirmed")]


def team(site: Site) -> str:
    return str(site.expect(201, "POST", "/v1/teams", {"name_zh": "合唱团", "name_en": "Choir", "kind": "choir"})["id"])


def sign_up_team(
    site: Site, shift: str, people: list[str], status: int = 201, members: list[str] | None = None, **body: Any
) -> Any:
    """Sign people up as a team of these members, by default just them."""
    made = team(site)
    for person in people if members is None else members:
        site.expect(201, "POST", f"/v1/teams/{made}/members", {"person_id": person, "agreement": "入队名单"})
    body = {"team_id": made, "person_ids": people} | body
    return site.expect(status, "POST", f"/v1/shifts/{shift}/team-registrations", body)


def test_each_member_of_a_team_has_a_verdict(site: Site) -> None:
    shift = site.shift(capacity=2)
    people = [known(site), known(site), known(site)]
    there = site.expect(201, "POST", f"/v1/shifts/{shift}/registrations", {"person_id": people[1]})
    stranger = "00000000-0000-4000-8000-00000000dead"
    answer = sign_up_team(site, shift, [people[0], people[1], stranger, people[2]], members=people)
    verdicts = [member["verdict"] for member in answer["members"]]
    assert verdicts == ["confirmed", "already-registered", "not-a-member", "waitlisted"]
    assert there["id"] in answer["members"][1]["detail"]
    made = answer["members"][0]["registration"]
    assert (made["group_id"], made["channel"]) == (answer["group_id"], "team")
    groups = site.sql("SELECT count(*) FROM registrations WHERE group_id = :id", id=answer["group_id"])
    assert groups[0].count == 2


def test_all_of_a_team_or_nobody(site: Site, other: Site) -> None:
    shift, people = site.shift(capacity=2), [known(site) for _ in range(3)]
    refused = sign_up_team(site, shift, people, 409, all_or_nothing=True)
    assert [error["field"] for error in refused["errors"]] == ["person_ids.2"]
    assert active(site, shift) == []
    answer = sign_up_team(site, shift, people[:2], all_or_nothing=True)
    assert [member["verdict"] for member in answer["members"]] == ["confirmed", "confirmed"]
    site.expect(422, "POST", f"/v1/shifts/{shift}/team-registrations", {"team_id": shift, "person_ids": people})
    sign_up_team(other, shift, people, 404, members=[])


def test_who_is_in_the_team_now_signs_up_as_a_whole(site: Site) -> None:
    shift, made = site.shift(), team(site)
    path, body = f"/v1/shifts/{shift}/team-registrations", {"team_id": made}
    site.expect(422, "POST", path, body)
    member, invited = known(site), known(site, email="invited@example.com")
    for person, agreed in ((member, "签署入队名单"), (invited, "")):
        site.expect(201, "POST", f"/v1/teams/{made}/members", {"person_id": person, "agreement": agreed})
    answer = site.expect(201, "POST", path, body)
    assert [(one["person_id"], one["verdict"]) for one in answer["members"]] == [(member, "confirmed")]


def test_a_teams_known_children_count_with_their_stored_age(site: Site) -> None:
    child = known(site, birth_date="2020-01-01", guardian_consent=True)
    grown = known(site, birth_date="1980-01-01")
    shift = site.shift()
    answer = sign_up_team(site, shift, [child, grown])
    assert [member["verdict"] for member in answer["members"]] == ["invalid", "confirmed"]
    again = sign_up_team(site, shift, [child], guardians_agreed=[child])
    assert again["members"][0]["verdict"] == "confirmed"


def test_one_guardians_word_does_not_speak_for_another_child(site: Site) -> None:
    first, second = (known(site, birth_date="2020-01-01", guardian_consent=True) for _ in range(2))
    answer = sign_up_team(site, site.shift(), [first, second], guardians_agreed=[second])
    assert [member["verdict"] for member in answer["members"]] == ["invalid", "confirmed"]


def test_a_team_is_signed_up_in_the_order_given_whoevers_age_is_known(site: Site) -> None:
    shift = site.shift(capacity=1)
    people = [known(site, birth_date=None), known(site, birth_date="1980-01-01"), known(site, birth_date=None)]
    answer = sign_up_team(site, shift, people)
    assert [member["verdict"] for member in answer["members"]] == ["confirmed", "waitlisted", "waitlisted"]
    places = [member["registration"]["waitlist_position"] for member in answer["members"]]
    assert places == [None, 1, 2]
    answer = sign_up_team(site, site.shift(capacity=1), [people[1], people[0]])
    assert [member["verdict"] for member in answer["members"]] == ["confirmed", "waitlisted"]


def test_who_is_not_in_the_team_is_not_signed_up_as_its_member(site: Site) -> None:
    shift, member, stranger = site.shift(), known(site), known(site)
    answer = sign_up_team(site, shift, [stranger, member], members=[member])
    assert [one["verdict"] for one in answer["members"]] == ["not-a-member", "confirmed"]
    sign_up_team(site, site.shift(), [stranger, member], 409, members=[member], all_or_nothing=True)
    assert active(site, shift) == [(member, "confirmed")]


def test_what_nobody_answered_within_a_day_is_over_and_stands_in_nobodys_way(site: Site) -> None:
    shift, taker = site.shift(), known(site)
    giver = site.sign_up(shift)
    asked = ask(site, giver, taker)
    site.sql("UPDATE transfers SET created_at = now() - interval '25 hours' WHERE id = :id", id=asked["id"])
    assert "within a day" in decide(site, asked, status=409)["detail"]
    again = ask(site, giver, taker)
    assert site.sql("SELECT status FROM transfers WHERE id = :id", id=asked["id"])[0].status == "expired"
    assert decide(site, again)["status"] == "accepted"


def test_who_is_asked_finds_it_and_is_told_in_words_where_they_are_elsewhere(site: Site, data: PersonalData) -> None:
    shift = site.shift(starts=3200)
    giver, busy = site.sign_up(shift), site.sign_up(site.shift(starts=3201))
    resident = resident_of(site, data, busy["person_id"])
    asked = ask(site, giver, busy["person_id"])
    assert [one["id"] for one in resident.expect(200, "GET", "/v1/my/transfers")["items"]] == [asked["id"]]
    refused = resident.expect(409, "POST", f"/v1/my/transfers/{asked['id']}/accept")
    assert "another place at these hours" in refused["detail"] and busy["id"] not in str(refused)
    resident.expect(200, "POST", f"/v1/my/transfers/{asked['id']}/decline")
    assert resident.expect(200, "GET", "/v1/my/transfers")["items"] == []
    asker = resident_of(site, data, giver["person_id"])
    page = asker.call("GET", f"/my/registrations/{giver['id']}", Accept="text/html").get_data(as_text=True)
    assert "Whoever you asked said no" in page


def days_pass(site: Site, settings: Settings) -> None:
    """A day goes by in which nobody answers, and the worker looks."""
    site.sql("UPDATE transfers SET created_at = created_at - interval '25 hours' WHERE site_id = :s", s=site.id)
    settle_seats(site.database, settings)


def outcomes(site: Site, shift: str) -> list[type[object]]:
    """What whoever asked was told, of the activity."""
    kinds = (TransferDeclined, TransferExpired)
    return [type(event) for event in site.events(site.activity_of(shift)) if isinstance(event, kinds)]


@pytest.mark.parametrize("somebody_is_asked", [True, False])
def test_what_nobody_answers_ends_by_itself_and_whoever_asked_hears_of_it(
    site: Site, settings: Settings, data: PersonalData, somebody_is_asked: bool
) -> None:
    shift = site.shift(starts=100)
    giver = site.sign_up(shift, email="asks-in-vain@example.com")
    whom = {"name": "接手人", "contact": "takes-over@example.com"}
    if somebody_is_asked:
        known(site, name=whom["name"], email=whom["contact"])
    asker = resident_of(site, data, giver["person_id"])
    assert asker.call("POST", f"/my/registrations/{giver['id']}/hand-over", form=whom).status_code == 303
    days_pass(site, settings)
    days_pass(site, settings)
    [row] = site.sql("SELECT status, decided_by FROM transfers WHERE registration_id = :r", r=giver["id"])
    assert (row.status, row.decided_by) == ("expired", "system")
    assert outcomes(site, shift) == [TransferExpired], "the same whether or not the site knows whom they named"


def test_a_refusal_is_told_and_what_needs_no_answer_is_not(site: Site, settings: Settings, operator: Caller) -> None:
    shift, taker, erased = site.shift(starts=100), known(site), known(site)
    giver, gives_up, taken_back = (site.sign_up(shift) for _ in range(3))
    decide(site, ask(site, giver, taker), "decline")
    [told] = [event for event in site.events(site.activity_of(shift)) if isinstance(event, TransferDeclined)]
    assert (str(told.person_id), str(told.registration_id)) == (giver["person_id"], giver["id"])
    decide(site, ask(site, taken_back, taker), "withdraw")
    ask(site, gives_up, taker)
    site.cancel(gives_up["id"])
    days_pass(site, settings)
    ask(site, giver, erased)
    operator.expect(200, "POST", f"/v1/people/{erased}/erasure", {"reason": "person_asked"})
    assert outcomes(site, shift) == [TransferDeclined, TransferDeclined], "whoever leaves for good says no as well"


def test_what_one_was_asked_is_answered_on_ones_own_page(site: Site, data: PersonalData) -> None:
    shift, taker = site.shift(starts=3300, title_en="Choir"), known(site, email="answers-here@example.com")
    giver = site.sign_up(shift)
    asked = ask(site, giver, taker)
    resident = resident_of(site, data, taker)
    assert "/my/transfers" in resident.call("GET", "/my").get_data(as_text=True)
    assert "Choir" in resident.call("GET", "/my/transfers").get_data(as_text=True)
    busy = site.sign_up(site.shift(starts=3301), name="忙", email="busy-there@example.com")
    swapped = swap(site, site.sign_up(site.shift(starts=3300)), busy)
    theirs = resident_of(site, data, busy["person_id"])
    assert theirs.call("POST", f"/my/transfers/{asked['id']}/accept").status_code == 404
    assert theirs.call("POST", f"/my/transfers/{swapped['id']}/decline").status_code == 303
    assert resident.call("POST", f"/my/transfers/{asked['id']}/accept").status_code == 303
    assert active(site, shift) == [(taker, "confirmed")]
    assert "Nothing waits for your answer" in resident.call("GET", "/my/transfers").get_data(as_text=True)
    assert "/my/transfers" not in resident.call("GET", "/my").get_data(as_text=True)
