"""Recurrence against a slow and obvious model: every single day is asked whether the rule names it."""

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from services.common.errors import Problem
from services.registration.operations.activities.recurrence import LONGEST_SERIES, at_wall_clock, occurrences

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
ZONES = (
    "Asia/Shanghai",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "Asia/Tehran",
)


def nth_days(day: date) -> set[str]:
    """All names by which BYDAY may mean this day within its month: TU, 2TU, -3TU."""
    name = WEEKDAYS[day.weekday()]
    from_end = (monthrange(day.year, day.month)[1] - day.day) // 7 + 1
    return {name, f"{(day.day - 1) // 7 + 1}{name}", f"-{from_end}{name}"}


def named(rule: dict[str, Any], first: date, day: date) -> bool:
    """Whether the rule names the day."""
    step = rule.get("INTERVAL", 1)
    if rule["FREQ"] == "DAILY":
        return (day - first).days % step == 0
    if rule["FREQ"] == "WEEKLY":
        week = WEEKDAYS.index(rule.get("WKST", "MO"))
        start = [d - timedelta(days=(d.weekday() - week) % 7) for d in (first, day)]
        wanted = rule.get("BYDAY", [WEEKDAYS[first.weekday()]])
        return (start[1] - start[0]).days // 7 % step == 0 and WEEKDAYS[day.weekday()] in wanted
    months = (day.year - first.year) * 12 + day.month - first.month
    if months % step:
        return False
    if "BYMONTHDAY" in rule:
        from_end = day.day - monthrange(day.year, day.month)[1] - 1
        return bool({day.day, from_end} & set(rule["BYMONTHDAY"]))
    return bool(nth_days(day) & set(rule["BYDAY"])) if "BYDAY" in rule else day.day == first.day


def model(rule: dict[str, Any], first: datetime, last: date) -> list[datetime]:
    """Local times of all occurrences up to a day, by looking at every day."""
    days = [first.date() + timedelta(days=n) for n in range((last - first.date()).days + 1)]
    return [datetime.combine(day, first.time()) for day in days if named(rule, first.date(), day)]


def text(rule: dict[str, Any]) -> str:
    """The rule as RFC 5545 writes it."""
    return ";".join(f"{k}={','.join(map(str, v)) if isinstance(v, list) else v}" for k, v in rule.items())


some_days = st.lists(st.sampled_from(WEEKDAYS), min_size=1, max_size=3, unique=True)
nth = st.builds(lambda n, day: f"{n}{day}", st.sampled_from([-4, -2, -1, 1, 2, 4]), st.sampled_from(WEEKDAYS))
month_days = st.lists(st.sampled_from([1, 15, 28, -1, -28]), min_size=1, max_size=3, unique=True)
intervals = st.integers(1, 4)
rules = st.one_of(
    st.fixed_dictionaries({"FREQ": st.just("DAILY")}, optional={"INTERVAL": intervals}),
    st.fixed_dictionaries(
        {"FREQ": st.just("WEEKLY")},
        optional={"INTERVAL": intervals, "BYDAY": some_days, "WKST": st.sampled_from(WEEKDAYS)},
    ),
    st.fixed_dictionaries(
        {"FREQ": st.just("MONTHLY"), "BYDAY": st.one_of(some_days, st.lists(nth, min_size=1, max_size=2, unique=True))},
        optional={"INTERVAL": intervals},
    ),
    st.fixed_dictionaries({"FREQ": st.just("MONTHLY")}, optional={"INTERVAL": intervals, "BYMONTHDAY": month_days}),
)
starts = st.datetimes(datetime(2026, 1, 1), datetime(2028, 12, 31)).map(lambda at: at.replace(second=0, microsecond=0))


@settings(max_examples=300, deadline=None)
@given(rules, starts, st.integers(0, 300), st.sampled_from(ZONES))
def test_a_rule_until_a_day_names_the_days_that_the_model_names(
    rule: dict[str, Any], first: datetime, days: int, zone_name: str
) -> None:
    zone = ZoneInfo(zone_name)
    start = at_wall_clock(first, zone)
    first = start.astimezone(zone).replace(tzinfo=None)  # where clocks skip this time, the next that they show
    last = first.date() + timedelta(days=days)
    expected = model(rule, first, last)
    assume(expected)
    found = occurrences(text(rule | {"UNTIL": f"{last:%Y%m%d}"}), start, zone)
    assert found == [at_wall_clock(moment, zone) for moment in expected]
    assert occurrences(text(rule | {"COUNT": len(expected)}), start, zone) == found


@settings(max_examples=200, deadline=None)
@given(starts, st.sampled_from(ZONES))
def test_clocks_show_the_same_time_all_year_unless_they_skip_it(first: datetime, zone_name: str) -> None:
    zone = ZoneInfo(zone_name)
    start = at_wall_clock(first, zone)
    shown = start.astimezone(zone).time()
    for moment in occurrences("FREQ=DAILY;COUNT=366", start, zone):
        local = moment.astimezone(zone)
        if local.time() != shown:
            wanted = datetime.combine(local.date(), shown)
            assert wanted.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) != wanted
            assert timedelta() < local.replace(tzinfo=None) - wanted <= timedelta(hours=1)


def test_a_time_that_clocks_skip_or_show_twice() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    first = datetime(2027, 3, 27, 2, 30, tzinfo=berlin)
    local = [moment.astimezone(berlin).time() for moment in occurrences("FREQ=DAILY;COUNT=3", first, berlin)]
    assert local == [time(2, 30), time(3, 30), time(2, 30)]
    twice = occurrences("FREQ=DAILY;COUNT=2", datetime(2027, 10, 30, 2, 30, tzinfo=berlin), berlin)
    assert twice[1] == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)  # the first 02:30, still summer time


def test_until_is_a_local_day_or_a_moment() -> None:
    zone = ZoneInfo("Asia/Shanghai")
    first = datetime(2027, 5, 1, 20, 0, tzinfo=zone)
    for until, count in (("20270503", 3), ("20270503T195959", 2), ("20270503T120000Z", 3), ("20270503T115959Z", 2)):
        assert len(occurrences(f"RRULE:FREQ=DAILY;UNTIL={until}", first, zone)) == count


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "every Tuesday",
        "FREQ=HOURLY;COUNT=3",
        "FREQ=DAILY",
        "FREQ=DAILY;COUNT=3;UNTIL=20270505",
        "FREQ=DAILY;COUNT=401",
        "FREQ=DAILY;COUNT=9999999",
        "FREQ=YEARLY;COUNT=10",
        "FREQ=WEEKLY;UNTIL=20990101",
        "FREQ=DAILY;UNTIL=20260101",
        "FREQ=DAILY;UNTIL=20271399",
        "FREQ=DAILY;UNTIL=00010101T000000Z",
        "FREQ=DAILY;COUNT=2;BYDAY=MO",
        "FREQ=MONTHLY;COUNT=2;BYMONTHDAY=31",
        "FREQ=MONTHLY;COUNT=2;BYDAY=5MO",
        "FREQ=MONTHLY;COUNT=2;BYDAY=MO;BYMONTHDAY=13",
        "FREQ=MONTHLY;COUNT=2;BYSETPOS=1;BYDAY=MO",
        "FREQ=WEEKLY;COUNT=2;COUNT=3",
        "FREQ=WEEKLY;FOO=;COUNT=2",
        "FREQ=WEEKLY;BYDAY=;COUNT=2",
        "FREQ=WEEKLY;INTERVAL=99999999999;COUNT=2",
        "FREQ=YEARLY;BYMONTH=13;COUNT=2",
        "DTSTART:20270101\nFREQ=DAILY;COUNT=2",
    ],
)
def test_a_rule_that_we_do_not_take_is_refused_in_words(rule: str) -> None:
    with pytest.raises(Problem) as refused:
        occurrences(rule, datetime(2027, 5, 1, 20, 0, tzinfo=UTC), ZoneInfo("Asia/Shanghai"))
    assert refused.value.errors[0].field == "rrule"


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="FREQ=DAILYWKMNTH;,BYSOUC-+0123456789Z:", max_size=60))
def test_any_text_is_a_rule_or_is_refused(rule: str) -> None:
    first = datetime(2027, 5, 1, 20, 0, tzinfo=UTC)
    for given_rule in (rule, f"FREQ=MONTHLY;COUNT=3;{rule}"):
        try:
            found = occurrences(given_rule, first, ZoneInfo("Asia/Shanghai"))
        except Problem:
            continue
        assert found and found[0] >= first and found[-1] <= first + LONGEST_SERIES
