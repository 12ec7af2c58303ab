"""The stage: areas, sites with keys, activities, and shifts whose reminders fall due while things are being killed."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from deploy.local.system import System
from tests.faults.client import Answer, Client
from tests.faults.people import Colleague, hire

AREAS = [
    ("140000", None, "province", "山西省", "Shanxi"),
    ("140100", "140000", "city", "太原市", "Taiyuan"),
    ("140107", "140100", "district", "杏花岭区", "Xinghualing"),
    ("140106", "140100", "district", "迎泽区", "Yingze"),
]
SITES = 5
ACTIVITIES = 3
SHIFTS = 2
KINDS = ["blood_drive", "class", "performance", "clinic", "other"]
EVENING = {"to": "participants", "days_before": 1, "at": "19:00", "only_unconfirmed": True}
BEGINS_SOON = timedelta(seconds=20)
SOON_MINUTES = 20
"""A shift that reminds starts this many minutes after its reminder: after the books are done, also on a slow machine,
as who still waits then has waited in vain."""

TO_TEAM_AND_STAFF = [{"to": to, "minutes_before": SOON_MINUTES} for to in ("leaders", "staff")]


@dataclass(frozen=True)
class Site:
    """A site and its key, and its team with the one who leads it."""

    id: str
    key: str
    area: str
    team: str
    leader: str
    leader_email: str


@dataclass
class Shift:
    """A shift that people sign up for. `reminds_at` is when its last reminder falls due, None when far away.

    `early` ones are filled before the faults and begin with them, so that attendance is taken on them.
    """

    id: str
    activity_id: str
    site: Site
    starts_at: datetime
    reminds_at: datetime | None
    early: bool = False


@dataclass
class Scene:
    """All of it. `digests_at` is when the sites' digests fall due."""

    sites: list[Site]
    shifts: list[Shift]
    colleagues: list[Colleague]
    digests_at: datetime | None = None

    @property
    def last_reminder(self) -> datetime:
        """When the last of the near reminders falls due, or the digests."""
        moments = [*(shift.reminds_at for shift in self.shifts), self.digests_at]
        return max(moment for moment in moments if moment)


class SceneFailed(RuntimeError):
    """The untroubled system refused something."""


def _must(answer: Answer | None, what: str) -> dict[str, Any]:
    if answer is None or not answer.ok:
        raise SceneFailed(f"{what}: {answer}")
    return answer.body


def make_scene(system: System, seconds: float, chance: random.Random) -> Scene:
    """Make everything, before the faults begin. Near reminders fall due within the run and up to 4 s after it."""
    url = system.urls["registration"]
    operator = Client(url, system.operator_key)
    for code, parent, level, zh, en in AREAS:
        body = {"parent": parent, "level": level, "name_zh": zh, "name_en": en}
        _must(operator.send("PUT", f"/v1/areas/{code}", body), "area")
    sites = [_make_site(operator, number) for number in range(SITES)]
    colleagues = hire(system, [site.id for site in sites])
    shifts: list[Shift] = []
    for site in sites:
        client = Client(url, site.key)
        for number in range(ACTIVITIES):
            shifts += _make_activity(client, site, number, seconds, chance)
        shifts.append(_make_early(client, site))
    return Scene(sites, shifts, colleagues)


def _make_site(operator: Client, number: int) -> Site:
    area = AREAS[2 + number % 2][0]
    body = {"area": area, "name_zh": f"第{number}社区", "name_en": f"Community {number}"}
    site = _must(operator.send("POST", "/v1/sites", body, key=f"site-{number}"), "site")
    # Reminders fall due while it runs, at whatever time of day.
    awake = {"quiet_from": "00:00", "quiet_until": "00:00"}
    _must(operator.send("PATCH", f"/v1/sites/{site['id']}/settings", awake, if_match="*"), "settings")
    key = _must(operator.send("POST", f"/v1/sites/{site['id']}/keys", {"label": "faults"}, key=f"key-{number}"), "key")
    return Site(site["id"], key["key"], area, *_make_team(Client(operator.base_url, key["key"]), number))


def _make_team(client: Client, number: int) -> tuple[str, str, str]:
    """A team, who leads it, and their address. They are known to the site from a rehearsal that nobody else touches:
    tomorrow's, so that there is something to tell the site's staff of the day to come."""
    mark, email = f"team-{number}", f"leader-{number}@people.example"
    body = {"kind": "rehearsal", "title_zh": "排练", "title_en": "Rehearsal", "place": "大厅", "reminder_minutes": []}
    activity = _must(client.send("POST", "/v1/activities", body, key=f"activity-{mark}"), "rehearsal")
    shift = _shift(client, activity["id"], mark, datetime.now(UTC) + timedelta(days=1), 5)
    _must(client.send("POST", f"/v1/activities/{activity['id']}/publish", {}, key=f"publish-{mark}"), "publish")
    person = {"name": f"L{number}", "birth_date": "1980-05-17", "email": email}
    path = f"/v1/shifts/{shift['id']}/registrations"
    known = _must(client.send("POST", path, {"person": person}, key=f"leader-{mark}"), "leader")
    team = {"kind": "choir", "name_zh": f"第{number}合唱团", "name_en": f"Choir {number}"}
    team_id = _must(client.send("POST", "/v1/teams", team, key=mark), "team")["id"]
    joins = {"person_id": known["person_id"], "agreement": "signed the list"}
    _must(client.send("POST", f"/v1/teams/{team_id}/members", joins, key=f"member-{mark}"), "member")
    leads = {"person_id": known["person_id"]}
    _must(client.send("PUT", f"/v1/teams/{team_id}/leader", leads), "leader")
    return team_id, known["person_id"], email


def _shift(client: Client, activity_id: str, mark: str, starts_at: datetime, capacity: int) -> dict[str, Any]:
    body = {
        "starts_at": starts_at.isoformat(),
        "ends_at": (starts_at + timedelta(hours=2)).isoformat(),
        "capacity": capacity,
    }
    return _must(client.send("POST", f"/v1/activities/{activity_id}/shifts", body, key=f"shift-{mark}"), "shift")


def _make_early(client: Client, site: Site) -> Shift:
    mark = f"{site.id[:8]}-early"
    body = {"kind": "visit", "title_zh": "探访", "title_en": "Visit", "place": "大厅", "volunteering": True,
            "risks_zh": "无特别风险。"}  # fmt: skip
    activity = _must(client.send("POST", "/v1/activities", body, key=f"activity-{mark}"), "activity")
    starts_at = datetime.now(UTC) + BEGINS_SOON
    shift = _shift(client, activity["id"], mark, starts_at, 40)
    _must(client.send("POST", f"/v1/activities/{activity['id']}/publish", {}, key=f"publish-{mark}"), "publish")
    return Shift(shift["id"], activity["id"], site, starts_at, None, early=True)


def _make_activity(client: Client, site: Site, number: int, seconds: float, chance: random.Random) -> list[Shift]:
    mark = f"{site.id[:8]}-{number}"
    near = number != ACTIVITIES - 1
    body = {
        "kind": chance.choice(KINDS),
        "title_zh": f"活动 {mark}",
        "title_en": f"Activity {mark}",
        "place": "大厅",
        "volunteering": chance.random() < 0.5,
        "risks_zh": "无特别风险。",
        "reminder_minutes": [SOON_MINUTES] if near else [1440, 120],
        "reminder_rules": TO_TEAM_AND_STAFF if near else [EVENING],
        "team_id": site.team,
    }
    activity = _must(client.send("POST", "/v1/activities", body, key=f"activity-{mark}"), "activity")
    shifts = [
        _make_shift(
            client, site, activity["id"], f"{mark}-{place}", *_when(place, seconds if near else 0, chance), chance
        )
        for place in range(SHIFTS)
    ]
    _must(client.send("POST", f"/v1/activities/{activity['id']}/publish", {}, key=f"publish-{mark}"), "publish")
    return shifts


def _when(place: int, seconds: float, chance: random.Random) -> tuple[datetime, datetime | None]:
    """A start, and when it reminds: within the run's seconds, or, for 0, days away.

    Those far away are days apart, so that somebody can be on several; the near ones all overlap.
    """
    now = datetime.now(UTC)
    if not seconds:
        return now + timedelta(days=3 + place), None
    reminds_at = now + timedelta(seconds=5 + chance.uniform(0.3, 1.0) * seconds)
    return reminds_at + timedelta(minutes=SOON_MINUTES), reminds_at


def _make_shift(client: Client, site: Site, activity_id: str, mark: str, starts_at: datetime,
                reminds_at: datetime | None, chance: random.Random) -> Shift:  # fmt: skip
    shift = _shift(client, activity_id, mark, starts_at, chance.choice([3, 8, 15, 30]))
    return Shift(shift["id"], activity_id, site, starts_at, reminds_at)
