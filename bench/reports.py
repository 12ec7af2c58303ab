"""Reports over a million facts: through HTTP, beside raw SQL that counts distinct people over the same facts.

The facts are put into the database as events would; the cells are the service's own work, and are timed.
"""

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
from services.common.database import Database
from services.reporting.operations.aggregation import aggregate, is_dirty
from services.reporting.operations.periods import end_of_month

SECONDS = 4.0
FEWEST, MOST = 5, 200
FIRST = date(2024, 1, 1)
"""Facts lie from here on, over 24 months. Each asking is of other months or days than the one before."""

SCENE = Path(__file__).with_name("reports.sql")
FACTS = 1_000_000
OF_AN_ACTIVITY = 84_896
"""Facts for each activity that every site has."""

RIVAL = """
SELECT {columns} count(DISTINCT person_number) FROM facts
WHERE site_id = ANY(%(sites)s) AND day BETWEEN %(first)s AND %(last)s AND status <> 'cancelled' {grouped}
"""
UNDER = """
WITH RECURSIVE under AS (SELECT code FROM areas WHERE code = %(area)s
    UNION SELECT areas.code FROM areas JOIN under ON areas.parent = under.code)
SELECT array_agg(site_id) FROM sites JOIN under ON area = under.code
"""
SIZES = """
SELECT pg_total_relation_size('facts'), pg_total_relation_size('site_cells'), pg_total_relation_size('area_cells')
"""


@dataclass(frozen=True)
class Question:
    """What is asked over HTTP, of how many months (0: 365 days from any day on), and how the raw SQL groups the
    same."""

    name: str
    scope: dict[str, str]
    months: int
    by: str = ""
    columns: str = ""


def measure(report: Report, rows: int = FACTS) -> None:
    """Each question both ways, sequentially, for a few seconds."""
    with fresh_system(processes=False) as system:
        report.note(f"generating {rows:,} facts")
        with admin(system, "reporting") as reporting:
            table = f"{_fill(reporting, rows):,} facts"
            report.note("computing the cells")
            _compute(report, table, system, reporting, rows)
            start_only(system, "reporting-api")
            for question in _questions(reporting):
                report.note(question.name)
                _ask(report, table, system, reporting, question)


def _fill(reporting: psycopg.Connection, rows: int) -> int:
    activities = -(-rows // OF_AN_ACTIVITY)
    reporting.execute(SCENE.read_text().replace(":activities", str(activities)).encode())
    reporting.execute(
        "DELETE FROM facts WHERE ctid IN (SELECT ctid FROM facts LIMIT (SELECT count(*) - %s FROM facts))", [rows]
    )
    reporting.execute(
        "INSERT INTO dirty (site_id, month) SELECT DISTINCT site_id, date_trunc('month', day) FROM shifts"
    )
    reporting.execute("VACUUM ANALYZE")
    reporting.execute("CHECKPOINT")
    return int(reporting.execute("SELECT count(*) FROM facts").fetchone()[0])  # type: ignore[index]


def _compute(report: Report, table: str, system: System, reporting: psycopg.Connection, rows: int) -> None:
    database = Database(system.database_urls["reporting"])
    begun = time.perf_counter()
    while is_dirty(database):
        aggregate(database)
    took = time.perf_counter() - begun
    database.engine.dispose()
    reporting.execute("VACUUM ANALYZE")
    facts, of_sites, of_areas = reporting.execute(SIZES).fetchone()  # type: ignore[misc]
    report.row(
        f"{table}: cells",
        "all of them",
        Value("computed", rows / took, "facts/s"),
        Value("facts", facts / rows, "bytes/fact"),
        Value("cells of sites", of_sites / rows, "bytes/fact"),
        Value("cells of areas", of_areas / rows, "bytes/fact"),
    )


def _questions(reporting: psycopg.Connection) -> list[Question]:
    site = reporting.execute("SELECT site_id::text FROM sites ORDER BY site_id LIMIT 1").fetchone()
    assert site is not None
    city, district, subdistrict = {"area": "140100"}, {"area": "140107"}, {"area": "140107003"}
    month = "date_trunc('month', day)"
    return [
        Question("city, a year", city, 12),
        Question("city, 365 days from any day", city, 0),
        Question("city, a year by month", city, 12, "month", month),
        Question(
            "city, a year by district", city, 12, "area", "(SELECT area FROM sites WHERE sites.site_id = facts.site_id)"
        ),
        Question("city, a year by kind and age band", city, 12, "kind,age_band", "kind, age_band"),
        Question("city, a month by site", city, 1, "site", "site_id"),
        Question("city, a month by day", city, 1, "day", "day"),
        Question("district, a year", district, 12),
        Question("district, a quarter by month and kind", district, 3, "month,kind", f"{month}, kind"),
        Question("subdistrict, 365 days from any day", subdistrict, 0),
        Question("site, a year by month", {"site": site[0]}, 12, "month", month),
    ]


def _ask(report: Report, table: str, system: System, reporting: psycopg.Connection, question: Question) -> None:
    over_http = _timed(_http_asker(system, question), question.months)
    rival = _timed(_sql_asker(reporting, question), question.months)
    report.row(
        table,
        question.name,
        Value("HTTP p50", percentile(over_http, 0.5), "ms"),
        Value("HTTP p99", percentile(over_http, 0.99), "ms"),
        Value("asked", len(over_http), "times"),
        Value("SQL p50", percentile(rival, 0.5), "ms"),
        Value("SQL p99", percentile(rival, 0.99), "ms"),
    )


def _ranges(months: int) -> Iterator[tuple[date, date]]:
    """So many months that begin a month later each time, or 365 days that begin a day later."""
    for n in count():
        if months:
            begin = n % (25 - months)
            last = begin + months - 1
            end = end_of_month(date(FIRST.year + last // 12, last % 12 + 1, 1))
            yield date(FIRST.year + begin // 12, begin % 12 + 1, 1), end
        else:
            first = FIRST + timedelta(days=1 + n % 180)
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


def _timed(ask: Callable[[date, date], object], months: int) -> list[float]:
    """Milliseconds of each asking, after two that do not count."""
    times: list[float] = []
    until = time.perf_counter() + SECONDS
    for first, last in _ranges(months):
        begun = time.perf_counter()
        ask(first, last)
        times.append((time.perf_counter() - begun) * 1000)
        if len(times) >= MOST + 2 or (time.perf_counter() > until and len(times) >= FEWEST + 2):
            return times[2:]
    return times
