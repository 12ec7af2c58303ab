"""Whatever happens in the city, in whatever pages it arrives: what is read of each subject equals a recount."""

from datetime import date
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from services.common.apply import Subscriber
from services.common.database import EVERY_SITE, Database
from services.reporting.handlers import HANDLERS
from services.reporting.rebuild import rebuild
from tests.reporting.city import City
from tests.reporting.conftest import empty
from tests.reporting.log import MemoryLog
from tests.reporting.recounts import COUNTS, COUNTS_ON_A_DAY, Rows
from tests.reporting.test_exact import books, deliver, number
from tests.reporting.world import Step

long_steps = st.lists(st.tuples(number, number, number, number), min_size=60, max_size=200)


# A sign-up that comes twice is an error, and parks its activity.
OF_REGISTRATIONS = ("hesheng.registration.", "hesheng.attendance.")


def rows_of(database: Database, query: str, **values: Any) -> Rows:
    with database.transaction(EVERY_SITE) as session:
        return [tuple(row) for row in session.execute(text(query), values)]


def in_order(rows: Rows) -> Rows:
    return sorted(rows, key=repr)


def differences(database: Database, city: City, day: date) -> dict[str, tuple[Rows, Rows]]:
    """By query: what it gives, and what it should."""
    both = {query: (rows_of(database, query), count(city)) for query, count in COUNTS.items()}
    for query, count in COUNTS_ON_A_DAY.items():
        both[query] = (rows_of(database, query, day=day), count(city, day))
    ordered = {query: (in_order(found), in_order(expected)) for query, (found, expected) in both.items()}
    return {query: (found, expected) for query, (found, expected) in ordered.items() if found != expected}


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(history=long_steps, seed=number, day=st.dates(date(2025, 12, 31), date(2026, 6, 1)))
def test_each_subject_equals_a_recount_and_a_rebuild(
    database: Database, history: list[Step], seed: int, day: date
) -> None:
    empty(database)
    chance = Random(seed)
    city = City(MemoryLog())
    city.live(history)
    deliver(city.log, database, chance)
    assert rows_of(database, "SELECT error FROM parked") == []
    assert differences(database, city, day) == {}
    before = books(database)
    city.log.shuffle(chance)
    rebuild(database, Subscriber(database, city.log, HANDLERS))
    assert books(database) == before


def test_what_is_applied_twice_counts_once(database: Database) -> None:
    """As after a cursor went back."""
    chance = Random(7)
    city = City(MemoryLog())
    city.live([tuple(chance.randrange(10_000) for _ in range(4)) for _ in range(400)])
    log = MemoryLog()
    for envelopes in city.log.partitions.values():
        log.add(*(envelope.event() for envelope in envelopes if not envelope.type.startswith(OF_REGISTRATIONS)))
    subscriber = Subscriber(database, log, HANDLERS)
    subscriber.catch_up_fully()
    before = books(database)
    with database.transaction() as session:
        session.execute(text("TRUNCATE cursors, applied"))
    subscriber.catch_up_fully()
    assert rows_of(database, "SELECT error FROM parked") == []
    assert books(database) == before
