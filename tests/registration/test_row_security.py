"""Row-level security: a site sees its own rows only, and whoever says nothing sees nothing."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from services.common.database import Database
from tests.registration.office import Office
from tests.registration.rooms_world import book, make_room
from tests.registration.test_site_settings import png
from tests.registration.world import Site

OWNED = [
    "site_keys",
    "teams",
    "rooms",
    "activities",
    "shifts",
    "registrations",
    "person_sites",
    "people",
    "idempotency_keys",
    "site_areas",
    "site_logos",
    "activity_organisations",
    "designations",
    "team_members",
    "bookings",
    "calls",
]


@pytest.fixture
def full_site(site: Site) -> Site:
    """A site with a row in every table."""
    choir = {"name_zh": "合唱团", "name_en": "Choir", "kind": "choir"}
    team = site.expect(201, "POST", "/v1/teams", choir, Idempotency_Key="t")["id"]
    room = make_room(site)
    book(site, room, 9, 11)
    off = site.shift()
    site.sign_up(off)
    site.expect(200, "POST", f"/v1/shifts/{off}/cancel")
    made = site.sign_up(site.shift())
    site.expect(201, "POST", f"/v1/teams/{team}/members", {"person_id": made["person_id"], "agreement": "said so"})
    host = site.expect(201, "POST", "/v1/organisations", {"name_zh": "街道"})["id"]
    parts = {"organisations": [{"organisation_id": host, "role": "host"}]}
    site.expect(200, "PUT", f"/v1/activities/{made['activity_id']}/organisations", parts)
    plaque = {"name_zh": "基地", "organisation_id": host, "valid_from": "2022-06-29"}
    site.expect(201, "POST", "/v1/designations", plaque)
    key = {"Authorization": f"Bearer {site.key}"}
    assert site.app.test_client().put(f"/v1/sites/{site.id}/logo", data=png(8, 8), headers=key).status_code == 204
    return site


@pytest.mark.parametrize("table", OWNED)
def test_a_site_sees_its_own_rows_and_nobody_elses(full_site: Site, other: Site, table: str) -> None:
    seen = full_site.sql(f"SELECT ctid FROM {table}", scope=full_site.id)
    assert 0 < len(seen) <= 2
    assert not set(seen) & set(other.sql(f"SELECT ctid FROM {table}", scope=other.id))


@pytest.mark.parametrize("table", OWNED)
def test_without_a_scope_nothing_is_seen(full_site: Site, database: Database, table: str) -> None:
    for scope in (None, "", "nonsense"):
        with database.transaction(scope) as session:
            assert session.scalar(text(f"SELECT count(*) FROM {table}")) == 0


def test_every_table_with_a_site_is_secured(site: Site) -> None:
    rows = site.sql(
        "SELECT DISTINCT relname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid"
        " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        " AND attname IN ('site_id', 'person_id', 'owner')"
        " AND NOT (relrowsecurity AND relforcerowsecurity)"
    )
    assert rows == []


def test_a_site_cannot_write_for_another(site: Site, other: Site) -> None:
    with pytest.raises(ProgrammingError, match="row-level security"):
        site.sql(
            "INSERT INTO teams (site_id, name_zh, name_en, kind) VALUES (:site, 'x', 'x', 'choir')",
            scope=site.id,
            site=other.id,
        )


def test_another_sites_ids_are_not_found(site: Site, other: Site) -> None:
    shift = other.shift()
    activity = other.activity_of(shift)
    made = other.sign_up(shift)
    paths = [
        ("GET", f"/v1/activities/{activity}"),
        ("GET", f"/v1/activities/{activity}/shifts"),
        ("POST", f"/v1/activities/{activity}/publish"),
        ("POST", f"/v1/activities/{activity}/cancel"),
        ("GET", f"/v1/shifts/{shift}"),
        ("POST", f"/v1/shifts/{shift}/cancel"),
        ("GET", f"/v1/shifts/{shift}/registrations"),
        ("GET", f"/v1/registrations/{made['id']}"),
        ("POST", f"/v1/registrations/{made['id']}/cancel"),
        ("POST", f"/v1/registrations/{made['id']}/check-in"),
        ("POST", f"/v1/registrations/{made['id']}/check-out"),
        ("POST", f"/v1/registrations/{made['id']}/no-show"),
        ("GET", f"/v1/people/{made['person_id']}"),
        ("GET", f"/v1/sites/{other.id}/keys"),
    ]
    for method, path in paths:
        assert site.call(method, path).status_code == 404, path
    for path in (f"activities/{activity}", f"shifts/{shift}", f"people/{made['person_id']}", f"sites/{other.id}"):
        assert site.call("PATCH", f"/v1/{path}", {}, If_Match="*").status_code == 404, path
    assert site.try_sign_up(shift).status_code == 404
    assert other.expect(200, "GET", f"/v1/registrations/{made['id']}")["version"] == 1


def test_a_person_is_seen_by_the_sites_they_signed_up_with(site: Site, other: Site) -> None:
    person = {"name": "两站的人", "phone": "+8613700000003"}
    made = site.sign_up(site.shift(), **person)
    assert other.call("GET", f"/v1/people/{made['person_id']}").status_code == 404
    assert other.sign_up(other.shift(), **person)["person_id"] == made["person_id"]
    assert other.expect(200, "GET", f"/v1/people/{made['person_id']}")["name"] == "两站的人"


@pytest.mark.parametrize("table", ["staff", "staff_grants", "staff_sessions"])
def test_staff_are_no_sites_rows_and_seen_by_nobody_without_saying_so(
    site: Site, database: Database, office: Office, table: str
) -> None:
    office.operator()
    with database.transaction("*") as session:  # afterwards the connection's setting is '', not NULL
        assert session.scalar(text(f"SELECT count(*) FROM {table}"))
    for scope in (None, "", "-", site.id):
        with database.transaction(scope) as session:
            assert session.scalar(text(f"SELECT count(*) FROM {table}")) == 0, scope
