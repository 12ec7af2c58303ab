"""Reports over a million facts: through HTTP, beside raw SQL that counts distinct people over the same facts."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import requests

from bench.place import admin, fresh_system, start_only
from bench.report import Report, Value, percentile
from deploy.local.system import System

SECONDS = 4.0
FEWEST, MOST = 5, 200
FIRST = date(2024, 7, 1)
"""Facts lie from 2024-01-01 on, over 24 months. Every question begins on another day, so that none is asked twice."""

SCENE = Path(__file__).with_name("reports.sql")
FACTS = 1_000_000

RIVAL = """
SELECT {columns} count(DISTINCT person_number) FROM facts
WHERE site_id = ANY(%(sites)s) AND day BETWEEN %(first)s AND %(last)s AND status <> 'cancelled' {grouped}
"""
UNDER = """
WITH RECURSIVE under AS (SELECT code FROM areas WHERE code = %(area)s
    UNION SELECT areas.code FROM areas JOIN under ON areas.parent = under.code)
SELECT array_agg(site_id) FROM sites JOIN under ON area = under.code
"""


@dataclass(frozen=True)
class Question:
    """What is asked over HTTP, and how the raw SQL groups the same."""

    name: str
    scope: dict[str, str]
    by: str = ""
    columns: str = ""


def measure(report: Report) -> None:
    """Each question both ways, sequentially, for a few seconds."""
    with fresh_system(processes=False) as system:
        report.note("generating a million facts")
        with admin(system, "reporting") as reporting:
            facts = _fill(reporting)
            start_only(system, "reporting-api")
            for question in _questions(reporting):
                report.note(question.name)
                _ask(report, f"{facts:,} facts", system, reporting, question)


def _fill(reporting: psycopg.Connection) -> int:
    reporting.execute(SCENE.read_bytes())
    reporting.execute(
        "DELETE FROM facts WHERE ctid IN (SELECT ctid FROM facts LIMIT (SELECT count(*) - %s FROM facts))", [FACTS]
    )
    reporting.execute("INSERT INTO buckets SELECT * FROM bucket_source")
    reporting.execute("VACUUM ANALYZE")
    reporting.execute("CHECKPOINT")
    return int(reporting.execute("SELECT count(*) FROM facts").fetchone()[0])  # type: ignore[index]


def _questions(reporting: psycopg.Connection) -> list[Question]:
    site = reporting.execute("SELECT site_id::text FROM sites ORDER BY site_id LIMIT 1").fetchone()
    assert site is not None
    city = {"area": "140100"}
    return [
        Question("city, one year", city),
        Question("city, one year by month", city, "month", "date_trunc('month', day)"),
        Question("district, one year", {"area": "140107"}),
        Question("site, one year", {"site": site[0]}),
        Question("city, one year by kind and age band", city, "kind,age_band", "kind, age_band"),
    ]


def _ask(report: Report, table: str, system: System, reporting: psycopg.Connection, question: Question) -> None:
    over_http = _timed(_http_asker(system, question))
    rival = _timed(_sql_asker(reporting, question))
    report.row(
        table,
        question.name,
        Value("HTTP p50", percentile(over_http, 0.5), "ms"),
        Value("HTTP p99", percentile(over_http, 0.99), "ms"),
        Value("asked", len(over_http), "times"),
        Value("SQL p50", percentile(rival, 0.5), "ms"),
        Value("SQL p99", percentile(rival, 0.99), "ms"),
    )


def _years() -> Iterator[tuple[date, date]]:
    """A year that begins a day later each time."""
    for days in count():
        first = FIRST + timedelta(days=days % 180)
        yield first, first + timedelta(days=364)


def _http_asker(system: System, question: Question) -> Callable[[date, date], object]:
    http = requests.Session()
    http.trust_env = False
    http.headers["Authorization"] = f"Bearer {system.operator_key}"

    def ask(first: date, last: date) -> Any:
        answer = http.get(
            f"{system.urls['reporting']}/v1/reports/participation",
            params=question.scope | {"from": str(first), "to": str(last), "by": question.by},
            timeout=60,
        )
        if not answer.ok:
            raise RuntimeError(f"{question.name}: {answer.status_code} {answer.text[:300]}")
        return answer.content

    return ask


def _sql_asker(reporting: psycopg.Connection, question: Question) -> Callable[[date, date], object]:
    reporting.execute("SET work_mem = '128MB'")
    if "site" in question.scope:
        sites = [question.scope["site"]]
    else:
        sites = reporting.execute(UNDER, question.scope).fetchone()[0]  # type: ignore[index]
    columns = question.columns
    query = RIVAL.format(columns=columns and f"{columns},", grouped=columns and f"GROUP BY {columns}")

    def ask(first: date, last: date) -> Any:
        return reporting.execute(query.encode(), {"sites": sites, "first": first, "last": last}).fetchall()

    return ask


def _timed(ask: Callable[[date, date], object]) -> list[float]:
    """Milliseconds of each asking, after two that do not count."""
    times: list[float] = []
    until = time.perf_counter() + SECONDS
    for first, last in _years():
        begun = time.perf_counter()
        ask(first, last)
        times.append((time.perf_counter() - begun) * 1000)
        if len(times) >= MOST + 2 or (time.perf_counter() > until and len(times) >= FEWEST + 2):
            return times[2:]
    return times
