"""Working days by the State Council's calendar, and what is said of a year that it has not announced."""

from datetime import date, timedelta

import pytest

from services.common.working_days import LAST_KNOWN_YEAR, is_estimate, working_days_after


@pytest.mark.parametrize(
    ("day", "days", "due"),
    [
        (date(2026, 6, 26), 10, date(2026, 7, 10)),  # an ordinary fortnight
        (date(2026, 9, 28), 10, date(2026, 10, 16)),  # National Day, 1 to 7 October; Saturday the 10th makes up
        (date(2026, 2, 13), 1, date(2026, 2, 14)),  # a Saturday that makes up for the Spring Festival
        (date(2026, 2, 14), 1, date(2026, 2, 24)),  # the Spring Festival, 15 to 23 February
    ],
)
def test_holidays_do_not_count_and_make_up_weekends_do(day: date, days: int, due: date) -> None:
    assert working_days_after(day, days) == due
    assert not is_estimate(due)


def test_a_year_that_is_not_announced_counts_weekdays_and_says_so() -> None:
    saturday = date(LAST_KNOWN_YEAR + 5, 1, 1)
    saturday += timedelta(days=(5 - saturday.weekday()) % 7)
    assert working_days_after(saturday, 15) == saturday + timedelta(days=20)
    assert is_estimate(saturday)
