"""The recount: it finds what was changed by hand and what a broken build counted, and nothing while all is well."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
import structlog
from click.testing import CliRunner
from flask.testing import FlaskClient
from hypothesis import given
from pyroaring import BitMap
from sqlalchemy import text

from services.common import cli
from services.common.apply import Subscriber
from services.common.database import EVERY_SITE, Database
from services.common.events import AttendanceRecorded, Outcome, PersonMerged
from services.reporting.app import gauges
from services.reporting.handlers import HANDLERS
from services.reporting.operations import aggregation, pieces, recount, uniting
from services.reporting.operations.aggregation import aggregate
from services.reporting.operations.measures import SETS, SUMS
from services.reporting.operations.recount import Recount, begin, begin_when_due, is_due, latest, recount_slice
from services.reporting.pump import recount as duty
from services.reporting.rebuild import empty as empty_books
from services.reporting.rebuild import rebuild
from tests.conftest import OPERATOR_KEY
from tests.reporting.conftest import empty
from tests.reporting.log import MemoryLog
from tests.reporting.scene import activity, an_id, area, confirmed, key, registration_fields, shift, site
from tests.reporting.test_exact import deliver, many_databases, number, steps
from tests.reporting.world import Step, World

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"
OPERATOR = {"Authorization": f"Bearer {OPERATOR_KEY}"}
MONTHS = 3 + 5
"""A month of each of three sites, of the three subdistricts that they lie in, of the district and of the city."""


@pytest.fixture
def city(database: Database, log: MemoryLog, subscriber: Subscriber) -> None:
    """Three sites, and areas over them; person 1 is at all three, and in site a also as person 9. All is computed."""
    log.add(area("C"), area("D", "C"), area("Sa", "D"), area("Sb", "D"), area("Sc", "C"), area("empty", "C"))
    for name in ("a", "b", "c"):
        log.add(site(name, f"S{name}"), activity(f"A{name}", name), shift(f"s{name}", f"A{name}", name, "2026-03-05"))
        log.add(
            confirmed(name, f"s{name}", f"A{name}", name, 1), confirmed(f"{name}2", f"s{name}", f"A{name}", name, 2)
        )
        attended = registration_fields(name, f"s{name}", f"A{name}", name, 1, version=2)
        came = {"outcome": Outcome.ATTENDED, "checked_in_at": None, "checked_out_at": None, "service_minutes": 50}
        log.add(AttendanceRecorded(**attended, places=1, **came))
    log.add(confirmed("a9", "sa", "Aa", "a", 9))
    ids = {"person_id": an_id("person 9"), "into_id": an_id("person 1")}
    log.add(PersonMerged(merge_id=an_id("m"), person_number=9, into_number=1, **ids))
    subscriber.catch_up_fully()
    settle(database)


def settle(database: Database) -> None:
    while aggregation.is_dirty(database):
        aggregate(database)


def change(database: Database, sql: str, **values: Any) -> None:
    with database.transaction(EVERY_SITE) as session:
        assert session.execute(text(sql), values).rowcount > 0  # type: ignore[attr-defined]


def count_anew(database: Database, seconds: float = recount.SLICE) -> Recount:
    """A whole recount."""
    begin(database)
    while recount_slice(database, seconds):
        pass
    return last(database)


def last(database: Database) -> Recount:
    with database.transaction() as session:
        return latest(session, recounts=1, differences=5_000)[0]


def figures_now(database: Database) -> dict[str, float]:
    with database.transaction(EVERY_SITE) as session:
        return gauges(session)


@pytest.mark.usefixtures("city")
def test_nothing_differs_while_all_is_well(database: Database) -> None:
    found = count_anew(database)
    assert (found.differences, found.left_out, found.months) == (0, 0, MONTHS)
    assert found.finished_at is not None


PLACES = [("site", str(an_id("b"))), ("area", "Sb"), ("area", "C")]


@pytest.mark.usefixtures("city")
@pytest.mark.parametrize("figure", [*SUMS, *SETS])
def test_a_figure_changed_by_hand_is_found_wherever_it_is(database: Database, figure: str) -> None:
    where = "kind = 'class' AND age_band = '*'"
    odd = "'\\x00'::bytea" if figure in SETS else f"{figure} + 1"
    for what, node in PLACES:
        before = whole_row(database, what, node)
        change(database, f"UPDATE {what}_cells SET {figure} = {odd} WHERE {key_of(what)} = '{node}' AND {where}")
        found = count_anew(database)
        [one] = [one for one in found.found if (one.what, one.node) == (what, node)]
        assert (one.month, one.kind, one.age_band, one.figure) == (date(2026, 3, 1), "class", "*", figure)
        assert one.counted == (len(BitMap.deserialize(before[figure])) if figure in SETS else before[figure])
        assert one.stored == (None if figure in SETS else one.counted + 1)
        assert whole_row(database, what, node)[figure] != before[figure], "it is not mended silently"
        restored = {"value": before[figure]}
        sql = f"UPDATE {what}_cells SET {figure} = :value WHERE {key_of(what)} = '{node}' AND {where}"
        change(database, sql, **restored)
    assert count_anew(database).differences == 0


def whole_row(database: Database, what: str, node: str) -> dict[str, Any]:
    with database.transaction(EVERY_SITE) as session:
        asked = f"SELECT * FROM {what}_cells WHERE {key_of(what)} = '{node}' AND kind = 'class' AND age_band = '*'"
        return dict(session.execute(text(asked)).one()._mapping)


def key_of(what: str) -> str:
    return {"site": "site_id", "area": "area"}[what]


@pytest.mark.usefixtures("city")
@pytest.mark.parametrize(("what", "node"), PLACES)
def test_a_set_of_as_many_others_is_found(database: Database, what: str, node: str) -> None:
    others = bytes(BitMap([2, 77]).serialize())
    sql = f"UPDATE {what}_cells SET people = :others WHERE {key_of(what)} = '{node}' AND kind = '*' AND age_band = '*'"
    change(database, sql, others=others)
    [one] = [one for one in count_anew(database).found if (one.what, one.node) == (what, node)]
    assert (one.figure, one.stored, one.counted, one.missing, one.surplus) == ("people", 2, 2, 1, 1)


@pytest.mark.usefixtures("city")
@pytest.mark.parametrize(("what", "node"), PLACES)
def test_cells_that_are_gone_or_in_surplus_are_found(database: Database, what: str, node: str) -> None:
    place = f"{key_of(what)} = '{node}' AND kind = 'class' AND age_band = '*'"
    nothing = ", ".join(["0"] * len(SUMS) + [":nothing"] * len(SETS))
    columns = ", ".join((*SUMS, *SETS))
    change(
        database, f"INSERT INTO {what}_cells ({key_of(what)}, month, kind, age_band, {columns})"
        f" SELECT {key_of(what)}, month, 'clinic', age_band, {nothing} FROM {what}_cells WHERE {place}",
        nothing=bytes(BitMap().serialize()),
    )  # fmt: skip
    empty_one = [one for one in count_anew(database).found if one.node == node]
    assert [(one.kind, one.figure, one.stored, one.counted) for one in empty_one] == [("clinic", "cell", 1, 0)]
    change(database, f"DELETE FROM {what}_cells WHERE {place}")
    gone = {one.figure: one for one in count_anew(database).found if one.node == node and one.kind == "class"}
    assert (gone["registrations"].stored, gone["people"].missing) == (0, gone["people"].counted)


@pytest.mark.usefixtures("city")
def test_a_month_without_any_cell_is_found(database: Database) -> None:
    for what in ("site", "area"):
        change(database, f"DELETE FROM {what}_cells")
    found = count_anew(database)
    assert {one.node for one in found.found} == {str(an_id(name)) for name in "abc"}
    change(database, "INSERT INTO dirty (site_id, month) SELECT DISTINCT site_id, date_trunc('month', day) FROM shifts")
    settle(database)
    assert count_anew(database).differences == 0
    change(database, "DELETE FROM area_cells WHERE area = 'D'")
    assert {one.node for one in count_anew(database).found} == {"D"}


@pytest.mark.usefixtures("city")
def test_what_says_itself_that_it_is_behind_is_left_out(
    database: Database, log: MemoryLog, subscriber: Subscriber
) -> None:
    log.add(confirmed("new", "sa", "Aa", "a", 5))
    subscriber.catch_up_fully()
    dirty = count_anew(database)
    assert (dirty.differences, dirty.left_out) == (0, 1)
    with database.transaction(EVERY_SITE) as session:
        aggregation.aggregate_batch(session, 1_000_000)
    stale = count_anew(database)
    assert (stale.differences, stale.left_out) == (0, 3), "the three areas over it"
    settle(database)
    log.add(site("a", "Sb"))
    subscriber.catch_up_fully()
    moved = count_anew(database)
    assert (moved.differences, moved.left_out) == (0, 5), "of no area it is known what it should be"
    settle(database)
    assert count_anew(database).left_out == 0


@pytest.mark.usefixtures("city")
def test_whoever_is_killed_in_the_middle_goes_on_where_it_was(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(database, "UPDATE site_cells SET seats = seats + 1 WHERE kind = '*' AND age_band = '*'")
    seen: list[tuple[str, str]] = []
    compare = recount.compare

    def killed_at_the_third(what: str, node: str, *rest: Any) -> Iterator[recount.Difference]:
        seen.append((what, node))
        if len(seen) in (3, 6):
            raise RuntimeError("killed")
        return compare(what, node, *rest)

    monkeypatch.setattr(recount, "compare", killed_at_the_third)
    begin(database)
    for _ in range(100):
        try:
            if not recount_slice(database, seconds=0):
                break
        except RuntimeError:
            continue
    found = last(database)
    assert found.finished_at is not None
    assert found.months == len(set(seen)) == MONTHS
    assert len(seen) == len(set(seen)) + 2, "only what was being compared is compared again"
    assert sorted(one.node for one in found.found if one.what == "site") == sorted(str(an_id(n)) for n in "abc")


@pytest.mark.usefixtures("city")
def test_two_pumps_do_no_harm(database: Database) -> None:
    begin(database)
    begin(database)

    def work() -> None:
        while last(database).finished_at is None:
            try:
                recount_slice(database, seconds=0)
            except Exception as error:
                assert "could not serialize" in str(error)

    with ThreadPoolExecutor(2) as threads:
        for worker in [threads.submit(work), threads.submit(work)]:
            worker.result()
    found = last(database)
    assert (found.id, found.months, found.differences) == (last(database).id, MONTHS, 0)


@pytest.mark.usefixtures("city")
def test_a_recount_while_things_happen_finds_nothing(
    database: Database, log: MemoryLog, subscriber: Subscriber
) -> None:
    done = threading.Event()
    results: list[Recount] = []

    def sweep() -> None:
        while not done.is_set():
            aggregate(database)

    def look() -> None:
        while not done.is_set():
            results.append(count_anew(database, seconds=0.01))

    with ThreadPoolExecutor(2) as threads:
        others = [threads.submit(sweep), threads.submit(look)]
        try:
            for n in range(100, 220):
                name = "abc"[n % 3]
                log.add(confirmed(str(n), f"s{name}", f"A{name}", name, n))
                if n % 20 == 0:
                    log.add(site("c", ["Sa", "Sb", "Sc"][n // 20 % 3]))
                subscriber.catch_up_fully()
        finally:
            done.set()
        for other in others:
            other.result()
    assert len(results) > 3
    assert [one.found for one in results if one.differences] == []
    assert sum(one.left_out for one in results) > 0
    settle(database)
    whole = count_anew(database)
    assert (whole.differences, whole.left_out) == (0, 0)


@pytest.mark.usefixtures("city")
def test_a_rebuild_beside_it_is_neither_stopped_nor_seen_half(database: Database, subscriber: Subscriber) -> None:
    done = threading.Event()
    results: list[Recount] = []

    def look() -> None:
        while not done.is_set():
            results.append(count_anew(database, seconds=0.01))

    with ThreadPoolExecutor(1) as threads:
        other = threads.submit(look)
        try:
            for _ in range(5):
                rebuild(database, subscriber)
        finally:
            done.set()
        other.result()
    assert len(results) > 3
    assert [one.found for one in results if one.differences] == []


@pytest.mark.usefixtures("city")
def test_a_rebuild_that_begins_in_the_middle_of_a_slice_waits_for_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    differences = recount._differences
    with ThreadPoolExecutor(1) as threads:
        emptied: list[Future[None]] = []

        def look(*given: Any) -> Iterator[recount.Difference]:
            if not emptied:
                emptied.append(threads.submit(empty_books, database))
                time.sleep(0.3)
            return differences(*given)

        monkeypatch.setattr(recount, "_differences", look)
        assert count_anew(database).found == []
        emptied[0].result()


def doubled(sums: Callable[..., Any]) -> Callable[..., Any]:
    """Counts one registration too many wherever there is one."""

    def broken(*given: Any) -> Any:
        for number_of, kind, age_band, piece in sums(*given):
            if "registrations" in piece.sums:
                piece.sums["registrations"] += 1
            yield number_of, kind, age_band, piece

    return broken


def without_margins(labelled: Any) -> dict[tuple[int, str, str], pieces.Piece]:
    whole = pieces.with_margins(labelled)
    return {key: piece for key, piece in whole.items() if "*" not in key}


def takes_the_last(self: pieces.Piece, other: pieces.Piece) -> None:
    """Forgets whom it counted before."""
    for name, value in other.sums.items():
        self.sums[name] += value
    self.sets |= other.sets


@pytest.mark.usefixtures("city")
@pytest.mark.parametrize(
    ("module", "name", "broken"),
    [
        (aggregation, "of_days", doubled(pieces.of_days)),
        (aggregation, "with_margins", without_margins),
        (pieces.Piece, "add", takes_the_last),
        (uniting, "_united", lambda *_: {}),
        (aggregation, "OUTRUN", text("SELECT cast(:sites AS text[]), cast(:months AS date[])")),
    ],
    ids=["counts twice", "no margins", "sets do not unite", "areas stay empty", "areas stay behind"],
)
def test_a_broken_build_is_found(
    database: Database, log: MemoryLog, subscriber: Subscriber, monkeypatch: pytest.MonkeyPatch,
    module: Any, name: str, broken: Any,
) -> None:  # fmt: skip
    assert count_anew(database).differences == 0
    monkeypatch.setattr(module, name, broken)
    log.add(confirmed("new", "sb", "Ab", "b", 5))
    subscriber.catch_up_fully()
    settle(database)
    assert count_anew(database).differences > 0


@many_databases
@given(history=steps, seed=number)
def test_whatever_happens_nothing_differs(database: Database, history: list[Step], seed: int) -> None:
    empty(database)
    world = World(MemoryLog())
    world.live(history)
    deliver(world.log, database, Random(seed))
    assert count_anew(database).found == []
    rebuild(database, Subscriber(database, world.log, HANDLERS))
    whole = count_anew(database)
    assert whole.found == []


@pytest.mark.usefixtures("city")
def test_facts_are_compared_with_the_log_as_documented(database: Database, subscriber: Subscriber) -> None:
    asked = re.findall(r"^SELECT md5.*?;$", OPERATIONS.read_text(), re.MULTILINE)

    def sums() -> list[str]:
        with database.transaction(EVERY_SITE) as session:
            return [session.scalar(text(one.replace("::", "\\:\\:"))) for one in asked]

    before = sums()
    assert len(before) == 3 and all(before)
    rebuild(database, subscriber)
    assert sums() == before
    change(database, "UPDATE facts SET places = 7")
    assert [one == other for one, other in zip(before, sums(), strict=True)] == [False, True, True]


@pytest.mark.usefixtures("city")
def test_the_first_difference_raises_an_alarm_that_a_whole_recount_takes_back(database: Database) -> None:
    assert "recount_differences" not in figures_now(database)
    count_anew(database)
    assert figures_now(database)["recount_differences"] == 0
    change(database, "UPDATE site_cells SET seats = seats + 1")
    with structlog.testing.capture_logs() as lines:
        begin(database)
        while figures_now(database)["recount_differences"] == 0:
            assert recount_slice(database, seconds=0), "the alarm comes before the end"
        while recount_slice(database, seconds=0):
            pass
    [alarm] = [line for line in lines if line["log_level"] == "error"]
    assert (alarm["event"], alarm["what"], alarm["figure"], alarm["stored"], alarm["counted"]) == (
        "recount_differs", "site", "seats", 11, 10)  # fmt: skip
    before = figures_now(database)["recount_differences"]
    assert before > 0
    change(database, "UPDATE site_cells SET seats = seats - 1")
    begin(database)
    recount_slice(database, seconds=0)
    assert figures_now(database)["recount_differences"] == before, "until it is known to be mended"
    while recount_slice(database):
        pass
    assert figures_now(database)["recount_differences"] == 0


@pytest.mark.usefixtures("city")
def test_differences_without_end_are_counted_and_the_first_ones_kept(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recount, "MOST_KEPT", 4)
    change(database, "UPDATE site_cells SET seats = seats + 1, shifts = 7")
    found = count_anew(database, seconds=0)
    assert (found.differences > 8, len(found.found)) == (True, 4)


@pytest.mark.usefixtures("city")
def test_the_age_is_that_of_the_last_whole_one(database: Database) -> None:
    count_anew(database)
    change(database, "UPDATE recounts SET started_at = now() - interval '3 h', finished_at = now() - interval '2 h'")
    begin(database)
    assert 7_200 <= figures_now(database)["recount_age_seconds"] < 7_300


def at(clock: str) -> datetime:
    """A moment by the clock of Shanghai."""
    return datetime.fromisoformat(f"{clock}+08:00").astimezone(UTC)


@pytest.mark.parametrize(
    ("last_begun", "now", "due"),
    [
        (None, "2026-03-05T12:00", True),
        ("2026-03-04T02:00", "2026-03-05T01:59", False),
        ("2026-03-04T02:00", "2026-03-05T02:00", True),
        ("2026-03-04T04:59", "2026-03-05T02:00", True),
        ("2026-03-04T23:30", "2026-03-05T04:59", True),
        ("2026-03-05T02:00", "2026-03-05T04:59", False),
        ("2026-03-01T02:00", "2026-03-05T05:00", False),
    ],
)
def test_it_begins_once_a_night(last_begun: str | None, now: str, due: bool) -> None:
    assert is_due(at(last_begun) if last_begun else None, at(now)) is due


@pytest.mark.usefixtures("city")
def test_the_pump_does_the_first_one_by_itself(database: Database) -> None:
    while duty(database):
        pass
    first = last(database)
    assert (first.finished_at is not None, first.months) == (True, MONTHS)
    change(database, "UPDATE recounts SET started_at = now()")
    begin_when_due(database)
    assert last(database).id == first.id
    assert not duty(database)


@pytest.mark.usefixtures("city")
def test_an_operator_begins_one_and_reads_what_it_found(
    database: Database, client: FlaskClient, log: MemoryLog, subscriber: Subscriber
) -> None:
    assert client.get("/internal/recount", headers=OPERATOR).json == {"items": []}
    count_anew(database)
    change(database, "UPDATE area_cells SET seats = 1 WHERE area = 'D' AND kind = '*' AND age_band = '*'")
    begun = client.post("/internal/recount", headers=OPERATOR)
    again = client.post("/internal/recount", headers=OPERATOR)
    assert (begun.status_code, begun.json) == (202, again.json)
    assert begun.json["items"][0]["finished_at"] is None
    while recount_slice(database):
        pass
    newest, before = client.get("/internal/recount", headers=OPERATOR).json["items"]
    assert (newest["differences"], before["differences"]) == (1, 0)
    assert newest["found"] == [
        {
            "what": "area",
            "node": "D",
            "month": "2026-03-01",
            "kind": "*",
            "age_band": "*",
            "figure": "seats",
            "stored": 1,
            "counted": 20,
            "missing": None,
            "surplus": None,
        }
    ]
    log.add(key("a", "0" * 64))
    subscriber.catch_up_fully()
    assert client.get("/internal/recount").status_code == client.post("/internal/recount").status_code == 401


def test_the_status_says_that_something_is_wrong() -> None:
    status = {"problems": [], "figures": {"recount_differences": 3.0, "recount_age_seconds": 9.0}}
    assert cli._wrongs(status) == ["recount differences: 3"]
    status["figures"] = {"recount_differences": 0.0}
    assert cli._wrongs(status) == []


@pytest.mark.usefixtures("city")
def test_the_command_waits_for_the_end(
    database: Database, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command as it is, with the service's own answers; meanwhile a pump does the work."""

    class Answer:
        def __init__(self, response: Any) -> None:
            self.ok, self.status_code, self._response = response.status_code < 400, response.status_code, response

        def json(self) -> Any:
            return self._response.json

    def call(service: str, path: str, method: str = "GET", body: Any = None) -> Answer:
        assert service == "reporting"
        return Answer(client.open(path, method=method, headers=OPERATOR))

    monkeypatch.setattr(cli, "_call", call)
    monkeypatch.setattr(cli.time, "sleep", lambda _: recount_slice(database, seconds=0))
    well = CliRunner().invoke(cli.main, ["recount"])
    assert (well.exit_code, "differences: 0" in well.output) == (0, True)
    change(database, "UPDATE site_cells SET places = 99 WHERE kind = '*' AND age_band = '*'")
    wrong = CliRunner().invoke(cli.main, ["recount"])
    assert wrong.exit_code == 1
    assert '"figure": "places"' in wrong.output
