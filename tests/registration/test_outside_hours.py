"""Narrower hours: which bookings they would strand is told before, exactly these stay and are marked after."""

from typing import Any

from tests.registration.rooms_world import at, book, make_room, make_team, set_up
from tests.registration.world import Site

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def hours(opens: str, closes: str) -> dict[str, Any]:
    return {"opening_hours": {day: [[opens, closes]] for day in DAYS}}


def preview(site: Site, settings: dict[str, Any]) -> list[str]:
    found = site.expect(200, "POST", f"/v1/sites/{site.id}/settings/preview", settings)["items"]
    return [one["id"] for one in found]


def test_the_bookings_that_would_be_stranded_are_told_and_stay(site: Site, other: Site) -> None:
    room = make_room(site, approval=True)
    set_up(site, **hours("08:00", "22:00"))
    late = book(site, room, 19, 21, team_id=make_team(site))
    book(site, room, 9, 11, approved=True)
    book(site, room, 12, 18, block=True, title="维修")
    given_up = book(site, room, 42, 44, title="晚场")
    site.expect(200, "POST", f"/v1/bookings/{given_up['id']}/cancel", {})
    narrow = hours("08:00", "18:00")
    assert preview(site, narrow) == [late["id"]]
    closed = {"exceptions": [{"date": at(0).date().isoformat(), "hours": [["10:00", "12:00"]]}]}
    assert len(preview(site, closed)) == 2
    assert preview(site, {"minimum_age": 6}) == preview(site, hours("07:00", "23:00")) == []
    assert other.call("POST", f"/v1/sites/{site.id}/settings/preview", narrow).status_code == 404
    assert site.expect(200, "GET", "/v1/bookings/outside-hours")["items"] == []
    set_up(site, **narrow)
    left = site.expect(200, "GET", "/v1/bookings/outside-hours")["items"]
    assert [(one["id"], one["status"]) for one in left] == [(late["id"], "requested")]
    assert preview(site, narrow) == [], "what lies outside already is not stranded again"
    assert site.expect(200, "POST", f"/v1/bookings/{late['id']}/confirm")["status"] == "confirmed"
    moved = {"starts_at": at(13 + 24).isoformat(), "ends_at": at(15 + 24).isoformat()}
    site.expect(200, "PATCH", f"/v1/bookings/{late['id']}", moved, If_Match="*")
    assert site.expect(200, "GET", "/v1/bookings/outside-hours")["items"] == []
