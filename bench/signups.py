"""Sign-ups per second and their latency, beside two bounds measured in the same run.

(a) an empty Flask route on the same server, (b) the service's own sign-up statement driven without HTTP. A system
that did the one after the other on one core would reach 1/(1/a + 1/b); `ratio` is what is reached of that.
"""

from collections.abc import Callable, Iterator
from itertools import count

import psycopg

from bench.cores import Cores
from bench.empty_route import empty_route
from bench.generator import LoadResult
from bench.load import Load, run_load
from bench.place import CONSUMERS, admin, fresh_system
from bench.programme import ROOM_FOR_ALL, Programme, load_programme
from bench.report import Report, Value
from bench.sql_bound import BATCHES, sign_ups_by_sql
from deploy.local.system import System

CLIENTS = (1, 8, 32, 128)
SECONDS = 3.0
SQL_SECONDS = 1.0
Targets = dict[str, Callable[[], list[tuple[str, str]]]]
"""Where people sign up: anew for each cell, since a shift that holds many people already is something else."""

Rates = dict[tuple[str, int], float]


def measure(report: Report) -> None:
    """The whole system, then registration alone, then the bounds and the ratio."""
    numbers = count(1, 1_000_000)  # each cell signs up people whom nobody has seen
    with fresh_system() as system:
        report.note("loading 1,000 shifts")
        programme = load_programme(system)
        _grid(report, system, "everything running", _targets(programme), numbers)
        for name in CONSUMERS:
            system.processes[name].terminate()
        targets = _targets(programme) | {"full, all waitlisted": lambda: [_full_shift(programme)]}
        reached = _grid(report, system, "registration alone", targets, numbers)
        empty = _empty_route(report, system, programme)
        _bounds(report, reached, empty, _by_sql(report, system, _targets(programme), numbers))


def _targets(programme: Programme) -> Targets:
    return {"1,000 shifts": lambda: programme.spread, "one shift": lambda: [programme.shift(ROOM_FOR_ALL)]}


def _full_shift(programme: Programme) -> tuple[str, str]:
    shift, key = programme.shift(capacity=1)
    person = {"name": f"第一位 {shift}", "email": "first@example.org"}
    programme.sites[0][2].call("POST", f"/v1/shifts/{shift}/registrations", {"person": person})
    return shift, key


def _grid(report: Report, system: System, table: str, targets: Targets, numbers: Iterator[int]) -> Rates:
    rates = {}
    for where, shifts in targets.items():
        for clients in CLIENTS:
            report.note(f"{table}: {clients} clients, {where}")
            result = _cell(
                report,
                system,
                f"{where}, {clients} clients",
                table,
                Load(system.urls["registration"], shifts(), clients, SECONDS, next(numbers)),
            )
            if where.startswith("full") and result.waitlisted != result.statuses["201"]:
                raise RuntimeError(f"{result.waitlisted} of {result.statuses['201']} waitlisted on a full shift")
            rates[where, clients] = result.rate
    return rates


def _cell(report: Report, system: System, row: str, table: str, load: Load) -> LoadResult:
    with admin(system, "registration") as database:
        last = _last_event(database)
        before = Cores(system)
        result = run_load(load)
        used = before.used()
        batch = _mean_batch(database, last)
    report.row(
        table,
        row,
        Value("sign-ups", result.rate, "1/s"),
        Value("p50", result.p50, "ms"),
        Value("p99", result.p99, "ms"),
        Value("refused", result.refused, "requests"),
        Value("batch", batch, "mean"),
        Value("generator", result.cpu, "cores"),
        *(Value(part, cores, "cores") for part, cores in used.items()),
    )
    return result


def _last_event(database: psycopg.Connection) -> int:
    return database.execute("SELECT coalesce(max(id), 0) FROM outbox").fetchone()[0]  # type: ignore[index]


def _mean_batch(database: psycopg.Connection, after: int) -> float:
    """Sign-ups committed together, from the transactions that wrote them: numbering an event does not touch these."""
    row = database.execute(
        "SELECT count(*), count(DISTINCT registrations.xmin::text) FROM registrations JOIN outbox"
        " ON registrations.id = (outbox.data->>'registration_id')::uuid WHERE outbox.id > %s",
        [after],
    ).fetchone()
    assert row is not None
    return row[0] / row[1] if row[1] else 0.0


def _empty_route(report: Report, system: System, programme: Programme) -> dict[int, float]:
    rates = {}
    with empty_route(system) as url:
        for clients in CLIENTS:
            report.note(f"empty route: {clients} clients")
            result = run_load(Load(url, programme.spread, clients, SECONDS / 2, 1))
            report.row(
                "bound (a): an empty Flask route",
                f"{clients} clients",
                Value("answers", result.rate, "1/s"),
                Value("p50", result.p50, "ms"),
                Value("p99", result.p99, "ms"),
                Value("generator", result.cpu, "cores"),
            )
            rates[clients] = result.rate
    return rates


def _by_sql(report: Report, system: System, targets: Targets, numbers: Iterator[int]) -> Rates:
    """The best rate for each number of clients, over the ways to share them out among batches."""
    best: Rates = {}
    for where, shifts in targets.items():
        for clients in CLIENTS:
            for batch in (size for size in BATCHES if size <= clients):
                report.note(f"SQL alone: {where}, {clients} clients in batches of {batch}")
                rate = sign_ups_by_sql(system, shifts(), clients // batch, batch, SQL_SECONDS, next(numbers))
                report.row(
                    "bound (b): the sign-up statement without HTTP",
                    f"{where}, {clients} clients",
                    Value(f"batches of {batch}", rate, "1/s"),
                )
                best[where, clients] = max(rate, best.get((where, clients), 0.0))
    return best


def _bounds(report: Report, reached: Rates, empty: dict[int, float], by_sql: Rates) -> None:
    for (where, clients), b in by_sql.items():
        a, got = empty[clients], reached[where, clients]
        report.row(
            "registration alone beside its bounds",
            f"{where}, {clients} clients",
            Value("reached", got, "1/s"),
            Value("(a) empty route", a, "1/s"),
            Value("(b) SQL, best batch", b, "1/s"),
            Value("1/(1/a + 1/b)", 1 / (1 / a + 1 / b), "1/s"),
            Value("ratio", got * (1 / a + 1 / b), "reached / bound"),
        )
