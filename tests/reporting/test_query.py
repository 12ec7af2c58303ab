"""The grammar of reports: what is asked is what a slow count says, beside another time, as JSON, CSV and workbook."""

import csv
import io
from datetime import date
from random import Random
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from services.common.apply import Subscriber
from services.common.database import EVERY_SITE, Database
from services.reporting import api
from services.reporting.labels import DIMENSIONS
from services.reporting.operations import query
from services.reporting.operations.cells import DIMENSIONS as OF_CELLS
from services.reporting.operations.newcomers import newcomers
from services.reporting.operations.query import FIGURES, NEW, SHARES, other_range
from services.reporting.operations.scope import read_scope, report_snapshot
from tests.conftest import OPERATOR_KEY
from tests.reporting.conftest import empty
from tests.reporting.log import MemoryLog
from tests.reporting.newcomers import new_people, rows_of
from tests.reporting.scene import activity, an_id, area, confirmed, shift, site
from tests.reporting.test_exact import deliver, steps
from tests.reporting.world import AREAS, World

COUNTS = [name for name in FIGURES if name not in NEW]
OPERATOR = {"Authorization": f"Bearer {OPERATOR_KEY}"}


def ask(client: FlaskClient, **asked: str) -> Any:
    return client.get("/v1/reports", headers=OPERATOR | {"Accept-Language": "en"}, query_string=asked)


def figures_of(told: dict[str, Any], measures: list[str]) -> dict[str, Any]:
    """Those asked for, as the slow count says: shares from its counts, nothing where there is no meaning."""
    found: dict[str, Any] = {}
    for name in measures:
        part, whole = SHARES.get(name, (name, ()))
        values = [told[one] for one in (part, *whole)]
        of = sum(values[1:]) if None not in values else 0
        if None not in values and (of or not whole):
            found[name] = values[0] / of if whole else values[0]
    return found


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    history=steps,
    seed=st.integers(0, 10_000),
    by=st.lists(st.sampled_from(list(DIMENSIONS)), max_size=3, unique=True),
    measures=st.lists(st.sampled_from(COUNTS), min_size=1, max_size=5, unique=True),
    scope=st.sampled_from(AREAS),
    compare=st.sampled_from(["", "previous", "last_year"]),
    days=st.tuples(st.dates(date(2025, 12, 1), date(2026, 2, 1)), st.dates(date(2026, 2, 1), date(2026, 5, 1))),
)
def test_whatever_is_asked_is_what_a_slow_count_says(
    client: FlaskClient, database: Database, history: Any, seed: int, by: list[str], measures: list[str], scope: str,
    compare: Any, days: tuple[date, date],
) -> None:  # fmt: skip
    empty(database)
    world = World(MemoryLog())
    world.live(history)
    deliver(world.log, database, Random(seed))
    asked = {"area": scope, "from": str(days[0]), "to": str(days[1]), "by": ",".join(by), "measure": ",".join(measures)}
    answer = ask(client, **asked, **({"compare": compare} if compare else {})).json
    names = [*measures, *(f"{name}_before" for name in measures)]
    got = {
        tuple(row[name] for name in by): {name: row[name] for name in names if name in row} for row in answer["rows"]
    }
    told = {tuple(map(str, key)): figures_of(row, measures) for key, row in world.recount(scope, *days, by, {}).items()}
    for key, row in got.items() if by else []:
        assert {name: value for name, value in row.items() if not name.endswith("_before")} == told.pop(
            key, {name: 0 for name in measures if f"{name}_before" in row and name not in SHARES}
        )
    total = told.pop(())
    assert told == {}, "no row is left out"
    assert {name: value for name, value in answer["total"].items() if name in measures} == total
    if compare:
        before = world.recount(scope, *other_range(*days, compare), [], {})[()]
        told_before = {f"{name}_before": value for name, value in figures_of(before, measures).items()}
        assert {name: value for name, value in answer["total"].items() if name not in measures} == told_before


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    history=steps,
    seed=st.integers(0, 10_000),
    by=st.lists(st.sampled_from(sorted(OF_CELLS)), max_size=3, unique=True),
    scope=st.sampled_from(AREAS),
    days=st.tuples(st.dates(date(2025, 12, 1), date(2026, 2, 1)), st.dates(date(2026, 2, 1), date(2026, 5, 1))),
)
def test_who_is_new_had_signed_up_for_nothing_before(
    database: Database, history: Any, seed: int, by: list[str], scope: str, days: tuple[date, date]
) -> None:
    empty(database)
    world = World(MemoryLog())
    world.live(history)
    deliver(world.log, database, Random(seed))
    with report_snapshot(database, EVERY_SITE) as session:
        found = newcomers(session, read_scope(session, scope, None), *days, by)
    rows = rows_of(world, scope, *days, by)
    assert {key: new for key, new in found.items() if new} == {
        key: new for key, row in rows.items() if (new := new_people(world, row, scope, days[0], by))
    }


@pytest.mark.parametrize(
    ("compare", "days", "other"),
    [
        ("previous", ("2026-03-01", "2026-03-31"), ("2026-02-01", "2026-02-28")),
        ("previous", ("2026-01-01", "2026-12-31"), ("2025-01-01", "2025-12-31")),
        ("previous", ("2026-03-02", "2026-03-08"), ("2026-02-23", "2026-03-01")),
        ("last_year", ("2024-02-01", "2024-02-29"), ("2023-02-01", "2023-02-28")),
        ("last_year", ("2025-02-01", "2025-02-28"), ("2024-02-01", "2024-02-29")),
        ("last_year", ("2024-02-29", "2024-03-05"), ("2023-02-28", "2023-03-05")),
    ],
)
def test_whole_months_are_compared_with_whole_months(
    compare: Any, days: tuple[str, str], other: tuple[str, str]
) -> None:
    first, last = other_range(*map(date.fromisoformat, days), compare)
    assert (str(first), str(last)) == other


@pytest.fixture
def two_months(log: MemoryLog, subscriber: Subscriber) -> None:
    """Three people in March 2026, one of them in March 2025 as well."""
    log.add(area("C"), site("a", "C", "=中心"), activity("A", "a"))
    log.add(shift("s", "A", "a", "2026-03-05"), shift("before", "A", "a", "2025-03-09"))
    log.add(*(confirmed(str(n), "s", "A", "a", n) for n in range(3)), confirmed("x", "before", "A", "a", 1))
    subscriber.catch_up_fully()


MARCH = {"area": "C", "from": "2026-03-01", "to": "2026-03-31", "measure": "people,service_minutes,attendance_rate"}


@pytest.mark.usefixtures("two_months")
def test_a_month_stands_beside_the_same_one_of_the_year_before(client: FlaskClient) -> None:
    answer = ask(client, **MARCH, by="month,site", compare="last_year").json
    assert answer["rows"] == [
        {
            "month": "2026-03",
            "site": str(an_id("a")),
            "site_name": "Site a",
            "people": 3,
            "service_minutes": 0,
            "people_before": 1,
            "service_minutes_before": 0,
        }
    ]
    assert [column["title"] for column in answer["columns"][-2:]] == ["Attendance rate", "Attendance rate (before)"]
    assert answer["notes"] == ["Compared with 2025-03-01 to 2025-03-31"]


@pytest.mark.usefixtures("two_months")
def test_the_same_as_csv_and_as_workbook(client: FlaskClient) -> None:
    table = ask(client, **MARCH, by="site", format="csv")
    assert "report-C-2026-03-01-2026-03-31.csv" in table.headers["Content-Disposition"]
    lines = list(csv.reader(io.StringIO(table.get_data(as_text=True).removeprefix("\ufeff"))))
    assert lines[0] == ["Site", "Site · Name", "People", "Service time (minutes)", "Attendance rate"]
    assert lines[1][1:4] == ["Site a", "3", "0"]
    assert lines[-1][0].startswith("As of: ") and lines[-1][0].endswith("+08:00")
    book = load_workbook(io.BytesIO(ask(client, **MARCH, by="site", format="xlsx").data))
    assert book.worksheets[1]["C2"].value == 3


@pytest.mark.usefixtures("two_months")
def test_what_costs_too_much_is_refused_before_it_runs(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query, "MOST_FACTS", 2)
    assert ask(client, **MARCH, by="month").status_code == 200
    refused = ask(client, **MARCH, by="day")
    assert refused.status_code == 422 and "shorter time" in refused.json["errors"][0]["message"]
    monkeypatch.setattr(query, "MOST_ROWS", 0)
    refused = ask(client, **MARCH, by="month")
    assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, "by")


@pytest.mark.usefixtures("two_months")
@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"measure": "people,luck"}, "measure"),
        ({"measure": "people,people"}, "measure"),
        ({"measure": ""}, "measure"),
        ({"where": "kind:party"}, "where"),
        ({"where": "colour:red"}, "where"),
        ({"where": "kind:"}, "where"),
        ({"compare": "tomorrow"}, "compare"),
        ({"format": "pdf"}, "format"),
    ],
)
def test_a_wrong_question_is_told_which_part_is_wrong(client: FlaskClient, asked: dict[str, str], field: str) -> None:
    refused = ask(client, **(MARCH | asked))
    assert (refused.status_code, [error["field"] for error in refused.json["errors"]]) == (422, [field])


@pytest.mark.usefixtures("two_months")
def test_what_alone_is_counted_can_be_said(client: FlaskClient) -> None:
    assert ask(client, **MARCH, where="kind:class|visit;age_band:18_34").json["total"] == {
        "people": 3, "service_minutes": 0}  # fmt: skip
    assert ask(client, **MARCH, where="kind:visit").json["total"]["people"] == 0


@pytest.mark.usefixtures("two_months")
def test_one_log_position_is_one_answer(client: FlaskClient, log: MemoryLog, subscriber: Subscriber) -> None:
    first = ask(client, **MARCH)
    asked = {"headers": OPERATOR | {"Accept-Language": "en", "If-None-Match": first.headers["ETag"]}}
    assert client.get("/v1/reports", query_string=MARCH, **asked).status_code == 304
    log.add(confirmed("y", "s", "A", "a", 9))
    subscriber.catch_up_fully()
    assert client.get("/v1/reports", query_string=MARCH, **asked).status_code == 200


def test_who_came_the_day_before_or_two_months_ago_is_not_new(
    client: FlaskClient, log: MemoryLog, subscriber: Subscriber
) -> None:
    log.add(area("C"), site("a", "C"), activity("A", "a"))
    came = {"2026-01-05": [2], "2026-01-31": [1], "2026-02-01": [1, 3], "2026-03-20": [2, 4]}
    for day, people in came.items():
        log.add(shift(day, "A", "a", day), *(confirmed(f"{day} {n}", day, "A", "a", n) for n in people))
    subscriber.catch_up_fully()
    year = {"area": "C", "measure": "people,new_people,returning_people", "by": "month"}
    rows = ask(client, **year, **{"from": "2026-01-01", "to": "2026-12-31"}).json["rows"]
    assert [tuple(row.values()) for row in rows] == [("2026-01", 2, 2, 0), ("2026-02", 2, 1, 1), ("2026-03", 2, 1, 1)]
    answer = ask(client, **year, **{"from": "2026-03-20", "to": "2026-03-31"}).json
    assert answer["total"] == {"people": 2, "new_people": 1, "returning_people": 1}
    assert ask(client, **(year | {"by": "day"}), **{"from": "2026-03-20", "to": "2026-03-31"}).status_code == 422


@pytest.mark.usefixtures("two_months")
def test_what_is_too_long_for_a_workbook_is_there_as_csv(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "MOST_IN_WORKBOOK", 0)
    refused = ask(client, **MARCH, by="site", format="xlsx")
    assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, "format")
    assert ask(client, **MARCH, by="site", format="csv").status_code == 200
