"""Sign-up at the desk: known people in one step, helpers on record, new people with what is needed of them."""

from typing import Any

import pytest

from tests.registration.office import Member, Office
from tests.registration.world import Site, fresh_phone, name_guardian, somebody

HELPER = {"helper.name": "代办女儿", "helper.relation": "女儿"}
SAID = {"given_by": "guardian", "how": "desk"}


@pytest.fixture
def clerk(office: Office, site: Site) -> Member:
    """Somebody at the site's desk."""
    return office.session(office.account(("site_staff", site.id, None)), at=site.id)


def post(clerk: Member, path: str, **form: Any) -> tuple[int, str]:
    answer = clerk.call("POST", path, form=form)
    return answer.status_code, answer.get_data(as_text=True)


def on_shift(site: Site, shift: str) -> list[Any]:
    return site.sql("SELECT * FROM registrations WHERE shift_id = :shift", shift=shift)


@pytest.mark.parametrize("by", ["phone", "email", "volunteer_number"])
def test_somebody_known_is_found_by_any_number_and_signed_up(site: Site, clerk: Member, by: str) -> None:
    told = somebody(email=f"{fresh_phone()[3:]}@example.com")
    made = site.expect(201, "POST", "/v1/volunteers", told | {"sex": "female", "terms_consent": True})
    shift = site.shift()
    status, page = post(clerk, f"/staff/desk/{shift}", value=(told | made)[by])
    assert status == 200 and told["name"] in page
    assert told["phone" if by == "email" else "email"] not in page, "nothing that was not typed"
    status, page = post(clerk, f"/staff/desk/{shift}/people/{made['person_id']}")
    assert status == 303, page
    (registration,) = on_shift(site, shift)
    assert (str(registration.person_id), registration.channel, registration.made_by) == (
        made["person_id"],
        "desk",
        f"staff:{clerk.id}",
    )
    status, page = post(clerk, f"/staff/desk/{shift}/people/{made['person_id']}")
    assert status == 422 and "is on the shift already" in page and str(registration.id) not in page


def test_an_elder_without_a_phone_is_signed_up_by_a_helper_who_is_on_record(site: Site, clerk: Member) -> None:
    shift, phone = site.shift(), fresh_phone()
    path = f"/staff/desk/{shift}/new"
    form = HELPER | {"name": "没有电话的王奶奶", "birth_date": "1940-01-01", "helper.phone": phone}
    status, page = post(clerk, path, **form)
    assert status == 422 and "agree" in page and on_shift(site, shift) == [], "not against her will"
    status, page = post(clerk, path, **form, helper_agreed="on")
    assert status == 303, page
    (registration,) = on_shift(site, shift)
    assert registration.channel == "proxy"
    person = site.expect(200, "GET", f"/v1/people/{registration.person_id}")
    assert person["phone"] == phone, "known by the helper's"
    helper = site.expect(200, "GET", f"/v1/people/{registration.person_id}/helper")
    assert (helper["name"], helper["relation"], helper["phone"]) == ("代办女儿", "女儿", phone)
    (consent,) = site.sql("SELECT * FROM consents WHERE person_id = :of AND kind = 'helper'", of=registration.person_id)
    assert (consent.given_by, consent.how, consent.made_by) == ("person", "desk", f"staff:{clerk.id}")


def test_a_helper_is_named_for_somebody_known(site: Site, clerk: Member) -> None:
    person, shift = site.sign_up(site.shift())["person_id"], site.shift()
    form = HELPER | {"helper.phone": fresh_phone(), "helper_agreed": "on", "by_phone": "on"}
    status, page = post(clerk, f"/staff/desk/{shift}/people/{person}", **form)
    assert status == 303, page
    assert on_shift(site, shift)[0].channel == "proxy"
    assert site.expect(200, "GET", f"/v1/people/{person}/helper")["name"] == "代办女儿"


def test_a_child_needs_the_guardians_word_and_a_caller_is_noted_as_one(site: Site, clerk: Member) -> None:
    shift = site.shift()
    child = {"name": "小明", "phone": fresh_phone(), "birth_date": "2017-01-01", "by_phone": "on"}
    status, page = post(clerk, f"/staff/desk/{shift}/new", **child)
    assert status == 422 and "guardian" in page and on_shift(site, shift) == []
    guardian = {"guardian.name": "明妈妈", "guardian.phone": fresh_phone(), "guardian_consent": "on"}
    status, page = post(clerk, f"/staff/desk/{shift}/new", **child, **guardian)
    assert status == 303, page
    assert on_shift(site, shift)[0].channel == "phone"


def test_a_guardians_word_needs_a_guardian_on_file_and_the_desk_leads_there(site: Site, clerk: Member) -> None:
    child = site.expect(201, "POST", "/v1/people", somebody(birth_date="2017-01-01"))["id"]
    shift = site.shift()
    path = f"/staff/desk/{shift}/people/{child}"
    status, page = post(clerk, path, guardian_consent="on")
    assert status == 422 and "Add the guardian first" in page and f"/staff/people/{child}/guardian" in page
    refused = clerk.expect(409, "POST", f"/v1/people/{child}/consents", {"kind": "guardian_signup"} | SAID)
    assert refused["type"].endswith("guardian-missing")
    name_guardian(site, child)
    assert post(clerk, path, guardian_consent="on")[0] == 303
    [said] = site.expect(200, "GET", f"/v1/people/{child}/consents")["items"]
    assert (said["guardian"], said["made_by"], said["how"]) == ("家长", f"staff:{clerk.id}", "sign_up")


def test_another_sites_people_and_shifts_are_not_there(site: Site, other: Site, clerk: Member) -> None:
    stranger, shift = other.sign_up(other.shift())["person_id"], site.shift()
    assert post(clerk, f"/staff/desk/{shift}/people/{stranger}")[0] == 404
    theirs = other.shift()
    assert clerk.call("GET", f"/staff/desk/{theirs}").status_code == 404
    assert post(clerk, f"/staff/desk/{theirs}", value=fresh_phone())[0] == 404
    assert post(clerk, f"/staff/desk/{theirs}/new", name="新人", phone=fresh_phone())[0] == 404
    assert on_shift(site, shift) == [] and on_shift(other, theirs) == []


def test_somebody_known_becomes_a_volunteer_without_being_typed_again(site: Site, other: Site, clerk: Member) -> None:
    told = somebody(email=f"{fresh_phone()[3:]}@example.com")
    person = site.sign_up(site.shift(), **told)["person_id"]
    link = f"/staff/people/new?person={person}"
    assert link in clerk.call("GET", f"/staff/people/{person}").get_data(as_text=True)
    page = clerk.call("GET", link).get_data(as_text=True)
    assert all(f'value="{told[name]}"' in page for name in ("name", "phone", "email", "birth_date"))
    stranger = other.sign_up(other.shift())["person_id"]
    assert clerk.call("GET", f"/staff/people/new?person={stranger}").status_code == 404
