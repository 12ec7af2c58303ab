"""Residents register themselves as volunteers: what they must tell, who must agree, what stays as it was."""

from typing import Any

from services.common.events import VolunteerRegistered
from services.registration.personal_data import PersonalData
from tests.registration.office import Member
from tests.registration.own_world import resident_of
from tests.registration.test_public import fresh_mail
from tests.registration.test_volunteers import id_number
from tests.registration.world import Site

BODY = {"sex": "female", "terms_consent": True, "skills": ["smartphones"], "categories": ["elders"]}


def known(site: Site, data: PersonalData, **fields: Any) -> tuple[Member, str]:
    """A resident whom the site knows, with the session of its link; and who they are."""
    person = str(site.sign_up(site.shift(), email=fresh_mail(), **fields)["person_id"])
    return resident_of(site, data, person), person


def register(site: Site, resident: Member, status: int = 201, **fields: Any) -> Any:
    return resident.expect(status, "POST", f"/v1/my/volunteer/{site.id}", BODY | fields)


def test_a_resident_becomes_a_volunteer_in_their_own_words(site: Site, data: PersonalData) -> None:
    resident, person = known(site, data, birth_date=None)
    seen = resident.expect(200, "GET", f"/v1/my/volunteer/{site.id}")
    assert (seen["volunteer_number"], seen["birth_date"]) == (None, None)
    assert register(site, resident, 422)["errors"][0]["field"] == "birth_date"
    made = register(site, resident, birth_date="1958-03-02")
    assert made["outcome"] == "registered" and not made["guardian_asked"]
    volunteer = site.expect(200, "GET", f"/v1/volunteers/{person}")
    assert (volunteer["volunteer_number"], volunteer["birth_date"]) == (made["volunteer_number"], "1958-03-02")
    assert (volunteer["skills"], volunteer["categories"]) == (["smartphones"], ["elders"])
    [consent] = site.expect(200, "GET", f"/v1/people/{person}/consents")["items"]
    assert (consent["kind"], consent["how"], consent["given_by"]) == ("terms", "online", "person")
    [told] = [event for event in site.events(person) if isinstance(event, VolunteerRegistered)]
    assert (told.how, str(told.person_id)) == ("online", person)
    register(site, resident, 409)


def test_a_birth_date_that_the_site_knows_stays(site: Site, data: PersonalData) -> None:
    resident, person = known(site, data, birth_date="1950-01-01")
    register(site, resident, birth_date="1990-01-01")
    assert site.expect(200, "GET", f"/v1/volunteers/{person}")["birth_date"] == "1950-01-01"


def test_an_id_number_needs_a_consent_of_its_own_and_is_nobody_elses(site: Site, data: PersonalData) -> None:
    born = "1960-05-17"
    number = id_number("19600517", 7)
    resident, person = known(site, data, birth_date=born)
    register(site, resident, 422, id_number=number)
    register(site, resident, id_number=number, id_number_consent=True)
    kinds = {c["kind"] for c in site.expect(200, "GET", f"/v1/people/{person}/consents")["items"]}
    assert kinds == {"terms", "sensitive_id_number"}
    assert site.expect(200, "GET", f"/v1/volunteers/{person}")["id_number_checked"] is False
    twin, other = known(site, data, birth_date=born)
    assert register(site, twin, id_number=number, id_number_consent=True)["outcome"] == "registered", "tells nothing"
    checked = site.expect(200, "POST", f"/v1/volunteers/{person}/id-number/checked")
    assert checked["id_number_checked"] is True
    refused = site.expect(409, "POST", f"/v1/volunteers/{other}/id-number/checked")
    assert person not in str(refused)


def test_under_18_the_guardian_is_asked_and_under_14_first(site: Site, data: PersonalData) -> None:
    guardian = {"name": "家长", "email": fresh_mail()}
    young, person = known(site, data, birth_date="2010-06-01", guardian_consent=True)
    assert register(site, young, 422)["errors"][0]["field"] == "guardian.name"
    made = register(site, young, guardian=guardian)
    assert (made["outcome"], made["guardian_asked"]) == ("registered", True)
    assert not young.expect(200, "GET", f"/v1/my/volunteer/{site.id}")["guardian_agreed"]
    assert _links(site, person) == 1
    child, person = known(site, data, birth_date="2018-06-01", guardian_consent=True)
    for _ in range(2):
        made = register(site, child, guardian=guardian)
        assert (made["outcome"], made["volunteer_number"], made["guardian_asked"]) == ("guardian_first", None, True)
    assert _links(site, person) == 1  # once a day
    assert not site.sql("SELECT FROM volunteer_sites WHERE person_id = :p", p=person)
    consent = {"kind": "guardian_volunteering", "given_by": "guardian", "how": "desk"}
    site.expect(201, "POST", f"/v1/people/{person}/consents", consent)
    assert register(site, child)["outcome"] == "registered"


def test_a_guardian_whom_the_site_knows_is_not_replaced(site: Site, data: PersonalData) -> None:
    young, person = known(site, data, birth_date="2010-06-01", guardian_consent=True)
    real = {"name": "真家长", "email": fresh_mail()}
    site.expect(200, "PUT", f"/v1/people/{person}/guardian", real)
    register(site, young, guardian={"name": "假家长", "email": fresh_mail()})
    assert site.expect(200, "GET", f"/v1/people/{person}/guardian")["name"] == "真家长"


def test_a_session_registers_where_it_reaches_only(site: Site, other: Site, data: PersonalData) -> None:
    resident, _ = known(site, data)
    resident.expect(404, "POST", f"/v1/my/volunteer/{other.id}", BODY | {"birth_date": "1958-03-02"})
    resident.expect(404, "GET", f"/v1/my/volunteer/{other.id}")


def _links(site: Site, person: str) -> int:
    found = site.sql("SELECT count(*) AS n FROM links WHERE person_id = :p AND purpose = 'guardian_consent'", p=person)
    return int(found[0].n)
