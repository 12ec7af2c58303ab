"""Minutes as people and machines read them: never more than was given."""

from hypothesis import given
from hypothesis import strategies as st

from services.common.durations import decimal_hours, duration


def test_people_read_hours_and_minutes() -> None:
    minutes = (0, 1, 59, 60, 90, 1530, 90_060)
    assert [duration(m).zh for m in minutes] == [
        "0 分钟", "1 分钟", "59 分钟", "1 小时", "1 小时 30 分钟", "25 小时 30 分钟", "1501 小时",
    ]  # fmt: skip
    assert [duration(m).en for m in minutes] == [
        "0 min", "1 min", "59 min", "1 h", "1 h 30 min", "25 h 30 min", "1,501 h",
    ]  # fmt: skip


def test_machines_read_two_digits_that_are_cut() -> None:
    assert [decimal_hours(m) for m in (0, 1, 60, 90, 100, 1530)] == [0, 0.01, 1, 1.5, 1.66, 25.5]


@given(st.integers(0, 10_000_000))
def test_no_minute_is_added_and_less_than_one_lost(minutes: int) -> None:
    shown = decimal_hours(minutes) * 60
    assert minutes - 0.6 - 1e-6 < shown <= minutes + 1e-6
