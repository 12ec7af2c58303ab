"""Announcements while things are killed: two to everybody at a site, whose mails let people refuse the second one, and
one that is stopped on its way.

announcer = Announcer(url, ledger, scene, patience)
announcer.start(); announcer.join()

Somebody of the site's staff writes it and a second one approves it, as above `ALONE` people they must.
"""

import threading
import time
from collections.abc import Sequence
from typing import Any

from services.common.auth import STAFF_COOKIE, Caller, Principal, csrf_token
from tests.faults.client import Answer, Client
from tests.faults.ledger import Announced, Ledger
from tests.faults.people import Colleague
from tests.faults.scene import Scene

ALONE = 5
SLOWLY = 120
"""People per minute of the one that is stopped, so that it has not ended before."""

STOPPED_AFTER, PAUSE = 4.0, 0.3
WORDS = {"subject_zh": "停水通知", "text_zh": "{{name}}：明天停水。", "subject_en": "Water", "text_en": "No water."}
GOES_OUT = ("sending", "done", "stopped")


class Announcer:
    """A thread for each site, with its announcements one after another."""

    def __init__(self, url: str, ledger: Ledger, scene: Scene, patience: float) -> None:
        self._url, self._ledger, self._scene, self._patience = url, ledger, scene, patience
        jobs = [(scene.sites[0].id, (False, False)), (scene.sites[1].id, (True,))]
        self._threads = [threading.Thread(target=self._run, args=job, daemon=True) for job in jobs]

    def start(self) -> None:
        """Begin to write."""
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Wait until all are on their way, and the one is stopped."""
        for thread in self._threads:
            thread.join()

    def _run(self, site_id: str, to_be_stopped: Sequence[bool]) -> None:
        try:
            for number, stopped in enumerate(to_be_stopped):
                _Job(self._url, self._ledger, self._scene, site_id, stopped, self._patience).do(number)
        except Exception as error:
            self._ledger.surprise(f"an announcement failed: {error!r}")


class _Job:
    """One announcement, from its words to its end."""

    def __init__(self, url: str, ledger: Ledger, scene: Scene, site_id: str, to_be_stopped: bool,
                 patience: float) -> None:  # fmt: skip
        author, other = [one for one in scene.colleagues if one.site_id == site_id]
        self._author, self._other = as_staff(url, author), as_staff(url, other)
        self._ledger, self._site, self._to_be_stopped = ledger, site_id, to_be_stopped
        self._path = "/v1/announcements"
        self._deadline = time.monotonic() + patience

    def do(self, number: int) -> None:
        """Write, count, submit, approve; then stop it, or leave it."""
        body = WORDS | {"audience": {"to": "site"}, "per_minute": SLOWLY if self._to_be_stopped else None}
        made = _must(self._author.send("POST", self._path, body, key=f"announce-{self._site}-{number}", patience=60))
        self._path += f"/{made.body['id']}"
        self._until(GOES_OUT)
        stopped_at = None
        if self._to_be_stopped:
            time.sleep(STOPPED_AFTER)
            stopped_at = self._stop()
        with self._ledger.lock:
            self._ledger.announced.append(Announced(made.body["id"], self._site, stopped_at))

    def _until(self, states: tuple[str, ...]) -> None:
        """Do what is next, until it is in one of these states. An answer that did not come is no hindrance."""
        while (now := _must(self._author.send("GET", self._path, patience=60))).body["state"] not in states:
            if time.monotonic() > self._deadline:
                raise RuntimeError(f"it is {now.body['state']} still")
            if now.body["state"] == "draft":
                counted = self._author.send("POST", f"{self._path}/count")
                if counted is not None and counted.ok:
                    told = {"people": counted.body["people"]}
                    self._note("submit", self._author.send("POST", f"{self._path}/submit", told, if_match=now.etag))
            elif now.body["state"] == "waiting":
                told = {"people": now.body["people"]}
                self._note("approve", self._other.send("POST", f"{self._path}/approve", told, if_match=now.etag))
            time.sleep(PAUSE)

    def _stop(self) -> float:
        while True:
            answer = self._author.send("POST", f"{self._path}/stop", patience=60)
            if answer is not None and (answer.ok or answer.status == 409):
                self._note("stop", answer)
                return time.time()
            if time.monotonic() > self._deadline:
                raise RuntimeError(f"it cannot be stopped: {answer}")
            time.sleep(PAUSE)

    def _note(self, what: str, answer: Answer | None) -> None:
        told = "unknown" if answer is None else "acked" if answer.ok else "refused"
        with self._ledger.lock:
            self._ledger.told[f"{what} {told}"] += 1


def as_staff(url: str, colleague: Colleague) -> Client:
    """A client with a session's cookie."""
    token = csrf_token(Principal(Caller.STAFF, colleague.id, session=colleague.cookie))
    return Client(url, "", {"Cookie": f"{STAFF_COOKIE}={colleague.cookie}", "X-CSRF-Token": token})


def _must(answer: Answer | None) -> Any:
    if answer is None or not answer.ok:
        raise RuntimeError(f"{answer}")
    return answer
