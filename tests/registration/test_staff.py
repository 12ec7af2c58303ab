"""Accounts and grants: who may invite whom, over what, and that taking a role away works at once."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from services.registration.operations.staff.accounts import any_older_staff_encryption, renew_staff_encryption
from services.registration.personal_data import PersonalData
from tests.registration.office import Member, Office
from tests.registration.world import Caller, Site


def _body(*grants: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"email": f"{uuid.uuid4().hex[:10]}@example.com", "name": "新同事", "grants": list(grants)} | fields


@dataclass
class Tree:
    """A city with a district with a site, and a site in another city; and the admins of the city and the district."""

    city: str
    district: str
    site: Site
    elsewhere: Site
    of_city: Member
    of_district: Member


@pytest.fixture
def tree(office: Office, make_area: Callable[..., str], make_site: Callable[..., Site]) -> Tree:
    city, other_city = make_area(), make_area()
    district = make_area(city, "district")
    admins = office.area_admin(city), office.area_admin(district)
    return Tree(city, district, make_site(area=district), make_site(area=other_city), *admins)


def _at(site: Site) -> dict[str, str]:
    return {"role": "site_staff", "site_id": site.id}


def _over(area: str) -> dict[str, str]:
    return {"role": "area_admin", "area": area}


def test_the_operators_key_makes_the_first_operator(operator: Caller) -> None:
    body = _body({"role": "operator"})
    made = operator.expect(201, "POST", "/v1/staff", body, Idempotency_Key=uuid.uuid4().hex)
    assert made["invited"] and made["email"] == body["email"] and made["grants"][0]["role"] == "operator"
    assert operator.expect(200, "GET", f"/v1/staff/{made['id']}") == made


def test_who_is_new_gets_a_link_and_who_has_come_does_not(operator: Caller, site: Site, office: Office) -> None:
    made = operator.expect(201, "POST", "/v1/staff", _body(_at(site)))
    links = "SELECT purpose, used_at, expires_at > now() + interval '6 days' AS long FROM links WHERE staff_id = :id"
    assert [tuple(row) for row in site.sql(links, id=made["id"])] == [("staff_invitation", None, True)]
    operator.expect(200, "POST", f"/v1/staff/{made['id']}/invitation")
    assert len(site.sql(links, id=made["id"])) == 2
    there = office.site_staff(site.id)
    operator.expect(201, "POST", "/v1/staff", _body({"role": "operator"}, email=there.email.upper()))
    operator.expect(409, "POST", f"/v1/staff/{there.id}/invitation")
    assert site.sql(links, id=there.id) == []


def test_an_invitation_sent_twice_is_one_account(operator: Caller, site: Site) -> None:
    body = _body(_at(site))
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda n: operator.call("POST", "/v1/staff", body | {"name": f"第{n}次"}), range(6)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5
    assert len(site.sql("SELECT FROM staff_grants WHERE site_id = :id", id=site.id)) == 1


def test_a_role_needs_what_it_is_over(operator: Caller, site: Site) -> None:
    for wrong in ({"role": "site_staff"}, {"role": "operator", "area": "140000"}, _at(site) | {"area": "140000"}):
        operator.expect(422, "POST", "/v1/staff", _body(wrong))
    for unknown in ({"role": "site_staff", "site_id": str(uuid.uuid4())}, _over("nowhere")):
        operator.expect(422, "POST", "/v1/staff", _body(unknown))


def test_an_area_admin_gives_what_lies_within_and_below(tree: Tree) -> None:
    for allowed in (_at(tree.site), _over(tree.district)):
        tree.of_city.expect(201, "POST", "/v1/staff", _body(allowed))
    for beyond in (_at(tree.elsewhere), _over(tree.city), _over("140000"), {"role": "operator"}):
        tree.of_city.expect(403, "POST", "/v1/staff", _body(beyond))
    tree.of_district.expect(403, "POST", "/v1/staff", _body(_over(tree.district)))
    tree.of_district.expect(201, "POST", "/v1/staff", _body(_at(tree.site)))
    mixed = _body(_at(tree.site), _at(tree.elsewhere))
    tree.of_city.expect(403, "POST", "/v1/staff", mixed)
    assert mixed["email"] not in str(tree.of_city.expect(200, "GET", "/v1/staff")), "nothing of it was done"


def test_site_staff_manage_nobody(tree: Tree, office: Office) -> None:
    worker = office.site_staff(tree.site.id)
    for method, path in [("GET", "/v1/staff"), ("GET", f"/v1/staff/{worker.id}"), ("POST", "/v1/staff")]:
        worker.expect(403, method, path, _body(_at(tree.site)) if method == "POST" else None)


def test_an_area_admin_sees_their_own_staff_and_those_grants_only(tree: Tree, office: Office) -> None:
    both = office.account(("site_staff", tree.site.id, None), ("site_staff", tree.elsewhere.id, None))
    other = office.account(("site_staff", tree.elsewhere.id, None))
    seen = {row["id"]: row for row in tree.of_city.expect(200, "GET", "/v1/staff?limit=200")["items"]}
    assert set(seen) == {both, tree.of_district.id}
    assert [grant["site_id"] for grant in seen[both]["grants"]] == [tree.site.id]
    for method, path in [("GET", ""), ("POST", "/invitation")]:
        tree.of_city.expect(404, method, f"/v1/staff/{other}{path}")
    tree.of_city.expect(404, "POST", f"/v1/staff/{other}/grants", _at(tree.site))
    tree.of_city.expect(404, "PATCH", f"/v1/staff/{other}", {"disabled": True}, If_Match="*")
    tree.of_district.expect(404, "GET", f"/v1/staff/{tree.of_city.id}")


def test_a_grant_beyond_ones_own_cannot_be_taken_away(tree: Tree, office: Office, operator: Caller) -> None:
    both = office.account(("site_staff", tree.site.id, None), ("site_staff", tree.elsewhere.id, None))
    grants = {g["site_id"]: g["id"] for g in operator.expect(200, "GET", f"/v1/staff/{both}")["grants"]}
    tree.of_city.expect(404, "DELETE", f"/v1/staff/{both}/grants/{grants[tree.elsewhere.id]}")
    tree.of_city.expect(403, "PATCH", f"/v1/staff/{both}", {"disabled": True}, If_Match="*")
    tree.of_city.expect(204, "DELETE", f"/v1/staff/{both}/grants/{grants[tree.site.id]}")
    tree.of_city.expect(404, "GET", f"/v1/staff/{both}")


def test_a_role_taken_away_works_at_the_next_request(tree: Tree, office: Office) -> None:
    worker = office.site_staff(tree.site.id)
    worker.expect(200, "GET", "/v1/rooms")
    grant = tree.of_city.expect(200, "GET", f"/v1/staff/{worker.id}")["grants"][0]["id"]
    tree.of_city.expect(204, "DELETE", f"/v1/staff/{worker.id}/grants/{grant}")
    worker.expect(403, "GET", "/v1/rooms")
    assert worker.expect(200, "GET", "/v1/staff/me")["role"] is None


def test_a_disabled_account_is_out_at_once_and_cannot_be_invited(tree: Tree, office: Office) -> None:
    worker = office.site_staff(tree.site.id)
    seen = tree.of_city.expect(200, "GET", f"/v1/staff/{worker.id}")
    tree.of_city.expect(428, "PATCH", f"/v1/staff/{worker.id}", {"disabled": True})
    tree.of_city.expect(412, "PATCH", f"/v1/staff/{worker.id}", {"disabled": True}, If_Match='"99"')
    tag = f'"{seen["version"]}"'
    assert tree.of_city.expect(200, "PATCH", f"/v1/staff/{worker.id}", {"disabled": True}, If_Match=tag)["disabled"]
    worker.expect(401, "GET", "/v1/rooms")
    tree.of_city.expect(409, "POST", "/v1/staff", _body(_at(tree.site), email=worker.email))
    tree.of_city.expect(200, "PATCH", f"/v1/staff/{worker.id}", {"disabled": False}, If_Match="*")
    worker.expect(401, "GET", "/v1/rooms")


def test_nobody_disables_themselves(office: Office) -> None:
    operator = office.operator()
    operator.expect(409, "PATCH", f"/v1/staff/{operator.id}", {"disabled": True}, If_Match="*")


def test_an_admin_who_is_disabled_while_they_invite_invites_nobody(tree: Tree, site: Site) -> None:
    """The grants that allow it are held until it is done: either it was allowed throughout, or it does not happen."""
    engine = site.database.engine
    with engine.connect() as connection, connection.begin() as revoking, ThreadPoolExecutor(1) as pool:
        connection.exec_driver_sql("SELECT set_config('hesheng.site', '*', true)")
        connection.exec_driver_sql(f"DELETE FROM staff_grants WHERE staff_id = '{tree.of_city.id}'")
        inviting = pool.submit(tree.of_city.call, "POST", "/v1/staff", _body(_at(tree.site)))
        with pytest.raises(TimeoutError):
            inviting.result(timeout=0.5)
        revoking.commit()
        assert inviting.result().status_code == 403


def test_operators_among_staff_act_everywhere_whatever_site_they_chose(office: Office, site: Site, other: Site) -> None:
    operator = office.operator(at=site.id)
    operator.expect(201, "POST", f"/v1/sites/{other.id}/keys", {"label": "from afar"})
    operator.expect(200, "PATCH", f"/v1/sites/{other.id}", {"address": "职工新街 1 号"}, If_Match="*")
    activity = other.activity()
    operator.expect(404, "GET", f"/v1/activities/{activity}")
    operator.expect(200, "POST", "/v1/staff/me/site", {"site_id": other.id})
    operator.expect(200, "GET", f"/v1/activities/{activity}")


def test_staff_change_their_own_site_and_not_where_it_lies(office: Office, site: Site, other: Site) -> None:
    worker = office.site_staff(site.id)
    worker.expect(200, "PATCH", f"/v1/sites/{site.id}", {"address": "职工新街 2 号"}, If_Match="*")
    worker.expect(403, "PATCH", f"/v1/sites/{site.id}", {"area": "140000"}, If_Match="*")
    forged = {"name_zh": "太原市民政局"}
    for one in (worker, site):
        refused = one.expect(403, "PATCH", f"/v1/sites/{site.id}", forged, If_Match="*")
        assert "area admin" in refused["detail"]
    worker.expect(404, "PATCH", f"/v1/sites/{other.id}", {"address": "别人的"}, If_Match="*")
    worker.expect(404, "GET", f"/v1/sites/{other.id}/keys")


def test_accounts_are_encrypted_anew_with_a_new_key(office: Office, site: Site, data: PersonalData) -> None:
    office.account(("site_staff", site.id, None), name="张三丰")
    site.sql("UPDATE staff SET encrypted_with = 'older'")
    with site.database.transaction("*") as session:
        assert any_older_staff_encryption(session, data)
        last: int | None = 0
        while last is not None:
            last = renew_staff_encryption(session, data, last)
        assert not any_older_staff_encryption(session, data)


def test_names_and_addresses_of_staff_lie_in_no_table_in_the_clear(operator: Caller, site: Site) -> None:
    body = _body(_at(site), name="标记同事", email="marked-colleague@example.com")
    operator.expect(201, "POST", "/v1/staff", body)
    for table in ("staff", "links", "audit_log", "outbox"):
        rows = str(site.sql(f"SELECT t::text FROM {table} AS t"))
        assert "标记同事" not in rows and "marked-colleague" not in rows, table
