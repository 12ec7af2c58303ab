"""The whole system, nine processes and a mail sink, started once for the tests in this folder."""

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from deploy.local.system import System


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A running system on free ports."""
    running = System(tmp_path_factory.mktemp("system"), extra={"RATE_LIMIT": "1000000"})
    running.start(timeout=120)
    yield running
    running.destroy()


@dataclass
class Api:
    """One service's API as one caller sees it. An answer that is not the expected one fails the test with its body."""

    base: str
    key: str
    headers: dict[str, str] = field(default_factory=dict)

    def call(self, method: str, path: str, expect: int, body: Any = None, **headers: str) -> requests.Response:
        """Send one request; `If_Match="1"` becomes the header If-Match."""
        sent = {"Authorization": f"Bearer {self.key}", "Accept-Language": "en"} | self.headers
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        answer = requests.request(method, self.base + path, json=body, headers=sent, timeout=30)
        assert answer.status_code == expect, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer

    def post(self, path: str, body: Any = None, expect: int = 201, **headers: str) -> Any:
        """POST with a fresh Idempotency-Key; returns the JSON."""
        return self.call("POST", path, expect, body, **({"Idempotency_Key": uuid.uuid4().hex} | headers)).json()

    def get(self, path: str) -> Any:
        """GET; returns the JSON."""
        return self.call("GET", path, 200).json()


@pytest.fixture(scope="session")
def operator(system: System) -> Api:
    """The operator at registration."""
    return Api(system.urls["registration"], system.operator_key)


@pytest.fixture(scope="session")
def area(operator: Api) -> str:
    """Code of a community within a district."""
    operator.call("PUT", "/v1/areas/140107", 200, _area(None, "district", "杏花岭区", "Xinghualing"))
    operator.call("PUT", "/v1/areas/140107901", 200, _area("140107", "community", "示例社区", "Sample community"))
    return "140107901"


def _area(parent: str | None, level: str, zh: str, en: str) -> dict[str, Any]:
    return {"parent": parent, "level": level, "name_zh": zh, "name_en": en}


@pytest.fixture
def site(operator: Api, area: str) -> Api:
    """A fresh site, as its developer sees it (`headers` stay empty, `key` is the site's)."""
    made = operator.post("/v1/sites", {"area": area, "name_zh": "示例服务中心", "name_en": "Sample centre"})
    awake = {"quiet_from": "00:00", "quiet_until": "00:00"}  # tests run at any time of day
    operator.call("PATCH", f"/v1/sites/{made['id']}/settings", 200, awake, If_Match="*")
    key = operator.post(f"/v1/sites/{made['id']}/keys", {"label": "tests"})
    return Api(operator.base, key["key"])


def new_shift(site: Api, capacity: int = 10, *, hours_ahead: float = 30, **activity: Any) -> dict[str, Any]:
    """A published activity with one shift of two hours; returns the shift."""
    body = {"kind": "class", "title_zh": "指尖科普课堂", "title_en": "Smartphone class", "place": "一号教室"}
    body |= {"risks_zh": "无特别风险。"} | activity
    made = site.post("/v1/activities", body)
    starts = datetime.now(UTC) + timedelta(hours=hours_ahead)
    times = {"starts_at": starts.isoformat(), "ends_at": (starts + timedelta(hours=2)).isoformat()}
    shift = site.post(f"/v1/activities/{made['id']}/shifts", times | {"capacity": capacity})
    site.post(f"/v1/activities/{made['id']}/publish", expect=200)
    return shift


def eventually(look: Callable[[], Any], seconds: float = 20) -> Any:
    """The first truthy answer of `look`; fails with its last answer when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {seconds} s; last seen: {found!r}"
        time.sleep(0.05)
    return found


def mails_to(system: System, address: str) -> list[dict[str, Any]]:
    """What the sink has for an address, oldest first."""
    listed = requests.get(f"{system.urls['mails']}/mails.json", timeout=10).json()
    return sorted((mail for mail in listed if address in mail["to"]), key=lambda mail: mail["received_at"])
