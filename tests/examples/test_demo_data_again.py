"""A load of the demo data that was interrupted, or is weeks old, is completed by the next; nothing is made twice."""

from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest

from examples import demo_data
from examples.client import Client
from examples.demo_data import LOADER, MEMBERS_EACH, load
from examples.programme import CHOIRS, COMMUNITY_SITES, Plan, community_plans, pilot_plans
from tests.examples.conftest import Registration, activities_of

TODAY = date(2026, 12, 7)


def few_plans(today: date) -> list[Plan]:
    """Some of everything: the blood drive, the eye clinic, a rehearsal, the concert."""
    plans = pilot_plans(today)
    return [*plans[:3], plans[-1]]


@pytest.fixture(autouse=True)
def small_programme(monkeypatch: pytest.MonkeyPatch) -> None:
    """A load of which there are many here."""
    monkeypatch.setattr(demo_data, "COMMUNITY_SITES", COMMUNITY_SITES[:1])
    monkeypatch.setattr(demo_data, "pilot_plans", few_plans)


def expected_activities() -> Counter[tuple[str, str, int]]:
    plans = few_plans(TODAY) + community_plans(COMMUNITY_SITES[0], 0)
    return Counter((plan.title_zh, "published", len(plan.slots)) for plan in plans)


class CutOff(Exception):
    """The program was ended here."""


@pytest.mark.parametrize("requests_until_then", [3, 19, 36, 37, 60, 75, 150])
def test_an_interrupted_load_is_completed_by_the_next(
    registration: Registration, monkeypatch: pytest.MonkeyPatch, requests_until_then: int
) -> None:
    really, made = Client._send, [0]

    def until_cut_off(self: Client, *arguments: Any, **named: Any) -> Any:
        made[0] += 1
        if made[0] > requests_until_then:
            raise CutOff
        return really(self, *arguments, **named)

    with monkeypatch.context() as patched, pytest.raises(CutOff):
        patched.setattr(Client, "_send", until_cut_off)
        load(registration.url, registration.operator_key)
    load(registration.url, registration.operator_key)
    assert activities_of(registration) == expected_activities()
    assert registration.execute("SELECT count(*) FROM site_keys WHERE revoked_at IS NULL") == [(0,)]
    assert registration.execute("SELECT count(*), count(DISTINCT name_zh) FROM teams") == [
        (len(CHOIRS) + 1, len(CHOIRS) + 1)
    ]
    members = registration.execute("SELECT count(*), count(DISTINCT person_id) FROM team_members")
    assert members == [(MEMBERS_EACH * (len(CHOIRS) + 1),) * 2]


def test_a_draft_of_yesterday_is_completed_with_its_own_dates(registration: Registration) -> None:
    load(registration.url, registration.operator_key)
    registration.execute(
        "UPDATE shifts SET starts_at = starts_at - interval '1 day', ends_at = ends_at - interval '1 day'"
    )
    # As if the load had been cut off yesterday in the middle of the blood drive, and its answers were forgotten since.
    registration.execute("UPDATE activities SET status = 'draft' WHERE kind = 'blood_drive'")
    registration.execute(
        "DELETE FROM shifts USING activities a WHERE a.id = activity_id AND a.kind = 'blood_drive'"
        " AND extract(hour FROM starts_at AT TIME ZONE 'Asia/Shanghai') >= 10"
    )
    registration.execute(f"UPDATE site_keys SET revoked_at = NULL WHERE label = '{LOADER}'")
    registration.execute("DELETE FROM idempotency_keys")
    load(registration.url, registration.operator_key)
    slots = registration.execute(
        "SELECT count(*), count(DISTINCT starts_at), max(ends_at) - min(starts_at) FROM shifts JOIN activities a"
        " ON a.id = activity_id WHERE a.kind = 'blood_drive' AND a.status = 'published'"
    )
    assert slots == [(12, 12, timedelta(hours=3))]


def test_when_everything_has_passed_a_load_adds_the_next_weeks(registration: Registration) -> None:
    load(registration.url, registration.operator_key)
    registration.execute(
        "UPDATE shifts SET starts_at = starts_at - interval '400 days', ends_at = ends_at - interval '400 days'"
    )
    registration.execute("UPDATE site_keys SET revoked_at = revoked_at - interval '29 days'")
    registration.execute("DELETE FROM idempotency_keys")
    load(registration.url, registration.operator_key)
    twice = expected_activities() + expected_activities()
    assert activities_of(registration) == twice
    before = registration.contents()
    load(registration.url, registration.operator_key)
    assert registration.contents() == before


def test_an_area_renamed_by_its_operator_stays_so(registration: Registration) -> None:
    operator = Client(registration.url, registration.operator_key)
    operator.put("/v1/areas/140000", {"parent": None, "level": "province", "name_zh": "晋", "name_en": "Jin"})
    load(registration.url, registration.operator_key)
    assert registration.execute("SELECT name_en FROM areas WHERE code = '140000'") == [("Jin",)]
