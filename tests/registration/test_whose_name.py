"""Names and ID numbers say who somebody is: nobody takes another's, and staff read no more than they need."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from services.common.auth import STAFF_COOKIE
from services.registration.operations.staff.links import Links, issue_link
from services.registration.personal_data import PersonalData
from tests.conftest import NOTIFICATIONS_TOKEN
from tests.registration.hours_world import earn, over, person_of
from tests.registration.office import Office
from tests.registration.own_world import resident_of
from tests.registration.test_taken_before import fresh_mail, mailed
from tests.registration.test_volunteers import id_number, register
from tests.registration.world import Caller, Site, fresh_phone, somebody

FROM_ELSEWHERE = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}


def readings(site: Site, person: str) -> list[Any]:
    """Which minors' data was put on record as read."""
    return site.sql("SELECT 1 FROM audit_log WHERE record = :p AND action = 'read'", p=person)


def test_hours_are_not_signed_over_to_a_buyer(site: Site, data: PersonalData) -> None:
    _, [registration] = over(site)
    session = resident_of(site, data, person := person_of(site, registration))
    before = site.expect(200, "GET", f"/v1/people/{person}")["name"]
    earn(site, registration)
    answer = session.call("POST", f"/my/data/{site.id}", form={"name": "花钱的买家"}, Accept="text/html")
    assert answer.status_code == 422 and "certificates" in answer.get_data(as_text=True)
    assert site.expect(200, "GET", f"/v1/people/{person}")["name"] == before


def test_an_id_number_that_somebody_claims_takes_nobody(site: Site, other: Site, data: PersonalData) -> None:
    name, number = "刘奶奶", id_number(order=95)
    squat = site.sign_up(site.shift(), name=name, email=fresh_mail(), birth_date="1990-05-17")["person_id"]
    told = {"sex": "female", "terms_consent": True, "id_number": number, "id_number_consent": True}
    resident_of(site, data, squat).expect(201, "POST", f"/v1/my/volunteer/{site.id}", told)
    for where in (other, site):
        made = where.expect(201, "POST", "/v1/volunteers", somebody(name=name) | told)
        assert made["person_id"] != squat
    refused = site.expect(409, "POST", f"/v1/volunteers/{squat}/id-number/checked")
    assert "belongs to another record" in refused["detail"]


def test_staff_get_the_file_of_a_person_without_the_whole_id_number_and_a_childs_is_on_record(
    site: Site, office: Office, data: PersonalData
) -> None:
    number, clerk = id_number(order=96), office.site_staff(site.id)
    person = register(site, id_number=number, id_number_consent=True, email=fresh_mail())["person_id"]
    shown = json.dumps(clerk.expect(200, "GET", f"/v1/people/{person}/data"))
    assert number not in shown and number[-4:] in shown
    assert number in json.dumps(resident_of(site, data, person).expect(200, "GET", "/v1/my/data"))
    child = site.sign_up(site.shift(), birth_date="2014-03-04", guardian_consent=True)["person_id"]
    before = len(readings(site, child))
    clerk.expect(200, "GET", f"/v1/people/{child}/data")
    assert len(readings(site, child)) == before + 1


def test_no_helper_opens_an_elder_who_did_not_agree(site: Site) -> None:
    elder = site.sign_up(site.shift(), birth_date="1940-01-01")["person_id"]
    helper = {"name": "谁", "email": fresh_mail()}
    site.expect(422, "PUT", f"/v1/people/{elder}/helper", helper)
    assert site.expect(200, "PUT", f"/v1/people/{elder}/helper", helper | {"agreed": True, "how": "phone"})["confirmed"]
    [consent] = site.expect(200, "GET", f"/v1/people/{elder}/consents")["items"]
    assert (consent["kind"], consent["how"]) == ("helper", "phone")


@pytest.mark.parametrize(
    "name",
    [
        "恭喜中奖 http://evil.example/pay",
        "请上 WWW.evil.example",
        "ｗｗｗ．evil.example",
        "张三\r\nBcc: x",
        "张三\u202e三张",
    ],
)
def test_a_name_is_no_message(site: Site, name: str) -> None:
    told = {"name": name, "phone": fresh_phone(), "agreed": True}
    path = f"/v1/public/shifts/{site.shift()}/registrations"
    [error] = Caller(site.app, "").expect(422, "POST", path, told)["errors"]
    assert error["field"] == "name" and "a name alone" in error["message"]


def test_another_sites_page_sets_no_password_and_logs_nobody_in(site: Site, office: Office, data: PersonalData) -> None:
    clerk = office.site_staff(site.id)
    with site.database.transaction("*") as session:
        link = issue_link(session, "staff_password", None, staff_id=UUID(clerk.id), hours=1).id
    Caller(site.app, NOTIFICATIONS_TOKEN).expect(200, "POST", "/internal/links", {"links": [str(link)]})
    path, form = f"/links/{Links(data, '').token(link)}", {"password": "korrekt-pferd-batterie-9"}
    client = site.app.test_client()
    assert client.post(path, data=form, headers=FROM_ELSEWHERE).status_code == 403
    assert client.get_cookie(STAFF_COOKIE) is None
    assert client.post(path, data=form).status_code == 303


def test_nobody_is_the_guardian_of_somebody_who_is_18(site: Site, office: Office) -> None:
    """Their mails, and with them their data, are their own; without an address they are called."""
    clerk, father, places = office.site_staff(site.id), {"name": "父", "email": fresh_mail()}, []
    for born, reached in (("2000-11-04", None), ("2014-11-04", father["email"])):
        made = site.sign_up(site.shift(), birth_date=born, guardian_consent=True)
        site.expect(200, "PUT", f"/v1/people/{made['person_id']}/guardian", father)
        contact = mailed(site, made["person_id"])
        assert (contact["email"], bool(contact["manage_url"])) == (reached, reached is not None)
        site.expect(200, "POST", f"/v1/shifts/{made['shift_id']}/cancel")
        places.append(made["id"])
    assert [one["registration_id"] for one in clerk.expect(200, "GET", "/v1/calls")["items"]] == places[:1]


def test_an_area_admin_learns_nobodys_name_by_an_address(
    site: Site, office: Office, make_area: Callable[..., str], make_site: Callable[..., Site]
) -> None:
    area = make_area()
    within, far = make_site(area=area), office.site_staff(site.id)
    asked = {"email": far.email, "name": "x", "grants": [{"role": "site_staff", "site_id": within.id}]}
    answer = office.area_admin(area).expect(409, "POST", "/v1/staff", asked)
    assert "Ask the operator" in answer["detail"] and "值班员" not in json.dumps(answer, ensure_ascii=False)
    office.operator().expect(201, "POST", "/v1/staff", asked)
