"""Doubles become one person and two again: every row, one place per shift, sequences of merges, at the same time."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.common.database import EVERY_SITE, Database
from services.common.errors import Problem
from services.registration.operations.merging.merge import merge, undo_merge
from services.registration.person_tables import OWN, PERSON_TABLES
from services.registration.personal_data import PersonalData
from services.registration.schemas.merges import MergeBody
from tests.registration.office import Office
from tests.registration.test_volunteers import id_number, register
from tests.registration.world import Caller, Site, fresh_phone

RECORD = {"name": "急救", "minutes": 60, "provider": "红十字会", "day": "2026-01-10"}


def merge_body(survivor: str, merged: str) -> dict[str, str]:
    return {"survivor": survivor, "merged": merged, "reason": "entered_twice"}


def owners(site: Site) -> dict[str, set[tuple[str, str]]]:
    """By table, whose each row of the site is."""
    found = {}
    for table in (one for one in PERSON_TABLES if one.whose == OWN):
        where = "WHERE site_id = :site" if table.name != "volunteers" else ""
        rows = site.sql(f"SELECT {table.key}::text AS key, person_id FROM {table.name} {where}", site=site.id)
        found[table.name] = {(row.key, str(row.person_id)) for row in rows}
    return found


@pytest.fixture
def doubles(site: Site) -> tuple[str, str]:
    """Two volunteers of one site, each with something in every table."""
    made = []
    for _ in range(2):
        person = register(site, birth_date="2010-03-03", guardian={"name": "母亲", "email": "mother@example.com"})
        for kind, body in (
            ("trainings", RECORD),
            ("awards", {"name": "优秀", "grantor": "街道", "day": "2026-01-11"}),
            ("evaluations", {"quality": "good", "evaluator": "中心", "day": "2026-01-12"}),
        ):
            site.expect(201, "POST", f"/v1/volunteers/{person['person_id']}/{kind}", body)
        site.expect(201, "POST", f"/v1/shifts/{site.shift()}/registrations", {"person_id": person["person_id"]})
        made.append(person["person_id"])
    return made[0], made[1]


# Columns that refer to people or to somebody's registrations, whatever they are called; and lists of ids, which
# refer to anything without the database knowing.
REFERRING = """
SELECT t.relname AS "table", a.attname AS "column", f.relname AS refers_to
FROM pg_constraint AS c JOIN pg_class AS t ON t.oid = c.conrelid JOIN pg_class AS f ON f.oid = c.confrelid
JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = ANY (c.conkey)
WHERE c.contype = 'f' AND f.relname IN ('people', 'registrations') AND t.relname <> 'people'
UNION ALL
SELECT t.relname, a.attname, 'a list' FROM pg_class AS t JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum > 0
WHERE t.relkind = 'r' AND t.relnamespace = 'public'::regnamespace
  AND (a.attname = 'person_id' OR a.atttypid = 'uuid[]'::regtype)
"""


def test_every_table_that_refers_to_a_person_is_known_to_merging_and_erasing(site: Site) -> None:
    whose = {table.name: table.whose for table in PERSON_TABLES}
    missing = [
        f"{row.table}.{row.column}, which refers to {row.refers_to}"
        for row in site.sql(REFERRING)
        if not any(name in whose.get(row.table, "") for name in (f"t.{row.column} ", "t.person_id "))
    ]
    assert missing == []
    direct = {(row.table, row.column) for row in site.sql(REFERRING) if row.refers_to == "people"}
    assert [one for one in direct if f"t.{one[1]} " not in whose[one[0]]] == []


# Those that an index over some rows alone does not find: erasing and merging ask for all of somebody's.
UNINDEXED = """
SELECT t.relname AS "table", a.attname AS "column"
FROM pg_constraint AS c JOIN pg_class AS t ON t.oid = c.conrelid JOIN pg_class AS f ON f.oid = c.confrelid
JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = ANY (c.conkey)
WHERE c.contype = 'f' AND f.relname IN ('people', 'registrations') AND t.relname <> 'people' AND NOT EXISTS (
    SELECT FROM pg_index AS i WHERE i.indrelid = t.oid AND i.indkey[0] = a.attnum
    AND coalesce(pg_get_expr(i.indpred, t.oid), '') IN ('', format('(%s IS NOT NULL)', a.attname)))
ORDER BY 1, 2
"""


def test_everything_of_a_person_is_found_by_an_index(site: Site) -> None:
    assert [f"{row.table}.{row.column}" for row in site.sql(UNINDEXED)] == []


def test_a_merge_moves_everything_and_undoing_gives_back_exactly_that(site: Site, doubles: tuple[str, str]) -> None:
    before = owners(site)
    made = site.expect(201, "POST", "/v1/merges", merge_body(*doubles))
    during = owners(site)
    for table in ("trainings", "awards", "evaluations", "registrations", "links"):
        assert {owner for _, owner in during[table]} == {doubles[0]}, table
    assert len(during["person_sites"]) == 2, "the site was told twice; the second leads to the first"
    by_old_id = site.expect(200, "GET", f"/v1/people/{doubles[1]}")
    assert by_old_id["id"] == doubles[0]
    assert site.expect(200, "POST", f"/v1/merges/{made['id']}/undo")["undone_at"]
    assert owners(site) == before
    again = site.expect(200, "POST", f"/v1/merges/{made['id']}/undo")
    assert again["undone_at"]
    assert owners(site) == before


def test_what_came_after_the_merge_stays_with_the_survivor(make_site: Callable[..., Site], operator: Caller) -> None:
    one, two = make_site(), make_site()
    phone = fresh_phone()
    survivor = one.sign_up(one.shift())["person_id"]
    merged = two.sign_up(two.shift(), name="双份", phone=phone)["person_id"]
    made = operator.expect(201, "POST", "/v1/merges", merge_body(survivor, merged))
    later = two.sign_up(two.shift(), name="双份", phone=phone)
    assert later["person_id"] == survivor, "found by what the merged told"
    operator.expect(200, "POST", f"/v1/merges/{made['id']}/undo")
    assert two.expect(200, "GET", f"/v1/registrations/{later['id']}")["person_id"] == survivor
    assert two.expect(200, "GET", f"/v1/people/{survivor}")["name"] == "双份"
    assert two.sign_up(two.shift(), name="双份", phone=phone)["person_id"] == merged


def test_one_person_has_one_place_on_a_shift(site: Site) -> None:
    shift = site.shift(capacity=2)
    first, second, waiting = site.sign_up(shift), site.sign_up(shift), site.sign_up(shift)
    made = site.expect(201, "POST", "/v1/merges", merge_body(second["person_id"], first["person_id"]))
    assert made["cancelled"] == [second["id"]], "the earlier place stays"
    kept = site.expect(200, "GET", f"/v1/registrations/{first['id']}")
    assert (kept["person_id"], kept["status"]) == (second["person_id"], "confirmed")
    ended = site.expect(200, "GET", f"/v1/registrations/{second['id']}")
    assert (ended["status"], ended["cancel_reason"]) == ("cancelled", "merged")
    assert site.expect(200, "GET", f"/v1/registrations/{waiting['id']}")["status"] == "confirmed"
    site.expect(200, "POST", f"/v1/merges/{made['id']}/undo")
    assert site.expect(200, "GET", f"/v1/registrations/{second['id']}")["status"] == "cancelled", "never revived"
    assert site.expect(200, "GET", f"/v1/registrations/{first['id']}")["person_id"] == first["person_id"]


def test_nobody_earns_the_same_hours_twice_by_a_merge(site: Site) -> None:
    shift = site.shift(volunteering=True)
    both = [site.sign_up(shift) for _ in range(2)]
    site.move_shift(shift, -3, -1)
    made = site.expect(201, "POST", "/v1/merges", merge_body(*(one["person_id"] for one in both)))
    assert made["cancelled"] == [both[1]["id"]] and site.statuses(*both) == ["confirmed", "cancelled"]
    site.expect(200, "POST", f"/v1/registrations/{both[0]['id']}/check-in")
    assert site.call("POST", f"/v1/registrations/{both[1]['id']}/check-in").status_code == 409
    assert site.expect(200, "GET", f"/v1/shifts/{shift}")["confirmed"] == 1


def test_nobody_is_in_a_team_twice_by_a_merge(site: Site) -> None:
    survivor, merged, third = (site.sign_up(site.shift())["person_id"] for _ in range(3))
    teams = [add_team(site) for _ in range(3)]
    for team, who in ((0, survivor), (0, merged), (0, third), (1, merged), (2, survivor), (2, merged)):
        add_member(site, teams[team], who)
    site.expect(200, "PUT", f"/v1/teams/{teams[2]}/leader", {"person_id": merged})
    before = [members(site, team) for team in teams]
    made = site.expect(201, "POST", "/v1/merges", merge_body(survivor, merged))
    assert [members(site, team) for team in teams] == [
        {survivor: "member", third: "member"}, {survivor: "member"}, {survivor: "leader"}]  # fmt: skip
    site.expect(409, "POST", f"/v1/teams/{teams[0]}/members", {"person_id": merged, "agreement": "名单"})
    shift = site.shift()
    signed = site.expect(201, "POST", f"/v1/shifts/{shift}/team-registrations", {"team_id": teams[0]})
    assert [one["verdict"] for one in signed["members"]] == ["confirmed", "confirmed"]
    site.expect(200, "POST", f"/v1/merges/{made['id']}/undo")
    assert [members(site, team) for team in teams] == before


def add_team(site: Site) -> str:
    return str(site.expect(201, "POST", "/v1/teams", {"name_zh": "合唱团", "name_en": "Choir", "kind": "choir"})["id"])


def add_member(site: Site, team: str, person: str) -> None:
    site.expect(201, "POST", f"/v1/teams/{team}/members", {"person_id": person, "agreement": "名单"})


def members(site: Site, team: str) -> dict[str, str]:
    """Role by person of who is in the team."""
    rows = site.sql("SELECT person_id, role FROM team_members WHERE team_id = :of AND status = 'member'", of=team)
    assert len(rows) == len({row.person_id for row in rows})
    return {str(row.person_id): row.role for row in rows}


def test_two_who_came_to_one_shift_are_two_people(site: Site) -> None:
    shift = site.shift(starts=1)
    pair = [site.sign_up(shift) for _ in range(2)]
    for one in pair:
        site.expect(200, "POST", f"/v1/registrations/{one['id']}/check-in")
    answer = site.call("POST", "/v1/merges", merge_body(pair[0]["person_id"], pair[1]["person_id"]))
    assert answer.status_code == 409


def test_two_id_numbers_are_two_people(site: Site) -> None:
    pair = [register(site, id_number=id_number(order=n), id_number_consent=True)["person_id"] for n in (31, 32)]
    assert site.call("POST", "/v1/merges", merge_body(*pair)).status_code == 409


def test_a_site_merges_its_own_alone(make_site: Callable[..., Site], operator: Caller) -> None:
    one, two = make_site(), make_site()
    phone = fresh_phone()
    shared = one.sign_up(one.shift(), name="两站", phone=phone)["person_id"]
    two.sign_up(two.shift(), name="两站", phone=phone)
    own = one.sign_up(one.shift())["person_id"]
    foreign = two.sign_up(two.shift())["person_id"]
    assert one.call("POST", "/v1/merges", merge_body(own, shared)).status_code == 403
    assert one.call("POST", "/v1/merges", merge_body(own, foreign)).status_code == 404
    assert one.call("POST", "/v1/merges", merge_body(own, str(uuid4()))).status_code == 422
    made = operator.expect(201, "POST", "/v1/merges", merge_body(own, shared))
    assert one.call("POST", f"/v1/merges/{made['id']}/undo").status_code == 404
    assert one.expect(200, "GET", "/v1/merges")["items"] == []


def test_doubles_are_listed_with_what_agrees(site: Site, other: Site) -> None:
    phone = fresh_phone()
    pair = {site.sign_up(site.shift(), name=name, phone=phone)["person_id"] for name in ("林小", "林晓")}
    # Sign-ups index a contact for the desk as well; here through the edit, which does the same.
    for person in pair:
        site.expect(200, "PATCH", f"/v1/people/{person}", {"phone": fresh_phone()}, If_Match="*")
        site.expect(200, "PATCH", f"/v1/people/{person}", {"phone": phone}, If_Match="*")
    (found,) = site.expect(200, "GET", "/v1/doubles")["items"]
    assert {found["one"]["person_id"], found["two"]["person_id"]} == pair
    assert found["agrees"] == ["phone", "birth_date"]
    assert other.expect(200, "GET", "/v1/doubles")["items"] == []


def test_the_merge_and_its_undoing_are_told_with_numbers(site: Site, doubles: tuple[str, str]) -> None:
    made = site.expect(201, "POST", "/v1/merges", merge_body(*doubles))
    site.expect(200, "POST", f"/v1/merges/{made['id']}/undo")
    events = site.events(made["id"])
    assert [type(event).type for event in events] == ["hesheng.person.merged.v1", "hesheng.person.unmerged.v1"]
    numbers = {str(row.id): row.number for row in site.sql("SELECT id, number FROM people")}
    assert (events[0].person_number, events[0].into_number) == (numbers[doubles[1]], numbers[doubles[0]])  # type: ignore[attr-defined]


def test_merging_both_ways_at_once_leaves_one_person(site: Site, operator: Caller) -> None:
    one, two = (site.sign_up(site.shift())["person_id"] for _ in range(2))
    bodies = [merge_body(one, two), merge_body(two, one)] * 3
    with ThreadPoolExecutor(len(bodies)) as pool:
        codes = sorted(pool.map(lambda body: operator.call("POST", "/v1/merges", body).status_code, bodies))
    assert codes == [201, 409, 409, 409, 409, 409]


def test_sign_ups_during_merges_are_all_of_one_person_in_the_end(site: Site, operator: Caller) -> None:
    phone = fresh_phone()
    survivor = site.sign_up(site.shift())["person_id"]
    merged = site.sign_up(site.shift(), name="正在", phone=phone)["person_id"]
    shifts = [site.shift() for _ in range(8)]

    def sign_up(shift: str) -> str:
        return str(site.sign_up(shift, name="正在", phone=phone)["id"])

    with ThreadPoolExecutor(9) as pool:
        made = [pool.submit(sign_up, shift) for shift in shifts[:4]]
        job = pool.submit(operator.expect, 201, "POST", "/v1/merges", merge_body(survivor, merged))
        made += [pool.submit(sign_up, shift) for shift in shifts[4:]]
        ids = [one.result() for one in made]
        job.result()
    owned = {site.expect(200, "GET", f"/v1/registrations/{one}")["person_id"] for one in ids}
    assert owned <= {survivor, merged}
    assert site.sign_up(site.shift(), name="正在", phone=phone)["person_id"] == survivor


class Model:
    """Who holds what, thought out slowly: a row belongs to whom it was made for, seen through the merges in force."""

    def __init__(self, people: list[str]) -> None:
        self.people = people
        self.edges: list[tuple[str, str, str]] = []

    def root(self, person: str) -> str:
        for _, merged, survivor in self.edges:
            if merged == person:
                return self.root(survivor)
        return person


Steps = st.lists(st.tuples(st.booleans(), st.integers(0, 4), st.integers(0, 4)), max_size=12)


@given(steps=Steps)
@settings(max_examples=12, deadline=None)
def test_any_sequence_of_merges_and_undoings_leads_where_the_model_says(
    steps: list[tuple[bool, int, int]], make_site: Callable[..., Site], database: Database, data: PersonalData
) -> None:
    site = make_site()
    people, activity = [], site.activity()
    for n in range(5):
        person = str(site.sql("INSERT INTO people DEFAULT VALUES RETURNING id")[0].id)
        people.append(person)
        _tell(site, person, data)
        for day in range(n % 3 + 1):
            _train(site, person, f"{n} {day}")
        _serve(site, person, minutes=2**n)
        path = f"/v1/shifts/{site.shift(activity=activity)}/registrations"
        site.expect(201, "POST", path, {"person_id": person})
        kind, how = ("photo", "health")[n // 3], ("paper", "phone", "desk")[n % 3]
        site.expect(201, "POST", f"/v1/people/{person}/consents", {"kind": kind, "how": how})
    origin = _owned(site)
    model = Model(people)
    for is_merge, first, second in steps:
        with database.transaction(EVERY_SITE) as session:
            if is_merge:
                survivor, merged = model.root(people[first]), model.root(people[second])
                body = MergeBody(survivor=UUID(survivor), merged=UUID(merged), reason="entered_twice")
                if survivor == merged:
                    with pytest.raises(Problem):
                        merge(session, body, "test", None)
                    session.rollback()
                    continue
                made = merge(session, body, "test", None)
                model.edges.append((str(made.id), merged, survivor))
            elif model.edges:
                edge = model.edges.pop(first % len(model.edges))
                undo_merge(session, UUID(edge[0]), "test", None)
        assert _owned(site) == {key: model.root(owner) for key, owner in origin.items()}
        for person in people:
            of_them = sum(2**n for n, one in enumerate(people) if model.root(one) == model.root(person))
            assert _minutes(site, model.root(person)) == of_them, "records stay where they are, and are read as one's"
        now = site.sql("SELECT id, coalesce(merged_into, id) AS now FROM people WHERE id = ANY(:ids)", ids=people)
        assert {str(row.id): str(row.now) for row in now} == {person: model.root(person) for person in people}
    for edge_id, _, _ in reversed(model.edges):
        with database.transaction(EVERY_SITE) as session:
            undo_merge(session, UUID(edge_id), "test", None)
    assert _owned(site) == origin
    rows = site.sql("SELECT person_id FROM person_sites WHERE site_id = :site", site=site.id)
    assert sorted(str(row.person_id) for row in rows) == sorted(people)


def _tell(site: Site, person: str, data: PersonalData) -> None:
    site.sql(
        "INSERT INTO person_sites (person_id, site_id, name, encrypted_with) VALUES (:person, :site, :name, :key)",
        name=data.encrypt("某人"),
        key=data.newest_key,
        person=person,
        site=site.id,
    )


def _train(site: Site, person: str, name: str) -> None:
    site.sql(
        "INSERT INTO trainings (person_id, site_id, name, content, minutes, provider, day, made_by)"
        " VALUES (:person, :site, :name, '', 60, 'x', '2026-01-01', 'x')",
        person=person,
        site=site.id,
        name=name,
    )


def _serve(site: Site, person: str, minutes: int) -> None:
    site.sql(
        "INSERT INTO service_records (site_id, person_id, activity, day, place, content, minutes, how, unit, in_charge,"
        " recorded_by, late) VALUES (:site, :person, '课', '2026-01-01', '站内', '引导', :minutes, 'imported', '站点',"
        " 'site:x', 'staff:x', true)",
        person=person,
        site=site.id,
        minutes=minutes,
    )


def _minutes(site: Site, person: str) -> int:
    query = "SELECT sum(minutes) AS sum FROM standing_records WHERE person_id IN (SELECT persons_of(:person))"
    return int(site.sql(query, person=person)[0].sum)


def _owned(site: Site) -> dict[str, str]:
    """Whose each training, registration and consent of the site is."""
    tables = " UNION ALL ".join(
        f"SELECT id, person_id FROM {table} WHERE site_id = :site"
        for table in ("trainings", "registrations", "consents")
    )
    return {str(row.id): str(row.person_id) for row in site.sql(tables, site=site.id)}


def test_every_pair_of_a_crowd_on_one_phone_is_listed_once_over_all_pages(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fits on a page ends within somebody's pairs as often as between two people."""
    phone, shift = fresh_phone(), site.shift(capacity=50)
    crowd = [site.sign_up(shift, name=f"同屋{n}", phone=phone)["person_id"] for n in range(16)]
    monkeypatch.setattr("services.registration.api.merges.LISTED", 7)
    listed, after = [], ""
    while after is not None:
        answer = site.expect(200, "GET", f"/v1/doubles?after={after}")
        listed += [(pair["one"]["person_id"], pair["two"]["person_id"]) for pair in answer["items"]]
        after = answer["next"]
    assert sorted(listed) == sorted(combinations(sorted(crowd, key=UUID), 2)) and len(listed) == 120


def test_that_they_are_two_people_is_kept_until_it_is_taken_back(site: Site, other: Site, operator: Caller) -> None:
    phone, shift = fresh_phone(), site.shift(capacity=50)
    one, two = (site.sign_up(shift, name=name, phone=phone)["person_id"] for name in ("母", "女"))
    stranger = other.sign_up(other.shift())["person_id"]
    site.expect(404, "POST", "/v1/two-people", {"one": one, "two": stranger})
    site.expect(409, "POST", "/v1/two-people", {"one": one, "two": one})
    made = [site.expect(201, "POST", "/v1/two-people", {"one": a, "two": b}) for a, b in ((one, two), (two, one))]
    assert made[0]["id"] == made[1]["id"], "one decision, whoever is named first"
    assert site.expect(200, "GET", "/v1/doubles")["items"] == []
    refused = site.expect(409, "POST", "/v1/merges", merge_body(one, two))
    assert "take the decision back" in refused["detail"]
    other.expect(404, "DELETE", f"/v1/two-people/{made[0]['id']}")
    entries = site.sql("SELECT actor, action FROM audit_log WHERE record = :of ORDER BY id", of=made[0]["id"])
    assert [entry.action for entry in entries] == ["insert"]
    site.expect(204, "DELETE", f"/v1/two-people/{made[0]['id']}")
    assert len(site.expect(200, "GET", "/v1/doubles")["items"]) == 1
    site.expect(201, "POST", "/v1/two-people", {"one": one, "two": two})
    merged = operator.expect(201, "POST", "/v1/merges", merge_body(one, two))["id"]
    operator.expect(200, "POST", f"/v1/merges/{merged}/undo")
    operator.expect(201, "POST", "/v1/two-people", {"one": one, "two": two})
    operator.expect(409, "POST", "/v1/merges", merge_body(one, two))


def test_what_agrees_most_is_first_on_the_page(site: Site, office: Office) -> None:
    phone, shift = fresh_phone(), site.shift(capacity=50)
    for n in range(9):
        site.sign_up(shift, name=f"家人{n}", phone=phone, birth_date=f"19{60 + n}-01-01")
    site.sign_up(shift, name="真重复", phone=phone, birth_date="1964-01-01")
    page = office.site_staff(site.id).call("GET", "/staff/doubles/").get_data(as_text=True)
    assert page.index("真重复") < page.index("家人0")
    assert 'href="/staff/doubles/?page=2"' in page
