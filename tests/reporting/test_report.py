"""The participation report over HTTP: what it answers, in which forms, to whom."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from services.common.apply import Subscriber
from services.common.auth import key_hash
from tests.conftest import OPERATOR_KEY
from tests.reporting.log import MemoryLog
from tests.reporting.scene import activity, an_id, area, confirmed, key, shift, site

PATH = "/v1/reports/participation"
YEAR = {"from": "2026-01-01", "to": "2026-12-31"}
OPERATOR = {"Authorization": f"Bearer {OPERATOR_KEY}"}
A_KEY = "hsk_a"
AS_SITE_A = {"Authorization": f"Bearer {A_KEY}"}


@pytest.fixture
def city(log: MemoryLog, subscriber: Subscriber) -> None:
    """A city C with two districts and a site in each; person 1 goes to both."""
    log.add(area("C", None, "城"), area("D1", "C"), area("D2", "C"), area("S", "D1"))
    log.add(site("a", "S"), site("b", "D2", "=1+1"), site("c", "C"), key("a", key_hash(A_KEY)))
    log.add(activity("A", "a"), shift("sa", "A", "a", "2026-03-01"), confirmed("1", "sa", "A", "a", 1))
    log.add(activity("B", "b"), shift("sb", "B", "b", "2026-04-01"), confirmed("2", "sb", "B", "b", 1))
    log.add(confirmed("3", "sb", "B", "b", 2))
    subscriber.catch_up_fully()


def ask(client: FlaskClient, headers: dict[str, str] = OPERATOR, **query: str) -> Any:
    return client.get(PATH, query_string=YEAR | query, headers=headers)


def rows_by(client: FlaskClient, dimension: str, **query: str) -> dict[str, dict[str, Any]]:
    answer = ask(client, by=dimension, **query)
    assert answer.status_code == 200, answer.text
    return {row[dimension]: row for row in answer.json["rows"]}


@pytest.mark.usefixtures("city")
def test_people_are_counted_once_in_the_total(client: FlaskClient) -> None:
    answer = ask(client, area="C", by="site").json
    assert sorted(row["people"] for row in answer["rows"]) == [1, 2]
    assert answer["total"]["people"] == 2
    assert answer["total"]["registrations"] == 3
    assert answer["total"]["activities"] == 2
    assert answer["total"]["seats"] == 20


@pytest.mark.usefixtures("city")
def test_an_area_dimension_shows_the_children_of_the_scope(client: FlaskClient) -> None:
    rows = rows_by(client, "area", area="C")
    assert {code: row["registrations"] for code, row in rows.items()} == {"D1": 1, "D2": 2}
    assert rows["D1"]["area_name"] == rows["D1"]["name"] == "区D1"
    assert set(rows_by(client, "area", area="D1")) == {"S"}
    assert set(rows_by(client, "area", site=str(an_id("b")))) == {"D2"}
