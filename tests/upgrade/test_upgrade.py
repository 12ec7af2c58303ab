"""A system that ran the first release, with what people had told it, becomes today's.

Beside this file are dumps of its three databases: one activity, four sign-ups for two places, one of them cancelled.
"""

import secrets
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from apiflask import APIFlask

from deploy.local import binaries
from deploy.local.servers import Postgres, create_databases
from services.registration.app import make_app
from services.registration.settings import Settings
from tests.conftest import SERVICES, migrate
from tests.registration.world import Caller, fresh_phone

DUMPS = Path(__file__).parent
# The keys of that system, which was made for this test and is no more.
OPERATOR_KEY = "E6wqMdlrL7prrr33yVlWI_5ZgkROHvdzZspqkdcdMjU"
PERSONAL_DATA_KEY = "3A0GvFDu9bQ0LLLJUIY2Jwx5ZMlTMKmI8hKuzkYSVIE="
BLIND_INDEX_KEY = "adgpzXLuYWRzKHbAFhu1Usonsd7L3RahBQjM+ukcbI4="
SITE_KEY = "hsk_DTr7bLxFbgSUXjT6Pj7FnsbtWdBHbnwuo6Io3LswVLI"
SHIFT = "e764a4de-f6a2-4f23-8edc-2d7c3f55b734"


@pytest.fixture(scope="module")
def upgraded(postgres: Postgres) -> dict[str, str]:
    """The three databases of the first release, brought to the newest revision."""
    urls = create_databases(
        postgres.admin_url, {service: secrets.token_urlsafe(16) for service in SERVICES}, prefix="first_"
    )
    for service, url in urls.items():
        with psycopg.connect(url) as connection:
            connection.execute((DUMPS / f"{service}.sql").read_text())
        migrate(service, url)
    return urls


@pytest.fixture(scope="module")
def site(upgraded: dict[str, str], common_settings: Callable[[str], dict[str, str]]) -> Caller:
    """The site, as it knew itself then."""
    return Caller(_app(upgraded, common_settings("registration")), SITE_KEY)


def _app(upgraded: dict[str, str], common: dict[str, str]) -> APIFlask:
    own = {
        "database_url": upgraded["registration"],
        "operator_key": OPERATOR_KEY,
        "personal_data_keys": PERSONAL_DATA_KEY,
        "blind_index_key": BLIND_INDEX_KEY,
        "notifications_token": secrets.token_urlsafe(32),
        "reporting_token": secrets.token_urlsafe(32),
    }
    return make_app(Settings(**(common | own)))


@pytest.mark.parametrize("service", SERVICES)
def test_its_tables_are_those_of_a_new_system(
    service: str, upgraded: dict[str, str], service_database: Callable[[str], str], postgres: Postgres
) -> None:
    service_database(service)
    server = postgres.admin_url.rpartition("/")[0]
    assert _schema(f"{server}/first_{service}", f"first_{service}") == _schema(f"{server}/{service}", service)


def _schema(url: str, owner: str) -> list[str]:
    programs, _ = binaries.postgres_folder(binaries.account())
    told = subprocess.run(
        [str(programs / "pg_dump"), "--schema-only", "--no-owner", "--no-privileges", "--dbname", url],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return [line for line in told.splitlines() if line and not line.startswith(("--", "\\"))]


def test_nobody_is_lost_and_the_line_goes_on(site: Caller) -> None:
    told = _places(site)
    assert told == {"林小满": "cancelled", "和春生": "confirmed", "安雨晴": "confirmed", "常乐": "waitlisted"}
    person = {"person": {"name": "任远", "phone": fresh_phone(), "birth_date": "1990-01-01"}}
    late = site.expect(201, "POST", f"/v1/shifts/{SHIFT}/registrations", person, Idempotency_Key=secrets.token_hex(8))
    assert (late["status"], late["waitlist_position"]) == ("waitlisted", 2)
    first = next(one["id"] for one in _registrations(site) if one["status"] == "confirmed")
    site.expect(200, "POST", f"/v1/registrations/{first}/cancel", {})
    assert {"常乐": "confirmed", "任远": "waitlisted"}.items() <= _places(site).items()


def _registrations(site: Caller) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = site.expect(200, "GET", f"/v1/shifts/{SHIFT}/registrations")["items"]
    return found


def _places(site: Caller) -> dict[str, str]:
    return {
        site.expect(200, "GET", f"/v1/people/{one['person_id']}")["name"]: one["status"] for one in _registrations(site)
    }


def test_what_was_sent_and_counted_stays(upgraded: dict[str, str]) -> None:
    with psycopg.connect(upgraded["notifications"]) as connection:
        connection.execute("SELECT set_config('hesheng.site', '*', true)")
        assert connection.execute("SELECT count(*) FROM messages").fetchone() == (6,)
    with psycopg.connect(upgraded["reporting"]) as connection:
        connection.execute("SELECT set_config('hesheng.site', '*', true)")
        facts = "SELECT status, count(*)::int, sum(places)::int FROM facts GROUP BY status ORDER BY status"
        assert connection.execute(facts).fetchall() == [
            ("cancelled", 1, 1),
            ("confirmed", 2, 2),
            ("waitlisted", 1, 1),
        ]
