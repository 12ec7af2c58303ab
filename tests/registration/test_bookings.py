"""Rooms and their bookings: what may be had, what may not and why, who decides, and how teams share."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from services.common.events import (
    BookingCancelled,
    BookingConfirmed,
    BookingDeclined,
    BookingMoved,
    BookingRequested,
    RoomSaved,
)
from tests.registration.rooms_world import at, body_of, book, make_room, make_team, next_monday, set_up, try_book
from tests.registration.world import Site


def messages(answer: Any) -> str:
    return " | ".join(f"{e['field']}: {e['message']}" for e in answer.get_json()["errors"])


def test_a_room_is_saved_changed_and_told(site: Site, other: Site) -> None:
    room = make_room(site, equipment=["钢琴", "音响", "钢琴"], setup_minutes=15)
    changed = site.expect(200, "PATCH", f"/v1/rooms/{room}", {"capacity": 60}, If_Match='"1"')
    assert (changed["capacity"], changed["equipment"], changed["setup_minutes"]) == (60, ["钢琴", "音响"], 15)
    assert len([event for event in site.events(site.id) if isinstance(event, RoomSaved)]) == 2
    assert other.call("GET", f"/v1/rooms/{room}").status_code == 404
    assert other.call("PATCH", f"/v1/rooms/{room}", {}, If_Match="*").status_code == 404


def test_two_bookings_never_overlap_and_set_up_counts(site: Site) -> None:
    room = make_room(site, setup_minutes=15)
    book(site, room, 9, 11, title="书法")
    for begins, ends in ((9, 11), (10, 12), (8, 10), (9.5, 10), (8, 12), (11.25, 12), (8, 8.9)):
        answer = try_book(site, room, begins, ends)
        assert answer.status_code == 409 and "书法" in messages(answer) and "30 minutes between" in messages(answer)
    book(site, room, 11.5, 12)
    book(site, make_room(site), 9, 11)


def test_a_booking_is_made_moved_and_given_up(site: Site, other: Site) -> None:
    room, second = make_room(site), make_room(site)
    made = book(site, room, 9, 11, team_id=make_team(site))
    assert (made["purpose"], made["title"], made["status"]) == ("team", "暖阳合唱团", "confirmed")
    path = f"/v1/bookings/{made['id']}"
    book(site, room, 14, 16)
    later = {"starts_at": at(13).isoformat(), "ends_at": at(15).isoformat()}
    assert site.call("PATCH", path, later, If_Match="*").status_code == 409
    overlapping_itself = {"starts_at": at(10).isoformat(), "ends_at": at(12).isoformat()}
    assert site.expect(200, "PATCH", path, overlapping_itself, If_Match='"1"')["version"] == 2
    assert site.expect(200, "PATCH", path, later | {"room_id": second}, If_Match='"2"')["room_id"] == second
    assert site.call("PATCH", path, later, If_Match='"2"').status_code == 412
    assert other.call("GET", path).status_code == other.call("POST", f"{path}/cancel").status_code == 404
    for _ in range(2):
        assert site.expect(200, "POST", f"{path}/cancel", {"reason": "停电"})["reason"] == "停电"
    assert site.call("PATCH", path, later, If_Match="*").status_code == 409
    book(site, second, 13, 15)
    kinds = [type(event) for event in site.events(made["id"])]
    assert kinds == [BookingConfirmed, BookingMoved, BookingMoved, BookingCancelled]


def test_a_request_holds_its_time_until_it_is_decided(site: Site) -> None:
    room = make_room(site, approval=True)
    asked = book(site, room, 9, 11)
    assert asked["status"] == "requested"
    assert try_book(site, room, 10, 12).status_code == 409
    path = f"/v1/bookings/{asked['id']}"
    for _ in range(2):
        assert site.expect(200, "POST", f"{path}/decline", {"reason": "设备检修"})["status"] == "declined"
    assert site.call("POST", f"{path}/confirm").status_code == site.call("POST", f"{path}/cancel").status_code == 409
    granted = book(site, room, 10, 12)
    assert site.expect(200, "POST", f"/v1/bookings/{granted['id']}/confirm")["status"] == "confirmed"
    assert book(site, room, 14, 16, approved=True)["status"] == "confirmed"
    assert [type(event) for event in site.events(asked["id"])] == [BookingRequested, BookingDeclined]


def test_what_was_granted_for_one_time_is_asked_for_again_at_another(site: Site) -> None:
    free, asks = make_room(site), make_room(site, approval=True)
    made = book(site, free, 9, 11)
    path = f"/v1/bookings/{made['id']}"
    assert site.expect(200, "PATCH", path, {"room_id": asks}, If_Match="*")["status"] == "requested"
    site.expect(200, "POST", f"{path}/confirm")
    assert site.expect(200, "PATCH", path, {"title": "书法"}, If_Match="*")["status"] == "confirmed"
    later = {"starts_at": at(13).isoformat(), "ends_at": at(15).isoformat()}
    assert site.expect(200, "PATCH", path, later | {"approved": True}, If_Match="*")["status"] == "confirmed"
    assert site.expect(200, "PATCH", path, {"room_id": free}, If_Match="*")["status"] == "confirmed"
    kinds = [type(event) for event in site.events(made["id"])]
    assert kinds == [BookingConfirmed, BookingRequested, BookingConfirmed, BookingMoved, BookingMoved]


def test_a_booking_that_is_over_stays_in_its_teams_share(site: Site) -> None:
    made = book(site, make_room(site), 9, 11, team_id=make_team(site))
    back = "interval '1 year'"
    site.sql(
        f"UPDATE bookings SET starts_at = starts_at - {back}, ends_at = ends_at - {back},"
        f" during = tstzrange(lower(during) - {back}, upper(during) - {back}) WHERE id = :id",
        id=made["id"],
    )
    path = f"/v1/bookings/{made['id']}"
    site.expect(409, "POST", f"{path}/cancel")
    site.expect(409, "PATCH", path, {"title": "别的"}, If_Match="*")


def test_opening_hours_are_kept_and_told(site: Site) -> None:
    room = make_room(site, setup_minutes=30)
    tuesday = next_monday() + timedelta(days=1)
    set_up(
        site,
        opening_hours={"mon": [["08:00", "12:00"], ["14:00", "21:00"]], "tue": [["08:00", "12:00"]]},
        exceptions=[{"date": tuesday.isoformat(), "hours": [["10:00", "11:00"]], "note_zh": "盘点"}],
    )
    for begins, ends in ((7.5, 9), (11, 13), (12, 14), (11, 15), (20, 22), (32, 33), (56, 57)):
        assert try_book(site, room, begins, ends).status_code == 409, begins
    assert "08:00–12:00、14:00–21:00" in messages(try_book(site, room, 12, 14))
    assert "盘点" in messages(try_book(site, room, 32, 33))
    assert "closed" in messages(try_book(site, room, 56, 57))
    book(site, room, 8, 12)  # set-up may take place before the doors open
    book(site, room, 34, 35)


def test_a_block_keeps_a_room_free_and_respects_what_is_there(site: Site) -> None:
    room = make_room(site, setup_minutes=15)
    set_up(site, opening_hours={"mon": [["08:00", "12:00"]]})
    book(site, room, 9, 10, title="合唱")
    assert "合唱" in messages(try_book(site, room, 0, 24 * 7, block=True, title="装修"))
    block = book(site, room, 24, 24 * 6, block=True, title="装修")
    assert block["purpose"] == "block" and block["setup_minutes"] == 0
    set_up(site, opening_hours={})
    assert "装修" in messages(try_book(site, room, 48, 50))


def test_teams_share_fairly_and_are_told_how(site: Site) -> None:
    room, first, second = make_room(site), make_team(site, "甲队"), make_team(site, "乙队")
    set_up(site, team_minutes_per_week=180, booking_horizon_days=60)
    book(site, room, 9, 11, team_id=first)
    book(site, room, 11, 12.5, team_id=second)
    answer = try_book(site, room, 33, 34.5, team_id=first)
    assert answer.status_code == 409
    assert "甲队 has 2 h; 1.5 h more exceed the 3 h" in messages(answer) and "乙队 1.5" in messages(answer)
    kept = book(site, room, 33, 34, team_id=first)
    book(site, room, 24 * 7 + 9, 24 * 7 + 12, team_id=first)
    shares = site.expect(200, "GET", f"/v1/rooms/shares?week={next_monday() + timedelta(days=6)}")
    assert [(team["name_zh"], team["minutes"]) for team in shares["teams"]] == [("甲队", 180), ("乙队", 90)]
    rehearsal = site.activity(room_id=room, team_id=second)
    site.expect(201, "POST", f"/v1/activities/{rehearsal}/slots", slot(18, 19.5, "singer", "listener"))
    assert "乙队 3" in messages(try_book(site, room, 35, 36, team_id=second)), "its activity's room is its room"
    site.sql("UPDATE teams SET name_en = '' WHERE id = :t", t=second)
    assert "乙队 has 3 h" in messages(try_book(site, room, 35, 36, team_id=second)), "a name in one language is a name"
    longer = {"ends_at": at(34.5).isoformat()}
    assert site.call("PATCH", f"/v1/bookings/{kept['id']}", longer, If_Match="*").status_code == 409
    site.expect(200, "POST", f"/v1/bookings/{kept['id']}/cancel")
    book(site, room, 33, 34, team_id=first)
    far = 24 * 80
    assert "60 days" in messages(try_book(site, room, far, far + 1, team_id=first))
    book(site, room, far, far + 1)
    closed = make_room(site, for_teams=False)
    assert "room_id" in messages(try_book(site, closed, 50, 51, team_id=second))


def test_a_shifts_booking_follows_its_shift(site: Site) -> None:
    room = make_room(site)
    activity = site.activity(room_id=room)
    shift = site.shift(activity=activity, starts=48)
    made = site.expect(201, "POST", "/v1/bookings", {"shift_id": shift})
    seen = site.expect(200, "GET", f"/v1/shifts/{shift}")
    assert (made["purpose"], made["title"], made["room_id"]) == ("shift", "指尖科普课堂", room)
    assert made["starts_at"][:19] == seen["starts_at"][:19]
    without = site.shift()
    answer = site.call("POST", "/v1/bookings", {"shift_id": without})
    assert (answer.status_code, answer.get_json()["errors"][0]["field"]) == (422, "room_id")
    later = {"starts_at": at(9).isoformat(), "ends_at": at(11).isoformat()}
    assert site.call("PATCH", f"/v1/bookings/{made['id']}", later, If_Match="*").status_code == 409
    book(site, room, 10, 12, title="书法")
    assert "书法" in messages(site.call("PATCH", f"/v1/shifts/{shift}", later, If_Match="*"))
    free = {"starts_at": at(14).isoformat(), "ends_at": at(16).isoformat()}
    site.expect(200, "PATCH", f"/v1/shifts/{shift}", free, If_Match="*")
    assert site.expect(200, "GET", f"/v1/bookings/{made['id']}")["starts_at"][:13] == at(6).isoformat()[:13]
    site.expect(200, "POST", f"/v1/activities/{activity}/cancel")
    assert site.expect(200, "GET", f"/v1/bookings/{made['id']}")["status"] == "cancelled"
    assert site.call("POST", "/v1/bookings", {"shift_id": shift}).status_code == 409


def test_free_rooms_are_found_the_smallest_first(site: Site) -> None:
    small = make_room(site, capacity=10)
    large = make_room(site, capacity=80, setup_minutes=30, equipment=["钢琴"])
    book(site, large, 9, 10)

    def free(begins: float, ends: float, **query: Any) -> list[str]:
        asked = {"from": at(begins).isoformat(), "to": at(ends).isoformat(), **query}
        return [room["id"] for room in site.expect(200, "GET", f"/v1/rooms/free?{urlencode(asked)}")["rooms"]]

    assert free(12, 13) == [small, large]
    assert free(10.5, 11) == [small] and free(11, 12) == [small, large]
    assert free(12, 13, capacity=11) == free(12, 13, equipment="钢琴") == [large]
    set_up(site, opening_hours={"tue": [["08:00", "12:00"]]})
    assert free(12, 13) == []
    assert site.call("GET", "/v1/rooms/free?from=x").status_code == 422


def test_bookings_are_listed_by_time_room_and_status(site: Site) -> None:
    room = make_room(site)
    made = [book(site, room, hour, hour + 1)["id"] for hour in (9, 12, 15)]
    window = urlencode({"from": at(10).isoformat(), "to": at(15).isoformat()})
    assert [b["id"] for b in site.expect(200, "GET", f"/v1/bookings?{window}")["items"]] == [made[1]]
    site.expect(200, "POST", f"/v1/bookings/{made[0]}/cancel")
    cancelled = site.expect(200, "GET", f"/v1/bookings?status=cancelled&room_id={room}")["items"]
    assert [b["id"] for b in cancelled] == made[:1]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"ends_at": at(9).isoformat()}, "ends_at"),
        ({"ends_at": at(34).isoformat()}, "ends_at"),
        ({"starts_at": "2020-01-01T00:00:00Z", "ends_at": "2020-01-01T01:00:00Z"}, "starts_at"),
        ({"room_id": "00000000-0000-0000-0000-000000000000"}, "room_id"),
        ({"team_id": "00000000-0000-0000-0000-000000000000"}, "team_id"),
        ({"title": ""}, "body"),
        ({"block": True, "team_id": "00000000-0000-0000-0000-000000000000"}, "body"),
        ({"room_id": None}, "body"),
    ],
)
def test_a_wrong_booking_is_refused_by_field(site: Site, change: dict[str, Any], field: str) -> None:
    answer = site.call("POST", "/v1/bookings", body_of(make_room(site), 9, 10) | change)
    assert (answer.status_code, {e["field"] for e in answer.get_json()["errors"]}) == (422, {field})


def test_another_sites_room_cannot_be_booked(site: Site, other: Site) -> None:
    assert try_book(site, make_room(other), 9, 10).status_code == 422


def test_a_room_that_is_retired_keeps_what_was_booked_and_takes_nothing_new(site: Site) -> None:
    room = make_room(site)
    made = book(site, room, 9, 11)
    assert site.expect(200, "PATCH", f"/v1/rooms/{room}", {"retired": True}, If_Match="*")["retired"]
    assert "no longer in use" in messages(try_book(site, room, 14, 16))
    span = urlencode({"from": at(14).isoformat(), "to": at(16).isoformat()})
    assert site.expect(200, "GET", f"/v1/rooms/free?{span}")["rooms"] == []
    assert site.expect(200, "GET", f"/v1/bookings/{made['id']}")["status"] == "confirmed"


def rooms_of(site: Site, activity: str) -> list[tuple[str, str]]:
    """Status and room of the bookings that an activity's shifts hold, by time."""
    rows = site.sql(
        "SELECT b.status, b.room_id FROM bookings AS b JOIN shifts AS s ON s.id = b.shift_id"
        " WHERE s.activity_id = :id AND b.status IN ('requested', 'confirmed') ORDER BY b.starts_at",
        id=activity,
    )
    return [(row.status, str(row.room_id)) for row in rows]


def slot(begins: float, ends: float, *roles: str) -> dict[str, Any]:
    named = [{"capacity": 5, "role_zh": role, "role_en": role} for role in roles or ("a",)]
    return {"starts_at": at(begins).isoformat(), "ends_at": at(ends).isoformat(), "roles": named}


def test_an_activitys_room_is_its_own_for_each_of_its_shifts(site: Site) -> None:
    room, other = make_room(site), make_room(site, approval=True)
    activity = site.activity(room_id=room)
    made = site.expect(201, "POST", f"/v1/activities/{activity}/slots", slot(9, 11, "a", "b"))["items"]
    assert rooms_of(site, activity) == [("confirmed", room)], "roles at one time share it"
    assert "指尖科普课堂" in messages(try_book(site, room, 10, 12, team_id=make_team(site)))
    again = site.expect(201, "POST", "/v1/bookings", {"shift_id": made[1]["id"]})
    assert again["shift_id"] == made[0]["id"], "what is booked already is not booked twice"
    site.expect(200, "POST", f"/v1/shifts/{made[0]['id']}/cancel")
    assert rooms_of(site, activity) == [("confirmed", room)], "the other role still needs it"
    later = {"starts_at": at(10).isoformat(), "ends_at": at(12).isoformat()}
    site.expect(200, "PATCH", f"/v1/shifts/{made[1]['id']}", later, If_Match="*")
    book(site, room, 8, 10)
    site.expect(200, "PATCH", f"/v1/activities/{activity}", {"room_id": other}, If_Match="*")
    assert rooms_of(site, activity) == [("requested", other)]
    book(site, room, 10, 12)
    assert site.call("PATCH", f"/v1/activities/{activity}", {"room_id": room}, If_Match="*").status_code == 409
    site.expect(200, "POST", f"/v1/shifts/{made[1]['id']}/cancel")
    assert rooms_of(site, activity) == []


def test_a_shift_whose_room_is_taken_gets_it_when_it_moves_or_is_published(site: Site) -> None:
    room = make_room(site)
    taken = book(site, room, 9, 11)
    activity = site.activity(publish=False, room_id=room)
    shift = site.expect(201, "POST", f"/v1/activities/{activity}/slots", slot(9, 11))["items"][0]
    assert rooms_of(site, activity) == []
    site.expect(200, "POST", f"/v1/bookings/{taken['id']}/cancel")
    site.expect(200, "POST", f"/v1/activities/{activity}/publish")
    assert rooms_of(site, activity) == [("confirmed", room)]
    book(site, room, 14, 16)
    there = {"starts_at": at(15).isoformat(), "ends_at": at(17).isoformat()}
    assert site.call("PATCH", f"/v1/shifts/{shift['id']}", there, If_Match="*").status_code == 409


def test_all_roles_that_follow_move_with_their_room(site: Site) -> None:
    room = make_room(site)
    activity = site.activity(room_id=room)
    roles = [{"capacity": 5, "role_zh": role, "role_en": role} for role in ("a", "b")]
    series = {"rrule": "FREQ=DAILY;COUNT=3", "first_starts_at": at(9).isoformat(), "minutes": 120, "roles": roles}
    site.expect(201, "POST", f"/v1/activities/{activity}/shift-series", series)
    assert rooms_of(site, activity) == [("confirmed", room)] * 3
    first = site.expect(200, "GET", f"/v1/activities/{activity}/shifts")["items"][0]["id"]
    site.expect(200, "PATCH", f"/v1/shifts/{first}/following", {"time": "10:00", "days": 1}, If_Match="*")
    assert rooms_of(site, activity) == [("confirmed", room)] * 3
    assert try_book(site, room, 34, 36).status_code == 409 and try_book(site, room, 9, 11).status_code == 201
