"""A data folder for each test, and stand-ins for the services: what is tested here is what runs them."""

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.local.servers import SERVICES, Postgres, Valkey
from deploy.local.system import System

APP = """
import os
from http.server import BaseHTTPRequestHandler, HTTPServer

class Ready(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

HTTPServer((os.environ["API_HOST"], int(os.environ["API_PORT"])), Ready).serve_forever()
"""
# Forks a grandchild, as Celery does.
WORKER = "import os, time\nos.fork()\nwhile True:\n    time.sleep(1)\n"
ALEMBIC = "[alembic]\nscript_location = %(here)s\n"
MIGRATIONS = """
import os
import psycopg
with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
    connection.execute("CREATE TABLE IF NOT EXISTS migrated (at timestamptz)")
"""


def write_service(root: Path, service: str) -> None:
    folder = root / "services" / service
    (folder / "migrations" / "versions").mkdir(parents=True)
    for name, text in {"app": APP, "worker": WORKER, "pump": WORKER}.items():
        (folder / f"{name}.py").write_text(text)
    (folder / "migrations" / "alembic.ini").write_text(ALEMBIC)
    (folder / "migrations" / "env.py").write_text(MIGRATIONS)


@pytest.fixture(autouse=True)
def own_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests kill servers, which must therefore be their own."""
    for name in ("DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout that holds stand-ins for the three services."""
    for service in SERVICES:
        write_service(tmp_path / "root", service)
    return tmp_path / "root"


@pytest.fixture
def make_system(root: Path, tmp_path: Path) -> Iterator[Callable[..., System]]:
    """Systems that are destroyed after the test."""
    made: list[System] = []

    def make(**arguments: Any) -> System:
        made.append(System(tmp_path / "data", root=root, **arguments))
        return made[-1]

    yield make
    for system in made:
        system.stop()
    for system in made:
        system.destroy()


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[Postgres]:
    server = Postgres(tmp_path)
    yield server
    server.destroy()


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    server = Valkey(tmp_path)
    yield server
    server.destroy()


@pytest.fixture
def folder_of_nobody() -> Iterator[Path]:
    """A folder that every user can reach, which pytest's own is not."""
    folder = Path("/var/tmp") / f"hesheng-test-{id(object())}"
    folder.mkdir(mode=0o755)
    yield folder
    with contextlib.suppress(OSError):
        shutil.rmtree(folder)
