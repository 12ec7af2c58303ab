"""Volunteers: one number, one ID number, what each site was told, what staff may read and what that leaves behind."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import ric

from services.registration.id_numbers import normal_id_number
from services.registration.operations.people.volunteer_ids import new_volunteer_number, normal_volunteer_number
from tests.conftest import NOTIFICATIONS_TOKEN
from tests.registration.office import Office
from tests.registration.world import Caller, Site, fresh_phone, somebody


def id_number(born: str = "19900517", order: int = 1, male: bool = False) -> str:
    """A valid number; `order` tells it from others of the same day."""
    digits = f"110101{born}{order:02d}{'1' if male else '2'}"
    return digits + ric.calc_check_digit(digits + "0")


def volunteer(**fields: Any) -> dict[str, Any]:
    """Somebody nobody knows yet, as they register."""
    return somebody() | {"sex": "female", "terms_consent": True} | fields


def register(site: Site, **fields: Any) -> dict[str, Any]:
    return site.expect(201, "POST", "/v1/volunteers", volunteer(**fields))


def test_whose_parents_address_is_told_though_they_are_grown_up_is_registered(site: Site) -> None:
    parent = {"name": "家长", "email": "parent@example.com"}
    made = register(site, name="成年志愿者", birth_date="2001-02-03", guardian=parent)
    assert made["guardian_asked"] is False, "nobody agrees for somebody who is 18"


def test_the_data_of_order_67_is_held_and_the_id_number_shown_masked(site: Site, area: str) -> None:
    number = id_number(order=11)
    made = register(
        site,
        id_number=number,
        id_number_consent=True,
        area=area,
        skills=["singing", "first_aid"],
        categories=["culture"],
    )
    assert normal_volunteer_number(made["volunteer_number"]) == made["volunteer_number"]
    seen = site.expect(200, "GET", f"/v1/volunteers/{made['person_id']}")
    assert seen["id_number"] == "*" * 14 + number[-4:]
    assert (seen["sex"], seen["skills"], seen["area"]) == ("female", ["first_aid", "singing"], area)
    kinds = [one["kind"] for one in site.expect(200, "GET", f"/v1/people/{made['person_id']}/consents")["items"]]
    assert kinds == ["terms", "sensitive_id_number"]


def test_the_whole_id_number_is_read_for_a_reason_on_record(site: Site) -> None:
    number = id_number(order=12)
    made = register(site, id_number=number, id_number_consent=True)
    path = f"/v1/volunteers/{made['person_id']}/id-number"
    assert site.call("POST", path, {}).status_code == 422
    assert site.expect(200, "POST", path, {"reason": "insurance"})["id_number"] == number
    lines = site.sql(
        "SELECT changed, actor FROM audit_log WHERE action = 'reveal' AND record = :of", of=made["person_id"]
    )
    assert [line.changed for line in lines] == [{"reason": "insurance"}]
    assert lines[0].actor.startswith("site:")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"id_number": id_number()[:-2] + "0" + id_number()[-1], "id_number_consent": True}, "id_number"),
        ({"id_number": id_number("19910517"), "id_number_consent": True}, "id_number"),
        ({"id_number": id_number(male=True), "id_number_consent": True}, "id_number"),
        ({"id_number": id_number()}, "id_number_consent"),
        ({"skills": ["flying"]}, "skills"),
        ({"terms_consent": False}, "terms_consent"),
        ({"area": "999999"}, "area"),
        ({"birth_date": "2010-01-01"}, "guardian"),
        ({"birth_date": "2016-01-01"}, "guardian_consent"),
    ],
)
def test_what_does_not_agree_is_refused(site: Site, fields: dict[str, Any], field: str) -> None:
    answer = site.call("POST", "/v1/volunteers", volunteer(**fields))
    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["field"] == field


def test_a_number_first_given_out_when_its_county_was_new_is_one() -> None:
    digits = "14010719610713002"  # the district has this code since 1997
    number = digits + ric.calc_check_digit(digits + "0")
    assert normal_id_number(f" {number.lower()} ") == number
    assert normal_id_number("140107196102300020") is None


def test_one_id_number_is_one_person_at_every_site_and_under_one_name(make_site: Callable[..., Site]) -> None:
    first, second = make_site(), make_site()
    number = {"id_number": id_number(order=13), "id_number_consent": True}
    one = register(first, name="同一人", **number)
    two = register(second, name="同一人", **number)
    assert (one["person_id"], one["volunteer_number"]) == (two["person_id"], two["volunteer_number"])
    assert second.call("POST", "/v1/volunteers", volunteer(name="同一人", **number)).status_code == 409
    assert make_site().call("POST", "/v1/volunteers", volunteer(name="另一人", **number)).status_code == 409


def test_two_sites_that_register_one_id_number_at_once_get_one_person(make_site: Callable[..., Site]) -> None:
    sites = [make_site() for _ in range(6)]
    number = {"id_number": id_number(order=14), "id_number_consent": True}
    with ThreadPoolExecutor(len(sites)) as pool:
        made = list(pool.map(lambda site: register(site, name="同时", **number), sites))
    assert len({one["person_id"] for one in made}) == 1
    assert len({one["volunteer_number"] for one in made}) == 1
    assert all(one["is_new_person"] for one in made), "new to each; who knows them elsewhere is told to nobody"


def test_somebody_who_signed_up_before_becomes_a_volunteer(site: Site) -> None:
    phone = fresh_phone()
    signed_up = site.sign_up(site.shift(), name="先报名", phone=phone)
    made = register(site, name="先报名", phone=phone)
    assert made["person_id"] == signed_up["person_id"]
    assert not made["is_new_person"]
    answer = site.call("POST", "/v1/volunteers", volunteer(name="先报名", phone=phone, birth_date="1980-01-01"))
    assert answer.status_code == 422, "what the site was told first counts"


def test_another_site_sees_nothing_of_a_volunteer(site: Site, other: Site) -> None:
    made = register(site)
    path = f"/v1/volunteers/{made['person_id']}"
    assert other.call("GET", path).status_code == 404
    assert other.call("POST", f"{path}/id-number", {"reason": "insurance"}).status_code == 404
    assert other.call("PATCH", path, {"skills": []}, If_Match="*").status_code == 404
    assert other.expect(200, "GET", "/v1/volunteers")["items"] == []
    assert [one["person_id"] for one in site.expect(200, "GET", "/v1/volunteers")["items"]] == [made["person_id"]]


def test_a_volunteer_is_corrected_and_the_id_number_deleted_for_good(site: Site) -> None:
    number = {"id_number": id_number(order=15), "id_number_consent": True}
    made = register(site, name="更正", **number)
    path = f"/v1/volunteers/{made['person_id']}"
    edited = site.expect(200, "PATCH", path, {"skills": ["driving"], "id_number": None}, If_Match='"1"')
    assert (edited["skills"], edited["id_number"]) == (["driving"], None)
    assert site.call("PATCH", path, {"skills": []}, If_Match='"1"').status_code == 412
    newcomer = register(site, name="新人", **number)
    assert newcomer["person_id"] != made["person_id"], "nobody is found by a number that was deleted"
    answer = site.call("PATCH", path, number, If_Match="*")
    assert answer.status_code == 409
    wrong = {"id_number": id_number(male=True), "id_number_consent": True}
    assert site.call("PATCH", path, wrong, If_Match="*").get_json()["errors"][0]["field"] == "id_number"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (
            "trainings",
            {"code": "first_aid", "name": "急救", "minutes": 240, "provider": "红十字会", "day": "2026-01-10"},
        ),
        ("awards", {"name": "优秀志愿者", "grantor": "街道", "day": "2026-01-11"}),
        ("evaluations", {"quality": "good", "evaluator": "服务中心", "day": "2026-01-12"}),
    ],
)
def test_training_awards_and_evaluations_are_kept(site: Site, other: Site, kind: str, body: dict[str, Any]) -> None:
    path = f"/v1/volunteers/{register(site)['person_id']}/{kind}"
    made = site.expect(201, "POST", path, body)
    assert [one["day"] for one in site.expect(200, "GET", path)["items"]] == [body["day"]]
    assert other.call("GET", path).status_code == 404
    assert other.call("POST", path, body).status_code == 404
    assert other.call("DELETE", f"{path}/{made['id']}").status_code == 404
    assert site.call("DELETE", f"{path}/{made['id']}").status_code == 204
    assert site.expect(200, "GET", path)["items"] == []
    tomorrow = site.call("POST", path, body | {"day": "2090-01-01"})
    assert tomorrow.get_json()["errors"][0]["field"] == "day"


def test_staff_find_people_by_exactly_one_thing_known_in_full(site: Site, other: Site) -> None:
    number, phone = id_number(order=16), fresh_phone()
    mail = f"find{phone[1:]}@example.com"
    made = register(site, name="找得到", phone=phone, email=mail, id_number=number, id_number_consent=True)
    for known in (
        {"phone": phone[3:]},
        {"email": mail.upper()},
        {"volunteer_number": made["volunteer_number"].lower()},
        {"id_number": number},
    ):
        found = site.expect(200, "POST", "/v1/people/search", known)["people"]
        assert [one["id"] for one in found] == [made["person_id"]], known
        assert other.expect(200, "POST", "/v1/people/search", known)["people"] == []
    assert site.call("POST", "/v1/people/search", {"name": "找"}).status_code == 422
    assert site.call("POST", "/v1/people/search", {"phone": phone, "email": mail}).status_code == 422
    assert site.expect(200, "POST", "/v1/people/search", {"volunteer_number": "V1"})["people"] == []
    lines = site.sql("SELECT changed FROM audit_log WHERE action = 'search' AND site_id = :site", site=site.id)
    assert {"by": "id_number", "found": 1} in [line.changed for line in lines]


def test_reading_a_minors_data_is_on_record_and_an_adults_is_not(site: Site) -> None:
    child = site.sign_up(site.shift(), birth_date="2018-01-01", guardian_consent=True)["person_id"]
    adult = site.sign_up(site.shift())["person_id"]
    for person in (child, adult):
        site.expect(200, "GET", f"/v1/people/{person}")
    lines = site.sql("SELECT record FROM audit_log WHERE action = 'read' AND site_id = :site", site=site.id)
    assert [line.record for line in lines] == [child]


@given(st.integers(0, 11), st.integers(0, 9))
def test_a_mistyped_volunteer_number_is_none(place: int, digit: int) -> None:
    number = new_volunteer_number()
    typed = number[:place] + str(digit) + number[place + 1 :]
    assert (normal_volunteer_number(typed) is None) == (typed != number)


def test_an_elder_without_an_address_is_reached_through_the_helper(site: Site) -> None:
    helper = {"name": "邻居", "phone": fresh_phone(), "email": "helper@example.com"}
    elder = {"name": "老人家", "phone": helper["phone"], "birth_date": "1938-03-03", "helper": helper, "how": "desk"}
    assert site.call("POST", "/v1/people", elder).status_code == 422, "nobody is signed up against their will"
    made = site.expect(201, "POST", "/v1/people", elder | {"helper_agreed": True}, Idempotency_Key="elder")
    site.expect(201, "POST", f"/v1/shifts/{site.shift()}/registrations", {"person_id": made["id"]})
    body = {"people": [{"person_id": made["id"], "site_id": site.id}]}
    answer = Caller(site.app, NOTIFICATIONS_TOKEN).expect(200, "POST", "/internal/contacts", body)
    assert [(one["name"], one["email"]) for one in answer["contacts"]] == [("老人家", "helper@example.com")]
    consents = site.expect(200, "GET", f"/v1/people/{made['id']}/consents")["items"]
    assert [(one["kind"], one["how"]) for one in consents] == [("helper", "desk")]
    withdrawn = site.expect(200, "POST", f"/v1/consents/{consents[0]['id']}/withdraw")
    assert withdrawn["deleted"] == ["helper"]
    assert site.call("GET", f"/v1/people/{made['id']}/helper").status_code == 404


def test_volunteers_are_listed_by_service_category(site: Site) -> None:
    with_it = register(site, categories=["culture"])["person_id"]
    register(site)
    found = site.expect(200, "GET", "/v1/volunteers?category=culture")["items"]
    assert [one["person_id"] for one in found] == [with_it]
    assert site.expect(200, "GET", "/v1/volunteers?category=nothing")["items"] == []


def test_a_record_is_removed_by_its_own_path_alone(site: Site, other: Site) -> None:
    one, two = (register(site)["person_id"] for _ in range(2))
    award = {"name": "优秀志愿者", "grantor": "街道办事处", "day": "2026-01-05"}
    made = site.expect(201, "POST", f"/v1/volunteers/{one}/awards", award)["id"]
    site.expect(404, "DELETE", f"/v1/volunteers/{two}/awards/{made}")
    other.expect(404, "DELETE", f"/v1/volunteers/{one}/awards/{made}")
    site.expect(204, "DELETE", f"/v1/volunteers/{one}/awards/{made}")


def test_others_are_told_of_a_volunteer_by_number_and_codes_alone(site: Site) -> None:
    made = register(site, birth_date="1950-05-01", categories=["elders"], how="desk")
    person = made["person_id"]
    site.expect(200, "PATCH", f"/v1/volunteers/{person}", {"skills": ["singing"]}, If_Match="*")
    site.expect(200, "PATCH", f"/v1/volunteers/{person}", {"categories": ["elders", "health"]}, If_Match="*")
    consent = site.expect(201, "POST", f"/v1/people/{person}/consents", {"kind": "photo"})["id"]
    for _ in range(2):
        site.expect(200, "POST", f"/v1/consents/{consent}/withdraw")
    site.expect(200, "POST", f"/v1/people/{person}/erasure", {"reason": "person_asked"})
    number = site.sql("SELECT number FROM people WHERE id = :id", id=person)[0].number
    told = [(event.type.split(".", 1)[1], event.model_dump(mode="json")) for event in site.events(person)]
    assert all((data["person_number"], data["site_id"]) == (number, site.id) for _, data in told[:-1])
    assert [
        (name, {key: data[key] for key in data if not key.startswith(("person", "site"))}) for name, data in told
    ] == [
        ("volunteer.registered.v1", {"categories": ["elders"], "age_band": "60_plus", "how": "desk"}),
        ("volunteer.changed.v1", {"categories": ["elders", "health"]}),
        ("consent.withdrawn.v1", {"kind": "photo", "given_by": "person"}),
        ("consent.withdrawn.v1", {"kind": "terms", "given_by": "person"}),
        ("person.erased_at_site.v1", {}),
        ("volunteer.ended.v1", {}),
        ("person.erased.v1", {}),
    ]


def test_who_can_help_is_found_by_words_area_and_codes(site: Site, make_area: Callable[..., str]) -> None:
    district = make_area(level="district")
    street = make_area(district, "subdistrict")
    nina = register(site, skills=["smartphones"], area=street)["person_id"]
    omar = register(site, professions=["nurse"], categories=["health"])["person_id"]
    course = {"name": "智能手机使用入门", "minutes": 60, "provider": "街道", "day": "2026-01-10"}
    site.expect(201, "POST", f"/v1/volunteers/{omar}/trainings", course)

    def found(query: str) -> set[str]:
        return {one["person_id"] for one in site.expect(200, "GET", f"/v1/volunteers?{query}")["items"]}

    assert found("q=手机") == {nina, omar} and found("q=SMARTPHONE") == {nina}
    assert found(f"area={district}") == found(f"area={street}") == {nina}
    assert found("profession=nurse") == found("category=health&profession=nurse") == {omar}
    assert found("q=手机&profession=nurse") == {omar} and found("q=木工") == found("area=999999") == set()


def test_the_file_of_volunteers_holds_those_asked_for_and_is_on_record(site: Site, office: Office) -> None:
    register(site, name="=能帮忙", skills=["first_aid"], phone="+8613900000077")
    register(site, name="帮不上")
    mother = {"name": "母亲", "phone": fresh_phone()}
    child = register(site, name="小帮手", skills=["first_aid"], birth_date="2012-01-01", guardian=mother)
    answer = office.site_staff(site.id).call("GET", "/staff/volunteers/volunteers.csv?skill=first_aid")
    text = answer.get_data(as_text=True)
    assert "'=能帮忙" in text and "+8613900000077" in text and "急救" in text and "帮不上" not in text
    (entry,) = site.sql("SELECT changed FROM audit_log WHERE action = 'download' AND site_id = :id", id=site.id)
    assert entry.changed == {"rows": 2, "skill": "first_aid"}
    reads = site.sql("SELECT 1 FROM audit_log WHERE action = 'read' AND record = :of", of=child["person_id"])
    assert reads, "that a minor's data was read is on record"
