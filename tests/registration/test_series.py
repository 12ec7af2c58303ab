"""Series over HTTP: previewed with clashes, made, changed from one shift on, single ones detached."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.common.events import RegistrationCancelled, ShiftCancelled, ShiftChanged, ShiftOpened
from tests.registration.rooms_world import make_room
from tests.registration.world import Site, somebody

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")


def first_tuesday(zone: ZoneInfo = SHANGHAI, hour: int = 19) -> datetime:
    """A Tuesday evening some weeks from now."""
    day = datetime.now(zone) + timedelta(days=21)
    day += timedelta(days=(1 - day.weekday()) % 7)
    return day.replace(hour=hour, minute=0, second=0, microsecond=0)


def rehearsals(first: datetime, count: int = 4, **more: Any) -> dict[str, Any]:
    """Weekly rehearsals of two hours."""
    rule = {"rrule": f"FREQ=WEEKLY;COUNT={count}", "first_starts_at": first.isoformat(), "minutes": 120}
    return rule | {"roles": [{"role_zh": "歌手", "role_en": "singer", "capacity": 10}]} | more


def make(site: Site, activity: str, body: dict[str, Any]) -> dict[str, Any]:
    """A series."""
    return site.expect(201, "POST", f"/v1/activities/{activity}/shift-series", body)


def shifts(site: Site, activity: str) -> list[dict[str, Any]]:
    """The activity's shifts by time."""
    found = site.expect(200, "GET", f"/v1/activities/{activity}/shifts?limit=200")["items"]
    return sorted(found, key=lambda shift: (shift["starts_at"], shift["role_en"]))


def local(shift: dict[str, Any], zone: ZoneInfo = SHANGHAI) -> str:
    """When it starts, as clocks there show it."""
    return f"{datetime.fromisoformat(shift['starts_at']).astimezone(zone):%H:%M}"


def test_a_preview_shows_every_shift_and_makes_none(site: Site) -> None:
    activity, first = site.activity(), first_tuesday()
    body = rehearsals(first, exceptions=[(first + timedelta(days=7)).date().isoformat()])
    seen = site.expect(200, "POST", f"/v1/activities/{activity}/shift-series", body | {"preview": True})
    assert seen["series_id"] is None and shifts(site, activity) == []
    made = make(site, activity, body)
    assert made["slots"] == seen["slots"]
    days = [(first + timedelta(days=7 * week)).date().isoformat() for week in (0, 2, 3)]
    assert [shift["local_day"] for shift in shifts(site, activity)] == days
    assert [type(event) for event in site.events(activity)][1:] == [ShiftOpened] * 3


def test_the_wall_clock_stays_when_clocks_change(make_site: Callable[..., Site]) -> None:
    site = make_site(time_zone="Europe/Berlin")
    activity = site.activity()
    make(site, activity, rehearsals(first_tuesday(BERLIN), count=60))
    found = shifts(site, activity)
    assert {local(shift, BERLIN) for shift in found} == {"19:00"}
    assert len({datetime.fromisoformat(shift["starts_at"]).astimezone(UTC).hour for shift in found}) == 2


def test_clashes_are_told_before_saving(site: Site) -> None:
    room = site.sql(
        "INSERT INTO rooms (site_id, name_zh, name_en, capacity) VALUES (:id, '厅', 'hall', 50) RETURNING id",
        id=site.id,
    )[0].id
    activity, other = site.activity(room_id=str(room)), site.activity(room_id=str(room), title_zh="别的活动")
    first = first_tuesday()
    taken = {
        "starts_at": (first + timedelta(hours=1)).isoformat(),
        "ends_at": (first + timedelta(hours=3)).isoformat(),
        "capacity": 5,
    }
    site.expect(201, "POST", f"/v1/activities/{other}/shifts", taken)
    week = timedelta(days=7)
    for role, start in (("歌手", first + week), ("引导员", first + 2 * week)):
        slot = {"starts_at": start.isoformat(), "ends_at": (start + timedelta(hours=1)).isoformat(), "capacity": 1}
        site.expect(201, "POST", f"/v1/activities/{activity}/shifts", slot | {"role_zh": role})
    seen = site.expect(200, "POST", f"/v1/activities/{activity}/shift-series", rehearsals(first) | {"preview": True})
    assert [[clash["kind"] for clash in slot["clashes"]] for slot in seen["slots"]] == [["room"], ["same_role"], [], []]
    assert seen["clashing"] == 2 and seen["slots"][0]["clashes"][0]["title_zh"] == "别的活动"
    long = rehearsals(first, preview=True, rrule="FREQ=DAILY;COUNT=2", minutes=1440)
    assert site.expect(200, "POST", f"/v1/activities/{site.activity()}/shift-series", long)["clashing"] == 0
    itself = long | {
        "overrides": [{"day": first.date().isoformat(), "starts_at": (first + timedelta(hours=5)).isoformat()}]
    }
    seen = site.expect(200, "POST", f"/v1/activities/{site.activity()}/shift-series", itself)
    assert [[clash["kind"] for clash in slot["clashes"]] for slot in seen["slots"]] == [[], ["series"]]


def test_bookings_of_the_room_are_told_with_their_set_up(site: Site) -> None:
    room = make_room(site, setup_minutes=30)
    activity, first = site.activity(room_id=room), first_tuesday()
    times = [(first, 60), (first + timedelta(days=7, minutes=180), 60), (first + timedelta(days=14, minutes=300), 60)]
    made = [
        site.expect(201, "POST", "/v1/bookings", body | {"room_id": room, "title": title})
        for title, (starts, minutes) in zip(("消防培训", "书法班", "晚场"), times, strict=True)
        for body in [{"starts_at": starts.isoformat(), "ends_at": (starts + timedelta(minutes=minutes)).isoformat()}]
    ]
    body = rehearsals(first, preview=True, minutes=150)
    seen = site.expect(200, "POST", f"/v1/activities/{activity}/shift-series", body)
    clashes = [[(clash["kind"], clash["title_zh"]) for clash in slot["clashes"]] for slot in seen["slots"]]
    assert clashes == [[("booking", "消防培训")], [("booking", "书法班")], [], []]  # 30 minutes apart need 60
    site.expect(200, "POST", f"/v1/bookings/{made[0]['id']}/cancel", {})
    assert site.expect(200, "POST", f"/v1/activities/{activity}/shift-series", body)["clashing"] == 1


def test_a_shift_with_its_booking_is_told_of_once(site: Site) -> None:
    room, first = make_room(site), first_tuesday()
    other, activity = site.activity(room_id=room), site.activity(room_id=room)
    slot = {"starts_at": first.isoformat(), "ends_at": (first + timedelta(hours=1)).isoformat(), "capacity": 1}
    shift = site.expect(201, "POST", f"/v1/activities/{other}/shifts", slot)["id"]
    site.expect(201, "POST", "/v1/bookings", {"shift_id": shift})
    seen = site.expect(200, "POST", f"/v1/activities/{activity}/shift-series", rehearsals(first, preview=True))
    assert [clash["kind"] for clash in seen["slots"][0]["clashes"]] == ["room"]


def test_an_override_is_detached_from_the_start(site: Site) -> None:
    activity, first = site.activity(), first_tuesday()
    special = {"day": first.date().isoformat(), "minutes": 60, "roles": [{"role_zh": "听众", "capacity": 99}]}
    make(site, activity, rehearsals(first, overrides=[special]))
    found = shifts(site, activity)
    assert [(shift["detached"], shift["capacity"]) for shift in found] == [(True, 99)] + [(False, 10)] * 3


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"rrule": "FREQ=DAILY;COUNT=400", "roles": [{"capacity": 1}, {"role_zh": "二", "capacity": 1}]}, "rrule"),
        ({"rrule": "FREQ=WEEKLY"}, "rrule"),
        ({"exceptions": ["2031-01-01"]}, "exceptions.0"),
        ({"overrides": [{"day": "2031-01-01", "minutes": 5}]}, "overrides.0"),
        ({"first_starts_at": "2020-01-07T19:00:00+08:00"}, "starts_at"),
        ({"minutes": 1441}, "minutes"),
        ({"roles": []}, "roles"),
    ],
)
def test_a_series_that_cannot_be_is_refused(site: Site, more: dict[str, Any], field: str) -> None:
    path = f"/v1/activities/{site.activity()}/shift-series"
    for preview in (True, False):
        answer = site.call("POST", path, rehearsals(first_tuesday()) | more | {"preview": preview})
        assert (answer.status_code, answer.get_json()["errors"][0]["field"]) == (422, field)


def test_changing_one_detaches_it_and_changing_the_following_leaves_it_alone(site: Site) -> None:
    activity = site.activity()
    roles = [
        {"role_zh": "歌手", "role_en": "singer", "capacity": 10},
        {"role_zh": "伴奏", "role_en": "pianist", "capacity": 1},
    ]
    make(site, activity, rehearsals(first_tuesday(), roles=roles))
    found = shifts(site, activity)
    singers = [shift for shift in found if shift["role_en"] == "singer"]
    alone = site.expect(200, "PATCH", f"/v1/shifts/{singers[2]['id']}", {"capacity": 30}, If_Match="*")
    assert alone["detached"]
    same = site.expect(200, "PATCH", f"/v1/shifts/{singers[3]['id']}", {"capacity": 10}, If_Match="*")
    assert not same["detached"]
    path = f"/v1/shifts/{singers[1]['id']}/following"
    change = {"time": "18:30", "days": 1, "minutes": 90, "capacity": 12}
    preview = site.expect(200, "PATCH", path, change | {"preview": True}, If_Match='"1"')
    assert {local(s) for s in shifts(site, activity)} == {"19:00"}
    done = site.expect(200, "PATCH", path, change, If_Match='"1"')
    assert done == preview
    assert [(one["reason"], one["id"]) for one in done["left_alone"]] == [("detached", singers[2]["id"])]
    after = shifts(site, activity)
    changed = {s["id"]: (local(s), s["capacity"]) for s in after}
    expected = {
        s["id"]: ("19:00", s["capacity"]) if n in (0, 1) else ("18:30", 12 if s["role_en"] == "singer" else 1)
        for n, s in enumerate(found)
    } | {singers[2]["id"]: ("19:00", 30)}
    assert changed == expected
    moved = next(s for s in after if s["id"] == singers[1]["id"])
    assert datetime.fromisoformat(moved["ends_at"]) - datetime.fromisoformat(moved["starts_at"]) == timedelta(
        minutes=90
    )
    assert not moved["detached"]
    assert sum(isinstance(event, ShiftChanged) for event in site.events(activity)) == 1 + 5
    assert site.call("PATCH", path, change, If_Match='"1"').status_code == 412
    assert site.call("PATCH", f"/v1/shifts/{singers[2]['id']}/following", change, If_Match="*").status_code == 409
    assert site.call("PATCH", f"/v1/shifts/{site.shift()}/following", change, If_Match="*").status_code == 409


def test_somebody_on_two_days_running_does_not_stand_in_their_own_way(site: Site) -> None:
    room, activity = make_room(site), site.activity()
    body = rehearsals(first_tuesday()) | {"rrule": "FREQ=DAILY;COUNT=3"}
    make(site, activity, body)
    found = shifts(site, activity)
    person = somebody()
    for shift in found:
        assert site.try_sign_up(shift["id"], person).status_code == 201
        site.expect(201, "POST", "/v1/bookings", {"shift_id": shift["id"], "room_id": room})
    path = f"/v1/shifts/{found[0]['id']}/following"
    later = site.expect(200, "PATCH", path, {"days": 1}, If_Match="*")["shifts"]
    assert [shift["local_day"] for shift in later][:2] == [found[1]["local_day"], found[2]["local_day"]]
    back = site.expect(200, "PATCH", path, {"days": -1}, If_Match="*")["shifts"]
    assert [shift["local_day"] for shift in back] == [shift["local_day"] for shift in found]


def test_a_fault_in_one_of_many_changes_none_and_names_the_day(site: Site) -> None:
    activity = site.activity()
    make(site, activity, rehearsals(first_tuesday()))
    found = shifts(site, activity)
    for _ in range(3):
        site.sign_up(found[2]["id"])
    answer = site.call("PATCH", f"/v1/shifts/{found[0]['id']}/following", {"capacity": 2}, If_Match="*")
    assert answer.status_code == 422 and found[2]["local_day"] in answer.get_json()["detail"]
    assert shifts(site, activity)[0]["capacity"] == 10


def test_calling_off_the_rest_tells_first_whom_it_concerns(site: Site) -> None:
    activity = site.activity()
    make(site, activity, rehearsals(first_tuesday()))
    found = shifts(site, activity)
    person = somebody()
    for shift in found[1:3]:
        site.expect(201, "POST", f"/v1/shifts/{shift['id']}/registrations", {"person": person})
    site.expect(200, "PATCH", f"/v1/shifts/{found[3]['id']}", {"capacity": 5}, If_Match="*")
    path = f"/v1/shifts/{found[1]['id']}/following/cancel"
    preview = site.expect(200, "POST", path, {"preview": True})
    assert (len(preview["shifts"]), preview["people"], len(preview["left_alone"])) == (2, 1, 1)
    assert {shift["status"] for shift in shifts(site, activity)} == {"open"}
    assert site.expect(200, "POST", path, {}) == preview
    assert [shift["status"] for shift in shifts(site, activity)] == ["open", "cancelled", "cancelled", "open"]
    ended = [type(event) for event in site.events(activity)][-4:]
    assert ended == [ShiftCancelled, RegistrationCancelled] * 2


def test_a_series_sent_twice_is_made_once_and_belongs_to_its_site(site: Site, other: Site) -> None:
    activity = site.activity()
    path, body = f"/v1/activities/{activity}/shift-series", rehearsals(first_tuesday())
    made = [site.expect(201, "POST", path, body, Idempotency_Key="series") for _ in range(2)]
    assert made[0] == made[1] and len(shifts(site, activity)) == 4
    assert other.call("POST", path, body).status_code == 404
    shift = shifts(site, activity)[0]["id"]
    assert other.call("PATCH", f"/v1/shifts/{shift}/following", {"days": 1}, If_Match="*").status_code == 404
    assert other.call("POST", f"/v1/shifts/{shift}/following/cancel", {}).status_code == 404
