"""Idempotency-Key: the same request again changes nothing and is answered the same; another body is refused."""

from datetime import timedelta
from typing import Any

import pytest

from services.common.database import EVERY_SITE, Database
from services.common.idempotency import KEPT_DAYS, any_old_keys, forget_old_keys
from tests.registration.world import Caller, Site, in_hours, somebody

CHANGES: dict[str, dict[str, Any]] = {
    "team": {"name_zh": "另一队"},
    "room": {"capacity": 9},
    "activity": {"title_zh": "别的"},
    "shift": {"capacity": 9},
}


def creating(site: Site) -> dict[str, tuple[str, dict[str, Any]]]:
    """The creating routes of a site."""
    shift = site.shift()
    return {
        "team": ("/v1/teams", {"name_zh": "队", "name_en": "Team", "kind": "choir"}),
        "room": ("/v1/rooms", {"name_zh": "厅", "name_en": "Hall", "capacity": 3}),
        "activity": ("/v1/activities", {"kind": "visit", "title_zh": "探访", "place": "社区"}),
        "shift": (
            f"/v1/activities/{site.activity_of(shift)}/shifts",
            {"starts_at": in_hours(5), "ends_at": in_hours(6), "capacity": 3},
        ),
        "registration": (f"/v1/shifts/{shift}/registrations", {"person": somebody()}),
    }


@pytest.mark.parametrize("what", ["team", "room", "activity", "shift", "registration"])
def test_a_request_sent_again_is_answered_the_same_and_changes_nothing(site: Site, what: str) -> None:
    path, body = creating(site)[what]
    first, again = (site.call("POST", path, body, Idempotency_Key="k") for _ in range(2))
    assert first.status_code == again.status_code == 201
    assert first.data == again.data
    assert first.headers["ETag"] == again.headers["ETag"] == '"1"'
    assert site.expect(201, "POST", "/v1/teams", {"name_zh": "队", "name_en": "T", "kind": "choir"})["id"]


@pytest.mark.parametrize("what", ["team", "room", "activity", "shift", "registration"])
def test_a_key_with_another_body_or_route_is_refused(site: Site, what: str) -> None:
    routes = creating(site)
    path, body = routes[what]
    site.expect(201, "POST", path, body, Idempotency_Key="k")
    for other_path, other_body in routes.values():
        if other_path != path:
            answer = site.call("POST", other_path, other_body, Idempotency_Key="k")
            assert answer.status_code == 422, other_path
            assert answer.get_json()["type"] == "urn:hesheng:problem:idempotency-key-reused"
    changed = {"person": somebody()} if what == "registration" else body | CHANGES[what]
    assert site.call("POST", path, changed, Idempotency_Key="k").status_code == 422


def test_keys_of_two_sites_do_not_meet(site: Site, other: Site) -> None:
    body = {"kind": "visit", "title_zh": "探访", "place": "社区"}
    ids = {one.expect(201, "POST", "/v1/activities", body, Idempotency_Key="same")["id"] for one in (site, other)}
    assert len(ids) == 2


def test_a_site_key_is_shown_once(site: Site, operator: Caller) -> None:
    path, body = f"/v1/sites/{site.id}/keys", {"label": "front desk"}
    first = operator.expect(201, "POST", path, body, Idempotency_Key=f"key-{site.id}")
    answer = operator.call("POST", path, body, Idempotency_Key=f"key-{site.id}")
    assert answer.status_code == 409
    assert first["key"] not in answer.get_data(as_text=True)
    kept = site.sql("SELECT answer::text FROM idempotency_keys WHERE key = :key", key=f"key-{site.id}")[0][0]
    assert first["key"] not in kept


def test_a_refused_request_leaves_its_key_free(site: Site) -> None:
    shift = site.shift()
    path = f"/v1/shifts/{shift}/registrations"
    assert site.call("POST", path, {"person": somebody(phone="1")}, Idempotency_Key="k").status_code == 422
    site.expect(201, "POST", path, {"person": somebody()}, Idempotency_Key="k")


def test_old_keys_are_forgotten_and_young_ones_kept(site: Site, database: Database) -> None:
    for key in ("old", "young"):
        site.expect(201, "POST", "/v1/teams", {"name_zh": "队", "name_en": "T", "kind": "choir"}, Idempotency_Key=key)
    site.sql(
        "UPDATE idempotency_keys SET created_at = now() - :age WHERE key = 'old' AND owner = :owner",
        age=timedelta(days=KEPT_DAYS, hours=1),
        owner=site.id,
    )
    with database.transaction(EVERY_SITE) as session:
        assert any_old_keys(session)
        assert forget_old_keys(session) == 1
        assert not any_old_keys(session)
    assert [row.key for row in site.sql("SELECT key FROM idempotency_keys WHERE owner = :o", o=site.id)] == ["young"]
