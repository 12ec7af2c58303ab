"""When reminders are due: against a model that walks over a wall clock minute by minute; what a person would say."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from services.common.events import ReminderRule
from services.notifications.moments import SENSIBLE, SiteClock, due, hours_deadline
from tests.faults.books.moments import Clock, expected, working_days_later, works

ZONES = ("Asia/Shanghai", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe", "Asia/Urumqi")
STAFF = {"to": "staff", "days_before": 1, "at": "10:00"}
NIGHT = ("21:00", "08:00")

clocks = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from([0, 10, 15, 30, 45, 59]))
starts = st.datetimes(datetime(2024, 1, 1), datetime(2035, 12, 31), timezones=st.just(UTC))


def changes_clocks(day: date) -> bool:
    """Whether it may be one of the Sundays, or the day before, on which some zone changes its clocks."""
    return day.month in (3, 4, 10, 11) and day.weekday() > 4


early = st.builds(
    lambda day, minutes, zone: (
        datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC) + timedelta(minutes=minutes)
    ),
    st.dates(date(2024, 1, 1), date(2035, 12, 31)).filter(changes_clocks),
    st.integers(0, 1440),
    st.sampled_from(ZONES),
)
"""Shifts about the Sundays on which clocks are changed, where a mistake would show."""

offsets = st.builds(dict, to=st.sampled_from(["participants", "leaders"]), minutes_before=st.integers(1, 3000))
by_clock = st.builds(
    dict, to=st.sampled_from(["participants", "leaders", "staff"]), days_before=st.integers(0, 4), at=clocks
)


def site(zone: str, quiet: tuple[str, str]) -> SiteClock:
    return SiteClock(ZoneInfo(zone), *quiet)


@settings(max_examples=150, deadline=None)
@given(offsets | by_clock, starts | early, st.sampled_from(ZONES), st.tuples(clocks, clocks) | st.just(NIGHT))
@example({"to": "participants", "days_before": 0, "at": "02:30"}, datetime(2026, 3, 29, 9, 0, tzinfo=UTC),
         "Europe/Berlin", ("00:00", "00:00"))  # fmt: skip
@example({"to": "participants", "days_before": 0, "at": "01:45"}, datetime(2026, 4, 4, 22, 0, tzinfo=UTC),
         "Australia/Lord_Howe", ("00:00", "00:00"))  # fmt: skip
@example({"to": "participants", "minutes_before": 480}, datetime(2026, 10, 25, 9, 10, tzinfo=UTC),
         "Europe/Berlin", ("22:00", "02:30"))  # fmt: skip
@example({"to": "participants", "minutes_before": 60}, datetime(2026, 12, 1, 7, 0, tzinfo=UTC),
         "Asia/Shanghai", ("12:00", "14:00"))  # fmt: skip
@example({"to": "participants", "minutes_before": 60}, datetime(2026, 12, 1, 1, 0, tzinfo=UTC),
         "Asia/Shanghai", ("21:00", "08:00"))  # fmt: skip
def test_every_moment_is_the_one_that_a_walk_over_the_clock_finds(
    rule: dict[str, Any], starts_at: datetime, zone: str, quiet: tuple[str, str]
) -> None:
    found = due(ReminderRule.model_validate(rule), starts_at, site(zone, quiet))
    assert found == expected(rule, starts_at, Clock(zone, *quiet))


@settings(max_examples=150, deadline=None)
@given(offsets | by_clock, starts | early, st.sampled_from(ZONES), st.integers(18, 23), st.integers(5, 9))
def test_nobody_is_disturbed_at_night_and_nothing_comes_too_late(
    rule: dict[str, Any], starts_at: datetime, zone: str, evening: int, morning: int
) -> None:
    clock = site(zone, (f"{evening}:00", f"{morning:02}:00"))
    found, plain = due(ReminderRule.model_validate(rule), starts_at, clock), due(
        ReminderRule.model_validate(rule), starts_at, site(zone, ("00:00", "00:00")))  # fmt: skip
    assert (found is None) == (plain is None), "quiet hours lose nothing"
    assume(found is not None and plain is not None)
    assert not clock.is_quiet(found) and found < starts_at
    assert found == plain or found < plain or starts_at - found >= SENSIBLE


@pytest.mark.parametrize(("rule", "starts_at", "zone", "moment"), [
    # the evening before, where it is evening
    ({"days_before": 1, "at": "19:00"}, "2026-12-01T09:00+08:00", "Asia/Shanghai", "2026-11-30T19:00+08:00"),
    # a shift just behind midnight: the evening before is the same evening
    ({"days_before": 1, "at": "19:00"}, "2026-12-01T00:30+08:00", "Asia/Shanghai", "2026-11-30T19:00+08:00"),
    # 07:00 is too early: at the end of the night, an hour before
    ({"minutes_before": 120}, "2026-12-01T09:00+08:00", "Asia/Shanghai", "2026-12-01T08:00+08:00"),
    # that would be half an hour before: so the evening before
    ({"minutes_before": 120}, "2026-12-01T08:30+08:00", "Asia/Shanghai", "2026-11-30T20:30+08:00"),
    # the time on the clock lies behind the start
    ({"days_before": 0, "at": "10:00"}, "2026-12-01T09:00+08:00", "Asia/Shanghai", None),
    # staff read it on a working day: National Day is a holiday until the 7th, and Sunday 20 September is worked
    (STAFF, "2026-10-08T09:00+08:00", "Asia/Shanghai", "2026-09-30T10:00+08:00"),
    (STAFF, "2026-09-21T09:00+08:00", "Asia/Shanghai", "2026-09-20T10:00+08:00"),
])  # fmt: skip
def test_what_a_person_would_say(rule: dict[str, Any], starts_at: str, zone: str, moment: str | None) -> None:
    found = due(ReminderRule.model_validate(rule), datetime.fromisoformat(starts_at), site(zone, NIGHT))
    assert found == (datetime.fromisoformat(moment) if moment else None)


@pytest.mark.parametrize(("at", "day", "moment"), [
    ("02:30", "2026-03-29", "2026-03-29T03:30+02:00"),  # does not exist: as far behind the change
    ("02:30", "2026-10-25", "2026-10-25T02:30+02:00"),  # comes twice: the first
])  # fmt: skip
def test_times_that_do_not_exist_or_exist_twice(at: str, day: str, moment: str) -> None:
    rule = ReminderRule(days_before=0, at=at)
    starts_at = datetime.fromisoformat(f"{day}T12:00+00:00")
    found = due(rule, starts_at, site("Europe/Berlin", ("00:00", "00:00")))
    assert found == datetime.fromisoformat(moment)


@settings(max_examples=100, deadline=None)
@given(starts, st.sampled_from(ZONES))
def test_staff_hear_of_hours_on_working_days_while_there_is_time_and_when_it_is_over(
    ends_at: datetime, zone: str
) -> None:
    found = hours_deadline(ends_at, site(zone, NIGHT))
    ended = date.fromisoformat(Clock(zone, *NIGHT).shown(ends_at)[:10])
    assert found.day == working_days_later(ended, 10)
    warned, over = (Clock(zone, *NIGHT).shown(moment) for moment in (found.warn_at, found.over_at))
    assert (warned[11:], over[11:]) == ("09:00", "09:00")
    assert works(date.fromisoformat(warned[:10])) and works(date.fromisoformat(over[:10]))
    assert working_days_later(date.fromisoformat(warned[:10]), 3) == found.day
    assert working_days_later(found.day, 1) == date.fromisoformat(over[:10])
