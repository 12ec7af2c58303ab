"""Organisations in a directory of all and of each site, their parts in activities, and plaques."""

from datetime import date, timedelta

from services.common.events import ActivityOrganisationsSet, DesignationSaved, OrganisationSaved
from tests.registration.world import Caller, Site

BUREAU = {"name_zh": "市民政局", "name_en": "Civil affairs bureau", "kind": "government", "local": False}


def test_everybody_knows_those_of_all_and_a_site_its_own(site: Site, other: Site, operator: Caller) -> None:
    assert site.call("POST", "/v1/organisations", BUREAU).status_code == 403
    bureau = operator.expect(201, "POST", "/v1/organisations", BUREAU)
    own = site.expect(201, "POST", "/v1/organisations", {"name_zh": "本站艺术团"})
    assert (bureau["site_id"], own["site_id"]) == (None, site.id)
    seen = {o["id"] for o in site.expect(200, "GET", "/v1/organisations?limit=200")["items"]}
    seen_by_other = {o["id"] for o in other.expect(200, "GET", "/v1/organisations?limit=200")["items"]}
    assert {bureau["id"], own["id"]} <= seen and own["id"] not in seen_by_other
    assert [o["id"] for o in site.expect(200, "GET", "/v1/organisations?q=艺术")["items"]] == [own["id"]]
    path = f"/v1/organisations/{bureau['id']}"
    assert site.call("PATCH", path, {"name_en": "x"}, If_Match="*").status_code == 403
    assert other.call("PATCH", f"/v1/organisations/{own['id']}", {"name_en": "x"}, If_Match="*").status_code == 404
    assert operator.expect(200, "PATCH", path, {"name_en": "Bureau"}, If_Match='"1"')["version"] == 2
    assert [type(event) for event in site.events(bureau["id"])] == [OrganisationSaved, OrganisationSaved]
    rows = site.sql(f"DELETE FROM organisations WHERE id = '{bureau['id']}' RETURNING id", scope=site.id)
    assert rows == []


def test_the_operators_key_is_no_sites_so_its_organisations_are_everybodys(site: Site, operator: Caller) -> None:
    made = operator.expect(201, "POST", "/v1/organisations", {"name_zh": "省文联"})
    assert made["site_id"] is None
    assert made["id"] in {o["id"] for o in site.expect(200, "GET", "/v1/organisations?limit=200")["items"]}
    operator.expect(403, "POST", "/v1/organisations", {"name_zh": "省文联", "local": True})
    site.expect(403, "POST", "/v1/organisations", {"name_zh": "省文联", "local": False})


def test_a_credit_code_is_checked_and_belongs_to_one(site: Site) -> None:
    body = {"name_zh": "企业", "credit_code": "91110000600037341L"}
    site.expect(201, "POST", "/v1/organisations", body)
    for code in ("91110000600037341L", "91110000600037342L", "123"):
        answer = site.call("POST", "/v1/organisations", body | {"credit_code": code})
        assert (answer.status_code, answer.get_json()["errors"][0]["field"]) == (422, "credit_code")


def test_parts_in_an_activity_are_ordered_and_told(site: Site, other: Site, operator: Caller) -> None:
    bureau = operator.expect(201, "POST", "/v1/organisations", BUREAU)["id"]
    host = site.expect(201, "POST", "/v1/organisations", {"name_zh": "街道"})["id"]
    foreign = other.expect(201, "POST", "/v1/organisations", {"name_zh": "别处"})["id"]
    activity = site.activity()
    path = f"/v1/activities/{activity}/organisations"
    parts = [{"organisation_id": host, "role": "host"}, {"organisation_id": bureau, "role": "guiding_unit"}]
    put = site.expect(200, "PUT", path, {"organisations": parts})
    assert [(part["organisation_id"], part["role"]) for part in put["organisations"]] == [
        (host, "host"),
        (bureau, "guiding_unit"),
    ]
    assert site.expect(200, "PUT", path, {"organisations": parts})["version"] == put["version"]
    told = [event for event in site.events(activity) if isinstance(event, ActivityOrganisationsSet)]
    assert [str(part.organisation_id) for part in told[0].organisations] == [host, bureau] and len(told) == 1
    wrong = [{"organisation_id": foreign, "role": "host"}, parts[0], parts[0]]
    answer = site.call("PUT", path, {"organisations": wrong})
    assert [e["field"] for e in answer.get_json()["errors"]] == ["organisations.0.organisation_id", "organisations.2"]
    assert site.call("PUT", path, {"organisations": []}, If_Match='"1"').status_code == 412
    assert other.call("GET", path).status_code == 404
    assert site.expect(200, "PUT", path, {"organisations": []})["organisations"] == []


def test_a_plaque_hangs_from_a_day_until_it_is_revoked(site: Site, other: Site) -> None:
    grantor = site.expect(201, "POST", "/v1/organisations", {"name_zh": "合唱协会"})["id"]
    body = {"name_zh": "合唱艺术基地", "organisation_id": grantor, "valid_from": "2022-06-29"}
    made = site.expect(201, "POST", "/v1/designations", body)
    assert (made["granted_by"], made["holds"]) == ("合唱协会", True)
    later = (date.today() + timedelta(days=30)).isoformat()
    planned = site.expect(201, "POST", "/v1/designations", body | {"valid_from": later})
    assert not planned["holds"]
    public = Caller(site.app, "")
    listed = public.expect(200, "GET", f"/v1/sites/{site.id}/designations")["items"]
    assert [one["id"] for one in listed] == [made["id"], planned["id"]]
    path = f"/v1/designations/{made['id']}"
    assert other.call("POST", f"{path}/revoke", {"reason": "x"}).status_code == 404
    too_early = site.call("POST", f"{path}/revoke", {"reason": "评估未通过", "on": "2020-01-01"})
    assert too_early.get_json()["errors"][0]["field"] == "on"
    revoked = site.expect(200, "POST", f"{path}/revoke", {"reason": "评估未通过"})
    assert (revoked["holds"], revoked["revoke_reason"]) == (False, "评估未通过")
    assert site.call("POST", f"{path}/revoke", {"reason": "again"}).status_code == 409
    assert site.call("PATCH", path, {"name_zh": "x"}, If_Match="*").status_code == 409
    assert public.expect(200, "GET", f"/v1/sites/{site.id}/designations")["items"][0]["revoke_reason"] is None
    told = [event for event in site.events(site.id) if isinstance(event, DesignationSaved)]
    assert [event.revoked_on is None for event in told] == [True, True, False]


def test_a_wrong_plaque_is_refused_by_field(site: Site, other: Site) -> None:
    team = other.expect(201, "POST", "/v1/teams", {"name_zh": "队", "name_en": "T", "kind": "choir"})["id"]
    answer = site.call("POST", "/v1/designations", {"name_zh": "牌", "valid_from": "2022-01-01", "team_id": team})
    assert {e["field"] for e in answer.get_json()["errors"]} == {"team_id"}
    body = {"name_zh": "牌", "valid_from": "2022-01-01"}
    assert site.call("POST", "/v1/designations", body).get_json()["errors"][0]["field"] == "granted_by"
    body |= {"granted_by": "街道", "valid_until": "2022-01-01"}
    assert site.call("POST", "/v1/designations", body).get_json()["errors"][0]["field"] == "valid_until"
