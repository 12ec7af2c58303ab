"""A city of a million people in registration's own tables, as `pages.sql` says; filled in about a minute.

city = load_city(system)
city.site, city.crowd, city.faithful       # ids: the site that is looked at, a shift of 200, one volunteer
city.key, city.cookie                      # by which its API and its pages are opened
"""

import hashlib
import secrets
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench.place import admin
from deploy.local.system import System
from services.registration.personal_data import PersonalData

PEOPLE_OF_SITE = 20_000
SCENE = Path(__file__).with_name("pages.sql")
LARGE = ("people", "person_sites", "volunteers", "volunteer_sites", "shifts", "registrations", "service_records")
LATER = """
SELECT CASE WHEN c.oid IS NULL THEN format('DROP INDEX %%s', x.indexrelid::regclass)
            ELSE format('ALTER TABLE %%s DROP CONSTRAINT %%I', x.indrelid::regclass, c.conname) END,
       CASE WHEN c.oid IS NULL THEN pg_get_indexdef(x.indexrelid)
            ELSE format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', x.indrelid::regclass, c.conname,
                        pg_get_constraintdef(c.oid)) END
FROM pg_index AS x LEFT JOIN pg_constraint AS c ON c.conindid = x.indexrelid AND c.conrelid = x.indrelid
WHERE x.indrelid = ANY (%s::regclass[]) AND NOT x.indisprimary
AND NOT EXISTS (SELECT FROM pg_constraint AS f WHERE f.contype = 'f' AND f.conindid = x.indexrelid)
"""
"""By which statement each index but the keys is dropped, and by which it is made again."""
MINORS = 20
"""One in so many is a child: of each that a list shows, a line goes to the audit log."""


@dataclass(frozen=True)
class City:
    """What is asked for, and by what it is opened."""

    site: str
    crowd: str
    faithful: str
    key: str
    cookie: str

    @staticmethod
    def phone(place: int) -> str:
        """The phone of one of the site's people."""
        return f"+86139{place:08d}"


def load_city(system: System, data: PersonalData) -> City:
    """Fill an empty, migrated database. Analysed and flushed, as it would be on an ordinary day."""
    with admin(system, "registration") as database:
        database.execute(
            "CREATE TEMPORARY TABLE bench_people (place int, name bytea, phone bytea, email bytea, birth_date bytea,"
            " sex bytea, encrypted_with text, phone_index bytea)"
        )
        with database.cursor() as cursor, cursor.copy("COPY bench_people FROM STDIN") as copy:
            for row in _people(data):
                copy.write_row(row)
        database.execute("ANALYZE bench_people")
        with _without_indexes(database):
            database.execute(SCENE.read_bytes())
        database.execute("VACUUM ANALYZE")
        city = City(_id("site 0"), _id("the crowd"), _id("person 0"), *_credentials(database, data))
        database.execute("CHECKPOINT")
    return city


@contextmanager
def _without_indexes(database: psycopg.Connection) -> Iterator[None]:
    """Put the large tables' indexes back when the rows are there: row by row, random hashes take four times as long."""
    found = database.execute(LATER, [list(LARGE)]).fetchall()
    for drop, _ in found:
        database.execute(drop)
    database.execute("SET maintenance_work_mem = '512MB'")
    yield
    for _, create in found:
        database.execute(create)


def _people(data: PersonalData) -> Iterator[tuple[int | str | bytes, ...]]:
    for place in range(PEOPLE_OF_SITE):
        phone = City.phone(place)
        born = f"{2015 if place % MINORS == 0 else 1940 + place % 60}-07-13"
        told = (f"居民{place:05d}", phone, f"resident{place}@example.org", born, "female")
        yield place, *map(data.encrypt, told), data.newest_key, data.contact_index("phone", phone)


def _credentials(database: psycopg.Connection, data: PersonalData) -> tuple[str, str]:
    key, cookie = f"hsk_{secrets.token_urlsafe(32)}", secrets.token_urlsafe(32)
    hashes = [hashlib.sha256(secret.encode()).hexdigest() for secret in (key, cookie)]
    site = _id("site 0")
    database.execute(
        "INSERT INTO site_keys (site_id, label, prefix, sha256) VALUES (%s, 'bench', 'hsk_', %s)", [site, hashes[0]]
    )
    database.execute(
        "WITH member AS (INSERT INTO staff (email, email_hash, name, encrypted_with)"
        " VALUES (%s, %s, %s, %s) RETURNING id), granted AS ("
        " INSERT INTO staff_grants (staff_id, role, site_id) SELECT id, 'site_staff', %s FROM member)"
        " INSERT INTO staff_sessions (sha256, staff_id, site_id, expires_at)"
        " SELECT %s, id, %s, now() + interval '1 day' FROM member",
        [data.encrypt("desk@example.org"), data.account("desk@example.org"), data.encrypt("值班员"), data.newest_key,
         site, hashes[1], site],
    )  # fmt: skip
    return key, cookie


def _id(name: str) -> str:
    """As the scene makes ids."""
    return str(uuid.UUID(hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()))
