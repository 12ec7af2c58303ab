"""Recurring bookings: every date looked at first, then all or those that are free; by the clock on the wall."""

from datetime import date, timedelta
from typing import Any

import pytest

from services.common.errors import Problem
from services.registration.operations.bookings.series import dates_of
from tests.registration.rooms_world import book, make_room, make_team, next_monday, set_up
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
    assert "clocks" in shown["reasons"][0]["en"]


def _sundays(start: date) -> list[date]:
    return [start + timedelta(days=6 + 7 * week) for week in range(60)]


def test_dates_follow_the_rule() -> None:
    monday = date(2026, 11, 2)
    assert dates_of("FREQ=WEEKLY;BYDAY=TU,TH;COUNT=3", monday) == [date(2026, 11, d) for d in (3, 5, 10)]
    assert dates_of("RRULE:FREQ=MONTHLY;BYDAY=-1SU;UNTIL=20270101", monday) == [date(2026, 11, 29), date(2026, 12, 27)]
    assert dates_of("FREQ=DAILY;INTERVAL=2;COUNT=3", monday, [date(2026, 11, 4)]) == [monday, date(2026, 11, 6)]


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "nonsense",
        "FREQ=SECONDLY;COUNT=3",
        "FREQ=WEEKLY",
        "FREQ=WEEKLY;COUNT=3;UNTIL=20270101",
        "FREQ=WEEKLY;COUNT=999",
        "FREQ=DAILY;COUNT=300",
        "FREQ=WEEKLY;UNTIL=20990101",
        "FREQ=WEEKLY;UNTIL=20261399",
        "FREQ=MONTHLY;COUNT=3;BYMONTH=2;BYMONTHDAY=31",
        "FREQ=WEEKLY;COUNT=3\nDTSTART:20200101",
        "FREQ=WEEKLY;COUNT=3;COUNT=4",
        "FREQ=DAILY;BYMONTHDAY=31;UNTIL=20261130",
    ],
)
def test_a_rule_that_is_none_is_refused(rule: str) -> None:
    with pytest.raises(Problem) as refused:
        dates_of(rule, date(2026, 11, 2))
    assert refused.value.errors[0].field == "rrule"


def test_a_wrong_series_is_refused_by_field(site: Site) -> None:
    room = make_room(site)
    wrong = [({"to_time": "18:00"}, "body"), ({"rrule": "x"}, "rrule"), ({"first_day": "9999-12-31"}, "first_day")]
    for change, field in wrong:
        answer = site.call("POST", "/v1/bookings/series/preview", series(room) | change)
        assert (answer.status_code, answer.get_json()["errors"][0]["field"]) == (422, field)
    past = site.call("POST", "/v1/bookings/series", series(room, first_day="2020-01-06"))
    assert past.get_json()["errors"][0]["field"] == "starts_at"
