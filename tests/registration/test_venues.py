"""Caps of a venue: never more at one time than it holds; who moves is shown first, and nobody else moves."""

from typing import Any

from services.common.events import RegistrationMovedToWaitlist, VenueSaved
from services.registration.operations.seats.holds import due_shifts, settle
from tests.registration.world import Caller, Site, in_hours


def venue(site: Site, capacity: int = 4, percent: int = 100) -> str:
    body = {"name_zh": "礼堂", "capacity": capacity, "percent": percent}
    return str(site.expect(201, "POST", "/v1/venues", body)["id"])


def in_venue(site: Site, venue_id: str, starts: float, capacity: int = 10, **fields: Any) -> str:
    """A shift of a new activity in the venue."""
    activity = site.activity(**fields)
    site.expect(200, "PUT", f"/v1/activities/{activity}/venue", {"venue_id": venue_id}, If_Match="*")
    return site.shift(capacity, activity, starts)


def preview(site: Site, venue_id: str, capacity: int, percent: int = 100) -> Any:
    body = {"capacity": capacity, "percent": percent}
    return site.expect(200, "POST", f"/v1/venues/{venue_id}/cap/preview", body)


def apply(site: Site, venue_id: str, token: str, capacity: int, percent: int = 100, status: int = 200) -> Any:
    body = {"capacity": capacity, "percent": percent, "token": token}
    return site.expect(status, "POST", f"/v1/venues/{venue_id}/cap", body)


def sweep(site: Site) -> None:
    with site.database.transaction("*") as session:
        due = due_shifts(session)
    for shift in due:
        with site.database.transaction("*") as session:
            settle(session, shift)


def test_shifts_at_the_same_time_share_what_the_venue_holds(site: Site) -> None:
    hall = venue(site, capacity=5, percent=80)
    choir, clinic, later = (in_venue(site, hall, at) for at in (4000, 4001, 4002))
    first = [site.sign_up(choir) for _ in range(3)]
    second = [site.sign_up(clinic) for _ in range(2)]
    assert [one["status"] for one in second] == ["confirmed", "waitlisted"], "4 of 5 at 80 percent"
    third = [site.sign_up(later) for _ in range(4)]
    assert [one["status"] for one in third] == ["confirmed"] * 3 + ["waitlisted"], "the choir has left by then"
    site.cancel(first[0]["id"])
    assert site.statuses(second[1], third[3]) == ["waitlisted", "waitlisted"], "the later shift is full with one more"
    site.cancel(third[0]["id"])
    assert site.statuses(second[1]) == ["confirmed"]


def test_what_a_shift_that_is_called_off_frees_goes_to_the_others(site: Site) -> None:
    hall = venue(site, capacity=1)
    choir, clinic = in_venue(site, hall, 4100), in_venue(site, hall, 4101)
    site.sign_up(choir)
    waiting = site.sign_up(clinic)
    site.expect(200, "POST", f"/v1/shifts/{choir}/cancel")
    sweep(site)
    assert site.statuses(waiting) == ["confirmed"]


def test_a_full_venue_takes_no_other_activity_with_people_and_no_shift_moves_into_it(site: Site) -> None:
    hall = venue(site, capacity=1)
    choir, outside = in_venue(site, hall, 4200), site.shift(starts=4201)
    site.sign_up(choir)
    site.sign_up(outside)
    path = f"/v1/activities/{site.activity_of(outside)}/venue"
    assert site.call("PUT", path, {"venue_id": hall}, If_Match="*").status_code == 409
    site.expect(428, "PUT", path, {"venue_id": None})
    assert site.call("PUT", path, {"venue_id": None}, If_Match='"1"').status_code == 412
    later = in_venue(site, hall, 4210)
    site.sign_up(later)
    hours = {"starts_at": in_hours(4201), "ends_at": in_hours(4202)}
    assert site.call("PATCH", f"/v1/shifts/{later}", hours, If_Match="*").status_code == 409


def test_who_came_last_moves_first_and_comes_back_first(site: Site) -> None:
    hall = venue(site, capacity=4)
    choir, clinic = in_venue(site, hall, 4300), in_venue(site, hall, 4301)
    people = [site.sign_up(shift) for shift in (choir, clinic, choir, clinic)]
    waiting = site.sign_up(choir)
    plan = preview(site, hall, 4, percent=50)
    assert [move["registration_id"] for move in plan["moves"]] == [people[3]["id"], people[2]["id"]]
    assert site.statuses(*people) == ["confirmed"] * 4, "a preview changes nothing"
    apply(site, hall, plan["token"], 4, 50)
    assert site.statuses(*people, waiting) == ["confirmed", "confirmed", "waitlisted", "waitlisted", "waitlisted"]
    moved = site.expect(200, "GET", f"/v1/registrations/{people[2]['id']}")
    assert moved["waitlist_position"] == 1, "at the head"
    told = [e for e in site.events(site.activity_of(choir)) if isinstance(e, RegistrationMovedToWaitlist)]
    assert [str(event.registration_id) for event in told] == [people[2]["id"]]
    apply(site, hall, preview(site, hall, 3)["token"], 3)
    assert site.statuses(*people, waiting) == ["confirmed", "confirmed", "confirmed", "waitlisted", "waitlisted"]
    apply(site, hall, preview(site, hall, 9)["token"], 9)
    assert site.statuses(*people, waiting) == ["confirmed"] * 5


def test_a_cap_is_applied_as_it_was_shown_or_not_at_all(site: Site) -> None:
    hall = venue(site, capacity=3)
    shift = in_venue(site, hall, 4400)
    people = [site.sign_up(shift) for _ in range(3)]
    plan = preview(site, hall, 2)
    site.cancel(people[2]["id"])
    apply(site, hall, plan["token"], 2, status=412)
    fresh = preview(site, hall, 2)
    assert fresh["moves"] == []
    apply(site, hall, fresh["token"], 1, status=412)
    assert apply(site, hall, fresh["token"], 2)["capacity"] == 2


def test_those_who_are_there_already_do_not_move(site: Site) -> None:
    hall = venue(site, capacity=3)
    shift = in_venue(site, hall, 4500)
    for _ in range(3):
        site.sign_up(shift)
    site.move_shift(shift, -1, 1)
    body = {"capacity": 1, "percent": 100}
    assert site.call("POST", f"/v1/venues/{hall}/cap/preview", body).status_code == 409


def test_a_single_shift_becomes_smaller_than_it_is_full(site: Site) -> None:
    shift = site.shift(capacity=3, party_limit=2)
    first = site.sign_up(shift)
    body = {"person": {"name": "一家人", "phone": "+8613900009999"}, "party_size": 2}
    family = site.expect(201, "POST", f"/v1/shifts/{shift}/registrations", body)
    waiting = site.sign_up(shift)
    assert site.set_capacity(shift, 2).status_code == 422
    plan = site.expect(200, "POST", f"/v1/shifts/{shift}/capacity/preview", {"capacity": 2})
    assert [(move["registration_id"], move["party_size"]) for move in plan["moves"]] == [(family["id"], 2)]
    done = site.expect(200, "POST", f"/v1/shifts/{shift}/capacity", {"capacity": 2, "token": plan["token"]})
    assert (done["capacity"], done["confirmed"], done["waitlisted"]) == (2, 1, 3)
    assert site.statuses(first, family, waiting) == ["confirmed", "waitlisted", "waitlisted"], "nobody passes them"
    site.cancel(first["id"])
    assert site.statuses(family, waiting) == ["confirmed", "waitlisted"]


def test_what_is_held_for_forms_is_let_go_before_a_lower_cap_is_exceeded(site: Site) -> None:
    hall = venue(site, capacity=8)
    choir, clinic = (in_venue(site, hall, at, party_limit=2) for at in (4600, 4601))
    people = [site.sign_up(choir) for _ in range(3)]
    site.expect(201, "POST", f"/v1/shifts/{clinic}/holds", {"places": 2})
    plan = preview(site, hall, 8)
    apply(site, hall, plan["token"], 8)
    assert site.sql("SELECT held FROM shifts WHERE id = :id", id=clinic)[0].held == 2, "where they fit, they stay"
    plan = preview(site, hall, 3)
    assert plan["moves"] == []
    apply(site, hall, plan["token"], 3)
    used = site.sql("SELECT sum(confirmed + offered + held) AS places FROM shifts WHERE venue_id = :id", id=hall)
    assert used[0].places == 3
    assert site.sql("SELECT id FROM holds WHERE shift_id = :id", id=clinic) == []
    assert site.sign_up(clinic)["status"] == "waitlisted"
    assert site.statuses(*people) == ["confirmed"] * 3


def test_a_shift_becomes_smaller_while_somebody_fills_in_the_form(site: Site) -> None:
    shift = site.shift(capacity=4)
    people = [site.sign_up(shift) for _ in range(2)]
    site.expect(201, "POST", f"/v1/shifts/{shift}/holds", {"places": 1})
    plan = site.expect(200, "POST", f"/v1/shifts/{shift}/capacity/preview", {"capacity": 2})
    assert plan["moves"] == []
    done = site.expect(200, "POST", f"/v1/shifts/{shift}/capacity", {"capacity": 2, "token": plan["token"]})
    assert (done["capacity"], done["confirmed"]) == (2, 2)
    assert site.statuses(*people) == ["confirmed", "confirmed"]


def test_a_cap_that_changes_is_told(site: Site) -> None:
    hall = venue(site, capacity=4)
    apply(site, hall, preview(site, hall, 4, 50)["token"], 4, 50)
    apply(site, hall, preview(site, hall, 4, 50)["token"], 4, 50)
    told = [event for event in site.events(hall) if isinstance(event, VenueSaved)]
    assert [(event.capacity, event.percent, event.version) for event in told] == [(4, 100, 1), (4, 50, 2)]


def test_what_was_called_off_moves_into_no_venue(site: Site) -> None:
    hall, activity = venue(site), site.activity()
    site.expect(200, "POST", f"/v1/activities/{activity}/cancel")
    site.expect(409, "PUT", f"/v1/activities/{activity}/venue", {"venue_id": hall}, If_Match="*")


def test_venues_are_renamed_and_listed(site: Site, other: Site) -> None:
    hall = venue(site)
    renamed = site.expect(200, "PATCH", f"/v1/venues/{hall}", {"name_en": "Hall"}, If_Match='"1"')
    assert site.expect(200, "GET", f"/v1/venues/{hall}") == renamed
    assert site.expect(200, "GET", "/v1/venues")["items"] == [renamed]
    other.expect(404, "GET", f"/v1/venues/{hall}")


def test_everybody_is_shown_the_places_that_a_sign_up_would_get(site: Site) -> None:
    hall = venue(site, capacity=8, percent=50)
    choir, clinic, later = (in_venue(site, hall, at, capacity=3) for at in (48, 49, 50))
    site.sign_up(clinic)
    site.sign_up(later)
    anybody = Caller(site.app, "")
    for taken in range(3):
        listed = anybody.expect(200, "GET", f"/v1/sites/{site.id}/calendar")["activities"]
        of_calendar = {shift["id"]: shift["free"] for activity in listed for shift in activity["shifts"]}
        of_page = {
            shift: anybody.expect(200, "GET", f"/v1/public/activities/{site.activity_of(shift)}")["shifts"][0]["free"]
            for shift in (choir, clinic, later)
        }
        assert of_calendar == of_page == {choir: 3 - taken, clinic: min(2, 3 - taken), later: 2}
        site.sign_up(choir)
    assert site.sign_up(clinic)["status"] == "waitlisted"
