"""Groups of sign-ups: each member its own verdict, and no answer that is not known to be committed."""

import queue
import threading
import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from services.common.database import EVERY_SITE, Database
from services.common.errors import Problem
from services.common.idempotency import Attempt
from services.registration.app import make_app
from services.registration.operations.seats import sign_up
from services.registration.operations.seats.sign_up import SignUps, _Entry, _Groups
from services.registration.personal_data import PersonalData
from services.registration.schemas.registrations import SignUpBody
from services.registration.settings import Settings
from tests.registration.world import Site, somebody


class Crowd:
    """Makes sign-ups fall into one group: they queue up while the shift's lock is held."""

    def __init__(self, database: Database, data: PersonalData) -> None:
        self.database = database
        self.sign_ups = SignUps(database, data)
        self.answers: dict[int, Any] = {}

    def come(self, site: Site, shift: str, requests: list[dict[str, Any]]) -> list[Any]:
        """Sign all up as one group; returns answers and errors in order."""
        threads = [
            threading.Thread(target=self._come, args=(number, site, shift, request))
            for number, request in enumerate(requests)
        ]
        opener = threading.Thread(target=self._come, args=(-1, site, shift, {"person": somebody()}))
        with self.database.transaction(EVERY_SITE) as session:
            session.connection().exec_driver_sql("SELECT 1 FROM shifts WHERE id = %s FOR UPDATE", (shift,))
            opener.start()
            self._until(lambda: self.sign_ups._groups._busy and not self.sign_ups._groups._waiting)
            for number, thread in enumerate(threads):
                thread.start()
                self._until(lambda number=number: len(self.sign_ups._groups._waiting) == number + 1)
        for thread in [opener, *threads]:
            thread.join(30)
        return [self.answers[number] for number in range(len(requests))]

    def _until(self, holds: Any) -> None:
        pause = threading.Event()
        for _ in range(2000):
            if holds():
                return
            pause.wait(0.005)
        raise AssertionError("the group did not form")

    def _come(self, number: int, site: Site, shift: str, request: dict[str, Any]) -> None:
        key = request.pop("key", None)
        target = request.pop("shift", shift)
        attempt = Attempt(site.id, key, str(request).encode().ljust(32)[:32]) if key else None
        try:
            body = SignUpBody.model_validate(request)
            self.answers[number] = self.sign_ups.sign_up(uuid.UUID(site.id), uuid.UUID(target), body, attempt)
        except Exception as error:
            self.answers[number] = error


@pytest.fixture
def crowd(database: Database, data: PersonalData) -> Iterator[Crowd]:
    made = Crowd(database, data)
    yield made
    made.sign_ups._groups._drop_connection()


def slug(answer: Any) -> str:
    """What became of a member."""
    return answer.kind.slug if isinstance(answer, Problem) else answer["status"]


def test_each_member_of_a_group_gets_its_own_verdict(site: Site, other: Site, crowd: Crowd) -> None:
    shift = site.shift(capacity=3)
    known = {"name": "早到的人", "phone": "+8613700000001"}
    site.sign_up(shift, **known)
    child = somebody(birth_date="2020-01-01")
    answers = crowd.come(
        site,
        shift,
        [
            {"person": somebody()},
            {"person": known},
            {"person": somebody(), "shift": other.shift()},
            {"person": child},
            {"person": somebody(), "shift": site.shift(activity=site.activity(publish=False))},
            {"person": somebody()},
            {"person_id": uuid.uuid4()},
        ],
    )
    assert [slug(answer) for answer in answers] == [
        "confirmed",
        "already-registered",
        "not-found",
        "invalid",
        "registration-closed",
        "waitlisted",
        "invalid",
    ]


def test_equal_keys_in_one_queue_are_one_sign_up_and_the_same_answer(site: Site, crowd: Crowd) -> None:
    shift = site.shift()
    twin = {"person": somebody(), "key": "k1"}
    first, second, changed = crowd.come(site, shift, [dict(twin), dict(twin), {"person": somebody(), "key": "k1"}])
    assert first == second
    assert slug(changed) == "idempotency-key-reused"
    assert site.expect(200, "GET", f"/v1/shifts/{shift}")["confirmed"] == 2


def test_one_person_twice_in_a_queue_is_told_apart_by_phone_and_mail(site: Site, crowd: Crowd) -> None:
    shift = site.shift()
    person = {"name": "两次的人", "phone": "+8613700000002", "email": "twice@example.com"}
    site.sign_up(site.shift(), **person)
    by_phone = {"person": {"name": person["name"], "phone": person["phone"]}}
    by_mail = {"person": {"name": person["name"], "email": person["email"]}}
    answers = crowd.come(site, shift, [by_phone, by_mail])
    assert [slug(answer) for answer in answers] == ["confirmed", "already-registered"]


def test_one_bad_row_does_not_fail_its_neighbours(site: Site, crowd: Crowd) -> None:
    shift = site.shift(capacity=1)
    waiting = site.sign_up(shift)
    bad = somebody()
    # What no validation lets through: the database itself refuses this member and with it the group.
    original = crowd.sign_ups.request

    def broken(site_id: Any, shift_id: Any, body: SignUpBody, attempt: Any) -> dict[str, Any]:
        request = original(site_id, shift_id, body, attempt)
        if body.person and body.person.name == bad["name"]:
            request["registration_id"] = waiting["id"]
        return request

    crowd.sign_ups.request = broken  # type: ignore[method-assign]
    answers = crowd.come(site, shift, [{"person": somebody()}, {"person": bad}, {"person": somebody()}])
    assert isinstance(answers[1], psycopg.errors.UniqueViolation)
    assert [slug(answers[0]), slug(answers[2])] == ["waitlisted", "waitlisted"]
    assert site.expect(200, "GET", f"/v1/shifts/{shift}")["waitlisted"] == 3


@pytest.fixture
def waited_in_vain(monkeypatch: pytest.MonkeyPatch) -> "queue.Queue[int]":
    """Apps made from here on wait for a lock as long as people do; here is told of each group that did so in vain."""
    told: queue.Queue[int] = queue.Queue()
    run = _Groups._run

    def watched(groups: _Groups, group: list[_Entry], patient: bool) -> None:
        try:
            run(groups, group, patient)
        except psycopg.errors.LockNotAvailable:
            told.put(len(group))
            raise

    monkeypatch.setattr(_Groups, "_run", watched)
    monkeypatch.setattr(sign_up, "LOCK_TIMEOUT_MS", 500)
    monkeypatch.setattr(sign_up, "HELD_MEMORY", 60.0)
    return told


def test_a_held_shift_is_503_and_stalls_no_other(
    site: Site,
    other: Site,
    settings: Settings,
    database: Database,
    waited_in_vain: "queue.Queue[int]",
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sign_up, "HELD_PATIENCE", 0.5)
    held, open_shift = site.shift(), other.shift(capacity=20)
    app = make_app(settings)
    doors = [Site(app, one.key, one.id, database) for one in (site, other)]
    answers: dict[int, int] = {}

    def come(number: int) -> None:
        answer = doors[number % 2].try_sign_up((held, open_shift)[number % 2])
        assert answer.status_code == 201 or answer.headers["Retry-After"]
        answers[number] = answer.status_code

    threads = [threading.Thread(target=come, args=(number,)) for number in range(24)]
    with database.transaction(EVERY_SITE) as session:
        session.connection().exec_driver_sql("SELECT 1 FROM shifts WHERE id = %s FOR UPDATE", (held,))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert [answers[number] for number in range(24)] == [503, 201] * 12
    assert waited_in_vain.qsize() == 1, "one waits out the time limit for all; the others know that the shift is held"
    assert other.expect(200, "GET", f"/v1/shifts/{open_shift}")["confirmed"] == 12
    assert site.try_sign_up(held).status_code == 201
    assert site.expect(200, "GET", f"/v1/shifts/{held}")["confirmed"] == 1


def test_a_shift_held_for_a_moment_fails_nobody(
    site: Site, settings: Settings, database: Database, waited_in_vain: "queue.Queue[int]"
) -> None:
    shift = site.shift()
    door = Site(make_app(settings), site.key, site.id, database)
    answers: list[int] = []
    thread = threading.Thread(target=lambda: answers.append(door.try_sign_up(shift).status_code))
    with database.transaction(EVERY_SITE) as session:
        session.connection().exec_driver_sql("SELECT 1 FROM shifts WHERE id = %s FOR UPDATE", (shift,))
        thread.start()
        assert waited_in_vain.get(timeout=30) == 1
    thread.join(30)
    assert answers == [201]


def test_a_held_person_fails_no_neighbour(site: Site, database: Database, data: PersonalData) -> None:
    shift, known = site.shift(), {"name": "占用的人", "phone": "+8613700000003"}
    person = site.sign_up(site.shift(), **known, birth_date=None)["person_id"]
    quick = Crowd(database, data)
    with database.transaction(EVERY_SITE) as session:
        session.connection().exec_driver_sql("SELECT 1 FROM person_sites WHERE person_id = %s FOR UPDATE", (person,))
        quick.sign_ups._groups._lock_timeout_ms = 300
        fills = {"person": known | {"birth_date": "1990-01-01", "email": "fills@example.com"}}
        entries = [
            _Entry(quick.sign_ups.request(uuid.UUID(site.id), uuid.UUID(shift), SignUpBody.model_validate(who), None))
            for who in ({"person": somebody()}, fills, {"person": somebody()})
        ]
        quick.sign_ups._groups._commit_group(entries, patient=True)
    quick.sign_ups._groups._drop_connection()
    assert [entry.verdict for entry in entries] == ["accepted", None, "accepted"]
    assert isinstance(entries[1].error, Problem) and entries[1].error.kind.status == 503


def test_a_broken_connection_is_503_and_the_retry_gets_one_registration(site: Site, database: Database) -> None:
    shift = site.shift()
    site.sign_up(shift)
    site.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE usename = current_user AND pid <> pg_backend_pid() AND query LIKE '%sign_up(%'"
    )
    person, key = somebody(), uuid.uuid4().hex
    answer = site.try_sign_up(shift, person, Idempotency_Key=key)
    assert answer.status_code == 503 and answer.headers["Retry-After"]
    assert site.try_sign_up(shift, person, Idempotency_Key=key).status_code == 201
    assert site.expect(200, "GET", f"/v1/shifts/{shift}")["confirmed"] == 2
