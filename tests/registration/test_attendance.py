"""Attendance: who may be recorded when, corrections, and the minutes that volunteering earns."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.common.events import AttendanceRecorded, Outcome
from tests.registration.world import Site


@pytest.fixture
def running(site: Site) -> tuple[Site, str, str]:
    """A volunteering shift of two hours that began three hours ago: site, shift, registration."""
    shift = site.shift(volunteering=True, capacity=1)
    registration = site.sign_up(shift)["id"]
    site.move_shift(shift, -3, -1)
    return site, shift, registration


def record(site: Site, registration: str, what: str, hours: float | None = None, expect: int = 200) -> Any:
    """Record attendance now, or at a moment some hours from the shift's start three hours ago."""
    body = None if hours is None else {"at": (datetime.now(UTC) + timedelta(hours=hours - 3)).isoformat()}
    return site.expect(expect, "POST", f"/v1/registrations/{registration}/{what}", body)


def recorded(site: Site, shift: str) -> list[AttendanceRecorded]:
    """The attendance events of a shift."""
    return [event for event in site.events(site.activity_of(shift)) if isinstance(event, AttendanceRecorded)]


def test_check_in_and_out_earn_the_minutes_within_the_shift(running: tuple[Site, str, str]) -> None:
    site, shift, registration = running
    came = record(site, registration, "check-in", -0.5)
    assert (came["outcome"], came["service_minutes"]) == ("present", 0)
    left = record(site, registration, "check-out", 1.5)
    assert left["outcome"] == "attended"
    # The shift began within the second in which the test read the clock.
    assert left["service_minutes"] in (89, 90)
    events = recorded(site, shift)
    assert [(event.version, event.outcome) for event in events] == [(2, Outcome.PRESENT), (3, Outcome.ATTENDED)]
    assert events[1].service_minutes == left["service_minutes"]


def test_no_minutes_exceed_the_shift(running: tuple[Site, str, str]) -> None:
    site, _, registration = running
    record(site, registration, "check-in", -1.5)
    assert record(site, registration, "check-out", 2.9)["service_minutes"] == 120


def test_what_is_no_volunteering_earns_no_minutes(site: Site) -> None:
    shift = site.shift(volunteering=False)
    registration = site.sign_up(shift)["id"]
    site.move_shift(shift, -3, -1)
    record(site, registration, "check-in", 0)
    assert record(site, registration, "check-out", 1)["service_minutes"] == 0


def test_attendance_has_its_time(running: tuple[Site, str, str]) -> None:
    site, _, registration = running
    for hours in (-2.1, 3.1, 27):
        answer = record(site, registration, "check-in", hours, expect=422)
        assert answer["errors"][0]["field"] == "at"
    record(site, registration, "check-out", expect=409)
    record(site, registration, "check-in", 0.5)
    assert record(site, registration, "check-out", 0.4, expect=422)["errors"][0]["field"] == "at"
    record(site, registration, "check-out", 0.9)
    assert record(site, registration, "check-in", 0.95, expect=422)["errors"][0]["field"] == "at"


def test_a_repeated_check_in_changes_nothing_and_one_with_a_time_corrects(running: tuple[Site, str, str]) -> None:
    site, shift, registration = running
    first = record(site, registration, "check-in")
    assert record(site, registration, "check-in") == first
    corrected = record(site, registration, "check-in", 0.25)
    assert corrected["version"] == first["version"] + 1
    assert [event.version for event in recorded(site, shift)] == [2, 3]


def test_no_show_is_for_who_was_not_checked_in_and_can_be_corrected(running: tuple[Site, str, str]) -> None:
    site, shift, registration = running
    for _ in range(2):
        assert record(site, registration, "no-show")["outcome"] == "no_show"
    assert record(site, registration, "check-in")["outcome"] == "present"
    record(site, registration, "no-show", expect=409)
    assert [event.outcome for event in recorded(site, shift)] == [Outcome.NO_SHOW, Outcome.PRESENT]


def test_who_was_missing_is_said_within_a_day_like_all_else(site: Site) -> None:
    shift = site.shift(volunteering=True, capacity=1)
    registration = site.sign_up(shift)["id"]
    site.move_shift(shift, -28, -26)
    answer = record(site, registration, "no-show", expect=409)
    assert "later-entries" in answer["detail"] and recorded(site, shift) == []


def test_nobody_is_missing_before_the_shift_starts(site: Site) -> None:
    registration = site.sign_up(site.shift(starts=1))["id"]
    assert record(site, registration, "no-show", expect=422)["errors"][0]["field"] == "at"
    record(site, registration, "check-in")


def test_attendance_is_taken_of_confirmed_registrations_only(site: Site) -> None:
    shift = site.shift(capacity=1, starts=1)
    confirmed, waiting, cancelled = (site.sign_up(shift)["id"] for _ in range(3))
    site.cancel(cancelled)
    for registration in (waiting, cancelled):
        for what in ("check-in", "no-show", "check-out"):
            record(site, registration, what, expect=409)
    record(site, confirmed, "check-in")
    assert site.call("POST", f"/v1/registrations/{confirmed}/cancel").status_code == 409
