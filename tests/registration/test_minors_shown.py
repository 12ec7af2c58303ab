"""Whatever answer holds a child's name leaves a line that says who read it."""

import pytest

from tests.registration.hours_world import earn
from tests.registration.office import Office
from tests.registration.world import Site

YEARS = {"period_from": "2026-01-01", "period_to": "2099-12-31"}


@pytest.fixture
def child(site: Site) -> dict[str, str]:
    """A child with a place, hours, a certificate and a team."""
    shift = site.shift(volunteering=True)
    born = {"birth_date": "2012-03-04", "guardian_consent": True, "name": "记号孩子"}
    made = site.sign_up(shift, **born)
    site.move_shift(shift, -3, -1)
    earn(site, made["id"])
    person = made["person_id"]
    team = site.expect(201, "POST", "/v1/teams", {"name_zh": "童声", "name_en": "Voices", "kind": "choir"})["id"]
    site.expect(201, "POST", f"/v1/teams/{team}/members", {"person_id": person, "agreement": "签署"})
    issued = site.expect(201, "POST", f"/v1/people/{person}/certificates", YEARS)["id"]
    return {"shift": shift, "person": person, "team": team, "certificate": issued}


READ = {
    "attendance": "/v1/shifts/{shift}/attendance",
    "desk": "/staff/check-in/{shift}",
    "roll": "/staff/check-in/{shift}/roll",
    "members": "/v1/teams/{team}/members",
    "volunteers of a team": "/v1/teams/{team}/volunteers",
    "roster": "/v1/shifts/{shift}/roster.csv",
    "person": "/v1/people/{person}",
    "person's page": "/staff/people/{person}",
    "hours": "/staff/hours/people/{person}",
    "certificate": "/v1/certificates/{certificate}/pdf",
    "signed": "/v1/certificates/{certificate}/signed",
}


@pytest.mark.parametrize("what", READ)
def test_a_childs_name_is_read_on_record(site: Site, office: Office, child: dict[str, str], what: str) -> None:
    member = office.site_staff(site.id)
    answer = member.call("GET", READ[what].format(**child))
    assert answer.status_code == 200, answer.get_data(as_text=True)
    noted = site.sql(
        "SELECT 1 FROM audit_log WHERE action = 'read' AND record = :p AND actor = :a",
        p=child["person"],
        a=f"staff:{member.id}",
    )
    assert noted, f"{what}: nobody can tell who read it"


def test_a_correction_reads_too(site: Site, office: Office, child: dict[str, str]) -> None:
    member = office.site_staff(site.id)
    member.expect(200, "PATCH", f"/v1/people/{child['person']}", {"language": "en"}, If_Match="*")
    row = "SELECT 1 FROM audit_log WHERE action = 'read' AND record = :p AND actor = :a"
    assert site.sql(row, p=child["person"], a=f"staff:{member.id}")
