"""The reporting service on a real database, fed by a log in memory."""

from collections.abc import Callable, Iterator

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from services.common.apply import Subscriber
from services.common.database import Database
from services.reporting.app import make_app
from services.reporting.handlers import HANDLERS
from services.reporting.models import METADATA
from services.reporting.rebuild import PIPELINE
from services.reporting.settings import Settings
from tests.conftest import REPORTING_TOKEN
from tests.reporting.log import MemoryLog

RECOUNTS = ("recounts", "recount_differences")


@pytest.fixture(scope="session")
def settings(common_settings: Callable[[str], dict[str, str]]) -> Settings:
    """Settings of the service under test."""
    return Settings(**common_settings("reporting"), reporting_token=REPORTING_TOKEN)


@pytest.fixture(scope="session")
def reporting(settings: Settings) -> Database:
    """The service's database."""
    return Database(settings.database_dsn)


def empty(database: Database) -> None:
    """Nothing is known and nothing was applied."""
    with database.transaction() as session:
        session.execute(text(f"TRUNCATE {', '.join([*METADATA.tables, *PIPELINE, 'site_keys', *RECOUNTS])}"))
        session.execute(text("UPDATE caught_up SET as_of = DEFAULT"))
        session.execute(text("UPDATE tree SET version = DEFAULT, built = DEFAULT"))


@pytest.fixture
def database(reporting: Database) -> Iterator[Database]:
    """The service's database, empty."""
    empty(reporting)
    yield reporting


@pytest.fixture
def log() -> MemoryLog:
    """The producer's log."""
    return MemoryLog()


@pytest.fixture
def subscriber(database: Database, log: MemoryLog) -> Subscriber:
    """The real subscriber with the real handlers, reading the log in memory."""
    return Subscriber(database, log, HANDLERS)


@pytest.fixture(scope="session")
def application(settings: Settings) -> FlaskClient:
    """The HTTP application."""
    return make_app(settings).test_client()


@pytest.fixture
def client(application: FlaskClient, database: Database) -> FlaskClient:
    """The HTTP application over an empty database."""
    return application
