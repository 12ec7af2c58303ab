"""A certificate says no more than stands of its records: whoever corrects one is shown what rests on it."""

import uuid
from typing import Any

import pytest

from services.common.database import EVERY_SITE
from services.common.events import CertificateOutdated
from services.registration.operations.hours.certificates import Certificates
from services.registration.personal_data import PersonalData
from tests.registration.hours_world import earn, over, person_of, records_of
from tests.registration.office import Office
from tests.registration.world import Site

YEARS = {"period_from": "2026-01-01", "period_to": "2099-12-31"}


@pytest.fixture
def certificates(data: PersonalData) -> Certificates:
    """Verifies."""
    return Certificates(data, "https://hesheng.example.org")


def certified(site: Site) -> tuple[dict[str, Any], Any]:
    """A certificate of two hours, and the one record that it rests on."""
    _, [registration] = over(site)
    earn(site, registration)
    made = site.expect(201, "POST", f"/v1/people/{person_of(site, registration)}/certificates", YEARS)
    return made, records_of(site, registration)[0].id


def correct(site: Site, record: Any, minutes: int) -> str:
    body = {"minutes": minutes, "reason": "误记"}
    return str(site.expect(201, "POST", f"/v1/service-records/{record}/corrections", body)["id"])


def verified(site: Site, certificates: Certificates, number: str) -> tuple[bool, str, int]:
    with site.database.transaction(EVERY_SITE) as session:
        found = certificates.verify(session, number, certificates.code(number))
    return found.valid, found.state, found.standing_minutes


def test_what_was_withdrawn_is_no_longer_certified(site: Site, certificates: Certificates) -> None:
    made, record = certified(site)
    assert verified(site, certificates, made["number"]) == (True, "valid", 120)
    lowered = correct(site, record, 45)
    assert verified(site, certificates, made["number"]) == (False, "changed", 45)
    withdrawn = correct(site, lowered, 0)
    assert verified(site, certificates, made["number"]) == (False, "changed", 0)
    told = [event for event in site.events(site.id) if isinstance(event, CertificateOutdated)]
    assert [(str(e.certificate_id), e.minutes, e.standing_minutes) for e in told] == [
        (made["id"], 120, 45),
        (made["id"], 120, 0),
    ]
    for one in (record, lowered, withdrawn):
        found = site.expect(200, "GET", f"/v1/service-records/{one}/certificates")["items"]
        assert [certificate["id"] for certificate in found] == [made["id"]] * (len(found) == 1)
    site.expect(200, "POST", f"/v1/certificates/{made['id']}/revoke", {"reason": "记录撤销"})
    assert site.expect(200, "GET", f"/v1/service-records/{withdrawn}/certificates")["items"] == []
    assert verified(site, certificates, made["number"]) == (False, "revoked", 0)


def test_a_certificate_made_after_the_correction_rests_on_what_stands(site: Site, certificates: Certificates) -> None:
    made, record = certified(site)
    correct(site, record, 60)
    later = site.expect(201, "POST", f"/v1/people/{made['person_id']}/certificates", YEARS)
    assert later["minutes"] == 60
    assert verified(site, certificates, later["number"]) == (True, "valid", 60)


def test_an_undone_tap_is_told_to_whoever_holds_the_paper(site: Site, certificates: Certificates) -> None:
    _, [registration] = over(site)
    earn(site, registration)
    made = site.expect(201, "POST", f"/v1/people/{person_of(site, registration)}/certificates", YEARS)
    site.expect(200, "POST", f"/v1/registrations/{registration}/undo-attendance")
    assert verified(site, certificates, made["number"]) == (False, "changed", 0)


def test_another_site_sees_nothing_of_it(site: Site, other: Site) -> None:
    _, record = certified(site)
    other.expect(404, "GET", f"/v1/service-records/{record}/certificates")


def test_a_team_is_certified_by_its_name(site: Site, other: Site, office: Office) -> None:
    made, _ = certified(site)
    team = site.expect(201, "POST", "/v1/teams", {"name_zh": "队", "name_en": "T", "kind": "choir"})["id"]
    site.expect(422, "POST", "/v1/certificate-batches", YEARS | {"team_id": team})  # nobody in it yet
    site.expect(201, "POST", f"/v1/teams/{team}/members", {"person_id": made["person_id"], "agreement": "同意"})
    batch = site.expect(201, "POST", "/v1/certificate-batches", YEARS | {"team_id": team})
    assert (batch["state"], batch["done"], batch["skipped"], batch["team_id"]) == ("done", 1, [], team)
    for wrong in ({}, {"team_id": team, "person_ids": [made["person_id"]]}, {"team_id": str(uuid.uuid4())}):
        site.expect(422, "POST", "/v1/certificate-batches", YEARS | wrong)
    other.expect(422, "POST", "/v1/certificate-batches", YEARS | {"team_id": team})
    assert office.site_staff(other.id).call("GET", f"/staff/hours/teams/{team}").status_code == 404
