"""Real servers for every test: a PostgreSQL and a Valkey, started once per session. A missing server is a failure."""

import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography.fernet import Fernet
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

from deploy.local.servers import Postgres, Valkey, create_databases

ROOT = Path(__file__).parent.parent
SERVICES = ("registration", "notifications", "reporting")


FIRST = ("pages", "examples", "notifications", "registration", "faults", "system", "local", "reporting")
"""What takes long comes first; whatever is not among these takes a moment. Examples want an empty database of
registration, and notifications a small one: they come before registration's own tests fill it."""


class Folders(LoadScopeScheduling):  # type: ignore[misc]
    """Hands a folder of tests to whichever worker is free (`make test`), so that all are busy until the end.

    Each worker has servers of its own. Tests of a folder share a database: they stay together, and in their order.
    """

    def _split_scope(self, nodeid: str) -> str:
        folder = nodeid.partition("::")[0].split("/")[1]
        return "pages" if folder in ("browser", "matrix") else folder

    def _assign_work_unit(self, node: WorkerController) -> None:
        following = min(self.workqueue, key=lambda folder: (*FIRST, folder).index(folder))
        self.workqueue.move_to_end(following, last=False)
        super()._assign_work_unit(node)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Folders:
    """What gives the workers their tests."""
    return Folders(config, log)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A PostgreSQL server of this test session."""
    server = Postgres(tmp_path_factory.mktemp("postgres"))
    server.start()
    with psycopg.connect(server.admin_url, autocommit=True) as connection:
        # What is killed in tests are servers of their own: this one need not wait for the disk at each commit.
        connection.execute("ALTER SYSTEM SET synchronous_commit = off")
        connection.execute("SELECT pg_reload_conf()")
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
