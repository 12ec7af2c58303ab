"""Offers with a deadline, and holds: never revived, never past the start, and nobody can hold everything."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import text

from services.common.auth import RESIDENT_COOKIE, Principal, csrf_token
from services.common.auth import Caller as Kind
from services.common.database import EVERY_SITE, Database
from services.common.events import RegistrationOffered
from services.registration.operations.seats.holds import due_shifts, settle
from services.registration.personal_data import PersonalData
from tests.registration.world import Site, resident_cookie, somebody


def sweep(site: Site) -> None:
    """What the worker does when the pump nudges it."""
    with site.database.transaction("*") as session:
        due = due_shifts(session)
    for shift in due:
        with site.database.transaction("*") as session:
            settle(session, shift)


def answer(site: Site, registration: dict[str, Any], how: str, status: int = 200) -> Any:
    return site.expect(status, "POST", f"/v1/registrations/{registration['id']}/{how}")


def run_out(site: Site, registration: dict[str, Any]) -> None:
    site.sql("UPDATE registrations SET offer_expires_at = now() - interval '1 s' WHERE id = :id", id=registration["id"])


def test_a_freed_place_is_offered_to_who_waits_longest_and_kept_for_them(site: Site) -> None:
    shift = site.offered_shift()
    holder, first, second = (site.sign_up(shift) for _ in range(3))
    site.cancel(holder["id"])
    assert site.statuses(first, second) == ["offered", "waitlisted"]
    seen = site.expect(200, "GET", f"/v1/shifts/{shift}")
    assert (seen["confirmed"], seen["offered"], seen["waitlisted"]) == (0, 1, 1)
    assert site.sign_up(shift)["status"] == "waitlisted"
    event = site.events(site.activity_of(shift))[-2]
    assert isinstance(event, RegistrationOffered) and not event.clashes
    assert answer(site, first, "accept")["status"] == "confirmed"
    assert answer(site, first, "accept")["status"] == "confirmed"
    answer(site, second, "accept", 409)


def test_what_is_declined_or_too_late_goes_to_who_is_next_and_never_comes_back(site: Site) -> None:
    shift = site.offered_shift()
    holder, declines, sleeps, last = (site.sign_up(shift) for _ in range(4))
    site.cancel(holder["id"])
    assert answer(site, declines, "decline")["cancel_reason"] == "offer_declined"
    assert answer(site, declines, "decline")["status"] == "cancelled"
    assert site.statuses(sleeps) == ["offered"]
    run_out(site, sleeps)
    answer(site, sleeps, "accept", 409)
    sweep(site)
    assert site.statuses(declines, sleeps, last) == ["cancelled", "cancelled", "offered"]
    answer(site, sleeps, "accept", 409)
    assert site.expect(200, "GET", f"/v1/registrations/{sleeps['id']}")["cancel_reason"] == "offer_expired"
    sweep(site)
    assert site.statuses(last) == ["offered"]


def test_an_offer_never_reaches_past_the_start(site: Site) -> None:
    shift = site.offered_shift(minutes=20_000, starts=30)
    holder, first = (site.sign_up(shift) for _ in range(2))
    site.cancel(holder["id"])
    until = site.expect(200, "GET", f"/v1/registrations/{first['id']}")["offer_expires_at"]
    assert until == site.expect(200, "GET", f"/v1/shifts/{shift}")["starts_at"]
    site.move_shift(shift, 20, 21)
    until = site.expect(200, "GET", f"/v1/registrations/{first['id']}")["offer_expires_at"]
    assert until == site.expect(200, "GET", f"/v1/shifts/{shift}")["starts_at"]


def test_an_offer_is_cancelled_with_its_shift(site: Site) -> None:
    shift = site.offered_shift()
    holder, first = (site.sign_up(shift) for _ in range(2))
    site.cancel(holder["id"])
    site.expect(200, "POST", f"/v1/shifts/{shift}/cancel")
    assert site.statuses(first) == ["cancelled"]
    answer(site, first, "accept", 409)
    assert site.expect(200, "GET", f"/v1/shifts/{shift}")["offered"] == 0


def hold(site: Site, shift: str, places: int = 1, status: int = 201) -> Any:
    return site.expect(status, "POST", f"/v1/shifts/{shift}/holds", {"places": places})


def with_hold(site: Site, shift: str, hold_id: str, **body: Any) -> Any:
    body = {"person": somebody(), "hold_id": hold_id} | body
    return site.expect(201, "POST", f"/v1/shifts/{shift}/registrations", body)


def held(site: Site, shift: str) -> tuple[int, int]:
    row = site.sql("SELECT held, confirmed FROM shifts WHERE id = :id", id=shift)[0]
    return row.held, row.confirmed


def test_a_held_place_is_kept_and_used(site: Site) -> None:
    shift = site.shift(capacity=3, party_limit=2)
    kept = hold(site, shift, 2)
    assert held(site, shift) == (2, 0)
    assert [site.sign_up(shift)["status"] for _ in range(2)] == ["confirmed", "waitlisted"]
    assert with_hold(site, shift, kept["id"], party_size=2)["status"] == "confirmed"
    assert held(site, shift) == (0, 3)
    assert with_hold(site, shift, kept["id"])["status"] == "waitlisted", "used up"


def test_what_is_left_of_a_hold_goes_to_who_waits(site: Site) -> None:
    shift = site.shift(capacity=3, party_limit=2)
    kept = hold(site, shift, 2)
    waiting = [site.sign_up(shift) for _ in range(2)][1]
    with_hold(site, shift, kept["id"])
    sweep(site)
    assert site.statuses(waiting) == ["confirmed"]
    assert held(site, shift) == (0, 3)


def test_a_hold_that_ran_out_counts_for_nothing(site: Site) -> None:
    shift = site.shift(capacity=2)
    kept = hold(site, shift)
    site.sql("UPDATE holds SET expires_at = now() - interval '1 s' WHERE id = :id", id=kept["id"])
    assert [site.sign_up(shift)["status"] for _ in range(2)] == ["confirmed", "confirmed"]
    assert with_hold(site, shift, kept["id"])["status"] == "waitlisted"


def test_a_hold_that_ran_out_gives_its_place_to_who_waits(site: Site) -> None:
    shift = site.shift(capacity=2)
    kept = hold(site, shift)
    waiting = [site.sign_up(shift) for _ in range(2)][1]
    site.sql("UPDATE holds SET expires_at = now() - interval '1 s' WHERE id = :id", id=kept["id"])
    sweep(site)
    assert site.statuses(waiting) == ["confirmed"]


def test_a_hold_is_given_back_once_by_its_site(site: Site, other: Site) -> None:
    shift = site.shift(capacity=2)
    kept = hold(site, shift)
    waiting = [site.sign_up(shift) for _ in range(2)][1]
    path = f"/v1/holds/{kept['id']}"
    assert other.call("DELETE", path).status_code == 404
    assert [site.call("DELETE", path).status_code for _ in range(2)] == [204, 404]
    assert site.statuses(waiting) == ["confirmed"]


def test_nobody_can_hold_everything(site: Site) -> None:
    small, large = site.shift(capacity=6), site.shift(capacity=200)
    for _ in range(3):
        hold(site, small)
    hold(site, small, status=409)
    for _ in range(20):
        hold(site, large)
    hold(site, large, status=429)
    full = site.shift(capacity=1)
    site.sign_up(full)
    hold(site, full, status=409)


@pytest.fixture
def resident(app: APIFlask, database: Database, data: PersonalData) -> Any:
    """Acts for a person in a session of their own."""

    def act(person: str, path: str) -> Any:
        client, cookie = app.test_client(), resident_cookie(database, data, person)
        client.set_cookie(RESIDENT_COOKIE, cookie)
        token = csrf_token(Principal(Kind.PERSON, person, session=cookie))
        return client.post(path, headers={"X-CSRF-Token": token})

    return act


def test_residents_decide_of_their_own_places_alone(site: Site, resident: Any) -> None:
    shift = site.offered_shift()
    holder, first, second = (site.sign_up(shift) for _ in range(3))
    stranger = site.sign_up(site.shift())["person_id"]
    path = f"/v1/my/registrations/{holder['id']}/cancel"
    assert resident(stranger, path).status_code == 404
    assert resident(holder["person_id"], path).get_json()["status"] == "cancelled"
    path = f"/v1/my/registrations/{first['id']}/decline"
    assert resident(stranger, path).status_code == 404
    assert resident(first["person_id"], path).get_json()["cancel_reason"] == "offer_declined"
    path = f"/v1/my/registrations/{second['id']}/accept"
    assert resident(stranger, path).status_code == 404
    assert resident(second["person_id"], path).get_json()["status"] == "confirmed"


def test_a_place_that_is_accepted_meanwhile_is_not_declined(site: Site) -> None:
    shift = site.offered_shift()
    holder, offered = site.sign_up(shift), site.sign_up(shift)
    site.cancel(holder["id"])
    path = f"/v1/registrations/{offered['id']}"
    with ThreadPoolExecutor(1) as pool, site.database.transaction(EVERY_SITE) as session:
        session.execute(text("SELECT FROM shifts WHERE id = :id FOR UPDATE"), {"id": shift})
        declined = pool.submit(site.call, "POST", f"{path}/decline")
        waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        while not session.scalar(waits):
            pass
        session.execute(
            text("UPDATE registrations SET status = 'confirmed', offer_expires_at = NULL WHERE id = :id"),
            {"id": offered["id"]},
        )
        session.execute(text("UPDATE shifts SET confirmed = 1, offered = 0 WHERE id = :id"), {"id": shift})
        session.commit()
    assert declined.result().status_code == 409
    assert site.statuses(offered) == ["confirmed"]


def test_who_goes_before_the_one_that_did_not_fit_gets_the_free_places(site: Site) -> None:
    shift = site.shift(3, waitlist_order="priority", promotion="direct", party_limit=3)
    path = f"/v1/shifts/{shift}/registrations"
    site.sign_up(shift)
    large = site.expect(201, "POST", path, {"person": somebody(), "party_size": 3})
    first = site.expect(201, "POST", path, {"person": somebody(), "party_size": 2, "priority": 3})
    assert site.statuses(large, first) == ["waitlisted", "waitlisted"]
    sweep(site)
    assert site.statuses(large, first) == ["waitlisted", "confirmed"]
