"""Imports: 100,000 people from a CSV file through the api and the worker, beside a bare COPY of the same rows."""

import io
import threading
import time
from typing import Any

import psycopg
import requests

from bench.memory import used_mb
from bench.place import admin, fresh_system, start_only
from bench.programme import AREAS, Api
from bench.report import Report, Value
from deploy.local.system import System

PEOPLE = 100_000
PART = 900_000
PATIENCE = 300.0
TABLE = "100,000 people"


class PeakMemory(threading.Thread):
    """What a process and its children use, at most, looked at five times a second."""

    def __init__(self, group: int) -> None:
        super().__init__(daemon=True)
        self._group = group
        self._over = threading.Event()
        self.peak: dict[str, float] = {}

    def run(self) -> None:
        while not self._over.wait(0.2):
            for kind, size in used_mb(self._group).items():
                self.peak[kind] = max(self.peak.get(kind, 0.0), size)

    def stop(self) -> dict[str, float]:
        """The peak so far, in MB."""
        self._over.set()
        self.join()
        return self.peak


def measure(report: Report) -> None:
    """Upload, dry run, applying; then the rows as they now are, copied into empty tables with the same indexes."""
    with fresh_system(processes=False) as system:
        start_only(system, "registration-api", "registration-worker", "registration-pump")
        api, key = _site(system)
        url = f"{system.urls['registration']}/v1/imports"
        made = api.call("POST", "/v1/imports", {"kind": "people"})["id"]
        report.note(f"importing {PEOPLE:,} people")
        begun = time.perf_counter()
        size = _upload(f"{url}/{made}", key)
        report.row(TABLE, "upload", *_took(time.perf_counter() - begun), Value("file", size / 1e6, "MB"))
        worker = system.processes["registration-worker"].pid
        idle = used_mb(worker or 0)
        for name, ask, body in (("dry run", "check", None), ("applied", "apply", {"agreed": "bench"})):
            memory = PeakMemory(worker or 0)
            memory.start()
            begun = time.perf_counter()
            api.call("POST", f"/v1/imports/{made}/{ask}", body)
            _wait(api, made, "checked" if ask == "check" else "done")
            took, peak = time.perf_counter() - begun, memory.stop()
            report.row(
                TABLE, name, *_took(took),
                *(Value(f"worker's {kind} at most", value, "MB") for kind, value in peak.items()),
                *(Value(f"{kind} before", value, "MB") for kind, value in idle.items()),
            )  # fmt: skip
        with admin(system, "registration") as database:
            report.row(TABLE, "a bare COPY of the same rows", *_took(_bare_copy(database)))


def _took(seconds: float) -> tuple[Value, Value]:
    return Value("rate", PEOPLE / seconds, "rows/s"), Value("took", seconds, "s")


def _site(system: System) -> tuple[Api, str]:
    url = system.urls["registration"]
    operator = Api(url, system.operator_key)
    for code, parent, level, name_zh, name_en in AREAS:
        area = {"parent": parent, "level": level, "name_zh": name_zh, "name_en": name_en}
        operator.call("PUT", f"/v1/areas/{code}", area)
    site = operator.call("POST", "/v1/sites", {"area": "140107", "name_zh": "社区", "name_en": "Community"})["id"]
    key = operator.call("POST", f"/v1/sites/{site}/keys", {"label": "bench"})["key"]
    return Api(url, key), key


def _upload(url: str, key: str) -> int:
    lines = ["姓名,电话,电子邮件,出生日期"]
    lines += [f"居民{n},138{n:08d},resident{n}@example.com,1961-07-13" for n in range(PEOPLE)]
    content = "\n".join(lines).encode()
    with requests.Session() as http:
        http.trust_env = False
        http.headers["Authorization"] = f"Bearer {key}"
        for number, begin in enumerate(range(0, len(content), PART), start=1):
            http.put(f"{url}/parts/{number}", data=content[begin : begin + PART], timeout=60).raise_for_status()
    return len(content)


def _wait(api: Api, made: str, state: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE
    while (found := api.call("GET", f"/v1/imports/{made}"))["state"] != state:
        if found["state"] == "failed" or time.monotonic() > deadline:
            raise RuntimeError(f"the import is {found['state']}: {found['error']}")
        time.sleep(0.1)
    if found["good_rows"] != PEOPLE:
        raise RuntimeError(f"{found['good_rows']} good rows instead of {PEOPLE}")
    return found


def _bare_copy(database: psycopg.Connection) -> float:
    """Seconds to COPY everybody, as encrypted by the import, into empty tables with the same columns and indexes."""
    kept = {table: _copied_out(database, table) for table in ("people", "person_sites")}
    for table in kept:
        database.execute(f"CREATE TABLE bare_{table} (LIKE {table} INCLUDING ALL)".encode())
    begun = time.perf_counter()
    with database.transaction():
        for table, content in kept.items():
            with database.cursor() as cursor, cursor.copy(f"COPY bare_{table} FROM STDIN (FORMAT binary)") as copy:
                copy.write(content)
    return time.perf_counter() - begun


def _copied_out(database: psycopg.Connection, table: str) -> bytes:
    content = io.BytesIO()
    with database.cursor() as cursor, cursor.copy(f"COPY {table} TO STDOUT (FORMAT binary)") as copy:
        for piece in copy:
            content.write(piece)
    return content.getvalue()
