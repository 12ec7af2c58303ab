"""The demo data load once, whatever happens on the way; and nothing in them clashes."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from pathlib import Path

import pytest

from examples.client import Client
from examples.demo_data import LOADER, MEMBERS_EACH, DemoSites, ensure_site_key, load
from examples.programme import AREAS, COMMUNITY_SITES, Plan, community_plans, pilot_plans
from tests.examples.conftest import Registration, activities_of

TODAY = date(2026, 12, 7)


def planned() -> list[Plan]:
    plans = pilot_plans(TODAY)
    for number, place in enumerate(COMMUNITY_SITES):
        plans += community_plans(place, number)
    return plans


@pytest.fixture(scope="module")
def loaded(registration_service: Registration) -> tuple[Registration, DemoSites]:
    """The service with the demo data in it. Nothing in this file adds to them, except keys."""
    registration_service.empty()
    return registration_service, load(registration_service.url, registration_service.operator_key)


def test_a_second_load_changes_nothing(loaded: tuple[Registration, DemoSites]) -> None:
    registration, sites = loaded
    before = registration.contents()
    assert load(registration.url, registration.operator_key) == sites
    assert registration.contents() == before


def test_everything_planned_is_there_and_open_for_sign_up(loaded: tuple[Registration, DemoSites]) -> None:
    registration, sites = loaded
    expected = Counter((plan.title_zh, "published", len(plan.slots)) for plan in planned())
    assert activities_of(registration) == expected
    assert registration.execute("SELECT count(*) FROM shifts WHERE starts_at <= now()") == [(0,)]
    assert registration.execute("SELECT count(*) FROM areas") == [(len(AREAS),)]
    assert len(sites.communities) == 9
    assert registration.execute("SELECT count(*) FROM teams WHERE kind = 'choir'") == [(10,)]
    led = "SELECT count(*), count(*) FILTER (WHERE role = 'leader') FROM team_members WHERE status = 'member'"
    assert registration.execute(f"{led} GROUP BY team_id") == [(MEMBERS_EACH, 1)] * 11
    assert registration.execute("SELECT count(*) FROM people") == [(11 * MEMBERS_EACH,)]
    adults = (
        "SELECT DISTINCT requirements FROM shifts JOIN activities a ON a.id = activity_id WHERE kind = 'blood_drive'"
    )
    assert registration.execute(adults) == [({"min_age": 18},)]


def test_no_key_of_the_loader_stays_open(loaded: tuple[Registration, DemoSites]) -> None:
    registration, _ = loaded
    open_ones = f"SELECT count(*) FROM site_keys WHERE revoked_at IS NULL AND label = '{LOADER}'"
    assert registration.execute(open_ones) == [(0,)]


def test_the_pilot_sites_key_is_made_once_and_kept_private(
    loaded: tuple[Registration, DemoSites], tmp_path: Path
) -> None:
    registration, sites = loaded
    store = tmp_path / "pilot.key"
    key = ensure_site_key(registration.url, registration.operator_key, sites.pilot, store)
    assert store.stat().st_mode & 0o777 == 0o600
    assert ensure_site_key(registration.url, registration.operator_key, sites.pilot, store) == key
    assert len(list(Client(registration.url, key).every("/v1/activities"))) == len(pilot_plans(TODAY))


def test_a_key_that_was_revoked_is_replaced(loaded: tuple[Registration, DemoSites], tmp_path: Path) -> None:
    registration, sites = loaded
    store = tmp_path / "pilot.key"
    store.write_text("hsk_of-another-installation\n")
    key = ensure_site_key(registration.url, registration.operator_key, sites.pilot, store)
    assert key.startswith("hsk_")
    assert store.read_text().strip() == key != "hsk_of-another-installation"


def test_no_two_activities_want_the_same_room_at_the_same_time() -> None:
    # The dates move with the day of loading, and the concert is on a fixed one.
    for loaded in (date(2026, 11, 24) + timedelta(days=day) for day in range(40)):
        taken = [
            (plan.room, slot.starts_at(loaded), slot.ends_at(loaded), plan.title_en)
            for plan in pilot_plans(loaded)
            for slot in plan.slots
            if plan.room
        ]
        for (room, start, end, title), (other_room, other_start, other_end, other_title) in combinations(taken, 2):
            clash = room == other_room and start < other_end and other_start < end
            assert not clash, f"{title} and {other_title} on {start}"


def test_every_area_lies_in_one_that_comes_before_it() -> None:
    known: set[str] = set()
    for area in AREAS:
        assert (area.parent is None) if area.level == "province" else area.parent in known
        known.add(area.code)


@pytest.mark.parametrize("today", [date(2026, 12, 29), date(2026, 12, 30), date(2026, 12, 31), date(2027, 1, 1)])
def test_all_that_is_planned_lies_ahead(today: date) -> None:
    now = datetime.combine(today, datetime.max.time(), UTC) - timedelta(hours=8)
    for plan in pilot_plans(today):
        assert all(now < slot.starts_at(today) < slot.ends_at(today) for slot in plan.slots), plan.title_en


def test_only_the_visits_earn_service_hours() -> None:
    assert {plan.kind for plan in planned() if plan.volunteering} == {"visit"}
