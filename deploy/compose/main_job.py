"""The main job, driven from outside: a site publishes, crowds sign up, some cancel, mails arrive, the report is read.

It goes through the gateway with the same client, and keeps the same books, as `examples/community_site.py`; and it goes
on whatever is killed meanwhile: a request without an answer is repeated with its Idempotency-Key.
"""

import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import requests

from examples import client
from examples.books import Books
from examples.client import Client
from examples.programme import CITY, DISTRICT, PROVINCE, SUBDISTRICT, ZONE

MARK = "Zqxplanted"
"""Part of every person's name and address, so that one search finds what should not be where it is."""

PEOPLE = 30
PLACES = 20
SPREAD = 1.0
"""The sign-ups of a crowd come within so many seconds, so that a kill falls among them."""


# On a machine that does much else, a killed api can take longer to start than the example client is ready to wait.
client.PATIENCE = 240.0


class BooksDiffer(AssertionError):
    """The system says something else than we counted."""


class MainJob:
    """A community site at work. `crowd` as often as you like, then `compare`."""

    def __init__(self, gateway: str, operator_key: str, mails: str) -> None:
        self._gateway = gateway
        self._operator = Client(f"{gateway}/registration", operator_key)
        self._mails = mails
        self._books = Books()
        self._numbers = count(1)
        self._emails: dict[str, str] = {}
        self._random = random.Random(7)  # noqa: S311 - when people come, not a secret

    def set_up(self) -> None:
        """Areas, a site, its key, a published activity."""
        for area in (PROVINCE, CITY, DISTRICT, SUBDISTRICT):
            names = {"name_zh": area.name_zh, "name_en": area.name_en}
            self._operator.put(f"/v1/areas/{area.code}", {"parent": area.parent, "level": area.level, **names})
        site = self._operator.create(
            "/v1/sites", {"area": SUBDISTRICT.code, "name_zh": "赛马场区域党群服务中心", "name_en": "Saimachang"}
        )
        key = self._operator.create(f"/v1/sites/{site['id']}/keys", {"label": "compose-test"})["key"]
        self._registration = Client(f"{self._gateway}/registration", key)
        self._notifications = Client(f"{self._gateway}/notifications", key)
        self._reporting = Client(f"{self._gateway}/reporting", key)
        self._activity = self._registration.create(
            "/v1/activities",
            {
                "kind": "blood_drive",
                "title_zh": "我为青春献热血",
                "title_en": "Give Blood for Youth",
                "place": "赛马场区域党群服务中心广场",
                "reminder_minutes": [],
            },
        )
        self._open_shift()
        self._registration.act(f"/v1/activities/{self._activity['id']}/publish")

    def _open_shift(self) -> Any:
        starts_at = (datetime.now(ZONE) + timedelta(days=7)).replace(microsecond=0)
        ends_at = starts_at + timedelta(hours=1)
        body = {"starts_at": starts_at.isoformat(), "ends_at": ends_at.isoformat(), "capacity": PLACES}
        shift = self._registration.create(f"/v1/activities/{self._activity['id']}/shifts", body)
        self._books.open_shift(shift, reminders=0)
        return shift

    def crowd(self) -> str:
        """More people than places; then two who have a place give it up, and the next two get one."""
        shift = self._open_shift()
        people = [self._invent() for _ in range(PEOPLE)]
        delays = [self._random.uniform(0, SPREAD) for _ in people]

        def sign_up(person: dict[str, Any], delay: float) -> tuple[dict[str, Any], float]:
            time.sleep(delay)
            begun = time.monotonic()
            answer = self._registration.create(f"/v1/shifts/{shift['id']}/registrations", {"person": person})
            self._emails[answer["person_id"]] = person["email"]
            return answer, time.monotonic() - begun

        with ThreadPoolExecutor(PEOPLE) as pool:
            answers = list(pool.map(sign_up, people, delays))
        for answer, _ in answers:
            self._books.sign_up(answer)
        confirmed, waiting = self._books.confirmed(shift["id"]), self._books.waiting(shift["id"])
        positions = [entry.position for entry in waiting]
        if len(confirmed) != PLACES or positions != list(range(1, PEOPLE - PLACES + 1)):
            raise BooksDiffer(f"{len(confirmed)} confirmed for {PLACES} places, waitlist {positions}")
        for entry in confirmed[:2]:
            self._registration.act(f"/v1/registrations/{entry.id}/cancel", {"reason": "person"})
            self._books.cancel(entry.id)
        return f"{PLACES} confirmed, {len(waiting)} waiting, slowest answer {max(took for _, took in answers):.1f} s"

    def _invent(self) -> dict[str, Any]:
        number = next(self._numbers)
        return {
            "name": f"{MARK}{number}",
            "phone": f"+86199{number:08d}",
            "email": f"{MARK.lower()}{number}@example.com",
            "birth_date": f"{1950 + number % 58}-0{1 + number % 9}-1{number % 9}",
            "language": "en" if number % 10 == 0 else "zh-CN",
        }

    # -- the books -----------------------------------------------------------------------------------------------

    def compare(self, limit: float) -> str:
        """Wait until the system has caught up; raise `BooksDiffer` if it says something else than we counted."""
        self._compare_registrations()
        deadline = time.monotonic() + limit
        while difference := self._reported() or self._mailed() or self._recorded():
            if time.monotonic() > deadline:
                raise BooksDiffer(difference)
            time.sleep(1)
        figures = self._books.figures()
        told = ("registrations", "confirmed", "waitlisted", "promotions", "cancellations", "people")
        return f"{', '.join(f'{figures[name]} {name}' for name in told)}; {self._mail_count()} mails"

    def _compare_registrations(self) -> None:
        for shift in self._books.shifts.values():
            listed = self._registration.every(f"/v1/shifts/{shift.id}/registrations", limit=7)
            system = {item["id"]: item["status"] for item in listed}
            ours = {entry.id: entry.status for entry in self._books.entries.values() if entry.shift_id == shift.id}
            both = {key: (system.get(key), ours.get(key)) for key in system | ours}
            wrong = {key: (theirs, own) for key, (theirs, own) in both.items() if theirs != own}
            if wrong:
                raise BooksDiffer(f"registrations of shift {shift.id} (the system's, ours): {wrong}")

    def _reported(self) -> str:
        """How the report differs from our count; empty when it does not."""
        today = datetime.now(ZONE).date()
        days = {"from": str(today), "to": str(today + timedelta(days=9))}
        total = self._reporting.get("/v1/reports/participation", **days)["total"]
        wrong = {name: (total[name], own) for name, own in self._books.figures().items() if total[name] != own}
        return f"report (the system's, ours): {wrong}" if wrong else ""

    def _mail_count(self) -> int:
        return sum(self._books.mails(with_reminders=False).values())

    def _mailed(self) -> str:
        """How the mails that arrived differ from those that must; a repeat with the same Message-ID is one mail."""
        arrived = requests.get(f"{self._mails}/mails.json", timeout=20)
        arrived.raise_for_status()
        distinct = {(mail["to"], mail["message_id"]) for mail in arrived.json()}
        got = Counter(to for to, _ in distinct)
        expected: Counter[str] = Counter()
        for (person, _), number in self._books.mails(with_reminders=False).items():
            expected[self._emails[person]] += number
        wrong = {to: (got[to], expected[to]) for to in got | expected if got[to] != expected[to]}
        some = dict(list(wrong.items())[:5])
        return f"mails of {len(wrong)} people (arrived, due), for example {some}" if wrong else ""

    def _recorded(self) -> str:
        """How the record of messages differs from what arrived."""
        states = Counter(message["state"] for message in self._notifications.every("/v1/messages", limit=150))
        return "" if states == {"sent": self._mail_count()} else f"messages by state: {dict(states)}"
