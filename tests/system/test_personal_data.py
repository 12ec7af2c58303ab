"""A marked person is planted; the mark must be found nowhere but in the mail sink and behind registration's API."""

import json
from collections.abc import Iterator

import psycopg
import pytest
import redis
import requests
from psycopg import sql

from deploy.local.system import System
from tests.system.conftest import Api, eventually, mails_to, new_shift

MARKS = ("Zhangmarkplanted", "planted-mark", "13912349876", "1987-03-09")


@pytest.fixture(scope="module")
def planted(system: System, operator: Api, area: str) -> dict[str, str]:
    """A person whose every detail is a mark, who went through the whole life of a registration."""
    made = operator.post("/v1/sites", {"area": area, "name_zh": "标记中心", "name_en": "Mark centre"})
    site = Api(operator.base, operator.post(f"/v1/sites/{made['id']}/keys", {"label": "mark"})["key"])
    person = {
        "name": "Zhangmarkplanted",
        "email": "planted-mark@example.com",
        "phone": "+8613912349876",
        "birth_date": "1987-03-09",
    }
    shift = new_shift(site, volunteering=True)
    registration = site.post(f"/v1/shifts/{shift['id']}/registrations", {"person": person})
    site.call("POST", f"/v1/shifts/{shift['id']}/registrations", 409, {"person": person})
    bad = {"person": person | {"phone": "139 1234 9876 5", "colour": "red"}}
    site.call("POST", f"/v1/shifts/{shift['id']}/registrations", 422, bad)
    eventually(lambda: mails_to(system, "planted-mark@example.com"))
    site.post(f"/v1/registrations/{registration['id']}/cancel", {}, expect=200)
    eventually(lambda: len(mails_to(system, "planted-mark@example.com")) == 2)
    assert site.get(f"/v1/people/{registration['person_id']}")["name"] == "Zhangmarkplanted"
    return {"site_key": site.key, "site_id": made["id"], "person_id": registration["person_id"]}


def _rows(url: str) -> Iterator[tuple[str, str]]:
    """Every row of every table, as text, with the table's name."""
    with psycopg.connect(url) as connection:
        connection.execute("SELECT set_config('hesheng.site', '*', false)")
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            for (row,) in connection.execute(sql.SQL("SELECT t::text FROM {} AS t").format(sql.Identifier(table))):
                yield table, row


def _found(text: str) -> list[str]:
    return [mark for mark in MARKS if mark in text]


@pytest.mark.parametrize("service", ["registration", "notifications", "reporting"])
def test_no_database_holds_it_in_the_clear(system: System, planted: dict[str, str], service: str) -> None:
    rows = list(_rows(system.database_urls[service]))
    assert len(rows) > 20, "row-level security hid the tables from the test"
    assert [(table, _found(row)) for table, row in rows if _found(row)] == []


def test_no_log_holds_it(system: System, planted: dict[str, str]) -> None:
    logs = [*system.logs.glob("*.log"), *system.data.glob("*/server.log")]
    assert len(logs) >= 9
    assert [
        (log.name, _found(log.read_text(errors="replace"))) for log in logs if _found(log.read_text(errors="replace"))
    ] == []


def test_the_queue_never_held_it(system: System, planted: dict[str, str]) -> None:
    """The append-only file keeps every write since the start, also of what is gone from the queue."""
    redis.Redis.from_url(system.valkey.url).ping()
    files = [path for path in (system.data / "valkey").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) > 1000
    assert [
        (path.name, _found(path.read_bytes().decode(errors="replace")))
        for path in files
        if _found(path.read_bytes().decode(errors="replace"))
    ] == []


def test_neither_metrics_nor_feed_nor_status_show_it(system: System, planted: dict[str, str]) -> None:
    for service, url in system.urls.items():
        if service == "mails":
            continue
        assert _found(requests.get(f"{url}/metrics", timeout=10).text) == []
        key = {"Authorization": f"Bearer {system.operator_key}"}
        assert _found(requests.get(f"{url}/internal/status", headers=key, timeout=10).text) == []
    token = {"Authorization": f"Bearer {system.secrets['REPORTING_TOKEN']}"}
    for partition in range(16):
        page = requests.get(
            f"{system.urls['registration']}/events",
            params={"partition": partition, "after": 0, "limit": 1000},
            headers=token,
            timeout=10,
        )
        assert page.json()["events"] is not None
        assert _found(json.dumps(page.json(), ensure_ascii=False)) == []


def test_another_site_and_the_reporting_service_cannot_read_the_person(
    system: System, planted: dict[str, str], site: Api
) -> None:
    site.call("GET", f"/v1/people/{planted['person_id']}", 404)
    body = {"people": [{"person_id": planted["person_id"], "site_id": planted["site_id"]}]}
    for key in (system.secrets["REPORTING_TOKEN"], planted["site_key"], system.operator_key):
        Api(site.base, key).call("POST", "/internal/contacts", 403, body)
    told = Api(site.base, system.secrets["NOTIFICATIONS_TOKEN"]).call("POST", "/internal/contacts", 200, body).json()
    assert told["contacts"][0]["email"] == "planted-mark@example.com"
