"""Erasure, retention, own data: what goes, what stays and why, who may, and that nothing is found afterwards."""

import json
from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from services.common.auth import RESIDENT_COOKIE, Principal, csrf_token
from services.common.auth import Caller as Kind
from services.common.database import EVERY_SITE, Database
from services.registration.operations.people.encryption import ENCRYPTED
from services.registration.operations.people.retention import any_to_review, due_reviews, review
from services.registration.operations.seats.holds import settle
from services.registration.person_tables import PERSON_TABLES
from services.registration.personal_data import PersonalData
from tests.registration.hours_world import moment, over, person_of
from tests.registration.test_public import fresh_mail
from tests.registration.test_volunteers import id_number, register
from tests.registration.world import Caller, Site, fresh_phone, resident_cookie

MARK = {"name": "擦除记号Qx", "email": "erase-mark@example.com", "birth_date": "1957-02-11"}


class Resident:
    """A person with the session that a site's link gave them."""

    def __init__(self, site: Site, person: str, data: PersonalData, at: str) -> None:
        self._client = site.app.test_client()
        self._cookie = resident_cookie(site.database, data, person, at)
        self._client.set_cookie(RESIDENT_COOKIE, self._cookie)

    def call(self, method: str, path: str) -> Any:
        token = csrf_token(Principal(Kind.PERSON, "", session=self._cookie))
        headers = {"X-CSRF-Token": token, "Accept-Language": "en", "Origin": "http://localhost"}
        return self._client.open(path, method=method, headers=headers)


@pytest.fixture
def marked(site: Site) -> tuple[str, list[str]]:
    """A person with something everywhere, and the marks by which to find it again."""
    phone = fresh_phone()
    number = id_number("19570211", order=61)
    marks = [MARK["name"], MARK["email"], phone[3:], number, MARK["birth_date"], "擦除监护人"]
    made = register(site, **MARK, phone=phone, id_number=number, id_number_consent=True)
    person = made["person_id"]
    site.expect(
        200,
        "PUT",
        f"/v1/people/{person}/helper",
        {"name": "擦除监护人", "email": "erase-mark@example.com", "agreed": True},
    )
    training = {"name": "急救", "minutes": 60, "provider": "红十字会", "day": "2026-01-10"}
    site.expect(201, "POST", f"/v1/volunteers/{person}/trainings", training)
    past, ahead = site.shift(volunteering=True), site.shift(starts=48)
    for shift in (past, ahead):
        site.expect(201, "POST", f"/v1/shifts/{shift}/registrations", {"person_id": person})
    site.move_shift(past, -3, -1)
    first = site.expect(200, "GET", f"/v1/shifts/{past}/registrations")["items"][0]["id"]
    site.expect(200, "POST", f"/v1/registrations/{first}/check-in")
    return person, marks


def kept(site: Site, person: str) -> dict[str, int]:
    rows = {}
    for table in PERSON_TABLES:
        query = f"SELECT count(*) AS n FROM {table.name} AS t WHERE {table.whose}"
        rows[table.name] = site.sql(query, people=[UUID(person)])[0].n
    return rows


def test_what_is_erased_is_shown_first_and_then_nothing_names_the_person(
    site: Site, operator: Caller, marked: tuple[str, list[str]], data: PersonalData
) -> None:
    person, marks = marked
    plan = operator.expect(200, "GET", f"/v1/people/{person}/erasure")
    fates = {fate["table"]: fate for fate in plan["fates"]}
    assert (plan["cancels"], plan["refused_zh"]) == (1, "")
    assert fates["person_sites"]["erased"] and fates["volunteers"]["erased"]
    assert not fates["trainings"]["erased"] and fates["trainings"]["why_en"].startswith("records of volunteer")
    done = operator.expect(200, "POST", f"/v1/people/{person}/erasure", {"reason": "person_asked"})
    assert (done["everywhere"], len(done["cancelled"])) == (True, 1)
    rows = kept(site, person)
    assert {name for name, count in rows.items() if count} == {
        "attendance_entries",
        "registrations",
        "trainings",
        "consents",
    }
    assert site.call("GET", f"/v1/people/{person}").status_code == 404
    assert site.expect(200, "POST", "/v1/people/search", {"email": MARK["email"]})["people"] == []
    told = [event.type.removeprefix("hesheng.") for event in site.events(person)]
    assert set(told[1:-2]) == {"consent.withdrawn.v1"}
    assert (told[0], told[-2:]) == ("volunteer.registered.v1", ["volunteer.ended.v1", "person.erased.v1"])
    again = operator.expect(200, "POST", f"/v1/people/{person}/erasure", {"reason": "person_asked"})
    assert again["cancelled"] == []
    assert len(site.events(person)) == len(told)
    _assert_gone(site, marks, data)


def _assert_gone(site: Site, marks: list[str], data: PersonalData) -> None:
    """No table has a mark, in the clear or under the key."""
    for table in site.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
        for (row,) in site.sql(f"SELECT to_jsonb(t)::text FROM {table.tablename} AS t"):
            found = [mark for mark in marks if mark in row or mark.encode().hex() in row]
            assert not found, f"{found} in {table.tablename}"
            for value in json.loads(row).values():
                if isinstance(value, str) and value.startswith("\\x6741414141"):  # what Fernet's tokens begin with
                    plain = data.unseal(bytes.fromhex(value[2:]))
                    found = [mark for mark in marks if mark.encode() in plain and mark != MARK["birth_date"]]
                    assert not found, f"{found} in {table.tablename}"


def test_what_staff_wrote_about_the_hours_is_erased_too(site: Site, operator: Caller, database: Database) -> None:
    _, [registration] = over(site, ago=30)
    person = person_of(site, registration)
    body = {"checked_in_at": moment(-31.5), "checked_out_at": moment(-30.5), "reason": "王小名来过，忘了签到"}
    made = site.expect(201, "POST", f"/v1/registrations/{registration}/later-entries", body)
    operator.expect(200, "POST", f"/v1/people/{person}/erasure", {"reason": "person_asked"})
    (left,) = site.sql("SELECT reason, state FROM later_entries WHERE id = :id", id=made["id"])
    assert (left.reason, left.state) == ("", "pending")


def site_knows_number(site: Site, person: str) -> bool:
    return bool(site.sql("SELECT 1 FROM volunteers WHERE person_id = :of", of=person))


def test_a_site_erases_what_it_was_told_and_the_other_keeps_its_own(make_site: Callable[..., Site]) -> None:
    one, two = make_site(), make_site()
    number = {"id_number": id_number(order=62), "id_number_consent": True}
    person = register(one, name="两处", **number)["person_id"]
    assert register(two, name="两处", **number)["person_id"] == person
    plan = one.expect(200, "GET", f"/v1/people/{person}/erasure")
    assert "volunteers" not in {fate["table"] for fate in plan["fates"]}, "the number stays while another site has them"
    done = one.expect(200, "POST", f"/v1/people/{person}/erasure", {"reason": "site_asked"})
    assert not done["everywhere"]
    assert site_knows_number(two, person)
    assert one.call("GET", f"/v1/people/{person}").status_code == 404
    assert two.expect(200, "GET", f"/v1/volunteers/{person}")["id_number"].startswith("****")
    assert two.expect(200, "POST", f"/v1/people/{person}/erasure", {"reason": "site_asked"})["everywhere"]
    assert not site_knows_number(two, person)
    stranger = make_site()
    assert stranger.call("POST", f"/v1/people/{person}/erasure", {"reason": "site_asked"}).status_code == 404
    assert stranger.call("GET", f"/v1/people/{person}/erasure").status_code == 404
    assert stranger.call("GET", f"/v1/people/{person}/data").status_code == 404


def test_erasing_gives_up_places_on_running_shifts_too(site: Site) -> None:
    running, full = site.shift(starts=1), site.shift(capacity=1, starts=1)
    place = site.sign_up(running)
    site.sign_up(full)
    waiting = site.sign_up(full)
    for shift in (running, full):
        site.move_shift(shift, -1, 1)
    for registration in (place, waiting):
        person = registration["person_id"]
        done = site.expect(200, "POST", f"/v1/people/{person}/erasure", {"reason": "person_asked"})
        assert done["cancelled"] == [registration["id"]]
    assert site.expect(200, "GET", f"/v1/shifts/{running}")["confirmed"] == 0
    assert site.expect(200, "GET", f"/v1/shifts/{full}")["waitlisted"] == 0


def test_who_was_asked_to_take_a_place_over_keeps_nobody_waiting_once_erased(site: Site) -> None:
    taker = site.sign_up(site.shift())["person_id"]
    giver = site.sign_up(site.shift())
    path = f"/v1/registrations/{giver['id']}/hand-over"
    asked = site.expect(201, "POST", path, {"to_person_id": taker})
    site.expect(200, "POST", f"/v1/people/{taker}/erasure", {"reason": "person_asked"})
    assert site.sql("SELECT status FROM transfers WHERE id = :id", id=asked["id"])[0].status == "declined"
    site.expect(201, "POST", path, {"to_person_id": site.sign_up(site.shift())["person_id"]})


def forget(site: Site, *registrations: dict[str, Any]) -> None:
    """What an erasure before shifts that run were looked at left behind: places of people whom nobody knows."""
    for one in registrations:
        site.sql("DELETE FROM person_sites WHERE person_id = :of", of=one["person_id"])


def test_a_place_of_somebody_erased_is_given_back_passed_over_or_called_off(site: Site) -> None:
    shift = site.offered_shift(capacity=2)
    erased, holder, offered, waiting, last = (site.sign_up(shift) for _ in range(5))
    site.cancel(holder["id"])
    assert site.statuses(offered) == ["offered"]
    forget(site, erased, offered, waiting)
    site.sql("UPDATE registrations SET offer_expires_at = now() WHERE id = :id", id=offered["id"])
    with site.database.transaction(site.id) as session:
        settle(session, UUID(shift))
    assert site.statuses(offered, waiting, last) == ["cancelled", "offered", "waitlisted"]
    assert site.cancel(erased["id"])["status"] == "cancelled"
    site.expect(200, "POST", f"/v1/shifts/{shift}/cancel")
    assert set(site.statuses(erased, waiting, last)) == {"cancelled"}
    seen = site.expect(200, "GET", f"/v1/shifts/{shift}")
    assert (seen["confirmed"], seen["offered"], seen["waitlisted"]) == (0, 0, 0)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "check-in", None),
        ("POST", "no-show", None),
        ("PATCH", "", {"party_size": 2}),
        ("POST", "accept", None),
    ],
)
def test_acts_on_a_registration_whose_person_was_erased_are_refused_plainly(
    site: Site, method: str, path: str, body: Any
) -> None:
    shift = site.shift(starts=1, party_limit=3)
    made = site.sign_up(shift)
    site.move_shift(shift, -3, -1)
    site.expect(200, "POST", f"/v1/people/{made['person_id']}/erasure", {"reason": "person_asked"})
    headers = {"If_Match": "*"} if method == "PATCH" else {}
    address = f"/v1/registrations/{made['id']}/{path}".removesuffix("/")
    answer = site.call(method, address, body, **headers)
    assert answer.status_code == 409 and "erased" in answer.get_json()["detail"]


def test_nobody_is_erased_while_checked_in(site: Site) -> None:
    made = site.sign_up(site.shift(starts=1))
    site.expect(200, "POST", f"/v1/registrations/{made['id']}/check-in")
    path = f"/v1/people/{made['person_id']}/erasure"
    assert site.expect(200, "GET", path)["refused_en"]
    assert site.call("POST", path, {"reason": "person_asked"}).status_code == 409


def test_the_erased_come_back_as_somebody_new(site: Site, operator: Caller) -> None:
    phone = fresh_phone()
    before = site.sign_up(site.shift(), name="回来", phone=phone)["person_id"]
    operator.expect(200, "POST", f"/v1/people/{before}/erasure", {"reason": "person_asked"})
    assert site.sign_up(site.shift(), name="回来", phone=phone)["person_id"] != before


def test_erasing_takes_who_was_merged_along(site: Site, operator: Caller) -> None:
    one, two = (site.sign_up(site.shift(starts=24 + 24 * n))["person_id"] for n in range(2))
    body = {"survivor": one, "merged": two, "reason": "entered_twice"}
    made = site.expect(201, "POST", "/v1/merges", body)
    operator.expect(200, "POST", f"/v1/people/{two}/erasure", {"reason": "person_asked"})
    left = site.sql("SELECT 1 FROM person_sites WHERE person_id IN (:one, :two)", one=one, two=two)
    assert left == []
    assert operator.call("POST", f"/v1/merges/{made['id']}/undo").status_code == 409


def test_the_own_data_file_has_everything_in_the_clear_by_site(
    site: Site, marked: tuple[str, list[str]], data: PersonalData
) -> None:
    person, marks = marked
    site.expect(200, "POST", f"/v1/volunteers/{person}/id-number", {"reason": "insurance"})
    answer = Resident(site, person, data, site.id).call("GET", "/v1/my/data")
    assert answer.status_code == 200
    assert "attachment" in answer.headers["Content-Disposition"]
    found = answer.get_json()
    written = json.dumps(found, ensure_ascii=False)
    assert [mark for mark in marks if mark not in written] == []
    assert "hash" not in written and "encrypted_with" not in written
    (here,) = found["sites"]
    assert len(here["data"]["registrations"]) == 2 and here["data"]["registrations"][0]["title_zh"]
    assert [(one["action"], one["by"], one["reason"]) for one in found["read_by"] if one["action"] != "read"] == [
        ("reveal", "site", "insurance")
    ]
    site.expect(200, "GET", f"/v1/people/{person}/data")
    again = Resident(site, person, data, site.id).call("GET", "/v1/my/data").get_json()["read_by"]
    assert again[-1]["action"] == "export", "what staff fetched is told, what the person fetched is no reading"


def test_an_address_opens_only_what_was_told_with_it(make_site: Callable[..., Site], data: PersonalData) -> None:
    """Name and phone, which neighbours know, make the same person; the neighbour's own address opens nothing else."""
    victim, nosy = make_site(), make_site()
    phone, own = fresh_phone(), fresh_mail()
    person = victim.sign_up(victim.shift(starts=24), name="邻居", phone=phone, email=own)["person_id"]
    nosy.sign_up(nosy.shift(starts=48), name="邻居", phone=phone, email="nosy@example.com")
    seen = Resident(nosy, person, data, nosy.id).call("GET", "/v1/my/data").get_data(as_text=True)
    assert "nosy@example.com" in seen and own not in seen
    assert Resident(nosy, person, data, nosy.id).call("POST", "/v1/my/erasure").get_json()["everywhere"] is False
    assert victim.expect(200, "GET", f"/v1/people/{person}")["email"] == own
    same = make_site()
    same.sign_up(same.shift(starts=72), name="邻居", phone=phone, email=own)
    both = Resident(victim, person, data, same.id).call("GET", "/v1/my/data").get_json()["sites"]
    assert {one["site_id"] for one in both} == {victim.id, same.id}


def test_a_resident_sees_what_erasing_does_and_does_it(site: Site, data: PersonalData) -> None:
    made = site.sign_up(site.shift(), email="resident@example.com")
    resident = Resident(site, made["person_id"], data, site.id)
    assert resident.call("GET", "/v1/my/erasure").get_json()["cancels"] == 1
    assert resident.call("POST", "/v1/my/erasure").get_json() == {"everywhere": True, "cancelled": [made["id"]]}
    assert resident.call("GET", "/v1/my/data").status_code == 401


def _review_all(session: Session, data: PersonalData) -> None:
    while due := due_reviews(session):
        for row in due:
            review(session, data, row.person_id, row.site_id)


def _look(site: Site, database: Database, data: PersonalData, person: str, months: int) -> bool:
    """Whether the person's details survive a look at them, so many months after they were last seen."""
    for statement in (
        "UPDATE person_sites SET created_at = now() - make_interval(months => :m), review_at = now()"
        " WHERE person_id = :of",
        "UPDATE registrations SET created_at = now() - make_interval(months => :m) WHERE person_id = :of",
        "UPDATE shifts SET starts_at = now() - make_interval(months => :m, hours => 2),"
        " ends_at = now() - make_interval(months => :m)"
        " WHERE id IN (SELECT shift_id FROM registrations WHERE person_id = :of)",
    ):
        site.sql(statement, m=months, of=person)
    with database.transaction(EVERY_SITE) as session:
        assert any_to_review(session)
        _review_all(session, data)
    return bool(site.sql("SELECT 1 FROM person_sites WHERE person_id = :of", of=person))


@pytest.mark.parametrize(
    ("born", "months", "survives"),
    [("1990-01-01", 23, True), ("1990-01-01", 25, False), ("2018-01-01", 11, True), ("2018-01-01", 13, False)],
)
def test_residents_are_kept_for_two_years_and_minors_for_one(
    site: Site, database: Database, data: PersonalData, born: str, months: int, survives: bool
) -> None:
    made = site.sign_up(site.shift(), birth_date=born, guardian_consent=date.fromisoformat(born).year > 2010)
    assert _look(site, database, data, made["person_id"], months) == survives


@pytest.mark.parametrize(("born", "survives"), [("1990-01-01", True), ("2018-01-01", False)])
def test_whoever_never_signed_up_is_a_minor_by_their_birth_date(
    site: Site, database: Database, data: PersonalData, born: str, survives: bool
) -> None:
    body = {"name": "没报过名", "phone": fresh_phone(), "birth_date": born}
    person = site.expect(201, "POST", "/v1/people", body)["id"]
    assert _look(site, database, data, person, 13) == survives


def test_who_signs_up_at_the_moment_of_the_look_keeps_the_place(
    site: Site, database: Database, data: PersonalData
) -> None:
    person = site.sign_up(site.shift(starts=24), email="back@example.com")["person_id"]
    assert _look(site, database, data, person, 1), "for now"
    site.sql("UPDATE person_sites SET created_at = '2000-01-01', review_at = now() WHERE person_id = :of", of=person)
    site.sql("UPDATE registrations SET created_at = '2000-01-01' WHERE person_id = :of", of=person)
    again = site.shift(starts=72)
    with database.transaction(EVERY_SITE) as session:
        (due,) = [row for row in due_reviews(session) if str(row.person_id) == person]
        # Between being found due and being looked at.
        site.expect(201, "POST", f"/v1/shifts/{again}/registrations", {"person_id": person})
        assert not review(session, data, due.person_id, due.site_id)
    assert site.sql("SELECT 1 FROM person_sites WHERE person_id = :of", of=person)


def test_a_look_locks_the_shifts_ahead_before_the_person(site: Site, database: Database, data: PersonalData) -> None:
    shift = site.shift(starts=24)
    person = UUID(site.sign_up(shift)["person_id"])
    with database.transaction(EVERY_SITE) as signing_up:
        signing_up.execute(text("SELECT FROM shifts WHERE id = :id FOR UPDATE"), {"id": shift})
        with pytest.raises(OperationalError, match="lock timeout"), database.transaction(EVERY_SITE) as session:
            session.execute(text("SET LOCAL lock_timeout = '100ms'"))
            review(session, data, person, UUID(site.id))


def test_a_site_keeps_them_shorter_and_volunteers_stay(site: Site, database: Database, data: PersonalData) -> None:
    volunteer = register(site)["person_id"]
    resident = site.sign_up(site.shift())["person_id"]
    assert site.expect(200, "GET", "/v1/retention") == {"months": 24, "minors_months": 12}
    site.expect(200, "PUT", "/v1/retention", {"months": 3, "minors_months": 2})
    assert _look(site, database, data, volunteer, 60)
    assert not _look(site, database, data, resident, 4)
    assert site.events(resident)[-1].type == "hesheng.person.erased.v1"


def test_a_merged_pair_is_looked_at_without_harm(site: Site, database: Database, data: PersonalData) -> None:
    one, two = (site.sign_up(site.shift(starts=24 + 24 * n))["person_id"] for n in range(2))
    site.expect(201, "POST", "/v1/merges", {"survivor": one, "merged": two, "reason": "entered_twice"})
    site.sql("UPDATE person_sites SET created_at = '2000-01-01', review_at = now() WHERE person_id = :of", of=two)
    with database.transaction(EVERY_SITE) as session:
        _review_all(session, data)
    assert site.expect(200, "GET", f"/v1/people/{one}")["id"] == one, "the survivor was seen lately"


def test_every_table_with_ciphertext_is_renewed(database: Database) -> None:
    with database.transaction(EVERY_SITE) as session:
        tables = session.scalars(
            text(
                "SELECT relname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid WHERE relkind = 'r'"
                " AND relnamespace = 'public'::regnamespace AND attname = 'encrypted_with'"
            )
        ).all()
    # Staff have a renewal of their own.
    assert set(tables) - {"staff"} == {table.name for table in ENCRYPTED}
