"""Behind every figure are its facts: as many, adding to as much, of as many people, and nobody's name."""

import re
from collections.abc import Iterator
from datetime import date
from random import Random
from typing import Any
from uuid import UUID

import pytest
import structlog
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from services.common.apply import Subscriber
from services.common.auth import key_hash
from services.common.database import EVERY_SITE, Database
from services.common.events import PersonMerged
from services.reporting.operations.facts import BEFORE_ALL, BEHIND, Behind, Pseudonyms, facts_behind, figure_of
from services.reporting.operations.measures import COUNTED, PEOPLE
from services.reporting.operations.scope import read_scope, report_snapshot
from services.reporting.schemas import FactsQuery
from tests.conftest import OPERATOR_KEY
from tests.reporting.conftest import empty
from tests.reporting.log import MemoryLog
from tests.reporting.scene import activity, an_id, area, confirmed, key, shift, site
from tests.reporting.test_exact import deliver, many_databases, number, steps
from tests.reporting.world import AREAS, BANDS, KINDS, Step, World

OPERATOR = {"Authorization": f"Bearer {OPERATOR_KEY}", "Accept-Language": "en"}
A_KEY = "hsk_a"
AS_SITE_A = {"Authorization": f"Bearer {A_KEY}"}
YEAR = {"from": "2026-01-01", "to": "2026-12-31", "figure": "registrations"}
FIELDS = {"registration_id", "site", "shift", "activity", "day", "kind", "age_band", "status", "promoted", "outcome",
          "service_minutes", "places", "person", "adds"}  # fmt: skip


def page_by_page(session: Any, scope: Any, behind: Behind, limit: int) -> Iterator[Any]:
    after = BEFORE_ALL
    while rows := facts_behind(session, scope, behind, after, limit):
        assert rows[0]["registration_id"] > after, "it goes on"
        yield from rows
        after = rows[-1]["registration_id"]


@many_databases
@given(
    history=steps,
    seed=number,
    scope=st.sampled_from(AREAS),
    only=st.fixed_dictionaries(
        {},
        optional={
            "kind": st.sampled_from([kind.value for kind in KINDS]),
            "age_band": st.sampled_from([band.value for band in BANDS]),
        },
    ),
    days=st.tuples(st.dates(date(2025, 12, 1), date(2026, 2, 1)), st.dates(date(2026, 2, 1), date(2026, 5, 1))),
    limit=st.integers(1, 50),
)
def test_the_facts_are_the_figure(
    database: Database, history: list[Step], seed: int, scope: str, only: dict[str, str], days: tuple[date, date],
    limit: int,
) -> None:  # fmt: skip
    empty(database)
    world = World(MemoryLog())
    world.live(history)
    deliver(world.log, database, Random(seed))
    told = world.recount(scope, *days, (), {name: [code] for name, code in only.items()})[()]
    names = Pseudonyms("secret", "a list")
    with report_snapshot(database, EVERY_SITE) as session:
        where = read_scope(session, scope, None)
        for figure in BEHIND:
            behind = Behind(figure, *days, only)
            rows = list(page_by_page(session, where, behind, limit))
            assert len({row["registration_id"] for row in rows}) == len(rows)
            assert figure_of(session, where, behind) == told[figure]
            if figure in PEOPLE:
                assert len({names.of(row["counted"]) for row in rows}) == told[figure]
            else:
                assert sum(row["adds"] for row in rows) == told[figure]
            if figure in COUNTED and "sum" not in COUNTED[figure]:
                assert len(rows) == told[figure]


@pytest.fixture
def city(log: MemoryLog, subscriber: Subscriber) -> None:
    """A city with two sites; person 1 is at both, and in site b once more as person 9."""
    log.add(area("C"), area("D", "C"), site("a", "D"), site("b", "C"), key("a", key_hash(A_KEY)))
    for name in ("a", "b"):
        log.add(activity(f"A{name}", name), shift(f"s{name}", f"A{name}", name, "2026-03-31"))
        log.add(shift(f"t{name}", f"A{name}", name, "2026-04-01"))
        log.add(
            confirmed(name, f"s{name}", f"A{name}", name, 1), confirmed(f"{name}2", f"t{name}", f"A{name}", name, 2)
        )
    log.add(confirmed("b9", "tb", "Ab", "b", 9))
    ids = {"person_id": an_id("person 9"), "into_id": an_id("person 1")}
    log.add(PersonMerged(merge_id=an_id("m"), person_number=9, into_number=1, **ids))
    subscriber.catch_up_fully()


def ask(client: FlaskClient, headers: dict[str, str] = OPERATOR, **query: str) -> Any:
    return client.get("/v1/reports/facts", query_string=YEAR | query, headers=headers)


def whole_list(client: FlaskClient, **query: str) -> list[dict[str, Any]]:
    """All pages, by their links."""
    answer = ask(client, **query)
    items = list(answer.json["items"])
    while link := answer.headers.get("Link"):
        address = re.fullmatch(r'<(\?.*)>; rel="next"', link)
        assert address
        answer = client.get("/v1/reports/facts" + address[1], headers=OPERATOR)
        assert answer.status_code == 200, answer.text
        assert answer.json["items"][0]["registration_id"] > items[-1]["registration_id"], "it goes on"
        items += answer.json["items"]
    return items


@pytest.mark.usefixtures("city")
def test_the_facts_of_a_figure_without_whose_they_are(client: FlaskClient) -> None:
    answer = ask(client, area="D", figure="confirmed").json
    assert (answer["figure"], answer["value"], answer["scope"]["area"]) == ("confirmed", 2, "D")
    assert {"as_of", "log"} < set(answer)
    for item in answer["items"]:
        assert set(item) == FIELDS
        assert (item["site"], item["activity"], item["adds"]) == (str(an_id("a")), str(an_id("Aa")), 1)
    assert {item["registration_id"] for item in answer["items"]} == {str(an_id("a")), str(an_id("a2"))}
    told = ask(client, area="C").get_data(as_text=True)
    assert not [n for n in (1, 2, 9) if str(an_id(f"person {n}")) in told]


@pytest.mark.usefixtures("city")
@pytest.mark.parametrize("limit", ["1", "2", "5", "6"])
def test_the_pages_together_are_the_figure(client: FlaskClient, limit: str) -> None:
    items = whole_list(client, area="C", figure="people", limit=limit)
    assert len(items) == len({item["registration_id"] for item in items}) == 5
    assert len({item["person"] for item in items}) == ask(client, area="C", figure="people").json["value"] == 2
    assert {item["adds"] for item in items} == {None}


@pytest.mark.usefixtures("city")
def test_nobody_is_followed_from_one_list_to_the_next(client: FlaskClient) -> None:
    lists = [whole_list(client, area="C"), whole_list(client, area="C"), whole_list(client, area="C", limit="2")]
    people = [{item["person"] for item in one} for one in lists]
    assert [len(one) for one in people] == [2, 2, 2]
    assert len(set.union(*people)) == 6


@pytest.mark.usefixtures("city")
def test_a_list_s_cursor_gives_nobody_the_same_name_in_another_question(client: FlaskClient) -> None:
    cursor = "0" * 32 + f".{UUID(int=0)}"
    asked = [{"area": "C"}, {"area": "C", "figure": "confirmed"}, {"area": "C", "to": "2026-12-30"}, {"area": "D"}]
    people = [{item["person"] for item in ask(client, cursor=cursor, **one).json["items"]} for one in asked]
    assert len(set.union(*people)) == sum(map(len, people)) == 8
    again = {item["person"] for item in ask(client, cursor=cursor, area="C").json["items"]}
    assert again == people[0]
    site_a = [
        {item["person"] for item in ask(client, headers, cursor=cursor, site=str(an_id("a"))).json["items"]}
        for headers in (OPERATOR, AS_SITE_A)
    ]
    assert not site_a[0] & site_a[1]


@pytest.mark.usefixtures("city")
def test_a_month_a_kind_and_an_age_band_narrow_it(client: FlaskClient) -> None:
    assert len(ask(client, area="C", month="2026-03").json["items"]) == 2
    assert ask(client, area="C", month="2026-04").json["value"] == 3
    assert len(ask(client, area="C", month="2026-03", **{"from": "2026-03-31"}).json["items"]) == 2
    assert ask(client, area="C", month="2026-03", to="2026-03-30").json["items"] == []
    assert len(ask(client, area="C", kind="class", age_band="18_34").json["items"]) == 5
    assert ask(client, area="C", kind="visit").json["value"] == 0


@pytest.mark.usefixtures("city")
def test_a_site_sees_its_own_facts_and_no_others(client: FlaskClient) -> None:
    own = ask(client, AS_SITE_A).json
    assert {item["site"] for item in own["items"]} == {str(an_id("a"))}
    assert ask(client, AS_SITE_A, area="C").status_code == 403
    assert ask(client, AS_SITE_A, site=str(an_id("b"))).status_code == 404
    assert ask(client, {}, area="C").status_code == 401
    assert ask(client).json["scope"]["area"] == "C"
    of_b = f"{'0' * 32}.{UUID(int=0)}"
    assert {item["site"] for item in ask(client, AS_SITE_A, cursor=of_b).json["items"]} == {str(an_id("a"))}


@pytest.mark.usefixtures("city")
def test_who_looked_at_the_facts_is_logged(client: FlaskClient) -> None:
    with structlog.testing.capture_logs() as lines:
        ask(client, area="D", figure="people", month="2026-03", kind="class")
        ask(client, AS_SITE_A)
    first, second = [line for line in lines if line["event"] == "facts_read"]
    assert first["actor"] == "operator"
    assert (first["area"], first["site"], first["figure"], first["rows"]) == ("D", None, "people", 1)
    assert (first["first"], first["last"], first["only"]) == ("2026-03-01", "2026-03-31", {"kind": "class"})
    assert second["actor"] == f"site:{an_id(key_hash(A_KEY))}"
    assert second["site"] == str(an_id("a"))


@pytest.mark.usefixtures("city")
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"figure": "seats"}, "figure"),
        ({"figure": "luck"}, "figure"),
        ({"kind": "party"}, "kind"),
        ({"age_band": "*"}, "age_band"),
        ({"month": "2027-01"}, "month"),
        ({"month": "2026-1"}, "month"),
        ({"cursor": "x"}, "cursor"),
        ({"cursor": f"{'0' * 32}.{'-' * 36}"}, "cursor"),
        ({"limit": "0"}, "limit"),
        ({"to": "2025-12-31"}, "to"),
        ({"by": "month"}, "by"),
    ],
)
def test_a_wrong_question_is_told_which_field_is_wrong(client: FlaskClient, query: dict[str, str], field: str) -> None:
    refused = ask(client, area="C", **query)
    assert (refused.status_code, [error["field"] for error in refused.json["errors"]]) == (422, [field])


def test_every_figure_that_has_facts_may_be_asked_about() -> None:
    for figure in (*COUNTED, *PEOPLE):
        query = FactsQuery.model_validate(YEAR | {"figure": figure})
        assert query.behind == Behind(figure, date(2026, 1, 1), date(2026, 12, 31))
