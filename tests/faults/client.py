"""HTTP as a careful client does it: the same request again, with the same key, until there is an answer."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests

TIMEOUT = (2, 6)
PAUSE = 0.25
AGAIN = {502, 503, 504}


@dataclass(frozen=True)
class Answer:
    """What the service said. `tries` above 1 means that an earlier try may have worked unseen."""

    status: int
    body: dict[str, Any]
    etag: str
    tries: int

    @property
    def ok(self) -> bool:
        """Whether the service did what was asked."""
        return 200 <= self.status < 300

    @property
    def problem(self) -> str:
        """The problem's stable name, e.g. `conflict`."""
        return str(self.body.get("type", "")).rpartition(":")[2]


class Client:
    """One caller with one key, or with what else shows who calls; one per thread."""

    def __init__(self, base_url: str, key: str, headers: Mapping[str, str] | None = None) -> None:
        self.base_url = base_url
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.headers.update(headers or {"Authorization": f"Bearer {key}"})
        self._http.headers["Accept-Language"] = "en"

    def send(self, method: str, path: str, body: dict[str, Any] | None = None, *, patience: float = 20.0,
             key: str = "", if_match: str = "", params: dict[str, str] | None = None) -> Answer | None:  # fmt: skip
        """Ask until there is an answer or `patience` seconds are over; None: unknown whether it worked."""
        headers = {"Idempotency-Key": key} if key else {}
        headers |= {"If-Match": if_match} if if_match else {}
        deadline = time.monotonic() + patience
        tries = 0
        while True:
            tries += 1
            answer = self._try(method, path, body, headers, params, tries)
            if answer is not None or time.monotonic() + PAUSE > deadline:
                return answer
            time.sleep(PAUSE)

    def _try(self, method: str, path: str, body: dict[str, Any] | None, headers: dict[str, str],
             params: dict[str, str] | None, tries: int) -> Answer | None:  # fmt: skip
        try:
            answer = self._http.request(
                method, self.base_url + path, json=body, headers=headers, params=params, timeout=TIMEOUT
            )
            content = answer.json() if answer.content else {}
        except (requests.RequestException, ValueError):
            return None
        result = Answer(answer.status_code, content, answer.headers.get("ETag", ""), tries)
        return None if answer.status_code in AGAIN or result.problem == "in-progress" else result
