"""A tap at the wrong name is taken back: both stay on record, and the outcome is as if it had never been."""

from typing import Any

from services.common.events import AttendanceRecorded, AttendanceWithdrawn, ServiceRecordCorrected
from tests.registration.hours_world import earn, minutes_agree, moment, over, records_of
from tests.registration.test_concurrency import at_once
from tests.registration.world import Site


def undo(site: Site, registration: str, expect: int = 200) -> Any:
    return site.expect(expect, "POST", f"/v1/registrations/{registration}/undo-attendance")


def entries(site: Site, registration: str) -> list[str]:
    rows = site.sql("SELECT what FROM attendance_entries WHERE registration_id = :r ORDER BY position", r=registration)
    return [row.what for row in rows]


def test_the_last_thing_said_is_taken_back_and_the_records_follow(site: Site) -> None:
    shift, [registration] = over(site)
    earn(site, registration)
    assert undo(site, registration)["outcome"] == "present"
    first, second = records_of(site, registration)
    assert (first.minutes, second.minutes, second.state, second.corrects) == (120, 0, "withdrawn", first.id)
    nothing = undo(site, registration)
    assert (nothing["outcome"], nothing["checked_in_at"], nothing["service_minutes"]) == (None, None, 0)
    undo(site, registration, expect=409)
    assert entries(site, registration) == ["in", "out", "void", "void"]
    events = site.events(site.activity_of(shift))
    assert [type(e) for e in events if isinstance(e, AttendanceRecorded | AttendanceWithdrawn)] == [
        AttendanceRecorded, AttendanceRecorded, AttendanceRecorded, AttendanceWithdrawn,
    ]  # fmt: skip
    assert [e.minutes for e in events if isinstance(e, ServiceRecordCorrected)] == [0]
    assert earn(site, registration)["service_minutes"] == 120
    assert minutes_agree(site)


def test_a_no_show_at_the_wrong_name_is_open_again(site: Site) -> None:
    _, [registration] = over(site)
    site.expect(200, "POST", f"/v1/registrations/{registration}/no-show")
    assert undo(site, registration)["outcome"] is None


def test_a_correction_taken_back_leaves_what_was_before(site: Site) -> None:
    _, [registration] = over(site)
    earn(site, registration)
    site.expect(200, "POST", f"/v1/registrations/{registration}/check-out", {"at": moment(-2)})
    assert undo(site, registration)["service_minutes"] == 120


def test_nothing_is_taken_back_once_the_roll_is_closed_or_somebody_decided(site: Site) -> None:
    _, [registration] = over(site)
    earn(site, registration)
    [record] = records_of(site, registration)
    site.expect(201, "POST", f"/v1/service-records/{record.id}/corrections", {"minutes": 60, "reason": "中途离开"})
    undo(site, registration, expect=409)
    shift, [other] = over(site)
    site.expect(200, "POST", f"/v1/registrations/{other}/check-in", {})
    site.move_shift(shift, -30, -28)
    assert "later-entries" in undo(site, other, expect=409)["detail"]


def test_two_who_undo_at_once_take_back_two_things_at_most(site: Site) -> None:
    _, [registration] = over(site)
    earn(site, registration)
    path = f"/v1/registrations/{registration}/undo-attendance"
    assert sorted(at_once(6, lambda n: site.call("POST", path).status_code)) == [200, 200, 409, 409, 409, 409]
    assert minutes_agree(site)


def test_a_void_that_arrives_before_what_it_takes_back_holds_all_the_same(site: Site) -> None:
    shift, [registration] = over(site)
    void = {"id": "the-void-1", "registration_id": registration, "what": "void", "at": moment(-2), "voids": "the-tap-1"}
    tap = {"id": "the-tap-1", "registration_id": registration, "what": "in", "at": moment(-3)}
    path = f"/v1/shifts/{shift}/attendance/batch"
    for one in (void, tap):
        [result] = site.expect(200, "POST", path, {"taps": [one]})["results"]
        assert result["verdict"] == "recorded"
    [person] = site.expect(200, "GET", f"/v1/shifts/{shift}/attendance")["items"]
    assert (person["outcome"], person["entries"]) == (None, [])
    site.expect(422, "POST", path, {"taps": [tap | {"voids": "the-tap-1"}]})
    site.expect(422, "POST", path, {"taps": [void | {"voids": None}]})
