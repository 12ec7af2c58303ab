"""A client of Hesheng's HTTP API, as short as it can be without losing a registration.

    site = Client("https://hesheng.example.org/registration", "hsk_…")
    shift = site.create("/v1/activities/…/shifts", {"starts_at": "2026-12-01T09:00:00+08:00", …})
    for registration in site.every(f"/v1/shifts/{shift['id']}/registrations"):
        ...

Needs `requests` and nothing else. Copy it into your own programs.
"""

import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

PATIENCE = 60.0
"""For how many seconds a request is tried again while the service cannot be reached."""

TRY_AGAIN = (429, 502, 503, 504)
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Refused(Exception):
    """The service said no. `problem` is its RFC 9457 document: what was wrong, in which field."""

    def __init__(self, request: str, problem: dict[str, Any]) -> None:
        self.problem = problem
        self.status = int(problem.get("status", 0))
        fields = "".join(f"\n  {error['field']}: {error['message']}" for error in problem.get("errors", []))
        known_as = f" (request_id {problem['request_id']})" if problem.get("request_id") else ""
        super().__init__(f"{request}: {self.status} {problem.get('detail', '')}{known_as}{fields}")


class Client:
    """Calls one service with one key. May be shared by threads."""

    def __init__(self, url: str, key: str, language: str = "en") -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}", "Accept-Language": language}
        # A requests.Session keeps connections open, which is most of a small request's cost, but is not made to be
        # shared by threads: so one each.
        self._per_thread = threading.local()

    # -- reading -------------------------------------------------------------------------------------------------

    def get(self, path: str, **query: Any) -> Any:
        """One resource."""
        return self._send("GET", path, params=query).json()

    def every(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """All items of a list, page by page: each page names the next one in its `Link` header."""
        answer = self._send("GET", path, params=query)
        while True:
            yield from answer.json()["items"]
            following = answer.links.get("next")
            if following is None:
                return
            answer = self._send("GET", urljoin(answer.url, following["url"]))

    # -- writing -------------------------------------------------------------------------------------------------

    def create(self, path: str, body: dict[str, Any], idempotency_key: str | None = None) -> Any:
        """Make something, once.

        When the answer gets lost on the way nobody knows whether it was made. The Idempotency-Key makes it safe to ask
        again: the service answers the second time what it answered the first time. A random one will do as long as this
        program lives; give one of your own (the number of your record, say) if it must hold beyond a restart.
        """
        return self._send("POST", path, body, {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}).json()

    def act(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Do something to what exists: publish, cancel, check in. Safe to repeat by its nature."""
        return self._send("POST", path, body or {}).json()

    def put(self, path: str, body: dict[str, Any], version: int | None = None) -> Any:
        """Add or replace; where there is a version to replace, only that which was read."""
        return self._send("PUT", path, body, {"If-Match": f'"{version}"'} if version else None).json()

    def edit(self, path: str, version: int, body: dict[str, Any]) -> Any:
        """Change some fields, but only of the version that was read: 412 if somebody else was faster."""
        return self._send("PATCH", path, body, {"If-Match": f'"{version}"'}).json()

    def delete(self, path: str) -> None:
        """Take away."""
        self._send("DELETE", path)

    # -- how -----------------------------------------------------------------------------------------------------

    def _send(self, method: str, path: str, body: dict[str, Any] | None = None, headers: dict[str, str] | None = None,
              params: dict[str, Any] | None = None) -> requests.Response:  # fmt: skip
        url = path if path.startswith("http") else self._url + path
        deadline = time.monotonic() + PATIENCE
        pause = 0.2
        while True:
            try:
                answer = self._session().request(method, url, json=body, headers=headers, params=params, timeout=15)
            except (requests.ConnectionError, requests.Timeout):
                if time.monotonic() > deadline:
                    raise
            else:
                if answer.ok:
                    return answer
                problem = _problem(answer)
                if not _worth_another_try(problem) or time.monotonic() > deadline:
                    raise Refused(f"{method} {path}", problem)
                pause = max(pause, float(answer.headers.get("Retry-After", 0)))
            time.sleep(pause)
            pause = min(2 * pause, 5.0)

    def _session(self) -> requests.Session:
        if not hasattr(self._per_thread, "session"):
            session = requests.Session()
            session.headers.update(self._headers)
            # A proxy of the environment leads away from this machine.
            session.trust_env = urlsplit(self._url).hostname not in LOOPBACK
            self._per_thread.session = session
        known: requests.Session = self._per_thread.session
        return known


def _problem(answer: requests.Response) -> dict[str, Any]:
    if answer.headers.get("Content-Type", "").startswith("application/problem+json"):
        problem: dict[str, Any] = answer.json()
        return problem
    # Not from the service itself, but from something on the way to it.
    return {"status": answer.status_code, "detail": answer.text[:300]}


def _worth_another_try(problem: dict[str, Any]) -> bool:
    # in-progress: the first try of this very request still runs; the next one gets its answer.
    return problem["status"] in TRY_AGAIN or problem.get("type") == "urn:hesheng:problem:in-progress"
