"""Recurring bookings: every date looked at first, then all or those that are free; by the clock on the wall."""

from datetime import date, timedelta
from typing import Any

import pytest

from tests.registration.rooms_world import at, book, make_room, make_team, next_monday, set_up
from tests.registration.world import Site


def series(room: str, **fields: Any) -> dict[str, Any]:
    what = {} if "team_id" in fields else {"title": "合唱排练"}
    return (
        {
            "room_id": room,
            "first_day": next_monday().isoformat(),
            "from_time": "19:00",
            "to_time": "21:00",
            "rrule": "FREQ=WEEKLY;COUNT=4",
        }
        | what
        | fields
    )


def test_conflicts_are_listed_before_anything_is_saved(site: Site, other: Site) -> None:
    room = make_room(site)
    book(site, room, 24 * 7 + 20, 24 * 7 + 22, title="消防培训")
    holiday = next_monday() + timedelta(days=21)
    set_up(site, exceptions=[{"date": holiday.isoformat(), "note_zh": "国庆节", "note_en": "National Day"}])
    seen = site.expect(200, "POST", "/v1/bookings/series/preview", series(room))
    assert [one["free"] for one in seen["occurrences"]] == [True, False, True, False] and seen["free"] == 2
    assert "消防培训" in seen["occurrences"][1]["reasons"][0]["zh"]
    assert "国庆节" in seen["occurrences"][3]["reasons"][0]["zh"]
    assert len(site.expect(200, "GET", "/v1/bookings")["items"]) == 1
    refused = site.call("POST", "/v1/bookings/series", series(room))
    assert refused.status_code == 409
    assert [e["field"] for e in refused.get_json()["errors"]] == ["occurrences.1", "occurrences.3"]
    assert len(site.expect(200, "GET", "/v1/bookings")["items"]) == 1
    saved = site.expect(201, "POST", "/v1/bookings/series", series(room, take="free"), Idempotency_Key="s")
    again = site.expect(201, "POST", "/v1/bookings/series", series(room, take="free"), Idempotency_Key="s")
    assert saved == again and len(saved["saved"]) == len(saved["left_out"]) == 2
    assert {one["starts_at"][11:16] for one in saved["saved"]} == {"11:00"}
    path = f"/v1/bookings/series/{saved['series_id']}/cancel"
    assert [site.expect(200, "POST", path)["cancelled"] for _ in range(2)] == [2, 0]
    other.expect(404, "POST", path)


def test_a_series_counts_towards_its_teams_share_and_against_itself(site: Site) -> None:
    room, team = make_room(site, setup_minutes=60), make_team(site)
    set_up(site, team_minutes_per_week=240)
    daily = series(room, team_id=team, rrule="FREQ=DAILY;COUNT=4")
    seen = site.expect(200, "POST", "/v1/bookings/series/preview", daily)
    assert [one["free"] for one in seen["occurrences"]] == [True, True, False, False]
    assert "4" in seen["occurrences"][2]["reasons"][0]["zh"]


def test_rehearsals_stay_at_their_hour_when_clocks_change(make_site: Any) -> None:
    site = make_site(time_zone="Europe/Berlin")
    room = make_room(site)
    first = next_monday()
    rule = "FREQ=WEEKLY;COUNT=50"
    seen = site.expect(200, "POST", "/v1/bookings/series/preview", series(room, rrule=rule))["occurrences"]
    assert {one["starts_at"][11:19] for one in seen} == {"19:00:00"}
    assert len({one["starts_at"][19:] for one in seen}) == 2, first
    spring = next(day for day in _sundays(first) if day.month == 3 and day.day > 24)
    night = series(room, first_day=spring.isoformat(), from_time="02:30", to_time="04:00", rrule="FREQ=DAILY;COUNT=1")
    shown = site.expect(200, "POST", "/v1/bookings/series/preview", night)["occurrences"][0]
    assert (shown["starts_at"][11:19], shown["ends_at"][11:19], shown["free"]) == ("03:30:00", "05:00:00", True)


def _sundays(start: date) -> list[date]:
    return [start + timedelta(days=6 + 7 * week) for week in range(60)]


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=WEEKLY;BYDAY=TU,TH;COUNT=3",
        "RRULE:FREQ=MONTHLY;BYDAY=-1SU;COUNT=2",
        "FREQ=DAILY;INTERVAL=2;COUNT=3",
        "FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=3",
        "FREQ=DAILY;BYMONTHDAY=31;COUNT=2",
        "FREQ=WEEKLY;COUNT=3;UNTIL=20270101",
        "FREQ=MONTHLY;BYDAY=5FR;COUNT=2",
        "nonsense",
    ],
)
def test_a_rehearsal_and_a_shift_answer_the_same_rule_alike(site: Site, rule: str) -> None:
    of_room = site.call("POST", "/v1/bookings/series/preview", series(make_room(site), rrule=rule))
    roles = [{"capacity": 5}]
    body = {"rrule": rule, "first_starts_at": at(19).isoformat(), "minutes": 120, "roles": roles, "preview": True}
    of_shifts = site.call("POST", f"/v1/activities/{site.activity()}/shift-series", body)
    if of_shifts.status_code == 422:
        assert of_room.status_code == 422 and of_room.get_json()["errors"] == of_shifts.get_json()["errors"]
    else:
        days = [one["local_day"] for one in of_shifts.get_json()["slots"]]
        assert [one["local_day"] for one in of_room.get_json()["occurrences"]] == days


def test_a_recurring_booking_has_limits_of_its_own_and_leaves_days_out(site: Site) -> None:
    room = make_room(site)
    for rule in ("FREQ=WEEKLY;COUNT=999", "FREQ=DAILY;COUNT=300", "FREQ=WEEKLY;UNTIL=20990101"):
        answer = site.call("POST", "/v1/bookings/series/preview", series(room, rrule=rule))
        assert answer.status_code == 422 and answer.get_json()["errors"][0]["field"] == "rrule"
    second = (next_monday() + timedelta(days=7)).isoformat()
    seen = site.expect(200, "POST", "/v1/bookings/series/preview", series(room, except_days=[second]))
    assert len(seen["occurrences"]) == 3 and second not in {one["local_day"] for one in seen["occurrences"]}


def test_a_block_recurs_beside_the_opening_hours(site: Site) -> None:
    room = make_room(site, setup_minutes=30)
    set_up(site, opening_hours={"mon": [["08:00", "12:00"]]})
    saved = site.expect(201, "POST", "/v1/bookings/series", series(room, block=True, title="清洁"))["saved"]
    assert {(one["purpose"], one["status"], one["setup_minutes"]) for one in saved} == {("block", "confirmed", 0)}


def test_a_wrong_series_is_refused_by_field(site: Site) -> None:
    room = make_room(site)
    wrong = [({"to_time": "18:00"}, "body"), ({"rrule": "x"}, "rrule"), ({"first_day": "9999-12-31"}, "first_day")]
    for change, field in wrong:
        answer = site.call("POST", "/v1/bookings/series/preview", series(room) | change)
        assert (answer.status_code, answer.get_json()["errors"][0]["field"]) == (422, field)
    past = site.call("POST", "/v1/bookings/series", series(room, first_day="2020-01-06"))
    assert past.get_json()["errors"][0]["field"] == "starts_at"
