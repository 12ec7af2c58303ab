"""Loads the pilot programme (`programme.py`) through the API: areas, sites, teams with members, rooms, activities with
shifts.

    sites = load("http://127.0.0.1:8001", operator_key, progress=print)
    key = ensure_site_key("http://127.0.0.1:8001", operator_key, sites.pilot, Path(".data/pilot.key"))

What is there already is left as it is: a second call changes nothing, and one that was interrupted is completed by the
next. Four weeks later, when the dates have passed, a call adds the programme of the following weeks.

    python -m examples.demo_data          # into the system that `make run` or the environment names
"""

import os
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from examples import whereabouts
from examples.client import Client, Refused
from examples.people import invent
from examples.programme import (
    AREAS,
    CHOIRS,
    COMMUNITY_SITES,
    PILOT,
    ROOMS,
    VOLUNTEERS,
    ZONE,
    Place,
    Plan,
    community_plans,
    pilot_plans,
)

LOADER = "demo data · 演示数据"
"""Label of the key that a site's data are loaded with. It is revoked at the end, which marks them as complete."""

PROGRAMME_LASTS = timedelta(days=28)
MEMBERS_EACH = 4

Progress = Callable[[str], None]


@dataclass(frozen=True)
class DemoSites:
    """Ids of the sites."""

    pilot: str
    communities: list[str]


def load(registration_url: str, operator_key: str, progress: Progress | None = None) -> DemoSites:
    """Make what is not there yet. Raises `Refused`, or what `requests` raises."""
    say = progress or (lambda _: None)
    operator = Client(registration_url, operator_key)
    say(f"区划 · areas: {len(AREAS)}")
    make_areas(operator)
    say(f"站点 · sites: {1 + len(COMMUNITY_SITES)}")
    pilot, *communities = make_sites(operator, [PILOT, *COMMUNITY_SITES])
    today = datetime.now(ZONE).date()
    programme = [(pilot, pilot_plans(today))]
    programme += [
        (site, community_plans(place, number))
        for number, (site, place) in enumerate(zip(communities, COMMUNITY_SITES, strict=True))
    ]
    for site, plans in programme:
        if _is_complete(operator, site):
            say(f"已有 · is there: {site['name_zh']}")
            continue
        say(f"活动 · activities: {site['name_zh']}")
        _load_site(operator, registration_url, site, plans, today)
    return DemoSites(pilot["id"], [site["id"] for site in communities])


def ensure_site_key(registration_url: str, operator_key: str, site_id: str, store: Path) -> str:
    """A site's key that works, kept in a file that only its owner can read. Made when there is none."""
    if store.exists():
        key = store.read_text().strip()
        if _opens(registration_url, key):
            return key
    key = str(Client(registration_url, operator_key).create(f"/v1/sites/{site_id}/keys", {"label": "make run"})["key"])
    temporary = store.with_name(store.name + ".new")
    temporary.unlink(missing_ok=True)
    # Private from the first byte on, not only after a chmod.
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(key + "\n")
    temporary.replace(store)
    return key


def _opens(registration_url: str, key: str) -> bool:
    try:
        Client(registration_url, key).get("/v1/activities", limit=1)
    except Refused as error:
        if error.status == 401:
            return False
        raise
    return True


# -- what the operator makes -----------------------------------------------------------------------------------------


def make_areas(operator: Client) -> None:
    """Those of the programme that are not there yet."""
    # An area that exists may have been renamed by its operator, who knows better.
    there = {area["code"] for area in operator.every("/v1/areas", limit=200)}
    for area in AREAS:
        if area.code not in there:
            names = {"name_zh": area.name_zh, "name_en": area.name_en}
            operator.put(f"/v1/areas/{area.code}", {"parent": area.parent, "level": area.level, **names})


def make_sites(operator: Client, places: list[Place]) -> list[dict[str, Any]]:
    """Those of the places that are not there yet; all of them, in order."""
    there = {(site["area"], site["name_zh"]): site for site in operator.every("/v1/sites", limit=200)}
    return [there.get((place.area, place.name_zh)) or _make_site(operator, place) for place in places]


def _make_site(operator: Client, place: Place) -> Any:
    names = {"name_zh": place.name_zh, "name_en": place.name_en, "address": place.address}
    return operator.create("/v1/sites", {"area": place.area, **names}, _same_every_time(place.area, place.name_zh))


# -- what a site makes -----------------------------------------------------------------------------------------------


def _is_complete(operator: Client, site: dict[str, Any]) -> bool:
    """Whether the site's data were loaded, and not so long ago that everything in them has passed."""
    ended = [datetime.fromisoformat(key["revoked_at"]) for key in _loader_keys(operator, site) if key["revoked_at"]]
    return bool(ended) and max(ended) > datetime.now(UTC) - PROGRAMME_LASTS


def _loader_keys(operator: Client, site: dict[str, Any]) -> list[dict[str, Any]]:
    return [key for key in operator.every(f"/v1/sites/{site['id']}/keys", limit=200) if key["label"] == LOADER]


def _load_site(operator: Client, url: str, site: dict[str, Any], plans: list[Plan], today: date) -> None:
    key = operator.create(f"/v1/sites/{site['id']}/keys", {"label": LOADER})["key"]
    as_site = Client(url, key)
    ids = _make_teams_and_rooms(as_site, plans)
    there = {activity["title_zh"]: activity for activity in as_site.every("/v1/activities", limit=200)}
    for plan in plans:
        _make_activity(as_site, plan, there.get(plan.title_zh), ids, today)
    for place, (zh, _) in enumerate([*CHOIRS, VOLUNTEERS]):
        if zh in ids:
            _fill_team(as_site, ids[zh], invent(100, run=0)[place * MEMBERS_EACH :][:MEMBERS_EACH])
    # This one, and those of attempts that were interrupted.
    for loader in _loader_keys(operator, site):
        if not loader["revoked_at"]:
            operator.delete(f"/v1/sites/{site['id']}/keys/{loader['id']}")


def _make_teams_and_rooms(site: Client, plans: list[Plan]) -> dict[str | None, str]:
    """Those that the plans need, and the volunteers' team with the choirs'; ids by Chinese name."""
    teams = [(zh, en, "choir") for zh, en in CHOIRS] + [(*VOLUNTEERS, "volunteers")]
    rooms = [room for room in ROOMS if any(plan.room for plan in plans)]
    ids: dict[str | None, str] = {team["name_zh"]: team["id"] for team in site.every("/v1/teams", limit=200)}
    ids |= {room["name_zh"]: room["id"] for room in site.every("/v1/rooms", limit=200)}
    for zh, en, kind in teams if any(plan.team for plan in plans) else []:
        if zh not in ids:
            body = {"name_zh": zh, "name_en": en, "kind": kind}
            ids[zh] = site.create("/v1/teams", body, _same_every_time("team", zh))["id"]
    for room in rooms:
        if room.name_zh not in ids:
            names = {"name_zh": room.name_zh, "name_en": room.name_en}
            key = _same_every_time("room", room.name_zh)
            ids[room.name_zh] = site.create("/v1/rooms", {**names, "capacity": room.capacity}, key)["id"]
    return ids


def _fill_team(site: Client, team: str, people: list[dict[str, Any]]) -> None:
    """Those of them who are not in it yet. The first one leads it, which comes last: who leads a team has its members.

    No child is in the demo data: of the children's choir there are those who look after it.
    """
    there = list(site.every(f"/v1/teams/{team}/members", limit=200))
    if any(member["role"] == "leader" for member in there):
        return
    members = [site.create("/v1/people", person, _same_every_time(person["phone"]))["id"] for person in people]
    for person in members:
        if person not in [member["person_id"] for member in there]:
            body = {"person_id": person, "agreement": "签署入队名单 · signed the team's list"}
            site.create(f"/v1/teams/{team}/members", body, _same_every_time(team, person))
    site.put(f"/v1/teams/{team}/leader", {"person_id": members[0]})


def _make_activity(
    site: Client, plan: Plan, existing: dict[str, Any] | None, ids: dict[str | None, str], today: date
) -> None:
    """Publishing comes last: what is published is complete, what is a draft was interrupted."""
    shifts = list(site.every(f"/v1/activities/{existing['id']}/shifts", limit=200)) if existing else []
    begun = sorted(datetime.fromisoformat(shift["starts_at"]) for shift in shifts)
    if existing and existing["status"] == "published" and begun and begun[-1] > datetime.now(UTC):
        return
    if existing is None or existing["status"] != "draft":
        existing, begun = _make_draft(site, plan, ids, today), []
    # An earlier attempt may have been on another day: its remaining shifts belong to its dates, if they lie ahead.
    first = begun[0].astimezone(ZONE).date() - timedelta(days=plan.slots[0].day) if begun else today
    for slot in plan.slots:
        if slot.starts_at(first) not in begun and slot.starts_at(first) > datetime.now(UTC):
            body = {
                "starts_at": slot.starts_at(first).isoformat(),
                "ends_at": slot.ends_at(first).isoformat(),
                "capacity": slot.capacity,
                "role_zh": slot.role_zh,
                "role_en": slot.role_en,
                "requirements": {"min_age": plan.minimum_age} if plan.minimum_age else {},
            }
            path = f"/v1/activities/{existing['id']}/shifts"
            site.create(path, body, _same_every_time(existing["id"], body["starts_at"]))
    site.act(f"/v1/activities/{existing['id']}/publish")


def _make_draft(site: Client, plan: Plan, ids: dict[str | None, str], today: date) -> Any:
    body = {
        "kind": plan.kind,
        "title_zh": plan.title_zh,
        "title_en": plan.title_en,
        "place": plan.place,
        "volunteering": plan.volunteering,
        "risks_zh": plan.risks_zh,
        "risks_en": plan.risks_en,
        "description_zh": plan.description_zh,
        "description_en": plan.description_en,
        "room_id": ids.get(plan.room),
        "team_id": ids.get(plan.team),
    }
    return site.create("/v1/activities", body, _same_every_time(plan.title_zh, today.isoformat()))


def _same_every_time(*parts: object) -> str:
    """An Idempotency-Key made of what the thing is, so that two loaders at once make it once."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(["hesheng-demo", *map(str, parts)])))


def main() -> int:
    """The exit code."""
    try:
        where = whereabouts.find()
    except whereabouts.NotRunning as error:
        print(error, file=sys.stderr)
        return 1
    load(where.registration, where.operator_key, progress=print)
    return 0


if __name__ == "__main__":
    sys.exit(main())
