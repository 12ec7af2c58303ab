"""Programmes as the tests act for them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.registration.world import Caller, Site

START = (datetime.now(UTC) + timedelta(days=60)).date()


def shift_template(key: str, day: int = 0, time: str = "09:30", **more: Any) -> dict[str, Any]:
    """A shift of a template."""
    return {"key": key, "day": day, "time": time, "minutes": 90, "capacity": 20, "role_zh": "学员"} | more


def activity_template(key: str, *shifts: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An activity of a template."""
    found = list(shifts) or [shift_template(f"s{n}", day=7 * n) for n in range(4)]
    return {"key": key, "kind": "class", "title_zh": f"课堂 {key}", "shifts": found} | more


def a_programme(keeper: Any, *activities: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A new programme."""
    body = {"title_zh": "社区公益文化+", "activities": list(activities) or [activity_template("a1")]} | more
    return keeper.expect(201, "POST", "/v1/programmes", body)


def clone(
    caller: Any, programme: dict[str, Any], *sites: str, starts_on: Any = START, **more: Any
) -> list[dict[str, Any]]:
    """What became of each site."""
    body = {"sites": list(sites), "starts_on": str(starts_on)} | more
    return caller.expect(200, "POST", f"/v1/programmes/{programme['id']}/clones", body)["results"]


def change(keeper: Any, programme: dict[str, Any], *activities: dict[str, Any]) -> dict[str, Any]:
    """The programme with another template."""
    path = f"/v1/programmes/{programme['id']}"
    return keeper.expect(200, "PATCH", path, {"activities": list(activities)}, If_Match="*")


def offers(site: Any, programme: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What the site is offered, by path."""
    found = site.expect(200, "GET", f"/v1/programmes/{programme['id']}/changes")
    return {one["path"]: one for one in found["changes"]}


def decide(site: Any, programme: dict[str, Any], accept: Any = (), decline: Any = ()) -> list[str]:
    """Decide at the newest version; returns the paths that are still offered."""
    version = site.expect(200, "GET", f"/v1/programmes/{programme['id']}")["version"]
    body = {"programme_version": version, "accept": list(accept), "decline": list(decline)}
    left = site.expect(200, "POST", f"/v1/programmes/{programme['id']}/decisions", body)
    return [one["path"] for one in left["changes"]]


def drafts(site: Site) -> dict[str, dict[str, Any]]:
    """The site's activities that are not called off, by title."""
    found = site.expect(200, "GET", "/v1/activities?limit=200")["items"]
    return {one["title_zh"]: one for one in found if one["status"] != "cancelled"}


def shifts_of(caller: Caller, activity: str) -> list[dict[str, Any]]:
    """An activity's open shifts by time."""
    found = caller.expect(200, "GET", f"/v1/activities/{activity}/shifts?limit=200")["items"]
    return sorted((s for s in found if s["status"] == "open"), key=lambda shift: shift["starts_at"])
