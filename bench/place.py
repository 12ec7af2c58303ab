"""A fresh system in a folder of its own, which is gone afterwards.

with fresh_system() as system:
    programme = load_programme(system, ...)
"""

import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg
import requests

from deploy.local.system import System

FOLDER = Path(tempfile.gettempdir())
NO_LIMIT = {"RATE_LIMIT": "1000000000"}
"""All the load comes from one address: the limit must not be what is measured."""
CONSUMERS = tuple(
    f"{service}-{kind}" for service in ("notifications", "reporting") for kind in ("api", "worker", "pump")
)


@contextmanager
def fresh_system(*, processes: bool = True, told: Mapping[str, Mapping[str, str]] | None = None) -> Iterator[System]:
    """Servers, migrated databases and (unless told otherwise) the nine processes, on servers of its own. `told` goes
    into the environment of a service or process, by its name."""
    for given in ("DATABASE_URL", "REDIS_URL"):
        os.environ.pop(given, None)  # a benchmark fills and deletes databases: never those of somebody else
    system = System(Path(tempfile.mkdtemp(prefix="hesheng-bench-", dir=FOLDER)), extra=NO_LIMIT, extra_for=told)
    try:
        if processes:
            system.start()
        else:
            system.start_servers()
            system.migrate()
        yield system
    finally:
        system.destroy()


def admin(system: System, service: str) -> psycopg.Connection:
    """The superuser in a service's database: row-level security does not hide anything from it."""
    server, _, _ = system.postgres.admin_url.rpartition("/")
    name = system.database_urls[service].rpartition("/")[2]
    return psycopg.connect(f"{server}/{name}", autocommit=True)


def start_only(system: System, *names: str) -> None:
    """Start these processes of a system whose processes do not run, and wait until the apis among them answer."""
    for name in names:
        system.processes[name].start()
    for name in names:
        if name.endswith("-api"):
            wait_for(f"{system.urls[name.removesuffix('-api')]}/readyz")


def wait_for(url: str, patience: float = 60.0) -> None:
    """Return when something answers there, whatever it says. Raises `requests.RequestException` otherwise.

    A server listens before its worker has imported the application, and on a busy machine that takes longer than any
    usual time-out: a question that was taken waits for its answer as long as the patience lasts.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            requests.get(url, timeout=max(0.1, deadline - time.monotonic()))
            return
        except requests.ConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
