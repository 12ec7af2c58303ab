"""Capacity and waitlist: never oversold, strictly in order, nobody waits while a place is free."""

import pytest

from services.common.events import RegistrationCancelled, RegistrationPromoted
from tests.registration.world import Site, in_hours


def test_who_comes_when_the_shift_is_full_waits_in_order(site: Site) -> None:
    shift = site.shift(capacity=2)
    answers = [site.sign_up(shift) for _ in range(4)]
    assert [(a["status"], a["waitlist_position"]) for a in answers] == [
        ("confirmed", None),
        ("confirmed", None),
        ("waitlisted", 1),
        ("waitlisted", 2),
    ]


def test_a_cancelled_place_goes_to_who_waits_longest(site: Site) -> None:
    shift = site.shift(capacity=1)
    holder, first, second = (site.sign_up(shift)["id"] for _ in range(3))
    site.cancel(holder)
    status = {name: site.expect(200, "GET", f"/v1/registrations/{name}") for name in (first, second)}
    assert status[first]["status"] == "confirmed"
    assert (status[second]["status"], status[second]["waitlist_position"]) == ("waitlisted", 1)
    cancelled, promoted = site.events(site.activity_of(shift))[-2:]
    assert isinstance(cancelled, RegistrationCancelled) and not cancelled.was_waitlisted
    assert isinstance(promoted, RegistrationPromoted) and str(promoted.registration_id) == first
    assert promoted.version == status[first]["version"] == 2


def test_who_stops_waiting_frees_no_place(site: Site) -> None:
    shift = site.shift(capacity=1)
    _, first, second = (site.sign_up(shift)["id"] for _ in range(3))
    site.cancel(first)
    assert site.expect(200, "GET", f"/v1/registrations/{second}")["waitlist_position"] == 1
    assert site.expect(200, "GET", f"/v1/shifts/{shift}")["confirmed"] == 1
    last = site.events(site.activity_of(shift))[-1]
    assert isinstance(last, RegistrationCancelled) and last.was_waitlisted


def test_more_places_go_to_who_waits_with_an_event_each(site: Site) -> None:
    shift = site.shift(capacity=1)
    ids = [site.sign_up(shift)["id"] for _ in range(5)]
    assert site.set_capacity(shift, 4).status_code == 200
    promoted = [e for e in site.events(site.activity_of(shift)) if isinstance(e, RegistrationPromoted)]
    assert [str(event.registration_id) for event in promoted] == ids[1:4]
    seen = site.expect(200, "GET", f"/v1/shifts/{shift}")
    assert (seen["confirmed"], seen["waitlisted"]) == (4, 1)


def test_capacity_below_what_is_taken_is_refused_and_changes_nothing(site: Site) -> None:
    shift = site.shift(capacity=3)
    for _ in range(2):
        site.sign_up(shift)
    answer = site.set_capacity(shift, 1)
    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["field"] == "capacity"
    assert site.expect(200, "GET", f"/v1/shifts/{shift}")["capacity"] == 3
    assert site.set_capacity(shift, 2).status_code == 200


def test_who_cancelled_signs_up_anew_at_the_end_of_the_queue(site: Site) -> None:
    shift = site.shift(capacity=1)
    site.sign_up(shift)
    person = {"name": "回来的人", "phone": "+8613900000001"}
    first = site.sign_up(shift, **person)
    second = site.sign_up(shift)
    site.cancel(first["id"])
    again = site.sign_up(shift, **person)
    assert again["person_id"] == first["person_id"] and again["id"] != first["id"]
    assert again["waitlist_position"] == 2
    assert site.expect(200, "GET", f"/v1/registrations/{second['id']}")["waitlist_position"] == 1
    assert site.expect(200, "GET", f"/v1/registrations/{first['id']}")["status"] == "cancelled"


def test_cancelling_twice_answers_the_same_and_frees_one_place(site: Site) -> None:
    shift = site.shift(capacity=1)
    holder, _, _ = (site.sign_up(shift)["id"] for _ in range(3))
    assert site.cancel(holder) == site.cancel(holder)
    seen = site.expect(200, "GET", f"/v1/shifts/{shift}")
    assert (seen["confirmed"], seen["waitlisted"]) == (1, 1)


@pytest.mark.parametrize("state", ["draft", "cancelled shift", "cancelled activity", "started"])
def test_a_shift_that_is_not_open_takes_nobody(site: Site, state: str) -> None:
    activity = site.activity(publish=state != "draft")
    shift = site.shift(activity=activity)
    if state == "cancelled shift":
        site.expect(200, "POST", f"/v1/shifts/{shift}/cancel")
    elif state == "cancelled activity":
        site.expect(200, "POST", f"/v1/activities/{activity}/cancel")
    elif state == "started":
        site.move_shift(shift, -1, 1)
    answer = site.try_sign_up(shift)
    assert (answer.status_code, answer.get_json()["type"]) == (409, "urn:hesheng:problem:registration-closed")


def test_signing_up_twice_tells_which_registration_there_is(site: Site) -> None:
    shift = site.shift()
    person = {"name": "林晓", "phone": "13812345678"}
    first = site.sign_up(shift, **person)
    answer = site.try_sign_up(shift, person)
    assert (answer.status_code, answer.get_json()["type"]) == (409, "urn:hesheng:problem:already-registered")
    assert answer.get_json()["registration_id"] == first["id"]


def test_a_known_person_can_be_signed_up_by_id(site: Site, other: Site) -> None:
    person = site.sign_up(site.shift())["person_id"]
    made = site.expect(201, "POST", f"/v1/shifts/{site.shift()}/registrations", {"person_id": person})
    assert made["person_id"] == person
    answer = other.call("POST", f"/v1/shifts/{other.shift()}/registrations", {"person_id": person})
    assert (answer.status_code, answer.get_json()["errors"][0]["field"]) == (422, "person_id")


def test_places_freed_after_the_end_stay_free(site: Site) -> None:
    shift = site.shift(capacity=1)
    holder, waiting = (site.sign_up(shift)["id"] for _ in range(2))
    site.move_shift(shift, -3, -1)
    assert site.call("POST", f"/v1/registrations/{holder}/cancel").status_code == 409
    assert site.set_capacity(shift, 5).status_code == 409
    assert site.expect(200, "GET", f"/v1/registrations/{waiting}")["status"] == "waitlisted"


def test_places_freed_after_the_start_stay_free(site: Site) -> None:
    shift = site.shift(capacity=1)
    holder, waiting = (site.sign_up(shift)["id"] for _ in range(2))
    site.move_shift(shift, -1, 1)
    site.cancel(holder)
    assert site.set_capacity(shift, 5).status_code == 200
    assert site.expect(200, "GET", f"/v1/registrations/{waiting}")["status"] == "waitlisted"
    assert not [e for e in site.events(site.activity_of(shift)) if isinstance(e, RegistrationPromoted)]
    later = {"starts_at": in_hours(1), "ends_at": in_hours(2)}
    site.expect(200, "PATCH", f"/v1/shifts/{shift}", later, If_Match="*")
    assert site.expect(200, "GET", f"/v1/registrations/{waiting}")["status"] == "confirmed"
