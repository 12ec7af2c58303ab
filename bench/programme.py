"""Sites, activities and shifts to sign up for, made through the API as an operator and the sites would.

programme = load_programme(system)
programme.spread            # 1,000 shifts of 100 activities at 10 sites, as (shift id, site key)
programme.shift(capacity)   # one more, on an activity of its own
"""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

from deploy.local.system import System

SITES = 10
ACTIVITIES = 10
SHIFTS = 10
ROOM_FOR_ALL = 100_000
AREAS = (
    ("140000", None, "province", "山西省", "Shanxi"),
    ("140100", "140000", "city", "太原市", "Taiyuan"),
    ("140107", "140100", "district", "杏花岭区", "Xinghualing"),
)


class Api:
    """Calls registration with one key. Raises with the problem document on any error."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.headers["Authorization"] = f"Bearer {key}"
        self._http.headers["Accept-Language"] = "en"

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """The answer's JSON."""
        headers = {"Idempotency-Key": uuid.uuid4().hex} if method == "POST" else {}
        answer = self._http.request(method, self._url + path, json=body, headers=headers, timeout=30)
        if not answer.ok:
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        return answer.json()


@dataclass
class Programme:
    """What can be signed up for."""

    sites: list[tuple[str, str, Api]]
    spread: list[tuple[str, str]] = field(default_factory=list)

    def shift(self, capacity: int) -> tuple[str, str]:
        """A shift on an activity of its own at the first site: (id, site key)."""
        _, key, api = self.sites[0]
        return _shift(api, _activity(api), capacity), key


def load_programme(system: System, sites: int = SITES, activities: int = ACTIVITIES) -> Programme:
    """Make the areas, ten sites with a key each, and 1,000 shifts; or as many as are wanted."""
    url = system.urls["registration"]
    operator = Api(url, system.operator_key)
    for code, parent, level, name_zh, name_en in AREAS:
        operator.call(
            "PUT", f"/v1/areas/{code}", {"parent": parent, "level": level, "name_zh": name_zh, "name_en": name_en}
        )
    programme = Programme([_site(operator, url, number) for number in range(sites)])
    for _, key, api in programme.sites:
        for _ in range(activities):
            activity = _activity(api)
            programme.spread += [(_shift(api, activity, ROOM_FOR_ALL), key) for _ in range(SHIFTS)]
    return programme


def _site(operator: Api, url: str, number: int) -> tuple[str, str, Api]:
    body = {"area": "140107", "name_zh": f"第{number}社区", "name_en": f"Community {number}"}
    site = operator.call("POST", "/v1/sites", body)["id"]
    key = operator.call("POST", f"/v1/sites/{site}/keys", {"label": "bench"})["key"]
    return site, key, Api(url, key)


def _activity(api: Api) -> str:
    body = {"kind": "blood_drive", "title_zh": "我为青春献热血", "title_en": "Blood drive", "place": "服务中心"}
    activity = api.call("POST", "/v1/activities", body)["id"]
    api.call("POST", f"/v1/activities/{activity}/publish")
    return activity


def _shift(api: Api, activity: str, capacity: int) -> str:
    starts = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)
    body = {
        "starts_at": starts.isoformat(),
        "ends_at": (starts + timedelta(hours=2)).isoformat(),
        "capacity": capacity,
    }
    return api.call("POST", f"/v1/activities/{activity}/shifts", body)["id"]
