"""A site's lowest age and the age below which a guardian agrees hold in every way of signing up."""

from datetime import date, timedelta
from typing import Any

import pytest

from tests.registration.test_public import anybody, body, browser, make_browser, send_form
from tests.registration.world import Caller, Site, name_guardian, somebody

__all__ = ["anybody", "browser", "make_browser"]

OLD = {"minimum_age": 16}
STRICT = {"guardian_below": 17}


def born(age: float) -> str:
    """A birth date of somebody who is this old now, and still in a fortnight."""
    return (date.today() - timedelta(days=round(age * 365.25) + 40)).isoformat()


def known(site: Site, birth_date: str | None) -> str:
    """Id of somebody whom the site knows, and who has no place."""
    registration = site.sign_up(site.shift(), birth_date=birth_date)
    site.cancel(registration["id"])
    return str(registration["person_id"])


def rule(site: Site, rules: dict[str, int]) -> None:
    site.expect(200, "PATCH", f"/v1/sites/{site.id}/settings", rules, If_Match="*")


def told(answer: Any) -> tuple[int, str, str]:
    """Status, kind of problem and field of an answer."""
    said = answer.get_json()
    field = said["errors"][0]["field"] if said.get("errors") else ""
    return answer.status_code, said["type"].rpartition(":")[2], field


@pytest.mark.parametrize(
    ("rules", "age", "consent", "expected"),
    [
        (OLD, 15, True, (409, "requirements-unmet", "")),
        (OLD, 16, False, None),
        (OLD, None, True, (422, "invalid", "person.birth_date")),
        (STRICT, 16, False, (422, "invalid", "person.guardian_consent")),
        (STRICT, 16, True, None),
        (STRICT, 17, False, None),
        (STRICT, None, False, (422, "invalid", "person.birth_date")),
        ({}, None, False, None),
    ],
)
def test_by_the_api(
    site: Site, rules: dict[str, int], age: int | None, consent: bool, expected: tuple[int, str, str] | None
) -> None:
    shift = site.shift()
    rule(site, rules)
    person = somebody(birth_date=born(age) if age else None, guardian_consent=consent)
    answer = site.try_sign_up(shift, person)
    assert (answer.status_code if expected is None else told(answer)) == (expected or 201)
    consents = site.sql("SELECT kind FROM consents WHERE site_id = :id", id=site.id)
    assert len(consents) == (1 if expected is None and consent else 0), "what was said becomes a record, and only that"


def test_volunteering_asks_for_a_birth_date_in_both_languages(site: Site) -> None:
    shift = site.shift(volunteering=True)
    person = somebody(birth_date=None)
    assert told(site.try_sign_up(shift, person)) == (422, "invalid", "person.birth_date")
    said = site.try_sign_up(shift, person, Accept_Language="zh").get_json()
    assert "请填写出生日期" in said["errors"][0]["message"]


def test_by_the_desk_for_somebody_known(site: Site) -> None:
    unknown = known(site, None)
    young = known(site, born(15))
    shift = site.shift()
    rule(site, OLD)
    path = f"/v1/shifts/{shift}/registrations"
    assert told(site.call("POST", path, {"person_id": unknown})) == (422, "invalid", "person_id")
    assert told(site.call("POST", path, {"person_id": young}))[:2] == (409, "requirements-unmet")
    site.expect(200, "PATCH", f"/v1/people/{unknown}", {"birth_date": born(40)}, If_Match="*")
    site.expect(201, "POST", path, {"person_id": unknown})


def test_each_member_of_a_team_is_looked_at(site: Site) -> None:
    people = [known(site, birth) for birth in (born(40), born(15), None)]
    shift = site.shift()
    rule(site, OLD)
    team = site.expect(201, "POST", "/v1/teams", {"name_zh": "合唱团", "name_en": "Choir", "kind": "choir"})["id"]
    path = f"/v1/shifts/{shift}/team-registrations"
    for person in people:
        site.expect(201, "POST", f"/v1/teams/{team}/members", {"person_id": person, "agreement": "入队名单"})
    made = site.expect(201, "POST", path, {"team_id": team, "person_ids": people})
    assert [one["verdict"] for one in made["members"]] == ["confirmed", "requirements-unmet", "invalid"]


def test_whoever_takes_a_place_over_is_looked_at(site: Site) -> None:
    young = known(site, born(15))
    giver = site.sign_up(site.shift())
    rule(site, OLD)
    path = f"/v1/registrations/{giver['id']}/hand-over"
    asked = site.expect(201, "POST", path, {"to_person_id": young})
    assert told(site.call("POST", f"/v1/transfers/{asked['id']}/accept", {}))[:2] == (409, "requirements-unmet")
    assert site.statuses(giver) == ["confirmed"]


@pytest.mark.parametrize(
    ("rules", "birth", "expected"),
    [
        (OLD, born(15), (409, "requirements-unmet")),
        (OLD, None, (409, "requirements-unmet")),
        (STRICT, born(16), (422, "invalid")),
        (STRICT, born(17), None),
    ],
)
def test_an_offer_is_taken_up_by_the_rules_of_that_moment(
    site: Site, rules: dict[str, int], birth: str | None, expected: tuple[int, str] | None
) -> None:
    shift = site.offered_shift()
    holder, waiting = site.sign_up(shift), site.sign_up(shift, birth_date=birth)
    site.cancel(holder["id"])
    rule(site, rules)
    answer = site.call("POST", f"/v1/registrations/{waiting['id']}/accept")
    assert (answer.status_code if expected is None else told(answer)[:2]) == (expected or 200)


def test_by_the_public_page_and_its_api(site: Site, anybody: Caller, browser: Any) -> None:
    shift = site.shift()
    rule(site, OLD)
    path = f"/v1/public/shifts/{shift}/registrations"
    assert told(anybody.call("POST", path, body())) == (422, "invalid", "birth_date")
    assert told(anybody.call("POST", path, body(birth_date=born(15)))) == (422, "invalid", "birth_date")
    anybody.expect(201, "POST", path, body(birth_date=born(16)))
    page = send_form(browser, shift)
    assert page.status_code == 422 and 'name="birth_date"' in page.get_data(as_text=True)
    assert "from 16 years" in page.get_data(as_text=True)
    assert send_form(browser, shift, birth_date=born(16)).status_code == 200


def test_the_public_page_asks_the_guardian_below_the_sites_age(site: Site, anybody: Caller) -> None:
    shift = site.shift()
    rule(site, STRICT)
    path = f"/v1/public/shifts/{shift}/registrations"
    refused = anybody.call("POST", path, body(birth_date=born(16)))
    assert told(refused) == (422, "invalid", "guardian.name") and "Below 17" in refused.get_json()["detail"]
    guardian = {"name": "母亲", "email": "mother@example.com"}
    asked = anybody.expect(201, "POST", path, body(birth_date=born(16), guardian=guardian))
    assert asked["status"] == "guardian_asked"
    assert anybody.expect(201, "POST", path, body(birth_date=born(17)))["status"] == "confirmed"


def test_nobody_without_a_guardians_consent_becomes_a_volunteer_by_an_edit(site: Site) -> None:
    shift = site.shift(capacity=1)
    grown, young = site.sign_up(shift, birth_date=born(40)), site.sign_up(shift, birth_date=born(15))
    path = f"/v1/activities/{site.activity_of(shift)}"
    refused = site.call("PATCH", path, {"volunteering": True}, If_Match="*")
    assert refused.status_code == 409 and refused.get_json()["registrations"] == [young["id"]]
    site.cancel(young["id"])
    agreed = site.sign_up(shift, birth_date=born(15))
    name_guardian(site, agreed["person_id"])
    consent = {"kind": "guardian_volunteering", "given_by": "guardian", "how": "paper"}
    site.expect(201, "POST", f"/v1/people/{agreed['person_id']}/consents", consent)
    assert site.expect(200, "PATCH", path, {"volunteering": True}, If_Match="*")["volunteering"]
    site.cancel(grown["id"])
    assert site.statuses(agreed) == ["confirmed"]


@pytest.mark.parametrize("rules", [{"minimum_age": 18}, {"guardian_below": 17}])
def test_higher_ages_strand_nobody_silently(site: Site, rules: dict[str, int]) -> None:
    shift = site.shift()
    site.sign_up(shift, birth_date=born(40))
    site.sign_up(shift, birth_date=born(17 if "guardian_below" in rules else 18))
    young = site.sign_up(shift, birth_date=born(15))
    path = f"/v1/sites/{site.id}/settings"
    refused = site.call("PATCH", path, rules, If_Match="*")
    assert refused.status_code == 409 and refused.get_json()["registrations"] == [young["id"]]
    site.cancel(young["id"])
    site.expect(200, "PATCH", path, rules, If_Match="*")


def test_who_became_too_young_while_waiting_gets_no_place(site: Site) -> None:
    shift = site.shift(capacity=1)
    holder, young = (
        site.sign_up(shift, birth_date=born(40)),
        site.sign_up(shift, birth_date=born(12), guardian_consent=True),
    )
    older = site.sign_up(shift, birth_date=born(30))
    site.expect(200, "PATCH", f"/v1/shifts/{shift}", {"requirements": {"min_age": 18}}, If_Match="*")
    site.cancel(holder["id"])
    assert site.statuses(young, older) == ["cancelled", "confirmed"]
