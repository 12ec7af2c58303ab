"""The tree of areas from a table: every fault by row and column, all or nothing; codes that end and sites that move."""

import itertools
from typing import Any

from werkzeug.test import TestResponse

from services.common.database import EVERY_SITE
from services.common.events import AreaSaved, SiteSaved
from services.registration.operations.sites.successors import any_to_follow, follow_successors
from tests.registration.office import Member, Office
from tests.registration.world import Caller, Site

_provinces = itertools.count(50)
HEAD = "code,parent,level,name_zh,name_en,valid_from,valid_until,successor\n"


def fresh() -> str:
    """First two digits of a province that no other test uses."""
    return str(next(_provinces))


def send(operator: Caller, content: str | bytes, dry: bool = False, mimetype: str = "text/csv") -> TestResponse:
    raw = content if isinstance(content, bytes) else content.encode()
    headers = {"Authorization": f"Bearer {operator.key}", "Accept-Language": "en"}
    path = f"/v1/areas/import{'?dry_run=true' if dry else ''}"
    return operator.app.test_client().open(path, method="POST", data=raw, headers=headers, content_type=mimetype)


def test_a_table_is_tried_then_applied_and_told(site: Site, operator: Caller) -> None:
    p = fresh()
    table = (
        HEAD + f"{p}0107001,{p}0107,subdistrict,职工新街街道,Zhigong Xinjie,2001-01-01,,\n"
        f"{p}0000,,province,山西省,Shanxi,,,\n{p}0100,{p}0000,city,太原市,Taiyuan,,,\n"
        f"{p}0107,{p}0100,district,杏花岭区,Xinghualing,,,\n"
    )
    tried = send(operator, table, dry=True).get_json()
    assert (tried["rows"], tried["added"], tried["applied"], tried["faults"]) == (4, 4, False, [])
    assert operator.call("GET", f"/v1/areas/{p}0100").status_code == 404
    assert send(operator, table).get_json()["applied"]
    shown = operator.expect(200, "GET", f"/v1/areas/{p}0107001")
    assert [area["code"] for area in shown["path"]] == [f"{p}0000", f"{p}0100", f"{p}0107", f"{p}0107001"]
    assert shown["valid_from"] == "2001-01-01"
    again = send(operator, table).get_json()
    assert (again["added"], again["changed"], again["unchanged"]) == (0, 0, 4)
    renamed = send(operator, HEAD + f"{p}0100,{p}0000,city,太原市,Taiyuan city,,,\n").get_json()
    assert (renamed["changed"], renamed["unchanged"]) == (1, 0)
    saved = site.events(f"{p}0100")
    assert [type(event) for event in saved] == [AreaSaved, AreaSaved]


def test_every_fault_is_told_by_row_and_column_and_nothing_is_changed(operator: Caller) -> None:
    p = fresh()
    table = HEAD + (
        f"{p}0000,,province,省,P,,,\n"
        f"{p}0100,{p}0000,town,市,C,,,\n"
        f"{p}0200,{p}0000,city,,C,2020-13-01,,\n"
        f"{p}0300,{p}9900,city,市,C,,,\n"
        f"{p}0400,{p}0000,province,市,C,,,\n"
        f"990500,{p}0000,city,市,C,,,\n"
        f"{p}0000,,province,省,P,,,\n"
        f"{p}0600,{p}0000,city,市,C,,2020-01-01,999999\n"
        f"{p}0700,{p}0000,city\n"
        "a b,,city,市,C,,,\n"
    )
    found = send(operator, table, dry=True).get_json()["faults"]
    assert [(fault["row"], fault["column"]) for fault in found] == [
        (3, "level"),
        (4, "name_zh"),
        (4, "valid_from"),
        (5, "parent"),
        (6, "level"),
        (7, "code"),
        (8, "code"),
        (9, "successor"),
        (10, ""),
        (11, "code"),
    ]
    refused = send(operator, table)
    assert refused.status_code == 422
    assert {"row 3.level", "row 4.name_zh", "row 9.successor"} <= {e["field"] for e in refused.get_json()["errors"]}
    assert operator.call("GET", f"/v1/areas/{p}0000").status_code == 404


def test_tables_come_as_json_lines_and_as_chinese_excel_writes_them(operator: Caller) -> None:
    p = fresh()
    line = f'{{"code": "{p}0000", "level": "province", "name_zh": "省", "name_en": "P"}}\n\nnonsense\n[]\n'
    answer = send(operator, line, dry=True, mimetype="application/x-ndjson").get_json()
    assert (answer["rows"], [fault["row"] for fault in answer["faults"]]) == (1, [3, 4])
    gbk = (HEAD + f"{p}0000,,province,山西省,Shanxi,,,\n").encode("gb18030")
    assert send(operator, gbk).status_code == 200
    assert operator.expect(200, "GET", f"/v1/areas/{p}0000")["name_zh"] == "山西省"
    for broken in ("", "code,level\n1,city\n", HEAD.replace("parent", "boss"), '"' + HEAD):
        assert send(operator, broken).status_code == 400


def test_an_abolished_code_stays_and_takes_no_more_sites(operator: Caller, make_site: Any) -> None:
    p = fresh()
    send(
        operator, HEAD + f"{p}0000,,province,省,P,,,\n{p}0100,{p}0000,city,旧,Old,,,\n{p}0200,{p}0000,city,新,New,,,\n"
    )
    site = make_site(area=f"{p}0100")
    ends = f"{p}0100,{p}0000,city,旧,Old,,2024-01-01,\n"
    assert send(operator, HEAD + ends, dry=True).get_json()["faults"][0]["column"] == "valid_until"
    assert send(operator, HEAD + ends.replace(",\n", f",{p}0200\n")).status_code == 200
    assert [
        a["code"] for a in operator.expect(200, "GET", f"/v1/areas?parent={p}0000&valid_on=2025-01-01")["items"]
    ] == [f"{p}0200"]
    body = {"area": f"{p}0100", "name_zh": "站", "name_en": "Site"}
    assert f"{p}0200" in operator.call("POST", "/v1/sites", body).get_json()["errors"][0]["message"]
    path = f"/v1/sites/{site.id}"
    operator.expect(200, "PATCH", path, {"area": f"{p}0200"}, If_Match="*")
    lay = site.expect(200, "GET", f"{path}/areas")["items"]
    assert lay[-1]["area"] == f"{p}0200"
    moved = site.events(site.id)[-1]
    assert isinstance(moved, SiteSaved) and str(moved.area_since) == lay[-1]["valid_from"]


def test_a_move_is_dated_within_what_was(operator: Caller, site: Site) -> None:
    p = fresh()
    send(operator, HEAD + f"{p}0000,,province,省,P,,,\n")
    path = f"/v1/sites/{site.id}"
    site.sql("UPDATE site_areas SET valid_from = '2020-01-01' WHERE site_id = :id", id=site.id)
    for since in ("2019-01-01", "2099-01-01"):
        answer = operator.call("PATCH", path, {"area": f"{p}0000", "area_since": since}, If_Match="*")
        assert answer.get_json()["errors"][0]["field"] == "area_since"
    operator.expect(200, "PATCH", path, {"area": f"{p}0000", "area_since": "2022-06-29"}, If_Match="*")
    days = [row["valid_from"] for row in site.expect(200, "GET", f"{path}/areas")["items"]]
    assert days == ["2020-01-01", "2022-06-29"]
    assert operator.call("PATCH", path, {"area_since": "2023-01-01"}, If_Match="*").status_code == 422


def test_only_the_operator_imports(site: Site) -> None:
    assert send(site, HEAD).status_code == 403


def test_area_admins_keep_what_lies_below_their_area(operator: Caller, office: Office, make_site: Any) -> None:
    p, q = fresh(), fresh()
    send(operator, HEAD + f"{p}0000,,province,省,P,,,\n{p}0100,{p}0000,city,市,C,,,\n{q}0000,,province,省,Q,,,\n")
    admin = office.area_admin(f"{p}0100", at=make_site(area=f"{p}0100").id)
    below = f"{p}0107,{p}0100,district,区,D,,,\n{p}0107001,{p}0107,subdistrict,街道,S,,,\n"
    assert _sent(admin, HEAD + below).get_json()["added"] == 2
    assert _sent(admin, HEAD + below.replace("区,D", "新区,D")).get_json()["changed"] == 1
    for others in (
        f"{p}0100,{p}0000,city,改名,C,,,\n",  # their area itself is for who keeps the province
        f"{p}0200,{p}0000,city,市,C,,,\n",
        f"{q}0000,,province,省,改名,,,\n",
        f"{p}0107,{q}0000,district,区,D,,,\n",  # moved out to others
        f"{p}9900,,province,省,P,,,\n",
    ):
        assert "code" in {fault["column"] for fault in _sent(admin, HEAD + others, dry=True).get_json()["faults"]}
        assert _sent(admin, HEAD + others).status_code == 422
    site = make_site(area=f"{p}0100")
    assert _sent(office.site_staff(site.id), HEAD + below).status_code == 403


def _sent(member: Member, table: str, dry: bool = False) -> TestResponse:
    return member.call(
        "POST", f"/v1/areas/import{'?dry_run=true' if dry else ''}", form=table.encode(), Content_Type="text/csv"
    )


def _tree(operator: Caller, p: str) -> None:
    """A province, a city, two districts, of which the first holds a subdistrict."""
    table = (
        f"{p}0000,,province,省,P,,,\n{p}0100,{p}0000,city,市,C,,,\n{p}0101,{p}0100,district,甲区,A,,,\n"
        f"{p}0102,{p}0100,district,乙区,B,,,\n{p}0101001,{p}0101,subdistrict,街道,S,,,\n"
    )
    assert send(operator, HEAD + table).status_code == 200


def test_on_the_day_sites_and_areas_move_to_the_successor(make_site: Any, operator: Caller) -> None:
    p = fresh()
    _tree(operator, p)
    site = make_site(area=f"{p}0101")
    row = f"{p}0101,{p}0100,district,甲区,A,,%s,{p}0102\n"
    later = send(operator, HEAD + row % "2090-01-01", dry=True).get_json()
    move = {"code": f"{p}0101", "successor": f"{p}0102", "on": "2090-01-01", "sites": 1, "areas": 1}
    assert later["moves"] == [move]
    assert send(operator, HEAD + row % "2090-01-01").status_code == 200
    with site.database.transaction(EVERY_SITE) as session:
        assert follow_successors(session) == 0
    site.sql("UPDATE areas SET valid_until = current_date WHERE code = :code", code=f"{p}0101")
    with site.database.transaction(EVERY_SITE) as session:
        assert any_to_follow(session)
    with site.database.transaction(EVERY_SITE) as session:
        assert follow_successors(session) == 2
    with site.database.transaction(EVERY_SITE) as session:
        assert not any_to_follow(session)
    assert operator.expect(200, "GET", f"/v1/areas/{p}0101001")["parent"] == f"{p}0102"
    told = site.events(site.id)[-1]
    assert isinstance(told, SiteSaved) and told.area == f"{p}0102"
    # The site was added today by its own clocks, which may be tomorrow in UTC: no move lies before that.
    began = site.sql("SELECT min(valid_from) AS day FROM site_areas WHERE site_id = :id", id=site.id)[0].day
    assert told.area_since == max(began, site.sql("SELECT current_date AS day")[0].day)
    assert isinstance(site.events(f"{p}0101001")[-1], AreaSaved)
    # The one that moved keeps its code, though it no longer begins as its parent's does: it may still be renamed.
    renamed = {"parent": f"{p}0102", "level": "subdistrict", "name_zh": "新街道", "name_en": "S"}
    operator.expect(200, "PUT", f"/v1/areas/{p}0101001", renamed)


def test_who_is_abolished_twice_over_ends_with_the_last_successor(make_site: Any, operator: Caller) -> None:
    p = fresh()
    _tree(operator, p)
    site = make_site(area=f"{p}0101")
    table = (
        f"{p}0103,{p}0100,district,丙区,D,,,\n{p}0102,{p}0100,district,乙区,B,,2020-06-01,{p}0103\n"
        f"{p}0101,{p}0100,district,甲区,A,,2020-01-01,{p}0102\n"
    )
    assert send(operator, HEAD + table).get_json()["moves"][0]["sites"] == 1
    assert operator.expect(200, "GET", f"/v1/sites/{site.id}")["area"] == f"{p}0103"
    ring = send(operator, HEAD + f"{p}0103,{p}0100,district,丙区,D,,2020-07-01,{p}0101\n")
    assert ring.status_code == 422 and "leads back" in ring.get_data(as_text=True)


def test_one_area_is_saved_by_the_rules_of_the_table(operator: Caller) -> None:
    p = fresh()
    _tree(operator, p)
    body = {"parent": f"{p}0000", "level": "city", "name_zh": "市", "name_en": "C"}
    answer = operator.call("PUT", f"/v1/areas/{int(p) + 1}0199", body)
    assert answer.status_code == 422 and "code" in [one["field"] for one in answer.get_json()["errors"]]
    above = body | {"parent": f"{p}0100", "valid_until": "2030-01-01", "successor": f"{p}0101", "level": "subdistrict"}
    answer = operator.call("PUT", f"/v1/areas/{p}0101001", above)
    assert "successor" in [one["field"] for one in answer.get_json()["errors"]]
