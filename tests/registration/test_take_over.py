"""Who knows a neighbour's name and phone becomes nobody's guardian, nobody else, and learns nothing."""

import json
from typing import Any
from uuid import UUID

import pytest
from apiflask import APIFlask

from services.common.database import Database
from services.registration.operations.people.representatives import ask_guardian
from services.registration.operations.staff.links import Links
from services.registration.personal_data import PersonalData, mailbox
from tests.conftest import NOTIFICATIONS_TOKEN
from tests.registration.hours_world import Resident
from tests.registration.test_public import fresh_mail
from tests.registration.test_volunteers import id_number, register
from tests.registration.world import Caller, Site, fresh_phone, in_hours, somebody

CHILD = "2019-03-04"
STRANGER = {"name": "冒名", "email": "stranger-guardian@example.com"}


@pytest.fixture
def anybody(app: APIFlask) -> Caller:
    return Caller(app, "")


def form(who: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The public form by somebody who knows a name and a phone."""
    return {"name": who["name"], "phone": who["phone"], "agreed": True} | more


def links_of(site: Site, purpose: str) -> list[Any]:
    return site.sql("SELECT * FROM links WHERE site_id = :s AND purpose = :p", s=site.id, p=purpose)


def test_a_stranger_fills_no_gap_and_names_no_guardian_of_who_is_known(site: Site, anybody: Caller) -> None:
    who = somebody(birth_date=None)
    person = site.sign_up(site.shift(), **who)["person_id"]
    path = f"/v1/public/shifts/{site.shift()}/registrations"
    told = form(who, birth_date=CHILD, guardian=STRANGER)
    assert anybody.expect(201, "POST", path, told)["status"] == "guardian_asked", "as for a child whom nobody knows"
    assert site.expect(200, "GET", f"/v1/people/{person}")["birth_date"] is None
    assert site.call("GET", f"/v1/people/{person}/guardian").status_code == 404
    assert links_of(site, "guardian_consent") == []
    anybody.expect(201, "POST", path, form(who, birth_date="1990-01-01"))
    assert site.expect(200, "GET", f"/v1/people/{person}")["birth_date"] is None


def test_a_parent_signs_a_new_child_up_and_gets_nothing_but_the_consent_link(site: Site, anybody: Caller) -> None:
    child = {"name": "新孩子", "phone": fresh_phone()}
    path = f"/v1/public/shifts/{site.shift()}/registrations"
    parent = {"name": "妈妈", "email": "new-parent@example.com"}
    told = form(child, birth_date=CHILD, guardian=parent)
    assert anybody.expect(201, "POST", path, told)["status"] == "guardian_asked"
    [link] = links_of(site, "guardian_consent")
    notifications = Caller(site.app, NOTIFICATIONS_TOKEN)
    [told] = notifications.expect(200, "POST", "/internal/links", {"links": [str(link.id)]})["links"]
    assert told["email"] == parent["email"]
    asked = {"people": [{"person_id": str(link.person_id), "site_id": site.id}]}
    [contact] = notifications.expect(200, "POST", "/internal/contacts", asked)["contacts"]
    assert (contact["email"], contact["manage_url"]) == (None, None)
    guardian = site.expect(200, "GET", f"/v1/people/{link.person_id}/guardian")
    assert guardian["confirmed"] is False
    site.expect(200, "PUT", f"/v1/people/{link.person_id}/guardian", parent)
    assert notifications.expect(200, "POST", "/internal/contacts", asked)["contacts"][0]["email"] is None
    site.expect(200, "POST", f"/v1/people/{link.person_id}/guardian/confirm")
    [contact] = notifications.expect(200, "POST", "/internal/contacts", asked)["contacts"]
    assert contact["email"] == parent["email"] and contact["manage_url"]


def test_nobody_becomes_a_neighbour_by_correcting_themselves(
    site: Site, other: Site, app: APIFlask, database: Database, data: PersonalData
) -> None:
    victim = somebody()
    site.sign_up(site.shift(), **victim)
    nosy = other.sign_up(other.shift(), name=victim["name"], email="nosy-edit@example.com")
    taking = {"phone": victim["phone"]}
    by_staff = other.call("PATCH", f"/v1/people/{nosy['person_id']}", taking, If_Match="*")
    assert by_staff.status_code == 409 and "merge" in by_staff.get_json()["detail"]
    session = Resident(app, database, data, nosy["person_id"])
    session.post(f"/my/data/{other.id}", taking)
    assert other.expect(200, "GET", f"/v1/people/{nosy['person_id']}")["phone"] != victim["phone"]


def test_a_former_guardians_link_is_over(site: Site, data: PersonalData) -> None:
    child = site.sign_up(site.shift(), birth_date="2016-03-04", guardian_consent=True)["person_id"]
    site.expect(200, "PUT", f"/v1/people/{child}/guardian", {"name": "错", "email": "wrong-guardian@example.com"})
    with site.database.transaction(site.id) as session:
        link = ask_guardian(session, data, UUID(site.id), UUID(child)).id
    path = f"/links/{Links(data, '').token(link)}"
    Caller(site.app, NOTIFICATIONS_TOKEN).expect(200, "POST", "/internal/links", {"links": [str(link)]})
    assert site.app.test_client().get(path).status_code == 200
    site.expect(200, "PUT", f"/v1/people/{child}/guardian", {"name": "对", "email": "right-guardian@example.com"})
    for method in ("GET", "POST"):
        assert site.app.test_client().open(path, method=method).status_code == 410


def test_a_child_does_not_grow_up_on_their_own_page(
    site: Site, app: APIFlask, database: Database, data: PersonalData
) -> None:
    child = site.sign_up(site.shift(), birth_date="2012-03-04", guardian_consent=True, email="kid@example.com")
    session = Resident(app, database, data, child["person_id"])
    session.post(f"/my/data/{site.id}", {"birth_date": "1990-01-01"})
    assert site.expect(200, "GET", f"/v1/people/{child['person_id']}")["birth_date"] == "2012-03-04"


def test_a_volunteer_does_not_rename_themselves(
    site: Site, app: APIFlask, database: Database, data: PersonalData
) -> None:
    made = register(site, name="真名", email="real-name@example.com")
    session = Resident(app, database, data, made["person_id"])
    page = session.post(f"/my/data/{site.id}", {"name": "别人"})
    assert page.status_code == 422 and "certificates" in page.get_data(as_text=True)
    assert site.expect(200, "GET", f"/v1/people/{made['person_id']}")["name"] == "真名"


def test_a_new_address_is_mailed_a_link_and_opens_nothing_before(
    site: Site, app: APIFlask, database: Database, data: PersonalData
) -> None:
    made = site.sign_up(site.shift(), email="before@example.com")
    session = Resident(app, database, data, made["person_id"])
    answer = session.post(f"/my/data/{site.id}", {"email": "after@example.com"})
    assert answer.headers["Location"].endswith("/my/log-in")
    assert session.call("GET", "/v1/my/data").status_code == 403
    assert [str(link.person_id) for link in links_of(site, "my_registrations")] == [made["person_id"]]


def test_what_is_on_record_is_told_by_mail_alone(site: Site, other: Site, anybody: Caller) -> None:
    """A place elsewhere at the same time, the limit, a birth date that is missing or another one."""
    busy, limited = somebody(), somebody()
    times = {"starts_at": in_hours(8000), "ends_at": in_hours(8002), "capacity": 5}
    for where in (site, other):
        where.sign_up(where.shift(), **busy)
    taken, wanted = (
        where.expect(201, "POST", f"/v1/activities/{where.activity()}/shifts", times)["id"] for where in (other, site)
    )
    other.sign_up(taken, **busy)
    activity = site.activity(per_person_limit=1)
    site.sign_up(site.shift(activity=activity), **limited)
    paths = [f"/v1/public/shifts/{shift}/registrations" for shift in (wanted, site.shift(activity=activity))]
    said = [anybody.expect(409, "POST", path, form(who)) for path, who in zip(paths, (busy, limited), strict=True)]
    assert said[0]["detail"] == said[1]["detail"] and said[0]["type"] == said[1]["type"]
    assert {str(link.person_id) for link in links_of(site, "my_registrations")} != set()
    right, wrong = somebody(), somebody()
    for who in (right, wrong):
        site.sign_up(site.shift(), **who)
    answers = [
        anybody.call("POST", f"/v1/public/shifts/{site.shift()}/registrations", form(who, birth_date=born))
        for who, born in ((right, right["birth_date"]), (wrong, "1980-01-01"))
    ]
    assert [answer.status_code for answer in answers] == [201, 201]


def test_a_mailbox_is_one_however_its_address_is_decorated() -> None:
    assert mailbox("Lin+1@Example.com") == mailbox("lin+spam+2@example.com") == "lin@example.com"
    assert mailbox("+8613800000000") == "+8613800000000"


def test_a_public_sign_up_says_that_it_is_json(site: Site, app: APIFlask) -> None:
    path = f"/v1/public/shifts/{site.shift()}/registrations"
    sent = app.test_client().post(path, data=json.dumps(form(somebody())), content_type="text/plain")
    assert sent.status_code == 415


def test_is_new_means_new_here(site: Site, other: Site) -> None:
    who = somebody()
    assert [where.expect(201, "POST", "/v1/people", who)["is_new"] for where in (site, other, site)] == [
        True,
        True,
        False,
    ]


def test_what_is_kept_with_a_key_is_ciphertext(site: Site, operator: Caller) -> None:
    body = {"email": fresh_mail(), "name": "幂等记号", "grants": [{"role": "site_staff", "site_id": site.id}]}
    twice = [operator.expect(201, "POST", "/v1/staff", body, Idempotency_Key="sealed-1") for _ in range(2)]
    assert twice[0] == twice[1]
    [kept] = site.sql("SELECT answer::text AS answer FROM idempotency_keys WHERE key = 'sealed-1'")
    assert body["name"] not in kept.answer and body["email"] not in kept.answer and "\\u" not in kept.answer


def test_whoever_tries_an_id_number_under_another_name_is_on_record(site: Site, other: Site) -> None:
    number = {"id_number": id_number("19900517", order=77), "id_number_consent": True}
    register(site, **number)
    asked = somebody(sex="female", terms_consent=True, **number)
    assert other.call("POST", "/v1/volunteers", asked).status_code == 409
    assert other.sql("SELECT 1 FROM audit_log WHERE action = 'try_id_number' AND site_id = :s", s=other.id)
