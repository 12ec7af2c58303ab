"""A producer and a subscriber on scratch databases of their own: the pipeline without any service."""

import secrets
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from deploy.local.servers import Postgres, create_databases, drop_databases
from services.common.database import Database
from services.common.pipeline_tables import PRODUCER_TABLES, SUBSCRIBER_TABLES

SIDES = {"producer": PRODUCER_TABLES, "subscriber": SUBSCRIBER_TABLES}

# What handlers of these tests write: every effect is a row, so that a second one would show.
EFFECTS = "CREATE TABLE effects (id bigserial PRIMARY KEY, aggregate text NOT NULL, number integer NOT NULL)"

# What business transactions of these tests lock; `number` counts what happened to it.
THINGS = "CREATE TABLE things (aggregate text PRIMARY KEY, number integer NOT NULL DEFAULT 0)"


@pytest.fixture(scope="module")
def databases(postgres: Postgres) -> Iterator[dict[str, Database]]:
    """Both sides, with their tables."""
    urls = create_databases(postgres.admin_url, {side: secrets.token_urlsafe(16) for side in SIDES}, prefix="pipeline_")
    made = {side: Database(urls[side], pool_size=30) for side in SIDES}
    for side, database in made.items():
        with database.transaction() as session:
            session.execute(text(SIDES[side]))
            session.execute(text(THINGS if side == "producer" else EFFECTS))
    yield made
    for database in made.values():
        database.engine.dispose()
    drop_databases(postgres.admin_url, list(SIDES), prefix="pipeline_")


@pytest.fixture
def producer(databases: dict[str, Database]) -> Database:
    """The producer's database with an empty log."""
    with databases["producer"].transaction() as session:
        session.execute(text("TRUNCATE outbox, sent_pages, things RESTART IDENTITY"))
        session.execute(text("UPDATE log_heads SET sequence = 0"))
    return databases["producer"]


@pytest.fixture
def subscribing(databases: dict[str, Database]) -> Database:
    """The subscriber's database, which has applied nothing."""
    with databases["subscriber"].transaction() as session:
        session.execute(text("TRUNCATE cursors, applied, parked, effects RESTART IDENTITY"))
    return databases["subscriber"]
