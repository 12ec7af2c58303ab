"""Sign-ups: those that arrive together are committed together, each with its own verdict.

    sign_ups = SignUps(database, personal_data)
    answer = sign_ups.sign_up(site_id, shift_id, body, attempt)

Whoever finds nobody at work commits at once; whoever comes meanwhile waits, and the first of them then commits for
all. So one client alone never waits for company, and a crowd costs one commit per group instead of one each. The
group is one call of the function `sign_up` in the database (`migrations/versions/0004_sign_up.sql`).

An answer is given only for what is known to be committed. When the connection breaks, nobody knows: all of the group
get 503 and try again with their Idempotency-Key.

One connection must not wait long for one shift that somebody holds, because everybody waits with it. A group that
could not lock within `LOCK_TIMEOUT_MS` is impatient: it leaves out the shifts that are held. Their sign-ups try again
from their own threads for a little while, among themselves, and then get 503; all others are committed.
"""

import json
import os
import threading
import time
from collections import deque
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
from sqlalchemy import text

from services.common.database import ACTING, EVERY_SITE, Database
from services.common.errors import UNAVAILABLE, Problem, Words
from services.common.idempotency import Attempt
from services.common.logs import current_request_id, get_logger
from services.registration.operations.seats.verdicts import refusal
from services.registration.personal_data import PersonalData, age_band, age_on
from services.registration.schemas.people import NewPerson, RepresentativeBody
from services.registration.schemas.registrations import SignUpBody

log = get_logger(__name__)

LARGEST_GROUP = 64
ZONE_TRUST_SECONDS = 60.0

LOCK_TIMEOUT_MS = 500
HELD_PATIENCE = 0.5
"""Seconds that a sign-up goes on trying after its shift was found held. Each of them keeps a thread of the api busy."""
HELD_PAUSE = 0.05
HELD_MEMORY = 1.0
"""Seconds for which a held shift is not waited for again. Each who finds it still held begins them anew."""


class _Entry:
    """One sign-up on its way through a group."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.json = json.dumps(request, ensure_ascii=False)[1:]
        self.shift_id: str = request["shift_id"]
        self.patient = True
        # Two entries that share one of these must not be in one group: the second depends on the first.
        self.marks = {
            (name, request[name])
            for name in ("idempotency_key", "person_id", "phone_hash", "email_hash", "hold_id")
            if request.get(name) is not None
        }
        self.turn = threading.Lock()
        self.turn.acquire()
        self.verdict: str | None = None
        self.answer: dict[str, Any] | None = None
        self.error: Exception | None = None

    @property
    def done(self) -> bool:
        return self.verdict is not None or self.error is not None


class _Groups:
    """Commits entries in groups, over one connection."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._lock_timeout_ms = LOCK_TIMEOUT_MS
        self._held: dict[str, float] = {}
        self._connection: psycopg.Connection | None = None
        self._mutex = threading.Lock()
        self._waiting: deque[_Entry] = deque()
        self._busy = False

    def commit(self, entry: _Entry) -> tuple[str, dict[str, Any] | None]:
        """The entry's verdict and answer, once they are committed. Raises when that is not known."""
        with self._mutex:
            self._waiting.append(entry)
            leads = not self._busy
            self._busy = True
        if not leads:
            entry.turn.acquire()
        if not entry.done:
            self._lead()
        if entry.error is not None:
            raise entry.error
        return str(entry.verdict), entry.answer

    def _lead(self) -> None:
        """Commit the group that waits, then let its members go and the next one lead."""
        group = self._take()
        try:
            self._commit_group(group, group[0].patient)
        finally:
            for entry in group:
                if not entry.done:
                    entry.error = Problem(UNAVAILABLE, _RETRY)
                entry.turn.release()
            with self._mutex:
                successor = self._waiting[0] if self._waiting else None
                self._busy = successor is not None
            if successor is not None:
                successor.turn.release()

    def _take(self) -> list[_Entry]:
        """From the head of the queue, entries equally patient that do not depend on each other."""
        group: list[_Entry] = []
        marks: set[tuple[str, Any]] = set()
        now = time.monotonic()
        with self._mutex:
            for _ in range(len(self._waiting)):
                head = self._waiting[0]
                head.patient = self._held.get(head.shift_id, 0.0) < now
                apart = marks & head.marks or (group and group[0].patient != head.patient)
                if len(group) == LARGEST_GROUP or apart:
                    break
                self._waiting.popleft()
                marks |= head.marks
                group.append(head)
        return group

    def _commit_group(self, group: list[_Entry], patient: bool) -> None:
        try:
            self._run(group, patient)
        except psycopg.errors.LockNotAvailable:
            log.warning("sign_up_lock_held", group=len(group), patient=patient)
            if patient:
                self._commit_group(group, patient=False)
            else:
                # Not a shift, but a venue, a person or an identity.
                self._commit_singly(group, Problem(UNAVAILABLE, _RETRY))
        except psycopg.errors.ExclusionViolation:
            # Somebody who was unknown when the group began got a place at the same hours meanwhile.
            self._commit_singly(group, None)
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            log.error("sign_up_outage", error=type(error).__name__, group=len(group))
            self._drop_connection()
        except psycopg.Error as error:
            log.warning("sign_up_group_failed", error=type(error).__name__, group=len(group))
            self._commit_singly(group, error)

    def _commit_singly(self, group: list[_Entry], error: Exception | None) -> None:
        """After a group failed as a whole: each on its own, so that only the bad one fails, or comes again."""
        if len(group) == 1:
            group[0].error, group[0].verdict = error, None if error else "again"
            return
        for entry in group:
            self._commit_group([entry], patient=False)

    def _run(self, group: list[_Entry], patient: bool) -> None:
        requests = ",".join(f'{{"n":{n},{entry.json}' for n, entry in enumerate(group))
        rows = self._connected().execute(
            "SELECT n, verdict, answer FROM sign_up(%s::jsonb, %s)", [f"[{requests}]", patient]
        )
        for n, verdict, answer in rows.fetchall():
            group[n].verdict, group[n].answer = verdict, answer
        if not patient:
            self._remember_held(group)

    def _remember_held(self, group: list[_Entry]) -> None:
        now = time.monotonic()
        with self._mutex:
            held = {shift: until for shift, until in self._held.items() if until > now}
            for entry in group:
                if entry.verdict == "held":
                    held[entry.shift_id] = now + HELD_MEMORY
                else:
                    held.pop(entry.shift_id, None)
            self._held = held

    def _connected(self) -> psycopg.Connection:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(
                self._dsn,
                autocommit=True,
                connect_timeout=5,
                prepare_threshold=0,
                options=f"-c lock_timeout={self._lock_timeout_ms} -c statement_timeout=15000 -c timezone=UTC",
                keepalives_idle=5,
                keepalives_interval=2,
                keepalives_count=3,
            )
        return self._connection

    def _drop_connection(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


_RETRY = Words("请稍后以同一幂等键重试。", "Please try again shortly, with the same Idempotency-Key.")
_HELD = Words(
    "本场次正在变更，请稍后以同一幂等键重试。",
    "This shift is being changed. Please try again shortly, with the same Idempotency-Key.",
)


@dataclass(frozen=True)
class Told:
    """What a public form says with a sign-up: that its terms were read, who filled it in for whom, from where.

    `came_from` is the keyed hash of an address, None where the contact has been proven.
    """

    helper: RepresentativeBody | None
    came_from: str | None


class SignUps:
    """Signs people up. One per process."""

    def __init__(self, database: Database, data: PersonalData) -> None:
        self._database = database
        self._data = data
        self._groups = _Groups(database.dsn)
        self._zones: dict[UUID, tuple[float, ZoneInfo]] = {}

    def sign_up(
        self, site_id: UUID, shift_id: UUID, body: SignUpBody, attempt: Attempt | None, told: Told | None = None
    ) -> dict[str, Any]:
        """The new registration, confirmed or waitlisted, as it is answered. Raises `Problem` for all else."""
        request = self.request(site_id, shift_id, body, attempt)
        if told is not None:
            request |= self._told(told)
        give_up: float | None = None
        while True:
            verdict, answer = self._groups.commit(_Entry(request))
            if verdict == "birth_date":
                request |= self.age(body, answer or {})
            elif verdict in ("accepted", "replay"):
                return answer or {}
            elif verdict == "held":
                give_up = give_up or time.monotonic() + HELD_PATIENCE
                if time.monotonic() > give_up:
                    raise Problem(UNAVAILABLE, _HELD)
                time.sleep(HELD_PAUSE)
            elif verdict != "again":
                raise refusal(verdict, answer or {}, by_id=body.person is None)

    def age(self, body: SignUpBody, answer: dict[str, Any]) -> dict[str, Any]:
        """What the database asks for with the verdict `birth_date`: only here can a birth date be read.

        `answer` has the birth date as it is stored or None, the shift's local day, and the site's time zone.
        """
        told: dict[str, Any] = {"age_day": answer["local_day"]}
        born = body.person.birth_date if body.person else None
        if answer["birth_date"] is not None:
            born = date.fromisoformat(self._data.decrypt(answer["birth_date"].encode()))
            told |= _age_today(born, ZoneInfo(answer["time_zone"])) | {"age_is_stored": True}
        return told | {"age": age_on(born, date.fromisoformat(answer["local_day"])) if born else None}

    def request(self, site_id: UUID, shift_id: UUID, body: SignUpBody, attempt: Attempt | None) -> dict[str, Any]:
        """The sign-up as the database takes it."""
        acting = ACTING.get()
        channel = body.channel or ("desk" if acting.actor.startswith("staff:") else "site")
        request: dict[str, Any] = {
            "site_id": str(site_id),
            "shift_id": str(shift_id),
            "request_id": current_request_id(),
            "guardian_consent": body.guardian_consent,
            "party_size": body.party_size,
            "channel": channel,
            "by_staff": _by_staff(acting.actor, channel),
            "made_by": acting.actor,
            **dict(zip(("registration_id", "new_person_id", "event_id"), _fresh_ids(3), strict=True)),
        }
        if attempt is not None:
            request |= {"idempotency_key": attempt.key, "fingerprint": "\\x" + attempt.fingerprint.hex()}
        if body.priority:
            request["priority"] = body.priority
        if body.hold_id:
            request["hold_id"] = str(body.hold_id)
        if acting.address:
            request["address"] = acting.address
        if body.person is None:
            request["person_id"] = str(body.person_id)
        else:
            request |= self._person(site_id, body.person)
            request["guardian_consent"] = body.guardian_consent or body.person.guardian_consent
        return request

    def _person(self, site_id: UUID, person: NewPerson) -> dict[str, Any]:
        fields: dict[str, Any] = {"name": self._encrypt(person.name), "language": person.language}
        fields["encrypted_with"] = self._data.newest_key
        for kind, contact in (("phone", person.phone), ("email", person.email)):
            if contact is not None:
                fields[kind] = self._encrypt(contact)
                fields[f"{kind}_hash"] = "\\x" + self._data.identity(kind, contact, person.name).hex()  # type: ignore[arg-type]
                fields[f"{kind}_index"] = "\\x" + self._data.contact_index(kind, contact).hex()  # type: ignore[arg-type]
        if person.birth_date is not None:
            fields["birth_date"] = self._encrypt(person.birth_date.isoformat())
            fields |= _age_today(person.birth_date, self._zone(site_id))
        return fields

    def _told(self, told: Told) -> dict[str, Any]:
        request: dict[str, Any] = {"terms": True, "came_from": told.came_from}
        if told.helper is not None:
            helper = told.helper
            phone = self._encrypt(helper.phone) if helper.phone else None
            request["helper"] = {"name": self._encrypt(helper.name), "phone": phone}
            request["helper"] |= {"relation": helper.relation, "language": helper.language}
        return request

    def _encrypt(self, value: str) -> str:
        # Fernet's base64 has no backslash, so that PostgreSQL reads it as the bytes it is.
        return self._data.encrypt(value).decode()

    def _zone(self, site_id: UUID) -> ZoneInfo:
        until, zone = self._zones.get(site_id, (0.0, ZoneInfo("UTC")))
        if time.monotonic() < until:
            return zone
        with self._database.transaction(EVERY_SITE) as session:
            name = session.scalar(text("SELECT time_zone FROM sites WHERE id = :site"), {"site": site_id})
        zone = ZoneInfo(str(name))
        self._zones[site_id] = (time.monotonic() + ZONE_TRUST_SECONDS, zone)
        return zone


def _age_today(birth_date: date, zone: ZoneInfo) -> dict[str, Any]:
    today = datetime.now(zone).date()
    return {"age_band": age_band(birth_date, today).value, "age_now": age_on(birth_date, today)}


def _by_staff(actor: str, channel: str) -> bool:
    """Whether staff see to it: ours, or a site's own, whose system says so."""
    return actor.startswith("staff:") or (actor.startswith("site:") and channel in ("desk", "phone", "proxy"))


def _fresh_ids(count: int) -> list[str]:
    """Random UUIDs (version 4) with one call for randomness."""
    drawn = os.urandom(16 * count)
    return [str(UUID(bytes=drawn[16 * i : 16 * i + 16], version=4)) for i in range(count)]
