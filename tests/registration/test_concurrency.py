"""True concurrency: many threads at once, against the app and against the groups themselves."""

import threading
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

from apiflask import APIFlask

from services.common.database import Database
from services.common.events import RegistrationConfirmed, RegistrationWaitlisted
from services.registration.app import make_app
from services.registration.settings import Settings
from tests.registration.world import Site, name_guardian, somebody

THREADS = 16


def at_once(count: int, act: Callable[[int], Any]) -> list[Any]:
    """Do it `count` times, as much at the same time as threads can."""
    gate = threading.Barrier(min(count, THREADS))

    def act_after_gate(number: int) -> Any:
        if number < THREADS:
            gate.wait(30)
        return act(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(act_after_gate, range(count)))


def in_another_process(site: Site, settings: Settings) -> Site:
    """The same site at a second app, which shares nothing with the first but the database."""
    second: APIFlask = make_app(settings)
    return Site(second, site.key, site.id, Database(settings.database_dsn))


def test_a_crowd_never_oversells_and_waits_without_gaps(site: Site, settings: Settings) -> None:
    shift = site.shift(capacity=7)
    doors = [site, in_another_process(site, settings)]
    answers = at_once(60, lambda n: doors[n % 2].try_sign_up(shift))
    assert Counter(a.status_code for a in answers) == {201: 60}
    bodies = [a.get_json() for a in answers]
    assert Counter(b["status"] for b in bodies) == {"confirmed": 7, "waitlisted": 53}
    assert sorted(b["waitlist_position"] for b in bodies if b["status"] == "waitlisted") == list(range(1, 54))
    kinds = Counter(type(event) for event in site.events(site.activity_of(shift)))
    assert kinds[RegistrationConfirmed] == 7 and kinds[RegistrationWaitlisted] == 53


def test_equal_idempotency_keys_at_once_make_one_registration(site: Site, settings: Settings) -> None:
    shift = site.shift()
    doors = [site, in_another_process(site, settings)]
    key, person = uuid.uuid4().hex, somebody()
    answers = at_once(32, lambda n: doors[n % 2].try_sign_up(shift, person, Idempotency_Key=key))
    made = {a.get_json()["id"] for a in answers if a.status_code == 201}
    assert len(made) == 1
    assert {a.status_code for a in answers} <= {201, 409}
    assert {a.get_json()["type"] for a in answers if a.status_code == 409} <= {"urn:hesheng:problem:in-progress"}
    assert site.expect(200, "GET", f"/v1/shifts/{shift}")["confirmed"] == 1


def test_one_person_signing_up_at_many_places_at_once_is_one_person(
    make_site: Callable[..., Site], settings: Settings
) -> None:
    sites = [make_site() for _ in range(4)]
    doors = [(site, site.shift()) for site in sites]
    doors += [(in_another_process(site, settings), shift) for site, shift in doors[:2]]
    person = somebody()
    answers = at_once(12, lambda n: doors[n % len(doors)][0].try_sign_up(doors[n % len(doors)][1], person))
    assert Counter(a.status_code for a in answers) == {201: 4, 409: 8}
    assert len({a.get_json()["person_id"] for a in answers if a.status_code == 201}) == 1


def test_sign_ups_and_cancellations_and_capacity_at_once_end_in_order(site: Site, settings: Settings) -> None:
    shift = site.shift(capacity=3)
    second = in_another_process(site, settings)
    early = [site.sign_up(shift)["id"] for _ in range(12)]

    def act(number: int) -> int:
        if number % 3 == 0:
            return second.call("POST", f"/v1/registrations/{early[number // 3]}/cancel").status_code
        if number % 7 == 0:
            return site.set_capacity(shift, 3 + number % 4).status_code
        return (site, second)[number % 2].try_sign_up(shift).status_code

    assert set(at_once(36, act)) <= {200, 201, 422}
    seen = site.expect(200, "GET", f"/v1/shifts/{shift}")
    rows = site.sql(
        "SELECT status, queue_number FROM registrations WHERE shift_id = :id AND status <> 'cancelled'", id=shift
    )
    assert Counter(row.status for row in rows) == {"confirmed": seen["confirmed"], "waitlisted": seen["waitlisted"]}
    assert seen["confirmed"] == seen["capacity"]
    waiting = [row.queue_number for row in rows if row.status == "waitlisted"]
    promoted = [row.queue_number for row in rows if row.status == "confirmed" and row.queue_number]
    assert max(promoted, default=0) < min(waiting)


def test_creating_twice_at_once_makes_one_activity(site: Site, settings: Settings) -> None:
    doors = [site, in_another_process(site, settings)]
    key = uuid.uuid4().hex
    body = {"kind": "class", "title_zh": "合唱", "place": "站内"}
    answers = at_once(8, lambda n: doors[n % 2].call("POST", "/v1/activities", body, Idempotency_Key=key))
    assert len({a.get_json()["id"] for a in answers if a.status_code == 201}) == 1
    assert {a.status_code for a in answers} <= {201, 409}
    assert len(site.expect(200, "GET", "/v1/activities")["items"]) == 1


def test_a_consent_withdrawn_and_a_cancellation_do_not_wait_for_each_other(site: Site) -> None:
    """Whoever waits on two shifts moves up on one by the withdrawal, on the other by somebody's cancellation."""
    for _ in range(4):
        first, second = site.shift(1), site.shift(2)
        child = somebody(birth_date=(date.today() - timedelta(days=4500)).isoformat())
        made = site.expect(
            201, "POST", f"/v1/shifts/{first}/registrations", {"person": child | {"guardian_consent": True}}
        )
        name_guardian(site, made["person_id"])
        consent = {"kind": "guardian_signup", "given_by": "guardian", "how": "paper"}
        given = site.expect(201, "POST", f"/v1/people/{made['person_id']}/consents", consent)
        site.expect(201, "POST", f"/v1/shifts/{second}/registrations", {"person_id": made["person_id"]})
        leaves = site.sign_up(second)
        waiting = somebody()
        waits = [site.try_sign_up(shift, waiting).get_json() for shift in (first, second)]
        assert [one["status"] for one in waits] == ["waitlisted", "waitlisted"]
        paths = [f"/v1/consents/{given['id']}/withdraw", f"/v1/registrations/{leaves['id']}/cancel"]
        assert at_once(2, lambda n, paths=paths: site.call("POST", paths[n]).status_code) == [200, 200]
        assert site.statuses(*waits) == ["confirmed", "confirmed"]
