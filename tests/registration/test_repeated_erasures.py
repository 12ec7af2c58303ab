"""Erasures repeated after a restore: whoever came back since stays, and one that fails keeps nobody else."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from services.registration.api import erasure
from tests.registration.world import Caller, Site, fresh_phone


def past(person: str, site: str | None) -> dict[str, Any]:
    """An erasure that the log does not have."""
    now = datetime.now(UTC).isoformat()
    return {"event_id": str(uuid.uuid4()), "person_id": person, "site_id": site, "erased_at": now}


def repeated(operator: Caller, *erasures: dict[str, Any]) -> list[str]:
    return list(operator.expect(200, "POST", "/v1/erasures/repeat", {"items": erasures})["outcomes"])


def told_of(site: Site, person: str) -> int:
    return len(site.sql("SELECT FROM outbox WHERE data->>'person_id' = :p AND type ~ 'person.erased'", p=person))


def test_whoever_came_back_to_a_site_is_not_erased_again(make_site: Callable[..., Site], operator: Caller) -> None:
    site, other = make_site(), make_site()
    who = {"name": "又来者", "phone": fresh_phone()}
    person = site.sign_up(site.shift(), **who)["person_id"]
    assert other.sign_up(other.shift(starts=72), **who)["person_id"] == person
    once = past(person, site.id)
    assert repeated(operator, once) == ["erased"]
    assert repeated(operator, once) == ["known"], "their registration is still there, without a name"
    back = site.sign_up(site.shift(starts=120), **who)
    assert back["person_id"] == person
    assert repeated(operator, once) == ["known"]
    assert site.expect(200, "GET", f"/v1/people/{person}")["name"] == "又来者"
    assert told_of(site, person) == 1


def test_erased_everywhere_they_stay_where_they_came_since(make_site: Callable[..., Site], operator: Caller) -> None:
    site, other = make_site(), make_site()
    who = {"name": "别处来者", "phone": fresh_phone()}
    person = site.sign_up(site.shift(), **who)["person_id"]
    everywhere = past(person, None)
    assert other.sign_up(other.shift(starts=72), **who)["person_id"] == person, "the restored record has them"
    assert [repeated(operator, everywhere), repeated(operator, everywhere)] == [["erased"], ["known"]]
    assert site.call("GET", f"/v1/people/{person}").status_code == 404
    assert other.expect(200, "GET", f"/v1/people/{person}")["name"] == "别处来者"


def test_one_that_fails_keeps_nobody_else_from_theirs(
    site: Site, operator: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = (site.sign_up(site.shift())["person_id"] for _ in range(2))
    repeat = erasure.repeat_erasure

    def failing(session: Any, erased: Any, by: str) -> str:
        if str(erased.person_id) == one:
            raise RuntimeError
        return repeat(session, erased, by)

    monkeypatch.setattr(erasure, "repeat_erasure", failing)
    stranger = past(str(uuid.uuid4()), None)
    assert repeated(operator, past(one, None), past(two, None), stranger) == ["failed", "erased", "unknown"]
