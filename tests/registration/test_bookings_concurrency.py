"""Rooms under true concurrency: one of fifty gets the hour, shares hold, and the database alone keeps times apart."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from services.registration.settings import Settings
from tests.registration.rooms_world import at, book, make_room, make_team, next_monday, set_up, try_book
from tests.registration.test_concurrency import in_another_process
from tests.registration.world import Site


def all_at_once(count: int, act: Callable[[int], Any]) -> list[Any]:
    """Do it `count` times in as many threads."""
    gate = threading.Barrier(count)

    def act_after_gate(number: int) -> Any:
        gate.wait(30)
        return act(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(act_after_gate, range(count)))


def test_one_of_fifty_gets_the_hour(site: Site, settings: Settings) -> None:
    room = make_room(site, setup_minutes=15)
    doors = [site, in_another_process(site, settings)]
    answers = all_at_once(50, lambda n: try_book(doors[n % 2], room, 9 + n % 4 / 4, 11).status_code)
    assert Counter(answers) == {201: 1, 409: 49}


def test_shares_hold_when_a_team_books_many_rooms_at_once(site: Site, settings: Settings) -> None:
    team = make_team(site)
    rooms = [make_room(site) for _ in range(10)]
    set_up(site, team_minutes_per_week=180)
    doors = [site, in_another_process(site, settings)]
    answers = all_at_once(20, lambda n: try_book(doors[n % 2], rooms[n % 10], 9 + n, 10 + n, team_id=team).status_code)
    assert Counter(answers) == {201: 3, 409: 17}
    assert site.expect(200, "GET", f"/v1/rooms/shares?week={next_monday()}")["teams"][0]["minutes"] == 180


def test_series_that_cross_take_all_or_nothing(site: Site, settings: Settings) -> None:
    room = make_room(site)
    doors = [site, in_another_process(site, settings)]
    body = {"room_id": room, "title": "排练", "first_day": next_monday().isoformat(), "rrule": "FREQ=DAILY;COUNT=5"}
    times = [{"from_time": f"{9 + n % 3}:00".zfill(5), "to_time": f"{11 + n % 3}:30"} for n in range(12)]
    answers = all_at_once(12, lambda n: doors[n % 2].call("POST", "/v1/bookings/series", body | times[n]).status_code)
    assert Counter(answers) == {201: 1, 409: 11}
    assert len(site.expect(200, "GET", "/v1/bookings")["items"]) == 5


def test_the_database_keeps_times_apart_by_itself(site: Site) -> None:
    room = make_room(site, setup_minutes=15)
    made = book(site, room, 9, 11)
    insert = (
        "INSERT INTO bookings (site_id, room_id, purpose, title, starts_at, ends_at, local_day, setup_minutes, during,"
        " status) VALUES (:site, :room, 'other', 'x', :begins, :ends, '2030-01-01', 15,"
        " tstzrange(cast(:begins AS timestamptz) - interval '15 minutes',"
        " cast(:ends AS timestamptz) + interval '15 minutes'), 'requested')"
    )
    with pytest.raises(IntegrityError, match="bookings_apart"):
        site.sql(insert, site=site.id, room=room, begins=at(11.25), ends=at(12))
    with pytest.raises(IntegrityError, match="bookings_with_set_up"):
        site.sql("UPDATE bookings SET setup_minutes = 0 WHERE id = :id", id=made["id"])
    site.sql(insert, site=site.id, room=room, begins=at(11.5), ends=at(12))


def test_a_room_goes_to_whoever_comes_first_when_its_hours_change(site: Site, settings: Settings) -> None:
    """Whatever the order, no booking is confirmed outside hours that were closed before it."""
    room = make_room(site)
    doors = [site, in_another_process(site, settings)]

    def act(number: int) -> int:
        if number == 0:
            set_up(doors[0], opening_hours={"tue": [["08:00", "12:00"]]})
            return 200
        return try_book(doors[number % 2], room, 9 + number, 9.5 + number).status_code

    answers = all_at_once(10, act)
    assert set(answers) <= {200, 201, 409}
    assert try_book(site, room, 9, 9.5).status_code == 409


def test_shifts_with_rooms_move_at_once_without_standing_in_each_others_way(site: Site, settings: Settings) -> None:
    rooms = [make_room(site) for _ in range(6)]
    shifts = [site.shift(activity=site.activity(room_id=room), starts=48) for room in rooms]
    for shift in shifts:
        site.expect(201, "POST", "/v1/bookings", {"shift_id": shift})
    doors = [site, in_another_process(site, settings)]
    later = {"starts_at": at(14).isoformat(), "ends_at": at(16).isoformat()}
    answers = all_at_once(6, lambda n: doors[n % 2].call("PATCH", f"/v1/shifts/{shifts[n]}", later, If_Match="*"))
    assert Counter(answer.status_code for answer in answers) == {200: 6}
    assert {b["version"] for b in site.expect(200, "GET", "/v1/bookings")["items"]} == {2}
