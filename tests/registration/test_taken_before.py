"""Who signs up as somebody whom no site knows yet does not become them when they come."""

import uuid
from typing import Any

import pytest
from apiflask import APIFlask

from services.registration.personal_data import PersonalData
from tests.conftest import NOTIFICATIONS_TOKEN
from tests.registration.office import Member, Office
from tests.registration.own_world import resident_of
from tests.registration.test_volunteers import id_number, register
from tests.registration.world import Caller, Site, fresh_phone


@pytest.fixture
def anybody(app: APIFlask) -> Caller:
    return Caller(app, "")


def mailed(site: Site, person: str) -> Any:
    """Where mails of the site to this person go."""
    asked = {"people": [{"person_id": person, "site_id": site.id}]}
    [contact] = Caller(site.app, NOTIFICATIONS_TOKEN).expect(200, "POST", "/internal/contacts", asked)["contacts"]
    return contact


def fresh_mail() -> str:
    return f"{uuid.uuid4().hex[:12]}@example.com"


def thief_as(site: Site, data: PersonalData, anybody: Caller, name: str, email: str) -> Member:
    """Somebody who signed up under another's name, with an address of their own, and opened the link."""
    told = {"name": name, "email": email, "agreed": True}
    anybody.expect(201, "POST", f"/v1/public/shifts/{site.shift()}/registrations", told)
    newest = "SELECT person_id FROM person_sites WHERE site_id = :s ORDER BY created_at DESC LIMIT 1"
    [row] = site.sql(newest, s=site.id)
    return resident_of(site, data, str(row.person_id))


def test_a_phone_that_somebody_tells_of_themselves_makes_them_nobody(
    site: Site, data: PersonalData, anybody: Caller
) -> None:
    name, phone = "独居的王奶奶", fresh_phone()
    thief = thief_as(site, data, anybody, name, fresh_mail())
    thief.call("POST", f"/my/data/{site.id}", form={"phone": phone})
    made = site.sign_up(site.shift(), name=name, phone=phone, email="elder-own@example.com")
    assert made["person_id"] != thief.id and mailed(site, made["person_id"])["email"] == "elder-own@example.com"
    assert thief.call("GET", f"/v1/my/registrations/{made['id']}").status_code == 404


def test_an_address_that_somebody_tells_of_themselves_makes_them_nobody_before_it_is_proven(
    site: Site, other: Site, data: PersonalData, anybody: Caller
) -> None:
    name, own, wanted = "被冒名的李阿姨", fresh_mail(), fresh_mail()
    thief = thief_as(site, data, anybody, name, own)
    assert thief_as(other, data, anybody, name, own).id == thief.id
    assert thief.call("POST", f"/my/data/{site.id}", form={"email": wanted}).status_code == 303
    anybody.expect(
        201,
        "POST",
        f"/v1/public/shifts/{(shift := other.shift())}/registrations",
        {"name": name, "email": wanted, "agreed": True},
    )
    [place] = other.sql("SELECT id, person_id FROM registrations WHERE shift_id = :s", s=shift)
    assert str(place.person_id) != thief.id and mailed(other, str(place.person_id))["email"] == wanted


def test_what_staff_correct_elsewhere_proves_no_address(site: Site, data: PersonalData, anybody: Caller) -> None:
    name, wanted = "生日被更正的人", fresh_mail()
    thief = thief_as(site, data, anybody, name, fresh_mail())
    thief.call("POST", f"/my/data/{site.id}", form={"email": wanted})
    site.expect(200, "PATCH", f"/v1/people/{thief.id}", {"birth_date": "1970-01-01"}, If_Match="*")
    made = site.sign_up(site.shift(), name=name, phone=None, email=wanted)
    assert made["person_id"] != thief.id


def test_a_new_address_finds_its_owner_once_its_link_was_opened(
    site: Site, data: PersonalData, anybody: Caller
) -> None:
    name, new = "换邮箱的人", fresh_mail()
    owner = thief_as(site, data, anybody, name, fresh_mail())
    owner.call("POST", f"/my/data/{site.id}", form={"email": new})
    anybody.call("POST", "/my/log-in", form={"name": name, "contact": new})
    found = site.sql("SELECT id FROM links WHERE person_id = :p AND purpose = 'my_registrations'", p=owner.id)
    assert len(found) == 2, "whoever lost the first link asks for another"
    asked = {"links": [str(found[1].id)]}
    [told] = Caller(site.app, NOTIFICATIONS_TOKEN).expect(200, "POST", "/internal/links", asked)["links"]
    assert anybody.call("POST", "/links/" + told["url"].rpartition("/links/")[2], form={}).status_code == 303
    assert site.sign_up(site.shift(), name=name, phone=None, email=new)["person_id"] == owner.id


def test_the_desk_hears_of_another_address_on_record_and_says_which_is_right(site: Site, office: Office) -> None:
    name, phone, old, new = "换地址的人", fresh_phone(), fresh_mail(), fresh_mail()
    person = site.sign_up(site.shift(), name=name, phone=phone, email=old)["person_id"]
    made = site.expect(201, "POST", "/v1/people", {"name": name, "phone": phone, "email": new})
    assert (made["id"], made["other_email"]) == (person, True)
    clerk, shift = office.site_staff(site.id), site.shift()
    form = {"name": name, "phone": phone, "email": new}
    page = clerk.call("POST", f"/staff/desk/{shift}/new", form=form, Accept="text/html")
    words = page.get_data(as_text=True)
    assert page.status_code == 422 and "Another e-mail is on record" in words and old not in words
    assert site.sql("SELECT 1 FROM registrations WHERE shift_id = :s", s=shift) == []
    page = clerk.call("POST", f"/staff/desk/{shift}/new", form=form | {"replace_email": "on"}, Accept="text/html")
    assert page.status_code == 303 and mailed(site, person)["email"] == new


def test_the_answers_of_the_api_say_that_another_address_was_kept_and_which_is_right(
    site: Site, office: Office
) -> None:
    name, phone, old, new = "换地址的志愿者", fresh_phone(), fresh_mail(), fresh_mail()
    person = site.sign_up(site.shift(), name=name, phone=phone, email=old)
    assert person["other_email"] is False
    told = {"name": name, "phone": phone, "email": new}
    again = site.sign_up(site.shift(starts=72), **told)
    assert (again["person_id"], again["other_email"]) == (person["person_id"], True) and old not in str(again)
    assert site.sign_up(site.shift(starts=96), **told | {"email": old})["other_email"] is False
    form = told | {"sex": "female", "birth_date": "1990-05-17", "terms_consent": True}
    page = office.site_staff(site.id).call("POST", "/staff/people/new", form=form | {"terms_consent": "on"})
    assert page.status_code == 422 and "Another e-mail is on record" in page.get_data(as_text=True)
    site.expect(422, "POST", "/v1/volunteers", form | {"replace_email": True, "how": "online"})
    made = site.expect(201, "POST", "/v1/volunteers", form | {"replace_email": True})
    assert (made["person_id"], made["other_email"]) == (person["person_id"], False)
    assert mailed(site, person["person_id"])["email"] == new


def test_an_id_number_that_somebody_tells_online_makes_them_nobody(site: Site, other: Site, office: Office) -> None:
    born, number = "1988-08-08", id_number("19880808", order=71)
    said = {"name": "被冒用证件的人", "birth_date": born, "id_number": number, "id_number_consent": True}
    victim = register(site, **said)["person_id"]
    told = said | {"how": "online"}
    thief = register(other, **told, phone=fresh_phone(), email=fresh_mail())
    assert thief["person_id"] != victim and thief["is_new_person"]
    assert other.expect(200, "GET", f"/v1/volunteers/{thief['person_id']}")["id_number_checked"] is False
    clerk = office.site_staff(other.id)
    assert clerk.call("POST", f"/v1/volunteers/{thief['person_id']}/id-number/checked").status_code == 409
    # Nor does whoever was first: the owner comes later, with the document.
    number = id_number("19880808", order=73)
    first = register(other, **told | {"id_number": number}, phone=fresh_phone(), email=fresh_mail())["person_id"]
    owner = register(site, **said | {"id_number": number}, phone=fresh_phone())
    assert owner["person_id"] != first
