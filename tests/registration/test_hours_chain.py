"""The chain of records: one whatever happens at once, and no change behind the service's back goes unnoticed."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from deploy.local.servers import Postgres
from services.common.database import EVERY_SITE, Database
from services.registration.hours_check import find_breaks, words
from services.registration.models import ServiceRecord
from services.registration.settings import Settings
from tests.registration.hours_world import earn, minutes_agree, moment, over, records_of, second_person
from tests.registration.office import Office
from tests.registration.test_concurrency import at_once, in_another_process
from tests.registration.world import Site


def breaks(site: Site) -> list[tuple[int, str]]:
    with site.database.transaction(EVERY_SITE) as session:
        return [(b.number, b.what) for b in find_breaks(session) if str(b.site_id) == site.id]


@contextmanager
def behind_the_triggers(postgres: Postgres, settings: Settings) -> Iterator[Any]:
    """A superuser in the service's database, whom no trigger and no row-level security stops."""
    name = settings.database_dsn.rsplit("/", 1)[1].split("?")[0]
    address = postgres.admin_url.rsplit("/", 1)[0] + "/" + name
    with psycopg.connect(address) as connection:
        connection.execute("SET session_replication_role = replica")
        yield connection


def five_records(site: Site) -> list[Any]:
    _, registrations = over(site, people=5)
    for registration in registrations:
        earn(site, registration)
    return site.sql("SELECT * FROM service_records WHERE site_id = :s ORDER BY number", s=site.id)


def test_a_chain_that_nobody_touched_is_whole(site: Site) -> None:
    rows = five_records(site)
    assert [row.number for row in rows] == [1, 2, 3, 4, 5]
    assert breaks(site) == []
    with site.database.transaction(EVERY_SITE) as session:
        record = session.get(ServiceRecord, rows[2].id)
        said = site.sql("SELECT service_record_words(r) AS words FROM service_records AS r WHERE id = :i", i=rows[2].id)
        assert words(record) == said[0].words


@pytest.mark.parametrize(
    ("tampering", "number", "what"),
    [
        ("UPDATE service_records SET minutes = 119 WHERE site_id = %(s)s AND number = 3", 3, "was changed"),
        ("UPDATE service_records SET recorded_at = recorded_at - interval '1 day' WHERE site_id = %(s)s AND number = 2",
         2, "was changed"),
        ("DELETE FROM service_records WHERE site_id = %(s)s AND number = 4", 4, "missing"),
        ("DELETE FROM service_records WHERE site_id = %(s)s AND number = 5", 5, "ends after 4"),
        ("UPDATE service_records SET previous = hash WHERE site_id = %(s)s AND number = 4", 4, "does not follow"),
        ("UPDATE record_chains SET head = 'x' WHERE site_id = %(s)s", 6, "ends after 5"),
    ],
)  # fmt: skip
def test_tampering_shows_at_the_first_record(
    site: Site, postgres: Postgres, settings: Settings, tampering: str, number: int, what: str
) -> None:
    five_records(site)
    with behind_the_triggers(postgres, settings) as superuser:
        superuser.execute(tampering, {"s": site.id})
    [(found, said)] = breaks(site)
    assert found == number and what in said


def test_who_rewrites_all_hashes_still_disagrees_with_what_was_told(
    site: Site, postgres: Postgres, settings: Settings
) -> None:
    five_records(site)
    with behind_the_triggers(postgres, settings) as superuser:
        superuser.execute("UPDATE service_records SET minutes = 1 WHERE site_id = %s AND number = 4", [site.id])
        previous = superuser.execute(
            "SELECT hash FROM service_records WHERE site_id = %s AND number = 3", [site.id]
        ).fetchone()[0]
        for number in (4, 5):
            previous = superuser.execute(
                "UPDATE service_records AS r SET previous = %(p)s,"
                " hash = sha256(%(p)s || convert_to(service_record_words(r), 'UTF8'))"
                " WHERE site_id = %(s)s AND number = %(n)s RETURNING hash",
                {"p": previous, "s": site.id, "n": number},
            ).fetchone()[0]
        superuser.execute("UPDATE record_chains SET head = %s WHERE site_id = %s", [previous, site.id])
    [(number, what)] = breaks(site)
    assert number == 4 and "told to the other services" in what


def test_many_who_append_at_once_make_one_chain(site: Site, settings: Settings) -> None:
    _, registrations = over(site, people=24)
    for registration in registrations:
        site.expect(200, "POST", f"/v1/registrations/{registration}/check-in", {"at": moment(-3)})
    doors = [site, in_another_process(site, settings)]

    def leave(number: int) -> int:
        path = f"/v1/registrations/{registrations[number % 24]}/check-out"
        return doors[number % 2].call("POST", path, {"at": moment(-1 - number % 3 / 10)}).status_code

    assert set(at_once(48, leave)) == {200}
    rows = site.sql("SELECT number FROM service_records WHERE site_id = :s ORDER BY number", s=site.id)
    assert [row.number for row in rows] == list(range(1, len(rows) + 1)) and len(rows) >= 24
    assert breaks(site) == [] and minutes_agree(site)


def test_of_two_approvals_at_once_one_counts(site: Site, office: Office) -> None:
    _, [registration] = over(site, ago=48)
    body = {"checked_in_at": moment(-50), "checked_out_at": moment(-48), "reason": "补录"}
    entry = site.expect(201, "POST", f"/v1/registrations/{registration}/later-entries", body)
    others = [second_person(office, site) for _ in range(4)]
    path = f"/v1/later-entries/{entry['id']}/approve"
    answers = at_once(8, lambda n: others[n % 4].call("POST", path, {"reason": json.dumps(n) + "!!"}).status_code)
    assert sorted(answers) == [200] + [409] * 7
    assert len(records_of(site, registration)) == 1 and breaks(site) == []


def test_two_corrections_at_once_do_not_fork(site: Site) -> None:
    _, [registration] = over(site)
    earn(site, registration)
    [record] = records_of(site, registration)
    path = f"/v1/service-records/{record.id}/corrections"
    answers = at_once(8, lambda n: site.call("POST", path, {"minutes": n, "reason": "更正"}).status_code)
    assert sorted(answers) == [201] + [409] * 7
    assert len(records_of(site, registration)) == 2 and minutes_agree(site)


def test_the_program_names_what_it_found(
    site: Site, postgres: Postgres, settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.testing import CliRunner

    from services.registration import hours_check

    five_records(site)
    with behind_the_triggers(postgres, settings) as superuser:
        superuser.execute("UPDATE service_records SET minutes = 3 WHERE site_id = %s AND number = 2", [site.id])
    monkeypatch.setattr(hours_check, "Settings", lambda: settings)
    result = CliRunner().invoke(hours_check.main, [])
    assert result.exit_code == 1 and f"site {site.id}, record 2" in result.output
