"""Real servers for every test: a PostgreSQL and a Valkey, started once per session. A missing server is a failure."""

import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from deploy.local.servers import Postgres, Valkey, create_databases

ROOT = Path(__file__).parent.parent
SERVICES = ("registration", "notifications", "reporting")


PAGES = ("browser", "local", "matrix")
"""Folders whose tests take about as long as all others together."""


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Two halves, for two workers (`make test`) with servers of their own; each half has its order, whoever runs it."""
    for item in items:
        folder = item.path.relative_to(ROOT / "tests").parts[0]
        item.add_marker(pytest.mark.xdist_group("pages" if folder in PAGES else "services"))


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A PostgreSQL server of this test session."""
    server = Postgres(tmp_path_factory.mktemp("postgres"))
    server.start()
    yield server
    server.destroy()


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """A Valkey server of this test session."""
    server = Valkey(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server
    server.destroy()


@pytest.fixture(scope="session")
def broker_url(valkey: Valkey) -> str:
    """The queue."""
    return valkey.url


@pytest.fixture(scope="session")
def database_urls(postgres: Postgres) -> dict[str, str]:
    """An empty database per service, owned by its role."""
    return create_databases(postgres.admin_url, {service: secrets.token_urlsafe(16) for service in SERVICES})


@pytest.fixture(scope="session")
def service_database(database_urls: dict[str, str]) -> Callable[[str], str]:
    """Gives a service's database, migrated to the newest revision, once per session."""
    migrated: set[str] = set()

    def url(service: str) -> str:
        if service not in migrated:
            migrate(service, database_urls[service])
            migrated.add(service)
        return database_urls[service]

    return url


def migrate(service: str, url: str) -> None:
    """Bring a database to the service's newest revision."""
    subprocess.run(
        [sys.executable, "-m", "alembic", "-c", f"services/{service}/migrations/alembic.ini", "upgrade", "head"],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": url},
        check=True,
        capture_output=True,
    )


@pytest.fixture(scope="session")
def common_settings(broker_url: str, service_database: Callable[[str], str]) -> Callable[[str], dict[str, str]]:
    """What every service's settings need, as keyword arguments for its `Settings`."""

    def arguments(service: str) -> dict[str, str]:
        return {
            "database_url": service_database(service),
            "broker_url": broker_url,
            "registration_url": "http://127.0.0.1:1",
            "notifications_url": "http://127.0.0.1:1",
            "reporting_url": "http://127.0.0.1:1",
            "operator_key": OPERATOR_KEY,
            "rate_limit": "1000000",
        }

    return arguments


OPERATOR_KEY = "operator-" + secrets.token_urlsafe(32)
NOTIFICATIONS_TOKEN = "notifications-" + secrets.token_urlsafe(32)
REPORTING_TOKEN = "reporting-" + secrets.token_urlsafe(32)
PERSONAL_DATA_KEY = Fernet.generate_key().decode()
