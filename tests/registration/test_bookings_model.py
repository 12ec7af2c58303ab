"""Bookings against an obvious model, minute by minute: set-up times, blocks, opening hours, and clocks that change."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from services.registration.operations.bookings.opening import is_open
from tests.registration.rooms_world import at, make_room, set_up
from tests.registration.world import Site

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
QUARTERS = st.integers(0, 95)

# Days on which clocks are put forward or back, by an hour, by half an hour, and at midnight; and one of no change.
CHANGES = [
    ("Europe/Berlin", datetime(2026, 3, 28, 12, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2026, 10, 24, 12, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 6, tzinfo=UTC)),
    ("America/Havana", datetime(2026, 3, 7, 20, tzinfo=UTC)),
    ("America/Havana", datetime(2026, 10, 31, 20, tzinfo=UTC)),
    ("Asia/Shanghai", datetime(2026, 3, 7, 20, tzinfo=UTC)),
]


def clock(quarter: int) -> str:
    return f"{quarter // 4:02d}:{quarter % 4 * 15:02d}"


@st.composite
def hours(draw: st.DrawFn) -> list[list[str]]:
    points = sorted(draw(st.lists(st.integers(0, 96), unique=True, min_size=2, max_size=4)))
    points = points[: len(points) // 2 * 2]
    return [[clock(points[i]), clock(points[i + 1])] for i in range(0, len(points), 2)]


def open_minute_by_minute(
    weekly: dict[str, Any], exceptions: list[dict[str, Any]], zone: ZoneInfo, begins: datetime, ends: datetime
) -> bool:
    """What the clock on the wall shows at each minute, and whether the door is open then."""
    own = {one["date"]: one["hours"] for one in exceptions}
    while begins < ends:
        wall = begins.astimezone(zone)
        usual = weekly.get(DAYS[wall.weekday()], []) if weekly else [["00:00", "24:00"]]
        today = own.get(wall.date().isoformat(), usual)
        if not any(opens <= f"{wall:%H:%M}" < closes for opens, closes in today):
            return False
        begins += timedelta(minutes=1)
    return True


@given(
    change=st.sampled_from(CHANGES),
    weekly=st.dictionaries(st.sampled_from(DAYS[4:] + DAYS[:1]), hours() | st.just([["00:00", "24:00"]])),
    own=st.none() | hours() | st.just([]),
    begins=st.integers(0, 130),
    length=st.integers(1, 96),
)
@hypothesis_settings(max_examples=400, deadline=None)
def test_opening_hours_are_those_on_the_wall(
    change: tuple[str, datetime],
    weekly: dict[str, Any],
    own: list[list[str]] | None,
    begins: int,
    length: int,
) -> None:
    zone = ZoneInfo(change[0])
    start = change[1] + timedelta(minutes=15 * begins)
    end = start + timedelta(minutes=15 * length)
    day = start.astimezone(zone).date()
    exceptions = [] if own is None else [{"date": day.isoformat(), "hours": own}]
    assert is_open(weekly, exceptions, zone, start, end) == open_minute_by_minute(weekly, exceptions, zone, start, end)


SETUP = {0: 0, 1: 30}


def make_machine(site: Site) -> type[RuleBasedStateMachine]:
    """A machine that books two rooms of this site within two days, in quarters of an hour."""

    class Rooms(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.rooms = [make_room(site, setup_minutes=minutes) for minutes in SETUP.values()]
            self.taken: dict[tuple[int, int], str] = {}
            self.spans: dict[str, tuple[int, int, int]] = {}
            set_up(site, opening_hours={"mon": [["08:00", "22:00"]], "tue": [["08:00", "12:00"], ["13:00", "24:00"]]})

        def _minutes(self, room: int, begins: int, ends: int, setup: int) -> list[tuple[int, int]]:
            return [(room, minute) for minute in range(begins * 15 - setup, ends * 15 + setup)]

        def _is_free(self, room: int, begins: int, ends: int, setup: int, besides: str = "") -> bool:
            return all(self.taken.get(m, besides) == besides for m in self._minutes(room, begins, ends, setup))

        def _is_open(self, begins: int, ends: int) -> bool:
            def door(quarter: int) -> bool:
                day, of_day = divmod(quarter, 96)
                return 32 <= of_day < 88 if day == 0 else 32 <= of_day < 48 or of_day >= 52

            return all(door(quarter) for quarter in range(begins, ends))

        def _note(self, booking: str, room: int, begins: int, ends: int, setup: int) -> None:
            self._forget(booking)
            self.spans[booking] = (room, begins, ends)
            self.taken |= dict.fromkeys(self._minutes(room, begins, ends, setup), booking)

        def _forget(self, booking: str) -> None:
            self.spans.pop(booking, None)
            self.taken = {m: b for m, b in self.taken.items() if b != booking}

        @rule(room=st.integers(0, 1), begins=st.integers(28, 180), length=st.integers(1, 20), block=st.booleans())
        def book(self, room: int, begins: int, length: int, block: bool) -> None:
            ends = min(begins + length, 191)
            if ends <= begins:
                return
            setup = 0 if block else SETUP[room]
            allowed = self._is_free(room, begins, ends, setup) and (block or self._is_open(begins, ends))
            body = self._body(room, begins, ends) | {"title": "x", "block": block}
            answer = site.call("POST", "/v1/bookings", body)
            assert answer.status_code == (201 if allowed else 409), answer.get_data(as_text=True)
            if allowed:
                self._note(answer.get_json()["id"], room, begins, ends, setup)
                self.spans[answer.get_json()["id"]] = (room, begins, ends) if not block else (-1, begins, ends)

        def _body(self, room: int, begins: int, ends: int) -> dict[str, Any]:
            return {
                "room_id": self.rooms[room],
                "starts_at": at(begins / 4).isoformat(),
                "ends_at": at(ends / 4).isoformat(),
            }

        @rule(which=st.integers(0, 20), room=st.integers(0, 1), begins=st.integers(28, 180), length=st.integers(1, 12))
        def move(self, which: int, room: int, begins: int, length: int) -> None:
            movable = [booking for booking, span in self.spans.items() if span[0] >= 0]
            if not movable or begins + length > 191:
                return
            booking, ends = movable[which % len(movable)], begins + length
            allowed = self._is_free(room, begins, ends, SETUP[room], booking) and self._is_open(begins, ends)
            answer = site.call("PATCH", f"/v1/bookings/{booking}", self._body(room, begins, ends), If_Match="*")
            assert answer.status_code == (200 if allowed else 409), answer.get_data(as_text=True)
            if allowed:
                self._note(booking, room, begins, ends, SETUP[room])

        @rule(which=st.integers(0, 20))
        def cancel(self, which: int) -> None:
            if self.spans:
                booking = list(self.spans)[which % len(self.spans)]
                site.expect(200, "POST", f"/v1/bookings/{booking}/cancel")
                self._forget(booking)

    return Rooms


def test_bookings_agree_with_the_model(make_site: Callable[..., Site]) -> None:
    run_state_machine_as_test(
        make_machine(make_site()),
        settings=hypothesis_settings(
            max_examples=12,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink],
        ),
    )


def test_the_wall_clock_of_the_model_changes() -> None:
    """The days chosen are days of change, or the model would prove little."""
    for name, start in CHANGES[:-1]:
        zone = ZoneInfo(name)
        offsets = {(start + timedelta(hours=hour)).astimezone(zone).utcoffset() for hour in range(30)}
        assert len(offsets) == 2, name
    assert date(2026, 3, 29).weekday() == 6
