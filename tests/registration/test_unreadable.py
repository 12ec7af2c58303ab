"""A row whose key is missing is shown as unreadable, with what to do; no list of people breaks by it."""

import json
import uuid
from typing import Any

import pytest
from cryptography.fernet import Fernet

from services.registration.personal_data import NO_NAME
from tests.conftest import NOTIFICATIONS_TOKEN
from tests.registration.hours_world import earn, over, person_of
from tests.registration.office import Office
from tests.registration.world import Caller, Site, fresh_phone

LOST = Fernet(Fernet.generate_key()).encrypt(b"whatever it was")
PERIOD = {"period_from": "2026-01-01", "period_to": "2099-12-31"}


@pytest.fixture
def lost(site: Site) -> dict[str, Any]:
    """A volunteer whose key is missing, beside one who can be read: on a shift, in a team."""
    shift, [registration, neighbour] = over(site, people=2, title_zh="健康建档")
    for one in (registration, neighbour):
        earn(site, one)
    person = person_of(site, registration)
    known = site.expect(200, "GET", f"/v1/people/{person}")
    same = {name: known[name] for name in ("name", "phone", "birth_date")}
    site.expect(201, "POST", "/v1/volunteers", same | {"sex": "male", "terms_consent": True})
    team = site.expect(201, "POST", "/v1/teams", {"name_zh": "合唱团", "name_en": "Choir", "kind": "choir"})["id"]
    for one in (person, person_of(site, neighbour)):
        site.expect(201, "POST", f"/v1/teams/{team}/members", {"person_id": one, "agreement": "said so"})
    phone = known["phone"]
    site.sql(
        "UPDATE person_sites SET name = :lost, phone = :lost, birth_date = :lost WHERE person_id = :p",
        lost=LOST,
        p=person,
    )
    site.sql("UPDATE volunteer_sites SET sex = :lost WHERE person_id = :p", lost=LOST, p=person)
    return {"person": person, "shift": shift, "team": team, "neighbour": neighbour, "phone": phone}


LISTS = (
    "/v1/shifts/{shift}/attendance",
    "/v1/teams/{team}/members",
    "/v1/volunteers",
    "/v1/people/{person}",
    "/v1/volunteers/{person}",
    "/staff/check-in/{shift}",
    "/staff/check-in/{shift}/roll",
    "/staff/teams/{team}",
    "/staff/people/{person}",
    "/staff/hours/people/{person}",
)


@pytest.mark.parametrize("path", LISTS)
def test_a_list_shows_who_cannot_be_read_beside_the_others(
    site: Site, office: Office, lost: dict[str, Any], path: str
) -> None:
    answer = office.site_staff(site.id).call("GET", path.format(**lost), Accept="text/html")
    assert answer.status_code == 200
    said = answer.get_json(silent=True)
    shown = json.dumps(said, ensure_ascii=False) if said else answer.get_data(as_text=True)
    assert NO_NAME in shown


def test_the_search_finds_them_and_messages_to_the_others_go_out(site: Site, lost: dict[str, Any]) -> None:
    found = site.expect(200, "POST", "/v1/people/search", {"phone": lost["phone"]})["people"]
    assert [one["name"] for one in found] == [NO_NAME]
    other = site.sign_up(site.shift(), email="reader@example.com")["person_id"]
    body = {"people": [{"person_id": one, "site_id": site.id} for one in (lost["person"], other)]}
    asked = Caller(site.app, NOTIFICATIONS_TOKEN).expect(200, "POST", "/internal/contacts", body)["contacts"]
    assert [(one["email"], one["phone"] is None) for one in asked] == [(None, True), ("reader@example.com", False)]


def test_what_cannot_be_read_is_not_written_over(site: Site, lost: dict[str, Any]) -> None:
    answer = site.call("PATCH", f"/v1/people/{lost['person']}", {"email": "new@example.com"}, If_Match="*")
    assert answer.status_code == 409 and "PERSONAL_DATA_KEYS" in answer.get_json()["detail"]
    [row] = site.sql("SELECT name, email FROM person_sites WHERE person_id = :p", p=lost["person"])
    assert (bytes(row.name), row.email) == (LOST, None)


def test_one_who_cannot_be_read_does_not_stop_a_batch_of_certificates(site: Site, lost: dict[str, Any]) -> None:
    people = [lost["person"], person_of(site, lost["neighbour"])]
    batch = site.expect(201, "POST", "/v1/certificate-batches", PERIOD | {"person_ids": people})
    assert (batch["state"], batch["skipped"]) == ("done", [0])


def test_two_who_cannot_be_read_are_no_namesakes(site: Site) -> None:
    phone = {"phone": fresh_phone()}
    first, second = (site.sign_up(site.shift(), **phone)["person_id"] for _ in range(2))
    site.sql("UPDATE person_sites SET name = :lost WHERE person_id = ANY(:p)", lost=LOST, p=[first, second])
    pairs = site.expect(200, "GET", "/v1/doubles")["items"]
    assert pairs and all("name" not in pair["agrees"] for pair in pairs)


def test_staff_who_cannot_be_read_are_listed_and_come_back_by_a_new_invitation(
    site: Site, office: Office, operator: Caller
) -> None:
    mail = f"{uuid.uuid4().hex[:10]}@example.com"
    body = {"email": mail, "name": "王小雨", "grants": [{"role": "site_staff", "site_id": site.id}]}
    made = operator.expect(201, "POST", "/v1/staff", body)
    site.sql("UPDATE staff SET name = :lost, email = :lost WHERE id = :id", lost=LOST, id=made["id"])
    seen = operator.expect(200, "GET", f"/v1/staff/{made['id']}")
    assert (seen["name"], seen["email"], seen["readable"]) == (NO_NAME, "", False)
    listed, path = [], "/v1/staff?limit=100"
    while path:
        answer = operator.call("GET", path)
        listed += answer.get_json()["items"]
        link = answer.headers.get("Link", "")
        path = f"/v1/staff{link[1 : link.index('>')]}" if link else ""
    assert [one["readable"] for one in listed if one["id"] == made["id"]] == [False]
    page = office.operator().call("GET", f"/staff/colleagues/{made['id']}", Accept="text/html").get_data(as_text=True)
    assert "Unreadable" in page
    again = operator.expect(201, "POST", "/v1/staff", body)
    assert (again["id"], again["name"], again["email"], again["readable"]) == (made["id"], "王小雨", mail, True)
