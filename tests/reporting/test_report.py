"""The participation report over HTTP: what it answers, in which forms, to whom."""

import csv
import io
from datetime import date
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from services.common.apply import Subscriber
from services.common.auth import key_hash
from services.common.database import Database
from services.common.events import PersonMerged, PersonUnmerged
from services.reporting.operations.participation import participation
from services.reporting.operations.scope import read_scope, report_snapshot
from tests.conftest import OPERATOR_KEY
from tests.reporting.log import MemoryLog
from tests.reporting.scene import activity, an_id, area, confirmed, key, shift, site

PATH = "/v1/reports/participation"
YEAR = {"from": "2026-01-01", "to": "2026-12-31"}
OPERATOR = {"Authorization": f"Bearer {OPERATOR_KEY}"}
A_KEY = "hsk_a"
"""A key of site a; only its hash travels."""
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
def test_doubles_count_once_until_the_merge_is_undone(
    client: FlaskClient, log: MemoryLog, subscriber: Subscriber
) -> None:
    ids = {"person_id": an_id("person 2"), "into_id": an_id("person 1")}
    merge = {"merge_id": an_id("m"), "person_number": 2, "into_number": 1, **ids}
    for event, people in ((PersonMerged(**merge), 1), (PersonUnmerged(**merge), 2)):
        log.add(event)
        subscriber.catch_up_fully()
        total = ask(client, area="C").json["total"]
        assert (total["people"], total["registrations"]) == (people, 3)


@pytest.mark.usefixtures("city")
def test_an_area_dimension_shows_the_children_of_the_scope(client: FlaskClient) -> None:
    rows = rows_by(client, "area", area="C")
    assert {code: row["registrations"] for code, row in rows.items()} == {"D1": 1, "D2": 2}
    assert rows["D1"]["area_name"] == rows["D1"]["name"] == "区D1"
    assert set(rows_by(client, "area", area="D1")) == {"S"}
    assert set(rows_by(client, "area", site=str(an_id("b")))) == {"D2"}


@pytest.mark.usefixtures("city")
def test_names_are_in_the_callers_language(client: FlaskClient) -> None:
    row = ask(client, area="C", by="area,kind").json["rows"][0]
    assert (row["area"], row["area_name"], row["kind"], row["kind_name"]) == ("D1", "区D1", "class", "课程")
    assert row["name"] == "区D1 · 课程"
    english = ask(client, OPERATOR | {"Accept-Language": "en"}, area="C", by="area,kind")
    assert english.json["rows"][0]["name"] == "Area D1 · Class"
    assert english.headers["Content-Language"] == "en"


@pytest.mark.usefixtures("city")
def test_a_moved_area_takes_its_figures_with_it(client: FlaskClient, log: MemoryLog, subscriber: Subscriber) -> None:
    log.add(area("S", "D2"))
    subscriber.catch_up_fully()
    assert set(rows_by(client, "area", area="C")) == {"D2"}
    log.add(area("D2", "S"))  # for a moment S and D2 lie in each other: neither is in the city
    subscriber.catch_up_fully()
    assert ask(client, area="C", by="area").json["total"]["registrations"] == 0
    assert ask(client, area="D2", by="area").json["total"]["registrations"] == 3


@pytest.mark.usefixtures("city")
def test_offers_have_no_age_band(client: FlaskClient) -> None:
    answer = ask(client, area="C", by="age_band").json
    assert [(row["age_band"], row["activities"], row["seats"]) for row in answer["rows"]] == [("18_34", None, None)]
    assert answer["total"]["seats"] == 20


@pytest.mark.usefixtures("city")
def test_an_empty_report_has_a_total_of_noughts(client: FlaskClient) -> None:
    answer = ask(client, site=str(an_id("c")), by="month,kind,age_band").json
    assert answer["rows"] == []
    assert set(answer["total"].values()) == {0}


@pytest.mark.usefixtures("city")
def test_the_answer_says_how_far_the_log_was_applied(client: FlaskClient, log: MemoryLog) -> None:
    answer = ask(client, area="C").json
    assert answer["log"]["epoch"] == str(log.epoch)
    assert answer["log"]["positions"] == {str(p): len(events) for p, events in log.partitions.items()}
    assert answer["scope"] == {"area": "C", "site": None, "name": "城", "from": "2026-01-01", "to": "2026-12-31"}


@pytest.mark.usefixtures("city")
def test_an_etag_holds_until_the_log_moves(client: FlaskClient, log: MemoryLog, subscriber: Subscriber) -> None:
    first = ask(client, area="C")
    known = OPERATOR | {"If-None-Match": first.headers["ETag"]}
    assert ask(client, known, area="C").status_code == 304
    assert ask(client, known, area="D1").status_code == 200
    assert ask(client, known, area="C", format="csv").status_code == 200
    assert ask(client, known | {"Accept-Language": "en"}, area="C").status_code == 200
    log.add(confirmed("4", "sb", "B", "b", 3))
    subscriber.catch_up_fully()
    assert ask(client, known, area="C").json["total"]["registrations"] == 4


@pytest.mark.usefixtures("city")
def test_csv_is_safe_in_a_spreadsheet(client: FlaskClient) -> None:
    answer = ask(client, OPERATOR | {"Accept-Language": "zh-CN"}, area="C", by="site,month", format="csv")
    assert answer.mimetype == "text/csv"
    assert "participation-C-2026-01-01-2026-12-31.csv" in answer.headers["Content-Disposition"]
    assert answer.data.startswith(b"\xef\xbb\xbf")
    table = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert table[0][:6] == ["站点", "站点 · 名称", "月份", "活动", "场次", "名额"]
    assert {row[1] for row in table[1:3]} == {"站a", "'=1+1"}
    assert table[-1][:3] == ["合计", "", ""]
    assert {len(row) for row in table} == {len(table[0])}
    assert table[-1][-2:] == ["2", "0"]


@pytest.mark.usefixtures("city")
def test_a_site_sees_itself_and_nothing_else(client: FlaskClient) -> None:
    assert ask(client, AS_SITE_A).json["total"]["registrations"] == 1
    assert ask(client, AS_SITE_A).json["scope"]["site"] == str(an_id("a"))
    assert ask(client, AS_SITE_A, site=str(an_id("a"))).json["total"]["registrations"] == 1
    assert ask(client, AS_SITE_A, site=str(an_id("b"))).status_code == 404
    assert ask(client, AS_SITE_A, area="C").status_code == 403
    assert ask(client, {}).status_code == 401


@pytest.mark.usefixtures("city")
def test_row_level_security_hides_other_sites_even_from_a_wrong_query(database: Database) -> None:
    with report_snapshot(database, str(an_id("a"))) as session:
        rows = list(participation(session, read_scope(session, "C", None), date(2026, 1, 1), date(2026, 12, 31), []))
        assert (rows[0]["registrations"], rows[0]["shifts"], rows[0]["people"]) == (1, 1, 1)
    with database.transaction() as session:
        assert [
            session.scalar(text(f"SELECT count(*) FROM {t}")) for t in ("facts", "site_cells", "area_cells", "shifts")
        ] == [0] * 4


@pytest.mark.parametrize(
    ("query", "field", "word"),
    [
        ({"by": "mood"}, "by", "mood"),
        ({"by": "day,day"}, "by", "each once"),
        ({"by": "day,site,kind,area"}, "by", "at most 3"),
        ({"from": "2027-01-01"}, "to", "before"),
        ({"from": "2016-12-31"}, "to", "10 years"),
        ({"from": "20260101"}, "from", "date"),
        ({"from": "2026-02-30"}, "from", "date"),
        ({"to": "tomorrow"}, "to", "date"),
        ({"format": "pdf"}, "format", "one of"),
        ({"site": "x"}, "site", "UUID"),
        ({"colour": "red"}, "colour", "not a known field"),
    ],
)
def test_a_wrong_question_is_told_which_field_is_wrong(
    client: FlaskClient, query: dict[str, str], field: str, word: str
) -> None:
    answer = ask(client, OPERATOR | {"Accept-Language": "en"}, **({"area": "C"} | query))
    assert answer.status_code == 422
    assert [(error["field"], word in error["message"]) for error in answer.json["errors"]] == [(field, True)]


def test_scope_is_one_thing_that_exists(client: FlaskClient) -> None:
    assert ask(client, area="nowhere").status_code == 404
    assert ask(client, site=str(an_id("nowhere"))).status_code == 404
    assert ask(client).status_code == 422
    assert ask(client, area="C", site=str(an_id("a"))).status_code == 422
    assert ask(client, area="C", by="").status_code == 404


def test_ten_years_to_the_day_may_be_asked_for(client: FlaskClient, log: MemoryLog, subscriber: Subscriber) -> None:
    log.add(area("C"))
    subscriber.catch_up_fully()
    ten_years = {"area": "C", "from": "2017-01-01", "to": "2026-12-31"}
    assert ask(client, **ten_years).status_code == 200
    assert ask(client, **(ten_years | {"from": "2016-12-31"})).status_code == 422
    assert ask(client, area="C", **{"from": "0001-01-01", "to": "0001-12-31"}, by="day,quarter").status_code == 200
    assert ask(client, area="C", **{"from": "9999-01-01", "to": "9999-12-31"}, by="month").status_code == 200
