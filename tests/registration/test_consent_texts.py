"""Versions of what people agree to: from when each counts, and who must agree again."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.registration.operations.seats.verdicts import ITEMS
from services.registration.pages.requirement_forms import WHAT, lacking_words
from services.registration.personal_data import PersonalData
from tests.registration.office import Office
from tests.registration.own_world import resident_of
from tests.registration.world import Caller, Site, fresh_phone, name_guardian, somebody

WORDS = {"zh": "新的内容", "en": "What is new"}


@pytest.fixture(autouse=True)
def as_it_was(operator: Caller, site: Site) -> Iterator[None]:
    """The texts are everybody's: what a test published asks nobody again afterwards."""
    [row] = site.sql("SELECT max(position) AS last FROM consent_texts")
    yield
    site.sql(
        "UPDATE consent_texts SET again = false, effective_from = least(effective_from, now()) WHERE position > :last",
        last=row.last,
    )


def publish(operator: Caller, kind: str, status: int = 201, **fields: Any) -> Any:
    return operator.expect(status, "POST", "/v1/consent-texts", {"kind": kind} | WORDS | fields)


def in_days(days: float) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


def give(site: Site, person: str, kind: str, by: str = "person") -> dict[str, Any]:
    body = {"kind": kind, "given_by": by, "how": "paper"}
    return dict(site.expect(201, "POST", f"/v1/people/{person}/consents", body))


def states(site: Site, person: str) -> list[str]:
    return [one["state"] for one in site.expect(200, "GET", f"/v1/people/{person}/consents")["items"]]


def begins_now(site: Site, text: dict[str, Any]) -> None:
    """What was announced has come."""
    site.sql("UPDATE consent_texts SET effective_from = now() WHERE id = :id", id=text["id"])


def test_a_version_counts_from_its_moment_and_never_before_the_last(operator: Caller, site: Site) -> None:
    person = site.sign_up(site.shift())["person_id"]
    before = give(site, person, "photo")["text_number"]
    announced = publish(operator, "photo", effective_from=in_days(9))
    assert give(site, person, "photo")["text_number"] == before
    for wrong in ({}, {"effective_from": in_days(8)}, {"effective_from": in_days(-1)}):
        assert publish(operator, "photo", 422, **wrong)["errors"][0]["field"] == "effective_from"
    begins_now(site, announced)
    assert give(site, person, "photo")["text_number"] == announced["number"]


def test_who_agreed_to_less_must_agree_again_and_is_told_why(
    operator: Caller, site: Site, data: PersonalData, office: Office
) -> None:
    person = site.sign_up(site.shift(), email="agrees-again@example.com")["person_id"]
    give(site, person, "health")
    asking = {"requirements": {"consents": ["health"]}}

    def try_it() -> Any:
        shift = site.shift()
        site.expect(200, "PATCH", f"/v1/shifts/{shift}", asking, If_Match="*")
        return site.call("POST", f"/v1/shifts/{shift}/registrations", {"person_id": person})

    assert try_it().status_code == 201
    publish(operator, "health")
    assert try_it().status_code == 201 and states(site, person) == ["in_force"], "new words alone ask nobody again"
    text = publish(operator, "health", again=True, effective_from=in_days(3))
    assert try_it().status_code == 201, "not yet"
    begins_now(site, text)
    refused = try_it()
    assert refused.status_code == 409 and "The text has changed" in refused.get_json()["detail"]
    assert states(site, person) == ["agree_again"]
    resident = resident_of(site, data, person)
    own = resident.call("GET", "/my/consents", Accept="text/html").get_data(as_text=True)
    staff = office.site_staff(site.id).call("GET", f"/staff/people/{person}").get_data(as_text=True)
    assert "must agree again" in own and "must agree again" in staff and WORDS["en"] in own
    [asked] = resident.expect(200, "GET", "/v1/my/consents")["items"]
    renewed = resident.expect(200, "POST", f"/v1/my/consents/{asked['id']}/renew")
    assert (renewed["how"], renewed["state"], renewed["text_number"]) == ("online", "in_force", text["number"])
    assert states(site, person) == ["replaced", "in_force"] and try_it().status_code == 201
    resident.expect(404, "POST", f"/v1/my/consents/{asked['id']}/renew")


def test_staff_read_in_words_what_somebody_lacks(site: Site) -> None:
    assert set(WHAT) == set(ITEMS)
    with site.app.test_request_context(headers={"Accept-Language": "en"}):
        assert lacking_words(["consents_again:health", "age"]) == "a new consent: health data, the age"


def test_a_guardian_is_asked_again(operator: Caller, site: Site) -> None:
    told = somebody(birth_date="2017-05-05", phone=fresh_phone())
    child = site.expect(201, "POST", "/v1/people", told)["id"]
    name_guardian(site, child, email="asked-again@example.com")
    give(site, child, "guardian_signup", by="guardian")
    waits = site.shift(capacity=1)
    leaves = site.sign_up(waits)
    waiting = site.expect(201, "POST", f"/v1/shifts/{waits}/registrations", {"person_id": child})
    publish(operator, "guardian_signup", again=True)
    refused = site.call("POST", f"/v1/shifts/{site.shift()}/registrations", {"person_id": child})
    assert refused.status_code == 422 and "must agree again" in refused.get_json()["errors"][0]["message"]
    public = {"name": told["name"], "phone": told["phone"], "birth_date": told["birth_date"], "agreed": True}
    asked = Caller(site.app, "").expect(
        201,
        "POST",
        f"/v1/public/shifts/{site.shift()}/registrations",
        public | {"guardian": {"name": "家长", "email": "asked-again@example.com"}},
    )
    assert asked["status"] == "guardian_asked"
    site.cancel(leaves["id"])
    assert site.statuses(waiting) == ["cancelled"], "whose turn comes without a consent in force gets no place"
    give(site, child, "guardian_signup", by="guardian")
    site.expect(201, "POST", f"/v1/shifts/{site.shift()}/registrations", {"person_id": child})


def test_a_roster_says_who_agreed_to_what_counts_now(operator: Caller, site: Site, office: Office) -> None:
    shift, clerk = site.shift(volunteering=True), office.site_staff(site.id)
    child = site.sign_up(shift, **somebody(birth_date="2016-05-05"), guardian_consent=True)["person_id"]
    name_guardian(site, child)
    give(site, child, "guardian_volunteering", by="guardian")
    assert "guardian agreed" in clerk.call("GET", f"/staff/shifts/{shift}").get_data(as_text=True)
    publish(operator, "guardian_volunteering", again=True)
    assert "guardian&#39;s consent yet" in clerk.call("GET", f"/staff/shifts/{shift}").get_data(as_text=True)


def test_operators_set_both_on_the_page(office: Office) -> None:
    operator = office.operator()
    form = {"kind": "photo", "effective_from": "2019-01-01T08:00", "again": "on"} | WORDS
    assert "must not lie in the past" in operator.call("POST", "/staff/consent-texts", form=form).get_data(as_text=True)
    form["effective_from"] = f"{datetime.now(UTC).year + 1}-12-31T08:00"
    assert operator.call("POST", "/staff/consent-texts", form=form).status_code == 303
    page = operator.call("GET", "/staff/consent-texts").get_data(as_text=True)
    assert "to come" in page and "those who agreed before must agree again" in page and "08:00" in page
