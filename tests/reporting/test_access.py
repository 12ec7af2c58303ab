"""Who may ask reports about what, and that a report reads no other rows, whatever its query says."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from services.common.apply import Subscriber
from services.common.auth import NOTHING, Caller, Principal, Role
from services.common.database import EVERY_SITE, Database
from services.common.errors import Problem
from services.reporting.operations.access import Access, Sight, enter, read_sight
from services.reporting.operations.aggregation import aggregate
from services.reporting.operations.participation import participation
from services.reporting.operations.scope import read_scope, report_snapshot
from tests.reporting.log import MemoryLog
from tests.reporting.scene import activity, an_id, area, confirmed, shift, site

A, B, C = an_id("a"), an_id("b"), an_id("c")
FIRST, LAST = date(2026, 1, 1), date(2026, 12, 31)
CELLS = "(SELECT * FROM site_cells WHERE kind = '*' AND age_band = '*') AS cells"
TABLES = ("activities", "shifts", "facts", CELLS)


@pytest.fixture(autouse=True)
def city(database: Database, log: MemoryLog, subscriber: Subscriber) -> None:
    """A city C with two districts, a subdistrict S in the first; a site in S, one in D2 and one in C itself, each with
    one sign-up by the same person."""
    log.add(area("C", None, "城"), area("D1", "C"), area("D2", "C"), area("S", "D1"))
    log.add(site("a", "S"), site("b", "D2"), site("c", "C"))
    for name in ("a", "b", "c"):
        log.add(activity(f"A{name}", name), shift(f"s{name}", f"A{name}", name, "2026-03-01"))
        log.add(confirmed(name, f"s{name}", f"A{name}", name, 1))
    subscriber.catch_up_fully()
    aggregate(database)


def key_of(site_id: UUID) -> Principal:
    return Principal(Caller.SITE, "key", site_id)


def staff(site_id: UUID | None = None, role: Role | None = Role.SITE_STAFF, areas: Sequence[str] = ()) -> Principal:
    return Principal(Caller.STAFF, "member", site_id, role, session="cookie", areas=tuple(areas))


def admin(*areas: str, at: UUID | None = None, role: Role = Role.AREA_ADMIN) -> Principal:
    return staff(at, role, areas)


OPERATORS = (
    Principal(Caller.OPERATOR, "operator"),
    staff(None, Role.OPERATOR),
    staff(A, Role.OPERATOR, areas=["D2"]),
)


def ask(database: Database, who: Principal, area: str | None = None, site: UUID | None = None) -> Access | int:
    """What they get, or the status of the refusal."""
    try:
        with report_snapshot(database, NOTHING) as session:
            return enter(session, who, area, site)
    except Problem as problem:
        return problem.kind.status


def counts(database: Database, who: Principal, area: str | None = None, site: UUID | None = None) -> list[int]:
    """How many rows of each table the report of that could read, by a statement that forgets to ask for sites."""
    with report_snapshot(database, NOTHING) as session:
        enter(session, who, area, site)
        return [session.scalar(text(f"SELECT count(*) FROM {table}")) or 0 for table in TABLES]


def under(*sites: UUID) -> str:
    return ",".join(sorted(map(str, sites)))


@pytest.mark.parametrize("who", [key_of(A), staff(A)], ids=["key", "staff"])
def test_a_site_and_its_staff_see_the_site_alone(database: Database, who: Principal) -> None:
    own = Access(None, A, str(A))
    assert ask(database, who) == ask(database, who, site=A) == own
    assert ask(database, who, site=B) == 404
    assert ask(database, who, area="S") == ask(database, who, area="S", site=A) == 403
    assert counts(database, who) == [1, 1, 1, 1]


def test_staff_with_neither_a_site_nor_an_area_must_choose_one(database: Database) -> None:
    assert ask(database, staff()) == ask(database, staff(), area="C") == ask(database, staff(role=None), site=A) == 403


@pytest.mark.parametrize("who", OPERATORS, ids=["key", "staff", "staff at a site"])
def test_operators_see_everything(database: Database, log: MemoryLog, subscriber: Subscriber, who: Principal) -> None:
    assert ask(database, who) == ask(database, who, area="C") == Access("C", None, EVERY_SITE)
    assert ask(database, who, site=B) == Access(None, B, EVERY_SITE)
    assert ask(database, who, area="C", site=B) == 422
    assert counts(database, who, area="S") == [3, 3, 3, 3]
    log.add(area("X"))
    subscriber.catch_up_fully()
    assert ask(database, who) == 422, "there are two topmost areas now"


def test_an_area_admin_sees_what_is_at_and_under_their_area(database: Database) -> None:
    who = admin("D1")
    assert ask(database, who) == ask(database, who, area="D1") == Access("D1", None, under(A), "D1,S")
    assert ask(database, who, area="S") == Access("S", None, under(A), "D1,S")
    assert ask(database, who, site=A) == Access(None, A, under(A), "D1,S")
    assert ask(database, who, area="D1", site=A) == 422


def test_an_area_admin_sees_nothing_above_or_beside(database: Database) -> None:
    who = admin("D1")
    assert [ask(database, who, area=code) for code in ("C", "D2", "nowhere")] == [403, 403, 404]
    assert [ask(database, who, site=one) for one in (B, C, an_id("nowhere"))] == [404, 404, 404]
    assert counts(database, who) == [1, 1, 1, 1]


def test_several_areas_must_be_named_unless_one_is_above_the_others(database: Database) -> None:
    assert ask(database, admin("D1", "D2")) == 422
    assert ask(database, admin("D1", "D2"), area="S") == Access("S", None, under(A, B), "D1,S,D2")
    assert ask(database, admin("S", "D1")) == Access("D1", None, under(A), "D1,S")
    assert counts(database, admin("D1", "D2"), area="S") == [2, 2, 2, 2]


def test_what_an_area_admin_sees_does_not_hang_on_where_they_work(database: Database) -> None:
    for role in (Role.AREA_ADMIN, Role.SITE_STAFF):
        who = admin("D1", at=B, role=role)
        assert ask(database, who) == Access("D1", None, under(A), "D1,S")
        assert ask(database, who, site=B) == Access(None, B, str(B)), "they are its staff too"
        assert ask(database, who, area="D2") == 403
        assert ask(database, who, site=C) == 404


def test_an_area_without_a_site_shows_no_row(database: Database, log: MemoryLog, subscriber: Subscriber) -> None:
    log.add(area("E", "D1"))
    subscriber.catch_up_fully()
    assert ask(database, admin("E")) == Access("E", None, NOTHING, "E")
    assert counts(database, admin("E")) == [0, 0, 0, 0]


def test_a_moved_area_changes_hands(database: Database, log: MemoryLog, subscriber: Subscriber) -> None:
    log.add(area("S", "D2"))
    subscriber.catch_up_fully()
    assert ask(database, admin("D1"), area="S") == 403
    assert ask(database, admin("D1"), site=A) == 404
    assert ask(database, admin("D2"), area="S") == Access("S", None, under(A, B), "D2,S")
    log.add(area("D2", "S"))  # for a moment S and D2 lie in each other: neither is above the other
    subscriber.catch_up_fully()
    assert ask(database, admin("D2", "S")) == 422
    assert ask(database, admin("D2"), area="C") == 403


def test_a_report_that_asks_for_too_much_counts_what_its_caller_may_see(database: Database) -> None:
    with report_snapshot(database, NOTHING) as session:
        enter(session, admin("D1", "D2"), "D2", None)
        everywhere = read_scope(session, "C", None)  # the bug
        assert len(everywhere.places) == 3
        *rows, total = participation(session, everywhere, FIRST, LAST, ["site"])
        assert {row["site"] for row in rows} == {A, B}
        assert (total["registrations"], total["shifts"], total["people"]) == (2, 2, 1)


@pytest.mark.parametrize(
    ("scope", "sites"),
    [
        (f"{A},{C}", {A, C}),
        (str(B), {B}),
        (EVERY_SITE, {A, B, C}),
        (str(an_id("nowhere")), set()),
        (NOTHING, set()),
        ("", set()),
        (f"{A},*", {A}),
    ],
)
def test_the_database_shows_the_rows_of_a_list_of_sites(database: Database, scope: str, sites: set[UUID]) -> None:
    with database.transaction(scope) as session:
        for table in TABLES:
            assert set(session.scalars(text(f"SELECT site_id FROM {table}"))) == sites, table


def test_an_area_admin_reads_the_cells_of_their_areas_and_no_others(database: Database) -> None:
    def areas(who: Principal) -> set[str]:
        with report_snapshot(database, NOTHING) as session:
            enter(session, who, None, None)
            return set(session.scalars(text("SELECT area FROM area_cells")))

    assert areas(admin("D1")) == {"D1", "S"}
    assert areas(staff(A)) == areas(key_of(A)) == set()
    assert areas(OPERATORS[0]) == {"C", "D1", "D2", "S"}


def test_a_scope_that_is_no_list_of_ids_shows_nothing_but_an_error(database: Database) -> None:
    with (
        pytest.raises(Exception, match="invalid input syntax for type uuid"),
        database.transaction("140107") as session,
    ):
        session.execute(text("SELECT count(*) FROM facts"))


def test_nobody_writes_a_row_of_another_site(database: Database) -> None:
    with database.transaction(f"{A},{C}") as session:
        changed = [session.execute(text(f"UPDATE facts SET places = 9 WHERE site_id = '{one}'")) for one in (A, B, C)]
        assert [result.rowcount for result in changed] == [1, 0, 1]  # type: ignore[attr-defined]


def test_the_list_is_read_once_for_a_statement_and_looked_up_in_a_hash_table(database: Database) -> None:
    many = ",".join(str(an_id(f"site {number}")) for number in range(1000))
    with database.transaction(many) as session:
        plan = "\n".join(session.scalars(text("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) SELECT * FROM facts")))
    assert "hashed SubPlan" in plan
    assert [line for line in plan.splitlines() if "unnest" in line and "loops=1)" in line], plan


def sight(database: Database, who: Principal) -> dict[str, Any]:
    with report_snapshot(database, NOTHING) as session:
        found: Sight = read_sight(session, who)
    areas = [f"{'-' * one.depth}{one.code}" for one in found.areas]
    return {"topmost": found.topmost, "areas": areas, "sites": [one.name.zh for one in found.sites]}


def test_what_there_is_to_choose_from_is_what_may_be_asked(database: Database) -> None:
    everything = {"topmost": ["C"], "areas": ["C", "-D1", "--S", "-D2"], "sites": ["站c", "站a", "站b"]}
    assert sight(database, OPERATORS[0]) == sight(database, admin("C")) == everything
    assert sight(database, staff(B)) == {"topmost": [], "areas": [], "sites": ["站b"]}
    assert sight(database, staff()) == {"topmost": [], "areas": [], "sites": []}
    assert sight(database, admin("S", "D1", "D2")) == {
        "topmost": ["D1", "D2"], "areas": ["D1", "-S", "D2"], "sites": ["站a", "站b"]}  # fmt: skip
    assert sight(database, admin("D1", at=B))["sites"] == ["站b", "站a"]
