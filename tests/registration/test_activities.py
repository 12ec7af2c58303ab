"""Activities and shifts: what is told to whom when they are published, changed, called off."""

from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import urljoin

import pytest

from services.common.events import (
    ActivityCancelled,
    ActivityChanged,
    ActivityEvent,
    ActivityPublished,
    CancelReason,
    RegistrationCancelled,
    RegistrationConfirmed,
    RegistrationWaitlisted,
    ShiftCancelled,
    ShiftChanged,
    ShiftOpened,
)
from tests.registration.rooms_world import make_room
from tests.registration.world import Site, in_hours


def kinds(site: Site, activity: str) -> list[type]:
    """The types of an activity's events in order."""
    return [type(event) for event in site.events(activity)]


def test_a_draft_tells_nobody_anything(site: Site) -> None:
    activity = site.activity(publish=False)
    shift = site.shift(activity=activity)
    site.expect(200, "PATCH", f"/v1/activities/{activity}", {"title_zh": "新题"}, If_Match='"1"')
    site.expect(200, "PATCH", f"/v1/shifts/{shift}", {"capacity": 3}, If_Match='"1"')
    site.expect(200, "POST", f"/v1/shifts/{shift}/cancel")
    site.expect(200, "POST", f"/v1/activities/{activity}/cancel")
    assert kinds(site, activity) == []


def test_publishing_opens_the_shifts_once(site: Site) -> None:
    activity = site.activity(publish=False)
    shifts = {site.shift(activity=activity) for _ in range(3)}
    for _ in range(2):
        assert site.expect(200, "POST", f"/v1/activities/{activity}/publish")["status"] == "published"
    assert kinds(site, activity) == [ActivityPublished, ShiftOpened, ShiftOpened, ShiftOpened]
    opened = {str(event.shift_id) for event in site.events(activity) if isinstance(event, ShiftOpened)}
    assert opened == shifts
    site.shift(activity=activity)
    assert kinds(site, activity)[-1] is ShiftOpened


def test_a_change_of_a_published_activity_is_told_once(site: Site) -> None:
    activity = site.activity()
    path = f"/v1/activities/{activity}"
    for _ in range(2):
        site.expect(200, "PATCH", path, {"place": "广场", "reminder_minutes": [30, 60, 60]}, If_Match="*")
    site.expect(200, "PATCH", path, {"description_zh": "只是说明"}, If_Match="*")
    assert kinds(site, activity) == [ActivityPublished, ActivityChanged]
    changed = site.events(activity)[-1]
    assert isinstance(changed, ActivityChanged) and changed.reminder_minutes == [60, 30]


def test_moving_a_shift_raises_its_version_and_moves_its_day(make_site: Callable[..., Site]) -> None:
    site = make_site(time_zone="Asia/Shanghai")
    shift = site.shift()
    times = {"starts_at": "2030-03-01T23:30:00Z", "ends_at": "2030-03-02T01:30:00Z"}
    answer = site.expect(200, "PATCH", f"/v1/shifts/{shift}", times, If_Match='"1"')
    assert (answer["version"], answer["local_day"]) == (2, "2030-03-02")
    moved = site.events(site.activity_of(shift))[-1]
    assert isinstance(moved, ShiftChanged) and (moved.version, moved.local_day) == (2, "2030-03-02")
    for wrong in ({"ends_at": "2030-03-01T23:30:00Z"}, {"starts_at": "2031-01-01T00:00:00Z"}):
        answer = site.call("PATCH", f"/v1/shifts/{shift}", wrong, If_Match="*")
        assert (answer.status_code, answer.get_json()["errors"][0]["field"]) == (422, "ends_at")


def test_an_edit_names_the_version_that_it_starts_from(site: Site) -> None:
    activity = site.activity(publish=False)
    path = f"/v1/activities/{activity}"
    etag = site.call("GET", path).headers["ETag"]
    assert site.call("PATCH", path, {"title_zh": "一"}).status_code == 428
    assert site.call("PATCH", path, {"title_zh": "一"}, If_Match="1").status_code == 400
    assert site.call("PATCH", path, {"title_zh": "一"}, If_Match=etag).headers["ETag"] == '"2"'
    assert site.call("PATCH", path, {"title_zh": "二"}, If_Match=etag).status_code == 412
    assert site.call("PATCH", path, {"title_zh": "二"}, If_Match=f'{etag}, W/"2"').status_code == 200
    assert site.expect(200, "GET", path)["title_zh"] == "二"


def test_calling_off_a_shift_cancels_each_registration(site: Site) -> None:
    shift = site.shift(capacity=1)
    ids = [site.sign_up(shift)["id"] for _ in range(3)]
    site.cancel(ids[1])
    for _ in range(2):
        answer = site.expect(200, "POST", f"/v1/shifts/{shift}/cancel")
        assert (answer["status"], answer["confirmed"], answer["waitlisted"]) == ("cancelled", 0, 0)
    events = site.events(site.activity_of(shift))[-3:]
    assert isinstance(events[0], ShiftCancelled)
    ends = [event for event in events[1:] if isinstance(event, RegistrationCancelled)]
    assert [(str(e.registration_id), e.reason, e.was_waitlisted) for e in ends] == [
        (ids[0], CancelReason.SHIFT_CANCELLED, False),
        (ids[2], CancelReason.SHIFT_CANCELLED, True),
    ]
    assert site.expect(200, "GET", f"/v1/registrations/{ids[2]}")["cancel_reason"] == "shift_cancelled"


def test_calling_off_an_activity_leaves_on_record_what_took_place(site: Site) -> None:
    activity = site.activity()
    past, attended, coming = (site.shift(activity=activity, starts=1) for _ in range(3))
    kept = [site.sign_up(shift)["id"] for shift in (past, attended)]
    gone = site.sign_up(coming)["id"]
    site.expect(200, "POST", f"/v1/registrations/{kept[1]}/check-in")
    site.move_shift(past, -3, -1)
    assert site.call("POST", f"/v1/shifts/{attended}/cancel").status_code == 409
    for _ in range(2):
        site.expect(200, "POST", f"/v1/activities/{activity}/cancel")
    assert kinds(site, activity)[-3:] == [ActivityCancelled, ShiftCancelled, RegistrationCancelled]
    status = [site.expect(200, "GET", f"/v1/registrations/{name}")["status"] for name in [*kept, gone]]
    assert status == ["confirmed", "confirmed", "cancelled"]
    assert site.call("PATCH", f"/v1/activities/{activity}", {}, If_Match="*").status_code == 409
    assert site.call("POST", f"/v1/activities/{activity}/publish").status_code == 409


def test_a_sign_up_written_by_the_database_is_the_event_of_the_models(site: Site) -> None:
    shift = site.shift(capacity=1)
    made = [
        site.expect(
            201,
            "POST",
            f"/v1/shifts/{shift}/registrations",
            {"person": {"name": f"人{n}", "email": f"event{n}.{shift}@example.com", "birth_date": "1970-01-01"}},
            X_Request_Id="req-42",
        )
        for n in range(2)
    ]
    confirmed, waitlisted = site.events(site.activity_of(shift))[-2:]
    assert isinstance(confirmed, RegistrationConfirmed) and isinstance(waitlisted, RegistrationWaitlisted)
    assert confirmed.model_dump(mode="json") == {
        "registration_id": made[0]["id"],
        "version": 1,
        "shift_id": shift,
        "activity_id": made[0]["activity_id"],
        "site_id": site.id,
        "person_id": made[0]["person_id"],
        "person_number": confirmed.person_number,
        "age_band": "35_59",
        "places": 1,
        "channel": "site",
        "team_id": None,
    }
    rows = site.sql(
        "SELECT aggregate, request_id FROM outbox WHERE type LIKE '%registration%' ORDER BY id DESC LIMIT 2"
    )
    assert {(row.aggregate, row.request_id) for row in rows} == {(made[0]["activity_id"], "req-42")}


def test_lists_are_followed_by_their_links_to_the_end(site: Site) -> None:
    ids = [site.activity(publish=number % 2 == 0) for number in range(7)]
    found, path = [], "/v1/activities?limit=2"
    while path:
        answer = site.call("GET", path)
        found += [item["id"] for item in answer.get_json()["items"]]
        link = answer.headers.get("Link", "")
        path = urljoin(path, link[1 : link.find(">")]) if link else ""
    assert found == ids
    drafts = site.expect(200, "GET", "/v1/activities?status=draft")["items"]
    assert [item["id"] for item in drafts] == ids[1::2]


@pytest.mark.parametrize("what", ["room", "team"])
def test_rooms_and_teams_of_other_sites_cannot_be_used(site: Site, other: Site, what: str) -> None:
    body = {"name_zh": "名", "name_en": "Name"} | ({"capacity": 5} if what == "room" else {"kind": "volunteers"})
    mine, theirs = (one.expect(201, "POST", f"/v1/{what}s", body)["id"] for one in (site, other))
    activity = {"kind": "rehearsal", "title_zh": "排练", "place": "站内"}
    assert site.expect(201, "POST", "/v1/activities", activity | {f"{what}_id": mine})[f"{what}_id"] == mine
    answer = site.call("POST", "/v1/activities", activity | {f"{what}_id": theirs})
    assert (answer.status_code, answer.get_json()["errors"][0]["field"]) == (422, f"{what}_id")
    assert [item["id"] for item in site.expect(200, "GET", f"/v1/{what}s")["items"]] == [mine]


def test_a_shift_of_a_called_off_activity_cannot_be_added(site: Site) -> None:
    activity = site.activity()
    site.expect(200, "POST", f"/v1/activities/{activity}/cancel")
    body = {"starts_at": in_hours(1), "ends_at": in_hours(2), "capacity": 1}
    assert site.call("POST", f"/v1/activities/{activity}/shifts", body).status_code == 409


def test_calling_off_an_activity_tells_who_was_not_there_yet(site: Site) -> None:
    """One check-in keeps the shift on record; all others on it are cancelled and hear of it."""
    shift = site.shift(capacity=2, starts=1, volunteering=True)
    activity = site.activity_of(shift)
    present, expected, waiting = (site.sign_up(shift)["id"] for _ in range(3))
    site.expect(200, "POST", f"/v1/registrations/{present}/check-in")
    site.expect(200, "POST", f"/v1/activities/{activity}/cancel")
    told = site.events(activity)[-3:]
    assert isinstance(told[0], ActivityCancelled)
    ends = [event for event in told if isinstance(event, RegistrationCancelled)]
    assert [(str(e.registration_id), e.reason, e.was_waitlisted) for e in ends] == [
        (expected, CancelReason.ACTIVITY_CANCELLED, False),
        (waiting, CancelReason.ACTIVITY_CANCELLED, True),
    ]
    seen = site.expect(200, "GET", f"/v1/shifts/{shift}")
    assert (seen["status"], seen["confirmed"], seen["waitlisted"]) == ("open", 1, 0)
    kept = site.expect(200, "GET", f"/v1/registrations/{present}")
    assert (kept["status"], kept["outcome"]) == ("confirmed", "present")
    assert site.try_sign_up(shift).get_json()["type"] == "urn:hesheng:problem:registration-closed"
    assert site.call("POST", f"/v1/shifts/{shift}/cancel").status_code == 409
    site.move_shift(shift, -1, 1)
    site.expect(200, "POST", f"/v1/registrations/{present}/check-out")


def test_a_shift_that_outlives_its_activity_is_a_record_and_no_longer_changed(site: Site) -> None:
    shift = site.shift(capacity=1, starts=1)
    activity = site.activity_of(shift)
    present = site.sign_up(shift)["id"]
    site.expect(200, "POST", f"/v1/registrations/{present}/check-in")
    site.expect(200, "POST", f"/v1/activities/{activity}/cancel")
    before = site.events(activity)
    for change in ({"capacity": 2}, {"role_en": "x"}, {"ends_at": in_hours(9)}):
        assert site.call("PATCH", f"/v1/shifts/{shift}", change, If_Match="*").status_code == 409
    assert site.events(activity) == before


def test_hours_that_were_recorded_go_on_fitting_the_shift_and_the_activity(site: Site) -> None:
    shift = site.shift(capacity=2, volunteering=True)
    path, activity = f"/v1/shifts/{shift}", f"/v1/activities/{site.activity_of(shift)}"
    registration = site.sign_up(shift)["id"]
    site.move_shift(shift, -1, 1)
    seen = site.expect(200, "GET", path)
    times = {"starts_at": seen["starts_at"], "ends_at": seen["ends_at"]}
    site.expect(200, "PATCH", activity, {"volunteering": False}, If_Match="*")
    site.expect(200, "PATCH", activity, {"volunteering": True}, If_Match="*")
    site.expect(200, "POST", f"/v1/registrations/{registration}/check-in")
    for where, change in (
        (path, {"ends_at": in_hours(2)}),
        (path, {"starts_at": in_hours(-2)}),
        (activity, {"volunteering": False}),
    ):
        assert site.call("PATCH", where, change, If_Match="*").status_code == 409
        answer = site.call("PATCH", where, change, If_Match="*", Accept_Language="zh")
        assert "出勤记录" in answer.get_json()["detail"]
    # What is no change of them goes through.
    site.expect(200, "PATCH", path, times | {"capacity": 3}, If_Match="*")
    site.expect(200, "PATCH", activity, {"volunteering": True, "place": "广场"}, If_Match="*")


def test_a_shift_is_not_moved_to_before_now(site: Site) -> None:
    shift = site.shift(starts=24)
    site.sign_up(shift)
    times = {"starts_at": in_hours(-12), "ends_at": in_hours(-10)}
    answer = site.call("PATCH", f"/v1/shifts/{shift}", times, If_Match="*")
    assert answer.status_code == 422 and answer.get_json()["errors"][0]["field"] == "starts_at"
    site.move_shift(shift, -1, 1)
    longer = site.expect(200, "PATCH", f"/v1/shifts/{shift}", {"ends_at": in_hours(2)}, If_Match="*")
    assert datetime.fromisoformat(longer["starts_at"]) < datetime.now(UTC)


def test_team_room_and_kind_of_service_are_told(site: Site) -> None:
    room = make_room(site)
    activity = site.activity(service_category="health")
    site.expect(200, "PATCH", f"/v1/activities/{activity}", {"room_id": room}, If_Match="*")
    told = [event for event in site.events(activity) if isinstance(event, ActivityEvent)]
    assert [(event.service_category, event.room_id and str(event.room_id)) for event in told] == [
        ("health", None),
        ("health", room),
    ]


@pytest.mark.parametrize(
    ("starts", "ends", "field"), [(24, 49, "ends_at"), (-0.1, 1, "starts_at"), (2, 1.9, "ends_at")]
)
def test_a_shift_is_neither_long_nor_past(site: Site, starts: float, ends: float, field: str) -> None:
    """The shift's length bounds the hours that it earns, so it has bounds itself, when made and when moved."""
    times = {"starts_at": in_hours(starts), "ends_at": in_hours(ends)}
    answer = site.call("POST", f"/v1/activities/{site.activity()}/shifts", times | {"capacity": 1})
    assert (answer.status_code, answer.get_json()["errors"][0]["field"]) == (422, field)
    answer = site.call("PATCH", f"/v1/shifts/{site.shift()}", times, If_Match="*")
    assert (answer.status_code, answer.get_json()["errors"][0]["field"]) == (422, field)
