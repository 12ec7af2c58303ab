"""People and sites at work: sign-ups, cancels, attendance, edits, all over HTTP, all written into the ledger."""

import random
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from tests.faults.client import Answer, Client
from tests.faults.ledger import FULL, GONE, REFUSED, SPAM, TOLD, Attendance, Ledger, ShiftChange, SignUp, Told
from tests.faults.scene import Scene, Shift, Site

THREADS = 12
REST = (0.0, 0.2)
MOST_CALLED_OFF = 3
EARLY_PEOPLE = 12
ATTENDANCE = [["check-in"], ["check-in", "check-out"]]
DOMAINS = [(0.96, REFUSED), (0.90, GONE), (0.88, FULL), (0.86, SPAM), (0.84, TOLD), (0.0, "people.example")]
"""Of addresses, each for what is drawn above it."""


class Load:
    """Threads that act until `stop` is set, then bring their last request to an end."""

    def __init__(self, url: str, scene: Scene, seed: int, stop: threading.Event) -> None:
        self.ledger = Ledger()
        self._url = url
        self._scene = scene
        self._stop = stop
        self._pool: list[SignUp] = []
        self._arrived: list[SignUp] = []
        self._threads = [
            threading.Thread(target=Actor(self, url, random.Random(f"{seed}-{number}"), number).run, daemon=True)
            for number in range(THREADS)
        ]

    def start(self) -> None:
        """Fill the early shifts, which begin soon; then begin to act."""
        opening = Actor(self, self._url, random.Random(0), THREADS)
        for shift in self._scene.shifts:
            if shift.early:
                for _ in range(EARLY_PEOPLE):
                    opening.sign_up(shift)
        self.ledger.before = list(self.ledger.sign_ups)
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Wait for the last answers; `stop` must be set."""
        for thread in self._threads:
            thread.join()

    def wait_for(self, sign_ups: int, limit: float) -> None:
        """Wait until so many were acknowledged, `limit` seconds at most."""
        until = time.monotonic() + limit
        while self.ledger.told[f"sign-up {Told.ACKED}"] < sign_ups and time.monotonic() < until:
            time.sleep(0.1)

    @property
    def going_on(self) -> bool:
        """Whether new requests are still begun."""
        return not self._stop.is_set()

    def any_shift(self, chance: random.Random) -> Shift:
        """A shift that takes sign-ups, the first ones more often: some are to be crowded."""
        shifts = [shift for shift in self._scene.shifts if not shift.early]
        return shifts[min(int(chance.expovariate(4 / len(shifts))), len(shifts) - 1)]

    def add(self, sign_up: SignUp) -> None:
        """A registration that others may now cancel or check in."""
        with self.ledger.lock:
            self._pool.append(sign_up)

    def take(self, chance: random.Random, fit: Callable[[SignUp], bool]) -> SignUp | None:
        """Take a registration out of the pool, so that one thread alone acts on it."""
        with self.ledger.lock:
            fitting = [place for place, sign_up in enumerate(self._pool) if fit(sign_up)]
            return self._pool.pop(chance.choice(fitting)) if fitting else None

    def known(self, chance: random.Random) -> SignUp | None:
        """An acknowledged sign-up, left where it is."""
        with self.ledger.lock:
            return chance.choice(self._pool) if self._pool else None

    def may_call_off(self) -> bool:
        """Whether one more shift may be called off."""
        with self.ledger.lock:
            called_off = sum(told is not Told.REFUSED for told in self.ledger.shift_cancels.values())
            return called_off < MOST_CALLED_OFF

    @property
    def shifts(self) -> list[Shift]:
        """All shifts."""
        return self._scene.shifts

    def shift(self, shift_id: str) -> Shift:
        """One shift, as it was made."""
        return next(shift for shift in self._scene.shifts if shift.id == shift_id)

    def has_attendance(self, shift_id: str) -> bool:
        """Whether the shift begins in minutes or has begun, so that attendance can be taken."""
        shift = self.shift(shift_id)
        return shift.early or shift.reminds_at is not None

    def site(self, site_id: str) -> Site:
        """One site."""
        return next(site for site in self._scene.sites if site.id == site_id)


class Actor:
    """One thread's work."""

    def __init__(self, load: Load, url: str, chance: random.Random, number: int) -> None:
        self._load = load
        self._ledger = load.ledger
        self._chance = chance
        self._number = number
        self._count = 0
        self._url = url
        self._clients: dict[str, Client] = {}
        # A move or another title is told to everyone signed up: a few of them are most of all mails.
        self._acts: list[tuple[int, Callable[[], None]]] = [
            (480, self.sign_up), (100, self.sign_up_known), (220, self.cancel), (100, self.attend), (60, self.accept),
            (40, self.repeat), (50, self.raise_capacity),
            (5, self.move_shift), (3, self.retitle), (5, self.cancel_shift),
        ]  # fmt: skip

    def run(self) -> None:
        """Act until told to stop."""
        weights = [weight for weight, _ in self._acts]
        while self._load.going_on:
            _, act = self._chance.choices(self._acts, weights)[0]
            try:
                act()
            except Exception as error:
                self._ledger.surprise(f"the load's {act.__name__} failed: {error!r}")
            time.sleep(self._chance.uniform(*REST))

    def _client(self, site: Site) -> Client:
        return self._clients.setdefault(site.id, Client(self._url, site.key))

    def _send(
        self, site: Site, method: str, path: str, body: dict[str, Any] | None = None, **more: str
    ) -> Answer | None:
        # One in twenty callers walks away after the first failure: its outcome stays unknown.
        patience = 0.0 if self._chance.random() < 0.05 else 30.0
        answer = self._client(site).send(method, path, body, patience=patience, **more)  # type: ignore[arg-type]
        if answer is not None and (answer.status >= 500 or answer.status in (400, 401, 403, 404, 429)):
            self._ledger.surprise(f"{method} {path} answered {answer.status} {answer.body}")
        return answer

    def sign_up(self, shift: Shift | None = None) -> None:
        """A new person takes a place."""
        shift = shift or self._load.any_shift(self._chance)
        name = f"P{self._number}-{self._count}"
        person = {
            "name": name,
            "birth_date": f"{self._chance.randint(1940, 2006)}-05-17",
            "language": self._chance.choice(["zh-CN", "en"]),
            **self._contact(name),
        }
        self._register(shift, name, {"person": person})

    def _contact(self, name: str) -> dict[str, str]:
        """An e-mail address; one in six has a phone only, and a few an address that is refused or sends mails back."""
        drawn, phone = self._chance.random(), {"phone": f"138{self._number:02d}{self._count:06d}"}
        if drawn < 0.17:
            return phone
        domain = next(domain for above, domain in DOMAINS if drawn > above)
        has_phone = domain == GONE and self._chance.random() < 0.5
        return {"email": f"{name.lower()}@{domain}"} | (phone if has_phone else {})

    def sign_up_known(self) -> None:
        """Somebody the site knows takes a place on another of its shifts."""
        known = self._load.known(self._chance)
        if known is None:
            return
        shift = self._load.any_shift(self._chance)
        if shift.site.id == known.site_id:
            self._register(shift, "", {"person_id": known.person_id})

    def _register(self, shift: Shift, name: str, body: dict[str, object]) -> None:
        sign_up = SignUp(f"faults-{self._number}-{self._count}", shift.site.id, shift.id, name, body)
        self._count += 1
        with self._ledger.lock:
            self._ledger.sign_ups.append(sign_up)
        answer = self._send(shift.site, "POST", f"/v1/shifts/{shift.id}/registrations", sign_up.body, key=sign_up.key)
        self._settle(sign_up, answer)
        if sign_up.told is Told.ACKED:
            self._load.add(sign_up)

    def _settle(self, sign_up: SignUp, answer: Answer | None) -> None:
        if answer is None:
            sign_up.told = Told.UNKNOWN
        elif answer.ok:
            sign_up.registration_id, sign_up.person_id = answer.body["id"], answer.body["person_id"]
            sign_up.status, sign_up.told = answer.body["status"], Told.ACKED
        else:
            sign_up.told = Told.REFUSED
            self._note_overlap(sign_up, answer)
        self._ledger.note("sign-up", sign_up.told)

    def _note_overlap(self, sign_up: SignUp, answer: Answer) -> None:
        """The one refusal that must say why: most shifts of a site overlap, and known people sign up for several."""
        if answer.problem == "overlap":
            sign_up.clashes_with = answer.body.get("registration_id", "")
            self._ledger.note("sign-up at the same hours", Told.REFUSED)

    def repeat(self) -> None:
        """A client that did not note the answer asks again with its key, and must get the first answer."""
        sign_up = self._load.known(self._chance)
        if sign_up is None:
            return
        site = self._load.site(sign_up.site_id)
        path = f"/v1/shifts/{sign_up.shift_id}/registrations"
        answer = self._send(site, "POST", path, dict(sign_up.body), key=sign_up.key)
        if answer is not None and answer.body.get("id") != sign_up.registration_id:
            self._ledger.surprise(f"key {sign_up.key} repeated: {answer.status} {answer.body}")

    def cancel(self) -> None:
        """A person, or the site, gives a place up."""
        sign_up = self._load.take(self._chance, lambda s: s.registration_id not in self._ledger.attendance)
        if sign_up is None:
            return
        site = self._load.site(sign_up.site_id)
        self._ledger.cancels[sign_up.registration_id] = Told.UNKNOWN
        body = {"reason": self._chance.choice(["person", "person", "site"])}
        answer = self._send(site, "POST", f"/v1/registrations/{sign_up.registration_id}/cancel", body)
        told = _told(answer)
        self._ledger.cancels[sign_up.registration_id] = told
        self._ledger.note("cancel", told)

    def accept(self) -> None:
        """Somebody who waited takes the place that was offered, instead of another one at the same time if need be."""
        sign_up = self._load.take(self._chance, lambda s: s.status == "waitlisted")
        if sign_up is None:
            return
        site, path = self._load.site(sign_up.site_id), f"/v1/registrations/{sign_up.registration_id}"
        read = self._send(site, "GET", path)
        if read is not None and read.body.get("status") == "offered":
            self._ledger.accepts[sign_up.registration_id] = Told.UNKNOWN
            answer = self._send(site, "POST", f"{path}/accept", {"instead_of": self._chance.random() < 0.8})
            told = self._ledger.accepts[sign_up.registration_id] = _told(answer)
            self._ledger.note("accept", told)
        self._load.add(sign_up)

    def attend(self) -> None:
        """Somebody is checked in and perhaps out, or did not come."""
        sign_up = self._load.take(
            self._chance, lambda s: s.status == "confirmed" and self._load.has_attendance(s.shift_id)
        )
        if sign_up is None:
            return
        site = self._load.site(sign_up.site_id)
        early = self._load.shift(sign_up.shift_id).early
        for step in self._chance.choice([*ATTENDANCE, ["no-show"]] if early else ATTENDANCE):
            if not self._attendance_step(site, sign_up, step):
                return

    def _attendance_step(self, site: Site, sign_up: SignUp, step: str) -> bool:
        noted = self._ledger.attendance.setdefault(sign_up.registration_id, Attendance())
        answer = self._send(site, "POST", f"/v1/registrations/{sign_up.registration_id}/{step}", {})
        told = _told(answer)
        self._ledger.note(step, told)
        noted.unsure = noted.unsure or told is Told.UNKNOWN
        if answer is not None and answer.ok:
            noted.outcome, noted.minutes = answer.body["outcome"], answer.body["service_minutes"]
        return told is Told.ACKED

    def raise_capacity(self) -> None:
        """A site finds more room."""
        self._edit("raise", lambda shift: {"capacity": shift["capacity"] + self._chance.randint(1, 3)})

    def move_shift(self) -> None:
        """A site moves a shift to a later hour."""
        self._edit("move", _an_hour_later)

    def _edit(self, action: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        shift = self._load.any_shift(self._chance)
        read = self._send(shift.site, "GET", f"/v1/shifts/{shift.id}")
        if read is None or not read.ok or read.body["status"] == "cancelled":
            return
        answer = self._send(shift.site, "PATCH", f"/v1/shifts/{shift.id}", change(read.body), if_match=read.etag)
        told = _told(answer)
        self._ledger.note(action, told)
        if answer is not None and answer.ok:
            with self._ledger.lock:
                change_seen = ShiftChange(shift.id, answer.body["version"], answer.body["capacity"])
                self._ledger.shift_changes.append(change_seen)

    def retitle(self) -> None:
        """A site corrects a title."""
        shift = self._load.any_shift(self._chance)
        read = self._send(shift.site, "GET", f"/v1/activities/{shift.activity_id}")
        if read is not None and read.ok and read.body["status"] == "published":
            body = {"title_en": f"Retitled {self._number}-{self._count}"}
            path = f"/v1/activities/{shift.activity_id}"
            self._ledger.note("retitle", _told(self._send(shift.site, "PATCH", path, body, if_match=read.etag)))

    def cancel_shift(self) -> None:
        """A shift is called off, seldom, and more seldom a whole activity."""
        shift = self._chance.choice(self._load.shifts)
        if not self._load.may_call_off():
            return
        whole = self._chance.random() < 0.3
        shift_ids = [s.id for s in self._load.shifts if s.activity_id == shift.activity_id] if whole else [shift.id]
        for shift_id in shift_ids:
            self._ledger.shift_cancels[shift_id] = Told.UNKNOWN
        path = f"/v1/activities/{shift.activity_id}/cancel" if whole else f"/v1/shifts/{shift.id}/cancel"
        told = _told(self._send(shift.site, "POST", path))
        self._ledger.note("call off activity" if whole else "call off shift", told)
        if not whole or told is Told.REFUSED:
            # An activity's shifts that took place already stay, so nothing more is known of each.
            for shift_id in shift_ids:
                self._ledger.shift_cancels[shift_id] = told


def _told(answer: Answer | None) -> Told:
    if answer is None:
        return Told.UNKNOWN
    return Told.ACKED if answer.ok else Told.REFUSED


def _an_hour_later(shift: dict[str, Any]) -> dict[str, Any]:
    later = timedelta(hours=1)
    return {name: (datetime.fromisoformat(shift[name]) + later).isoformat() for name in ("starts_at", "ends_at")}
