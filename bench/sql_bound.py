"""Bound (b): the statement that signs people up, driven through psycopg without HTTP.

    sign_ups_by_sql(system, targets, connections=4, batch=32, seconds=3, first_person=1)   # sign-ups per second

Each connection has a thread, calls the service's own SQL function with a group of new people, and commits. Names and
contacts are encrypted once and used again: encryption is not SQL. Identities, keys and persons are new every time.
"""

import contextlib
import json
import random
import threading
import time
import uuid

import psycopg

from deploy.local.system import System
from services.common.database import Database
from services.common.idempotency import Attempt
from services.registration.operations.seats.sign_up import SignUps
from services.registration.personal_data import PersonalData
from services.registration.schemas.registrations import SignUpBody

BATCHES = (1, 8, 32, 64)
CALL = "SELECT verdict, count(*) FROM sign_up(%s::jsonb, true) GROUP BY verdict"
PERSON = {"name": "居民0000000000", "phone": "+8613900000000", "email": "resident0000000000@example.org"}
NEW = ("idempotency_key", "fingerprint")


def sign_ups_by_sql(
    system: System, targets: list[tuple[str, str]], connections: int, batch: int, seconds: float, first_person: int
) -> float:
    """Sign-ups per second. Raises `RuntimeError` when one is not accepted: then something else was measured."""
    sites = sites_of(system, [shift for shift, _ in targets])
    template = request_template(system)
    stride = 1_000_000 // connections
    drivers = [
        _Driver(system.database_urls["registration"], sites, template, batch, first_person + index * stride)
        for index in range(connections)
    ]
    start = threading.Barrier(connections + 1)
    for driver in drivers:
        driver.begin(start, seconds)
    with contextlib.suppress(threading.BrokenBarrierError):  # then a driver says why
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


def personal_data(system: System) -> PersonalData:
    """The cipher that the system's registration uses."""
    environment = system.environment("registration-api")
    return PersonalData(environment["PERSONAL_DATA_KEYS"].split(","), bytes(32))


def request_template(system: System) -> str:
    """What the service itself would send to the database for a person, with names for all that is new each time.

    Its own code makes it, so that this measures what it really sends, whatever that will be.
    """
    sign_ups = SignUps(Database(system.database_urls["registration"]), personal_data(system))
    body = SignUpBody.model_validate({"person": PERSON})
    attempt = Attempt(owner="bench", key="bench", fingerprint=bytes(32))
    request = sign_ups.request(uuid.UUID(int=1), uuid.UUID(int=2), body, attempt)
    new = {name: f"%({name})s" for name in request if name in NEW or name.endswith(("_hash", "_id"))}
    return json.dumps({"n": 0} | request | new, ensure_ascii=False).replace('"n": 0', '"n": %(n)d')


class _Driver(threading.Thread):
    """One connection that signs up group after group."""

    def __init__(self, url: str, sites: list[tuple[str, str]], template: str, batch: int, number: int) -> None:
        super().__init__(daemon=True)
        self._url, self._sites, self._template, self._batch, self._number = url, sites, template, batch, number
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
        except threading.BrokenBarrierError:
            pass  # another one failed, and says why
        except Exception as error:
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
        return self._template % _New(place, number, site, shift)


class _New(dict[str, object]):
    """Gives each name of the template a value of its own: hashes and ids at random, so that none comes twice."""

    def __init__(self, place: int, number: int, site: str, shift: str) -> None:
        super().__init__(n=place, site_id=site, shift_id=shift, request_id="bench", idempotency_key=f"sql-{number}")

    def __missing__(self, name: str) -> str:
        if name.endswith("_id"):
            return random.randbytes(16).hex()
        return "\\\\x" + random.randbytes(32).hex()  # the backslash escaped once, for JSON
