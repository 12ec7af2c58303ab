"""Imports: 100,000 volunteers from a CSV file through the api and the worker, beside a bare COPY of the same rows.

`python -m bench imports --rows 2000000` brings in so many people (name, contact, birth date) instead: a city's list.
"""

import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import requests
from stdnum.cn import ric

from bench.memory import used_mb
from bench.place import admin, fresh_system, start_only
from bench.programme import AREAS, Api
from bench.report import Report, Value
from deploy.local.system import System

VOLUNTEERS = 100_000
PART = 900_000
LEAST_RATE = 100
"""Rows a second: what is slower has stopped."""
PEOPLE = ("people", "person_sites")
TABLES = {"people": PEOPLE, "volunteers": (*PEOPLE, "volunteers", "volunteer_sites", "consents")}
HEADINGS = {
    "people": "姓名,电话,电子邮件,出生日期",
    "volunteers": "姓名,电话,电子邮件,身份证号码,同意登记身份证号码,居住区域,技能,服务类别,同意日期",
}


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


def measure(report: Report, rows: int | None = None) -> None:
    """Upload, dry run, applying; then the rows as they now are, copied into empty tables with the same indexes."""
    kind, count = ("people", rows) if rows else ("volunteers", VOLUNTEERS)
    table = f"{count:,} {kind}"
    with fresh_system(processes=False) as system:
        start_only(system, "registration-api", "registration-worker", "registration-pump")
        api, key = _site(system)
        url = f"{system.urls['registration']}/v1/imports"
        made = api.call("POST", "/v1/imports", {"kind": kind})["id"]
        report.note(f"importing {table}")
        begun = time.perf_counter()
        size = _upload(f"{url}/{made}", key, kind, count)
        report.row(table, "upload", *_took(count, time.perf_counter() - begun), Value("file", size / 1e6, "MB"))
        worker = system.processes["registration-worker"].pid or 0
        idle = used_mb(worker)
        for name, ask, body in (("dry run", "check", None), ("applied", "apply", {"agreed": "bench"})):
            memory = PeakMemory(worker)
            memory.start()
            begun = time.perf_counter()
            api.call("POST", f"/v1/imports/{made}/{ask}", body)
            _wait(api, made, "checked" if ask == "check" else "done", count)
            took, peak = time.perf_counter() - begun, memory.stop()
            report.row(
                table, name, *_took(count, took),
                *(Value(f"worker's {kind} at most", value, "MB") for kind, value in peak.items()),
                *(Value(f"{kind} before", value, "MB") for kind, value in idle.items()),
            )  # fmt: skip
        with admin(system, "registration") as database:
            bare = _bare_copy(database, TABLES[kind])
            report.row(table, "a bare COPY of the same rows", *_took(count, bare))


def _took(count: int, seconds: float) -> tuple[Value, Value]:
    return Value("rate", count / seconds, "rows/s"), Value("took", seconds, "s")


def _site(system: System) -> tuple[Api, str]:
    url = system.urls["registration"]
    operator = Api(url, system.operator_key)
    for code, parent, level, name_zh, name_en in AREAS:
        area = {"parent": parent, "level": level, "name_zh": name_zh, "name_en": name_en}
        operator.call("PUT", f"/v1/areas/{code}", area)
    site = operator.call("POST", "/v1/sites", {"area": "140107", "name_zh": "社区", "name_en": "Community"})["id"]
    key = operator.call("POST", f"/v1/sites/{site}/keys", {"label": "bench"})["key"]
    return Api(url, key), key


def _lines(kind: str, count: int) -> Iterator[str]:
    yield HEADINGS[kind]
    for n in range(count):
        person = f"居民{n},138{n:08d},resident{n}@example.com"
        if kind == "people":
            yield f"{person},1961-07-13"
        else:
            yield f"{person},{_id_number(n)},2026-05-12,140107,急救、歌唱,助老服务,2026-05-12"


def _id_number(n: int) -> str:
    """A valid number for each: a hundred days of many years, five hundred on each."""
    day, order = divmod(n, 500)
    digits = f"140107{1940 + day // 300}{day // 25 % 12 + 1:02d}{day % 25 + 1:02d}{order * 2:03d}"
    return digits + ric.calc_check_digit(digits + "0")


def _parts(kind: str, count: int) -> Iterator[bytes]:
    waiting = b""
    for line in _lines(kind, count):
        waiting += f"{line}\n".encode()
        if len(waiting) >= PART:
            yield waiting[:PART]
            waiting = waiting[PART:]
    yield waiting


def _upload(url: str, key: str, kind: str, count: int) -> int:
    size = 0
    with requests.Session() as http:
        http.trust_env = False
        http.headers["Authorization"] = f"Bearer {key}"
        for number, part in enumerate(_parts(kind, count), start=1):
            http.put(f"{url}/parts/{number}", data=part, timeout=60).raise_for_status()
            size += len(part)
    return size


def _wait(api: Api, made: str, state: str, count: int) -> dict[str, Any]:
    deadline = time.monotonic() + 60 + count / LEAST_RATE
    while (found := api.call("GET", f"/v1/imports/{made}"))["state"] != state:
        if found["state"] in ("failed", "checked") or time.monotonic() > deadline:
            raise RuntimeError(f"the import is {found['state']}: {found['error']}")
        time.sleep(0.1)
    if found["good_rows"] != count:
        raise RuntimeError(f"{found['good_rows']} good rows instead of {count}")
    return found


def _bare_copy(database: psycopg.Connection, tables: tuple[str, ...]) -> float:
    """Seconds to COPY everybody, as encrypted by the import, into empty tables with the same columns and indexes."""
    with tempfile.TemporaryDirectory() as folder:
        kept = {table: Path(folder, table) for table in tables}
        for table, file in kept.items():
            _copy_out(database, table, file)
            database.execute(f"CREATE TABLE bare_{table} (LIKE {table} INCLUDING ALL)".encode())
        begun = time.perf_counter()
        with database.transaction():
            for table, file in kept.items():
                _copy_in(database, f"bare_{table}", file)
        return time.perf_counter() - begun


def _copy_out(database: psycopg.Connection, table: str, file: Path) -> None:
    statement = f"COPY {table} TO STDOUT (FORMAT binary)".encode()
    with file.open("wb") as content, database.cursor() as cursor, cursor.copy(statement) as copy:
        for piece in copy:
            content.write(piece)


def _copy_in(database: psycopg.Connection, table: str, file: Path) -> None:
    statement = f"COPY {table} FROM STDIN (FORMAT binary)".encode()
    with file.open("rb") as content, database.cursor() as cursor, cursor.copy(statement) as copy:
        while piece := content.read(1 << 20):
            copy.write(piece)
