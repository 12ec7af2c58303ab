"""The public calendar: what everybody may know of a site's activities, and no more."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar
from sqlalchemy import event

from services.registration.operations.sites import calendar_feed
from services.registration.operations.sites.calendar import public_calendar
from tests.registration.world import Caller, Site, in_hours

ZONE = ZoneInfo("Asia/Shanghai")


def calendar(site: Site, **days: str) -> dict[str, Any]:
    """The calendar as somebody without a key sees it."""
    query = "&".join(f"{name}={value}" for name, value in days.items())
    return Caller(site.app, "").expect(200, "GET", f"/v1/sites/{site.id}/calendar?{query}")


def shown(site: Site) -> list[str]:
    """Ids of the activities in the calendar."""
    return [activity["id"] for activity in calendar(site)["activities"]]


def test_only_what_is_public_and_published_is_shown(site: Site, other: Site) -> None:
    open_one = site.activity()
    for activity in (open_one, site.activity(publish=False), site.activity(public=False), site.activity()):
        site.shift(activity=activity)
    site.activity()
    elsewhere = other.activity()
    other.shift(activity=elsewhere)
    called_off = shown(site)[1]
    site.expect(200, "POST", f"/v1/activities/{called_off}/cancel")
    assert shown(site) == [open_one]
    assert shown(other) == [elsewhere]


def test_free_places_are_those_that_nobody_waits_for(site: Site) -> None:
    activity = site.activity(promotion="offer")
    shift = site.shift(capacity=2, activity=activity)

    def seen() -> tuple[int, bool]:
        found = calendar(site)["activities"][0]["shifts"][0]
        return found["free"], found["waitlist"]

    assert seen() == (2, False)
    site.sign_up(shift)
    assert seen() == (1, False)
    site.sql("UPDATE shifts SET held = 1 WHERE id = :id", id=shift)
    assert seen() == (0, True)
    site.sql("UPDATE shifts SET held = 0, waitlisted = 1 WHERE id = :id", id=shift)
    assert seen() == (0, True)


@pytest.mark.parametrize(
    ("opens", "closes", "state"), [(None, None, "open"), (1, 2, "not_yet"), (-2, -1, "closed"), (-1, 1, "open")]
)
def test_it_says_whether_one_can_sign_up(site: Site, opens: int | None, closes: int | None, state: str) -> None:
    activity = site.activity(
        registration_opens_at=opens and in_hours(opens), registration_closes_at=closes and in_hours(closes)
    )
    site.shift(activity=activity)
    assert calendar(site)["activities"][0]["shifts"][0]["sign_up"] == state


def test_days_are_those_of_the_site(make_site: Callable[..., Site]) -> None:
    site = make_site(time_zone="Asia/Shanghai")
    times = {"starts_at": "2031-03-01T23:30:00Z", "ends_at": "2031-03-02T01:00:00Z", "capacity": 1}
    site.expect(201, "POST", f"/v1/activities/{site.activity()}/shifts", times)
    for day, count in (("2031-03-01", 0), ("2031-03-02", 1), ("2031-03-03", 0)):
        assert len(calendar(site, **{"from": day, "to": day})["activities"]) == count
    today = datetime.now(ZONE).date()
    assert calendar(site)["first_day"] == today.isoformat()
    for days in (f"from={today}&to={today - timedelta(days=1)}", f"from={today}&to={today + timedelta(days=93)}"):
        assert site.call("GET", f"/v1/sites/{site.id}/calendar?{days}").status_code == 422
    assert site.call("GET", f"/v1/sites/{site.id}/calendar?from={date.max}").status_code == 422
    assert site.call("GET", f"/v1/sites/{site.id[:-4]}0000/calendar").status_code == 404


def test_a_hundred_shifts_are_read_with_one_query(site: Site) -> None:
    activity = site.activity()
    roles = [{"role_zh": f"{number}号", "capacity": 1} for number in range(20)]
    for hour in range(5):
        slot = {"starts_at": in_hours(24 + hour), "ends_at": in_hours(25 + hour), "roles": roles}
        site.expect(201, "POST", f"/v1/activities/{activity}/slots", slot)
    asked: list[str] = []
    event.listen(site.database.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))

    with site.database.transaction(site.id) as session:
        found = public_calendar(session, site.id)  # type: ignore[arg-type]
    assert sum(len(one.shifts) for one in found.activities) == 100
    assert sum("shifts" in statement for statement in asked) == 1


def test_a_phone_can_subscribe_to_it(site: Site) -> None:
    activity = site.activity(title_en="Smartphone class")
    shift = site.shift(activity=activity)
    gone = site.shift(activity=activity)
    site.shift(activity=site.activity(public=False))

    def feed() -> dict[str, Any]:
        answer = Caller(site.app, "").call("GET", f"/v1/sites/{site.id}/calendar.ics")
        assert answer.mimetype == "text/calendar"
        return {str(entry["uid"]): entry for entry in Calendar.from_ical(answer.data).walk("VEVENT")}

    first = feed()
    assert set(first) == {f"shift-{one}@hesheng" for one in (shift, gone)}
    site.expect(200, "POST", f"/v1/shifts/{gone}/cancel")
    site.expect(200, "PATCH", f"/v1/activities/{activity}", {"place": "广场"}, If_Match="*")
    ((uid, entry),) = feed().items()
    assert (entry["location"], str(entry["summary"])) == ("广场", "指尖科普课堂 Smartphone class")
    assert entry["sequence"] > first[uid]["sequence"]


def test_the_feed_is_written_once_for_each_change(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    text = calendar_feed._text
    monkeypatch.setattr(calendar_feed, "_text", lambda *given: written.append("") or text(*given))

    def feed(tag: str = "") -> Any:
        return Caller(site.app, "").call("GET", f"/v1/sites/{site.id}/calendar.ics", If_None_Match=tag)

    activity = site.activity(description_zh="长" * 2_000)
    shift = site.shift(activity=activity)
    first, again = feed(), feed()
    assert (first.data, len(written)) == (again.data, 1)
    assert len(first.data) < 4_000, "a description's beginning, not all of it"
    known = feed(first.headers["ETag"])
    assert (known.status_code, known.data) == (304, b"")
    site.sign_up(shift)
    assert (feed(first.headers["ETag"]).status_code, len(written)) == (304, 1), "who signs up changes nothing here"
    site.expect(200, "PATCH", f"/v1/activities/{activity}", {"place": "广场"}, If_Match="*")
    changed = feed(first.headers["ETag"])
    assert (changed.status_code, len(written)) == (200, 2)
    site.expect(200, "POST", f"/v1/shifts/{shift}/cancel")
    assert b"VEVENT" not in feed(changed.headers["ETag"]).data
