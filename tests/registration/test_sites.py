"""Areas and sites: a tree that stays one, events for whoever keeps copies."""

import uuid
from collections.abc import Callable
from typing import Any

from services.common.events import AreaSaved, SiteKeyIssued, SiteSaved
from tests.registration.world import Caller, Site


def area(parent: str | None, level: str, **names: str) -> dict[str, Any]:
    return {"parent": parent, "level": level, "name_zh": "区划", "name_en": "Area"} | names


def test_areas_form_a_tree_and_are_saved_once(site: Site, operator: Caller) -> None:
    top, within = uuid.uuid4().hex[:20], uuid.uuid4().hex[:20]
    operator.expect(200, "PUT", f"/v1/areas/{top}", area(None, "city"))
    for _ in range(2):
        assert operator.expect(200, "PUT", f"/v1/areas/{within}", area(top, "district"))["version"] == 1
    assert [type(event) for event in site.events(within)] == [AreaSaved]
    assert operator.call("PUT", f"/v1/areas/{within}", area(within, "district")).status_code == 422
    assert operator.call("PUT", f"/v1/areas/{within}", area("nowhere", "district")).status_code == 422
    assert operator.call("PUT", f"/v1/areas/{within}", area(top, "province")).status_code == 422
    assert operator.call("PUT", f"/v1/areas/{top}", area(within, "city")).status_code == 422
    assert operator.call("PUT", f"/v1/areas/{top}", area(None, "community")).status_code == 422
    for code in ("a%20b", "a" * 21, "%E5%8C%97", "1%0A"):
        assert operator.call("PUT", f"/v1/areas/{code}", area(None, "city")).status_code == 422
    assert operator.call("PUT", f"/v1/areas/{within}", area("a" * 21, "district")).status_code == 422
    listed = Caller(site.app, "").expect(200, "GET", f"/v1/areas?parent={top}")["items"]
    assert [item["code"] for item in listed] == [within]
    renamed = operator.expect(200, "PUT", f"/v1/areas/{top}", area(None, "city", name_en="New"), If_Match='"1"')
    assert renamed["version"] == 2
    assert operator.call("PUT", f"/v1/areas/{top}", area(None, "city"), If_Match='"1"').status_code == 412


def test_sites_and_their_keys_are_told(site: Site) -> None:
    saved, issued = site.events(site.id)
    assert isinstance(saved, SiteSaved) and isinstance(issued, SiteKeyIssued)
    assert site.key not in issued.model_dump_json()


def test_a_site_edits_itself_and_no_other(site: Site, other: Site, operator: Caller) -> None:
    path = f"/v1/sites/{site.id}"
    assert site.expect(200, "PATCH", path, {"address": "职工新街 1 号"}, If_Match='"1"')["version"] == 2
    assert other.call("PATCH", path, {"address": "x"}, If_Match="*").status_code == 404
    assert operator.expect(200, "PATCH", path, {"name_en": "Renamed"}, If_Match='"2"')["version"] == 3
    assert operator.call("PATCH", path, {"area": "nowhere"}, If_Match="*").get_json()["errors"][0]["field"] == "area"
    assert Caller(site.app, "").expect(200, "GET", path)["name_en"] == "Renamed"


def test_a_time_zone_is_fixed_once_there_are_shifts(make_site: Callable[..., Site]) -> None:
    site = make_site(time_zone="Asia/Urumqi")
    path = f"/v1/sites/{site.id}"
    answer = site.call("PATCH", path, {"time_zone": "Mars/Olympus"}, If_Match="*")
    assert (answer.status_code, answer.get_json()["errors"][0]["field"]) == (422, "time_zone")
    site.expect(200, "PATCH", path, {"time_zone": "Asia/Tokyo"}, If_Match="*")
    site.shift()
    assert site.call("PATCH", path, {"time_zone": "Asia/Shanghai"}, If_Match="*").status_code == 422


def test_only_the_operator_makes_areas_sites_and_keys(site: Site) -> None:
    body = {"area": "140000", "name_zh": "站", "name_en": "Site"}
    for caller, status in ((site, 403), (Caller(site.app, ""), 401)):
        assert caller.call("PUT", "/v1/areas/1", area(None, "city")).status_code == status
        assert caller.call("POST", "/v1/sites", body).status_code == status
        assert caller.call("POST", f"/v1/sites/{site.id}/keys", {"label": "x"}).status_code == status


def test_what_is_looked_up_by_reference_has_an_index(site: Site) -> None:
    rows = site.sql("SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'")
    for table, column in (("registrations", "person_id"), ("person_sites", "site_id"), ("shifts", "site_id")):
        wanted = f"public.{table} USING btree ({column}"
        assert any(wanted in row.indexdef for row in rows), wanted


def test_a_site_changes_its_address_but_does_not_move_in_the_tree(site: Site, operator: Caller) -> None:
    path = f"/v1/sites/{site.id}"
    area = operator.expect(200, "GET", path)["area"]
    assert site.call("PATCH", path, {"area": area}, If_Match="*").status_code == 403
    assert site.call("PATCH", path, {"address": "New address"}, If_Match="*").status_code == 200
    assert operator.call("PATCH", path, {"area": area}, If_Match="*").status_code == 200


def test_a_closed_site_is_no_longer_found_and_publishes_nothing(site: Site, operator: Caller) -> None:
    shift, draft = site.shift(), site.activity(publish=False)
    path, close = f"/v1/sites/{site.id}", {"status": "closed"}
    assert site.call("PATCH", path, close, If_Match="*").status_code == 403
    refused = operator.call("PATCH", path, close, If_Match="*")
    assert refused.status_code == 422 and "1 shift(s)" in refused.get_data(as_text=True)
    site.expect(200, "POST", f"/v1/shifts/{shift}/cancel")
    assert operator.expect(200, "PATCH", path, close, If_Match="*")["status"] == "closed"
    told = site.events(site.id)[-1]
    assert isinstance(told, SiteSaved) and told.status == "closed"
    assert site.call("POST", f"/v1/activities/{draft}/publish").status_code == 409
    name = operator.expect(200, "GET", path)["name_zh"]
    assert "没有找到" in Caller(site.app, "").call("GET", f"/?q={name}", Accept_Language="zh").get_data(as_text=True)
    operator.expect(200, "PATCH", path, {"status": "open"}, If_Match="*")
    site.expect(200, "POST", f"/v1/activities/{draft}/publish")


def test_a_key_tells_when_it_was_last_used(site: Site, operator: Caller) -> None:
    unused = operator.expect(201, "POST", f"/v1/sites/{site.id}/keys", {"label": "unused"})
    assert "used_at" in unused
    site.expect(200, "GET", "/v1/rooms")
    keys = {one["label"]: one for one in site.expect(200, "GET", f"/v1/sites/{site.id}/keys")["items"]}
    assert keys["test"]["used_at"] and keys["unused"]["used_at"] is None
    told = "SELECT count(*) FROM audit_log WHERE kind = 'site_keys' AND action = 'update' AND site_id = :site"
    assert site.sql(told, site=site.id)[0][0] == 0
