"""Bound (b): the statement that signs people up, driven through psycopg without HTTP.

    sign_ups_by_sql(system, targets, connections=4, batch=32, seconds=3, first_person=1)   # sign-ups per second

Each connection has a thread, calls the service's own SQL function with a group of new people, and commits. Names and
contacts are encrypted once and used again: encryption is not SQL. Identities, keys and persons are new every time.
"""

import hashlib
import threading
import time
import uuid

import psycopg

from deploy.local.system import System
from services.registration.personal_data import PersonalData

BATCHES = (1, 8, 32, 64)
CALL = "SELECT verdict, count(*) FROM sign_up(%s::jsonb) GROUP BY verdict"
REQUEST = (
    '{"n":%d,"site_id":"%s","shift_id":"%s","request_id":"bench","idempotency_key":"sql-%d","fingerprint":"%s",'
    '"name":"%s","phone":"%s","email":"%s","language":"zh-CN","phone_hash":"%s","email_hash":"%s",'
    '"guardian_consent":false}'
)
PERSON = ("居民0000000000", "+8613900000000", "resident0000000000@example.org")


def sign_ups_by_sql(
    system: System, targets: list[tuple[str, str]], connections: int, batch: int, seconds: float, first_person: int
) -> float:
    """Sign-ups per second. Raises `RuntimeError` when one is not accepted: then something else was measured."""
    sites = sites_of(system, [shift for shift, _ in targets])
    people = ciphertexts(system)
    stride = 1_000_000 // connections
    drivers = [
        _Driver(system.database_urls["registration"], sites, people, batch, first_person + index * stride)
        for index in range(connections)
    ]
    start = threading.Barrier(connections + 1)
    for driver in drivers:
        driver.begin(start, seconds)
    start.wait(60)
    for driver in drivers:
        driver.join()
    if failed := [driver.failure for driver in drivers if driver.failure]:
        raise RuntimeError(f"sign-ups by SQL failed: {failed[0]}")
    return sum(driver.accepted / driver.elapsed for driver in drivers)


def sites_of(system: System, shifts: list[str]) -> list[tuple[str, str]]:
    """(site id, shift id) of each shift."""
    with psycopg.connect(system.database_urls["registration"]) as database:
        database.execute("SELECT set_config('hesheng.site', '*', true)")
        rows = database.execute("SELECT site_id::text, id::text FROM shifts WHERE id = ANY(%s)", [shifts]).fetchall()
    return [(row[0], row[1]) for row in rows]


def ciphertexts(system: System) -> list[str]:
    """An encrypted name, phone and email: base64, which PostgreSQL reads as bytea the way the service sends it."""
    environment = system.environment("registration-api")
    data = PersonalData(environment["PERSONAL_DATA_KEYS"].split(","), bytes(32))
    return [data.encrypt(value).decode() for value in PERSON]


def _hash(*parts: object) -> str:
    return "\\\\x" + hashlib.sha256(repr(parts).encode()).hexdigest()  # the backslash escaped once, for JSON


class _Driver(threading.Thread):
    """One connection that signs up group after group."""

    def __init__(self, url: str, sites: list[tuple[str, str]], people: list[str], batch: int, number: int) -> None:
        super().__init__(daemon=True)
        self._url, self._sites, self._people, self._batch, self._number = url, sites, people, batch, number
        self._run_id = uuid.uuid4().hex
        self.accepted = 0
        self.elapsed = 1.0
        self.failure = ""

    def begin(self, start: threading.Barrier, seconds: float) -> None:
        """Connect and sign up one group, so that the plans are made; then all begin together."""
        self._start, self._seconds = start, seconds
        self.start()

    def run(self) -> None:
        try:
            with psycopg.connect(self._url, autocommit=True, prepare_threshold=0) as connection:
                self._group(connection)
                self._start.wait(60)
                self._drive(connection)
        except Exception as error:  # told by the thread that waits
            self.failure = repr(error)
            self._start.abort()

    def _drive(self, connection: psycopg.Connection) -> None:
        begun = time.perf_counter()
        while (elapsed := time.perf_counter() - begun) < self._seconds:
            self.accepted += self._group(connection)
        self.elapsed = elapsed

    def _group(self, connection: psycopg.Connection) -> int:
        requests = "[" + ",".join(self._request(place) for place in range(self._batch)) + "]"
        verdicts: dict[str, int] = dict(connection.execute(CALL, [requests]).fetchall())
        if set(verdicts) != {"accepted"}:
            raise RuntimeError(f"verdicts {verdicts}")
        return self._batch

    def _request(self, place: int) -> str:
        number = self._number
        self._number += 1
        site, shift = self._sites[number * 7919 % len(self._sites)]
        fingerprint, phone, email = (_hash(kind, number, self._run_id) for kind in ("request", "phone", "email"))
        return REQUEST % (place, site, shift, number, fingerprint, *self._people, phone, email)
