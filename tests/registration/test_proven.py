"""What a session opens: an address, and what sites were told with it. Nothing else of the same person."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from apiflask import APIFlask

from services.common.auth import RESIDENT_COOKIE, Principal, csrf_token
from services.common.auth import Caller as Kind
from services.common.database import EVERY_SITE, Database
from services.registration.operations.hours.certificates import Certificates
from services.registration.operations.hours.door_code import Codes
from services.registration.operations.staff.sessions import end_resident_everywhere
from services.registration.personal_data import PersonalData
from tests.conftest import NOTIFICATIONS_TOKEN
from tests.registration.hours_world import Resident, earn, over
from tests.registration.world import Caller, Site, fresh_phone, resident_cookie, somebody

OWN, NOSY = "own@example.com", "nosy@example.com"
YEARS = {"period_from": "2026-01-01", "period_to": "2099-01-01"}


class Neighbour:
    """Who knows somebody's name and phone, signed them up at another site, and got in by its mail."""

    def __init__(self, app: APIFlask, database: Database, data: PersonalData, home: Site, away: Site) -> None:
        self.details: dict[str, Any] = somebody()
        self.person = str(home.sign_up(home.shift(), **self.details, email=OWN)["person_id"])
        assert away.sign_up(away.shift(), **self.details, email=NOSY)["person_id"] == self.person
        self._app = app
        self.cookie = resident_cookie(database, data, self.person, away.id)

    def call(self, method: str, path: str, body: Any = None, form: Any = None) -> Any:
        client = self._app.test_client()
        client.set_cookie(RESIDENT_COOKIE, self.cookie)
        headers = {"X-CSRF-Token": csrf_token(Principal(Kind.PERSON, "", session=self.cookie))}
        return client.open(path, method=method, json=body, data=form, headers=headers)


@pytest.fixture
def neighbour(app: APIFlask, database: Database, data: PersonalData, site: Site, other: Site) -> Neighbour:
    return Neighbour(app, database, data, site, other)


def test_hours_and_certificates_of_other_sites_stay_closed(
    site: Site, neighbour: Neighbour, data: PersonalData
) -> None:
    shift = site.shift(volunteering=True)
    registration = site.sign_up(shift, **neighbour.details)["id"]
    site.move_shift(shift, -3, -1)
    earn(site, registration)
    [record] = site.sql("SELECT id FROM service_records WHERE registration_id = :r", r=registration)
    issued = site.expect(201, "POST", f"/v1/people/{neighbour.person}/certificates", YEARS)
    assert neighbour.call("GET", "/v1/my/service-records").get_json() == {"minutes": 0, "items": []}
    assert (
        neighbour.call("POST", f"/v1/my/service-records/{record.id}/objections", {"words": "不是这样的"}).status_code
        == 404
    )
    assert neighbour.call("POST", "/v1/my/certificates", YEARS | {"site_id": site.id}).status_code == 409
    for path in (f"/v1/my/certificates/{issued['id']}/pdf", f"/my/hours/certificates/{issued['id']}.pdf"):
        assert neighbour.call("GET", path).status_code == 404
    page = neighbour.call("GET", "/my/hours").get_data(as_text=True)
    assert issued["number"] not in page and Certificates(data, "").code(issued["number"]) not in page


def test_places_teams_and_transfers_of_other_sites_stay_closed(
    site: Site, neighbour: Neighbour, data: PersonalData
) -> None:
    shift = site.shift()
    place = site.sign_up(shift, **neighbour.details)["id"]
    for what in ("cancel", "accept", "decline"):
        assert neighbour.call("POST", f"/v1/my/registrations/{place}/{what}").status_code == 404
    team = site.expect(201, "POST", "/v1/teams", {"name_zh": "合唱团", "name_en": "Choir", "kind": "choir"})["id"]
    member = site.expect(201, "POST", f"/v1/teams/{team}/members", {"person_id": neighbour.person})["id"]
    assert neighbour.call("GET", "/v1/my/teams").get_json() == {"items": []}
    for what in ("accept", "decline", "leave"):
        assert neighbour.call("POST", f"/v1/my/teams/{member}/{what}").status_code == 404
    asked = {"to_person_id": neighbour.person}
    given = site.sign_up(site.shift())["id"]
    transfer = site.expect(201, "POST", f"/v1/registrations/{given}/hand-over", asked)["id"]
    for what in ("accept", "decline"):
        assert neighbour.call("POST", f"/v1/my/transfers/{transfer}/{what}").status_code == 404
    token = Codes(data).now(UUID(shift))[0]
    assert neighbour.call("POST", f"/v1/my/shifts/{shift}/scan", {"token": token}).status_code == 404
    assert neighbour.call("GET", f"/scan/{shift}").status_code == 404
    assert site.statuses({"id": place}) == ["confirmed"]


def test_an_offer_is_not_taken_instead_of_a_place_at_a_site_that_is_not_open(
    site: Site, other: Site, neighbour: Neighbour
) -> None:
    shift = other.offered_shift(starts=9000)
    first, offer = other.sign_up(shift), other.sign_up(shift, **neighbour.details)
    held = site.sign_up(site.shift(starts=9000), **neighbour.details)
    other.cancel(first["id"])
    assert other.statuses(offer) == ["offered"]
    answer = neighbour.call("POST", f"/v1/my/registrations/{offer['id']}/accept", {"instead_of": True})
    assert answer.status_code == 409 and held["id"] not in answer.get_data(as_text=True)
    assert site.statuses(held) == ["confirmed"]


def test_an_address_that_a_session_wrote_itself_opens_nothing_more(
    site: Site, other: Site, neighbour: Neighbour
) -> None:
    neighbour.call("POST", f"/my/data/{other.id}", form={"email": OWN})
    assert other.expect(200, "GET", f"/v1/people/{neighbour.person}")["email"] == OWN
    for path in ("/v1/my/data", "/v1/my/erasure", "/v1/my/service-records"):
        answer = neighbour.call("GET", path)
        assert (answer.status_code, site.id in answer.get_data(as_text=True)) == (403, False)
    assert neighbour.call("POST", "/v1/my/erasure").status_code == 403
    assert site.expect(200, "GET", f"/v1/people/{neighbour.person}")["email"] == OWN


def test_who_was_merged_acts_on_their_own_places(
    site: Site, app: APIFlask, database: Database, data: PersonalData
) -> None:
    kept, gone = (site.sign_up(site.shift(), email="twice@example.com") for _ in range(2))
    session = Resident(app, database, data, gone["person_id"])
    body = {"survivor": kept["person_id"], "merged": gone["person_id"], "reason": "entered_twice"}
    site.expect(201, "POST", "/v1/merges", body)
    for one in (gone, kept):
        assert session.expect(200, "POST", f"/v1/my/registrations/{one['id']}/cancel")["status"] == "cancelled"


def test_a_certificate_after_a_merge_is_the_survivors(
    site: Site, app: APIFlask, database: Database, data: PersonalData
) -> None:
    _, [registration] = over(site)
    earn(site, registration)
    [row] = site.sql("SELECT person_id FROM registrations WHERE id = :r", r=registration)
    session = Resident(app, database, data, str(row.person_id))
    [address] = site.sql("SELECT email FROM person_sites WHERE person_id = :p", p=row.person_id)
    kept = site.sign_up(site.shift(), email=data.decrypt(address.email))["person_id"]
    site.expect(201, "POST", "/v1/merges", {"survivor": kept, "merged": str(row.person_id), "reason": "entered_twice"})
    issued = session.expect(201, "POST", "/v1/my/certificates", YEARS)
    assert session.call("GET", f"/v1/my/certificates/{issued['id']}/pdf").status_code == 200


def test_a_link_is_over_when_its_address_is_no_longer_theirs(site: Site, app: APIFlask) -> None:
    person = site.sign_up(site.shift(), name="改址", phone=fresh_phone(), email="wrong@example.com")["person_id"]
    app.test_client().post("/my/log-in", data={"name": "改址", "contact": "wrong@example.com"})
    [link] = site.sql("SELECT id FROM links WHERE person_id = :p", p=person)
    told = Caller(app, NOTIFICATIONS_TOKEN).expect(200, "POST", "/internal/links", {"links": [str(link.id)]})
    path = "/links/" + told["links"][0]["url"].rpartition("/")[2]
    assert app.test_client().get(path).status_code == 200
    site.expect(200, "PATCH", f"/v1/people/{person}", {"email": "right@example.com"}, If_Match="*")
    for method in ("GET", "POST"):
        assert app.test_client().open(path, method=method).status_code == 410


def test_the_other_services_learn_how_far_a_session_reaches(
    app: APIFlask, data: PersonalData, site: Site, other: Site, neighbour: Neighbour
) -> None:
    def reached(address: str, **more: str) -> dict[str, Any]:
        index = data.contact_index("email", address).hex()
        asked = {"person_id": neighbour.person, "address": index} | more
        return Caller(app, NOTIFICATIONS_TOKEN).expect(200, "POST", "/internal/reach", asked)

    assert reached(NOSY) == {"person_id": neighbour.person, "persons": [neighbour.person], "sites": [other.id]}
    assert reached(OWN)["sites"] == [site.id]
    assert reached(OWN, mailed_by=other.id)["sites"] == []
    assert reached("nobody@example.com")["sites"] == []
    before, after = datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC) + timedelta(hours=1)
    assert reached(OWN, since=before.isoformat())["sites"] == [site.id]
    with site.database.transaction(EVERY_SITE) as session:
        end_resident_everywhere(session, UUID(neighbour.person))
    assert reached(OWN, since=before.isoformat())["sites"] == [], "what was made before they logged out everywhere"
    assert reached(OWN, since=after.isoformat())["sites"] == reached(OWN)["sites"] == [site.id]
    assert site.call("POST", "/internal/reach", {"person_id": neighbour.person, "address": ""}).status_code == 403


def test_a_guardian_reaches_nothing_once_the_child_has_grown_up(app: APIFlask, data: PersonalData, site: Site) -> None:
    told = {"email": None, "phone": fresh_phone(), "birth_date": "2014-05-01", "guardian_consent": True}
    child = site.sign_up(site.shift(), **told)["person_id"]
    mother = {"name": "母亲", "email": "mother@example.org", "relation": "mother"}
    site.expect(200, "PUT", f"/v1/people/{child}/guardian", mother)
    asked = {"person_id": child, "address": data.contact_index("email", mother["email"]).hex()}
    service = Caller(app, NOTIFICATIONS_TOKEN)
    assert service.expect(200, "POST", "/internal/reach", asked)["sites"] == [site.id]
    site.sql("UPDATE person_sites SET birth_date = :b WHERE person_id = :p", b=data.encrypt("2000-05-01"), p=child)
    assert service.expect(200, "POST", "/internal/reach", asked)["sites"] == []


def test_notifications_learns_which_guardian_gets_copies(app: APIFlask, data: PersonalData, site: Site) -> None:
    told = {"email": "child@example.org", "birth_date": "2014-05-01", "guardian_consent": True}
    child = site.sign_up(site.shift(), **told)["person_id"]
    asked = {"people": [{"person_id": child, "site_id": site.id}]}

    def guardian() -> Any:
        answer = Caller(app, NOTIFICATIONS_TOKEN).expect(200, "POST", "/internal/contacts", asked)
        return answer["contacts"][0]["guardian"]

    assert guardian() is None
    mother = {"name": "母亲", "email": "mother@example.org", "relation": "mother", "language": "en"}
    site.expect(200, "PUT", f"/v1/people/{child}/guardian", mother)
    site.sql("UPDATE representatives SET confirmed = true WHERE person_id = :p", p=child)
    assert guardian() == {"email": "mother@example.org", "language": "en"}
    site.sql("UPDATE representatives SET confirmed = false WHERE person_id = :p", p=child)
    assert guardian() is None, "whoever a form named"
    site.sql("UPDATE representatives SET email_proven = true WHERE person_id = :p", p=child)
    assert guardian() is not None
    site.sql("UPDATE person_sites SET birth_date = :b WHERE person_id = :p", b=data.encrypt("2000-05-01"), p=child)
    assert guardian() is None, "whoever has grown up"


def test_a_child_without_an_address_has_no_copies_made(app: APIFlask, site: Site) -> None:
    told = {"email": None, "phone": fresh_phone(), "birth_date": "2014-05-01", "guardian_consent": True}
    child = site.sign_up(site.shift(), **told)["person_id"]
    mother = {"name": "母亲", "email": "mother@example.org", "relation": "mother"}
    site.expect(200, "PUT", f"/v1/people/{child}/guardian", mother)
    site.sql("UPDATE representatives SET confirmed = true WHERE person_id = :p", p=child)
    asked = {"people": [{"person_id": child, "site_id": site.id}]}
    [contact] = Caller(app, NOTIFICATIONS_TOKEN).expect(200, "POST", "/internal/contacts", asked)["contacts"]
    assert (contact["email"], contact["guardian"]) == ("mother@example.org", None), "she would get everything twice"
