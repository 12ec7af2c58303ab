"""People who are to be reminded: in registration, where their contacts are asked for, and in notifications.

people = make_people(system, 2_000, ("name", "email"))
fill(system, people, due=100_000, ahead=900_000)
"""

from collections.abc import Sequence
from pathlib import Path

from bench.place import admin
from bench.sql_bound import personal_data
from deploy.local.system import System

SITE = "00000000-0000-0000-0000-000000000001"
"""As in the scene."""

EMAIL, PHONE = "resident0000000000@example.org", "+86139%08d"
SCENE = Path(__file__).with_name("reminders.sql")


def make_people(system: System, count: int, *, by: str = "email") -> list[str]:
    """A site, and people of it, each with an address or a phone number."""
    with admin(system, "registration") as registration:
        registration.execute(
            "WITH area AS (INSERT INTO areas (code, level, name_zh, name_en) VALUES ('1', 'city', '太原市', 'Taiyuan'))"
            " INSERT INTO sites (id, area, name_zh, name_en, time_zone) VALUES (%s, '1', '社区', 'Site', 'UTC')",
            [SITE],
        )
    return add_people(system, SITE, count, by=by)


def add_people(system: System, site: str, count: int, *, by: str = "email") -> list[str]:
    """People whom a site knows, each with an address (the same: a sink takes any), or with a number of their own."""
    data = personal_data(system)
    same = data.encrypt(EMAIL)
    contacts = [same if by == "email" else data.encrypt(PHONE % number) for number in range(count)]
    with admin(system, "registration") as registration:
        rows = registration.execute(
            "WITH new AS (INSERT INTO people SELECT FROM generate_series(1, %s::int) RETURNING id),"
            " numbered AS (SELECT id, row_number() OVER () AS place FROM new)"
            f" INSERT INTO person_sites (person_id, site_id, name, {by}, encrypted_with)"
            " SELECT id, %s, %s::bytea, (%s::bytea[])[place], %s FROM numbered RETURNING person_id::text",
            [count, site, data.encrypt("居民"), contacts, data.newest_key],
        )
        return [row[0] for row in rows]


def fill(system: System, people: Sequence[str], due: int, ahead: int) -> None:
    """Reminders of these people: so many due now, so many not yet."""
    with admin(system, "notifications") as notifications:
        notifications.execute("CREATE TEMPORARY TABLE bench_people (id uuid)")
        notifications.execute("INSERT INTO bench_people SELECT unnest(%s::uuid[])", [list(people)])
        notifications.execute(
            "CREATE TEMPORARY TABLE bench_size AS SELECT %s::int AS due, %s::int AS ahead", [due, ahead]
        )
        notifications.execute(SCENE.read_bytes())
        notifications.execute("VACUUM ANALYZE")
        notifications.execute("CHECKPOINT")
