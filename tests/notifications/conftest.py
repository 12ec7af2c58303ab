"""The notifications service with a real database, a real mail server that can misbehave, and real HTTP for contacts."""

import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from apiflask import APIFlask
from flask import Flask, abort, jsonify, request
from sqlalchemy import text
from werkzeug.serving import make_server

from services.common.database import EVERY_SITE, Database
from services.notifications.app import make_app
from services.notifications.operations.deliver import Postman, make_postman
from services.notifications.settings import Settings
from tests.conftest import NOTIFICATIONS_TOKEN, PERSONAL_DATA_KEY
from tests.notifications.sink import FaultySink
from tests.notifications.sms_stand_in import AliyunStandIn, GatewayStandIn
from tests.notifications.story import Story

TABLES = ("deliveries", "messages", "announcements", "digests", "digest_times", "digest_refusals",
          "alarms", "chats", "notices", "reminders", "moments", "registrations", "shifts", "activities",
          "sites", "site_keys", "cursors", "applied", "parked", "erasures", "idempotency_keys", "providers",
          "receipts", "replies", "webhook_endpoints", "templates", "clock_changes",
          "calendar_feeds", "preferences", "merges", "suppressions", "mail_receipts")  # fmt: skip


class Contacts:
    """Registration's `POST /internal/…`: what it knows is set, `failing` makes it answer 503."""

    def __init__(self) -> None:
        self.people: dict[str, dict[str, Any]] = {}
        self.links: dict[str, dict[str, Any]] = {}
        self.sessions: dict[str, dict[str, Any]] = {}
        self.staff: dict[str, dict[str, Any]] = {}
        self.invited: dict[str, str] = {}
        """Staff by ids, and the actors who invited them."""
        self.days: dict[str, dict[str, Any]] = {}
        self.reached: dict[str, list[str]] = {}
        self.merged: dict[str, list[str]] = {}
        """Who was merged into whom, as registration knows it."""
        self.logged_out: dict[str, datetime] = {}
        """Who logged out everywhere, and when."""
        self.leaders: list[str] = []
        self.unrecorded = True
        self.failing = False
        self.objection: str | None = None
        self.uncounted: dict[str, Any] | None = None
        """What questions have in them that are not answered."""
        self.refusals: list[int] = []
        """How many each count was told of."""
        self.areas: list[dict[str, str]] = []
        self.asked: list[int] = []
        self.told: list[dict[str, Any]] = []
        app = Flask("contacts")
        app.post("/internal/contacts")(self._answer)
        app.post("/internal/links")(self._answer_links)
        app.post("/internal/sessions")(self._answer_sessions)
        app.post("/internal/notices")(self._answer_notices)
        app.post("/internal/staff")(self._answer_staff)
        app.post("/internal/digest")(self._answer_digest)
        app.post("/internal/reach")(self._answer_reach)
        app.post("/internal/told")(self._hear_told)
        app.post("/internal/audience")(self._answer_audience)
        app.post("/internal/audience/count")(self._answer_count)
        app.post("/internal/audience/colleagues")(self._answer_colleagues)
        app.post("/internal/audience/choices")(self._answer_choices)
        self._server = make_server("127.0.0.1", 0, app, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _answer(self) -> Any:
        if request.headers["Authorization"] != f"Bearer {NOTIFICATIONS_TOKEN}":
            abort(401)
        if self.failing:
            abort(503)
        wanted = request.get_json()["people"]
        self.asked.append(len(wanted))
        return jsonify(
            contacts=[self.people[one["person_id"]] | one for one in wanted if one["person_id"] in self.people]
        )

    def _answer_links(self) -> Any:
        if self.failing:
            abort(503)
        return jsonify(links=[self.links[one] for one in request.get_json()["links"] if one in self.links])

    def _answer_sessions(self) -> Any:
        cookies = request.get_json()
        return jsonify(principal=self.sessions.get(cookies["staff"] or cookies["resident"]))

    def _answer_reach(self) -> Any:
        if self.failing:
            abort(503)
        person = request.get_json()["person_id"]
        since, ended = request.get_json().get("since"), self.logged_out.get(person)
        if since and ended and datetime.fromisoformat(since) <= ended:
            return jsonify(person_id=person, persons=[person], sites=[])
        everybody = [person, *self.merged.get(person, [])]
        return jsonify(person_id=person, persons=everybody, sites=self.reached.get(person, []))

    def _answer_notices(self) -> Any:
        if self.failing:
            abort(503)
        return jsonify(notices=[one | self._whom(one["kind"]) for one in request.get_json()["notices"]])

    def _whom(self, kind: str) -> dict[str, Any]:
        needed = self.unrecorded if kind.startswith("hours") else True
        leaders = self.leaders if kind == "leaders" else []
        return {"needed": needed, "people": leaders, "staff": [] if kind == "leaders" else list(self.staff)}

    def _answer_staff(self) -> Any:
        if self.failing:
            abort(503)
        return jsonify(staff=[self.staff[one] for one in request.get_json()["staff"] if one in self.staff])

    def _answer_audience(self) -> Any:
        """Everybody that is known, in the name of the site that is asked about."""
        if self.failing:
            abort(503)
        asked = request.get_json()
        found = [one for one in sorted(self.people) if one > (asked["after"] or "")][: asked["limit"]]
        people = [{"person_id": one, "site_id": asked.get("site_id") or str(uuid4())} for one in found]
        following = found[-1] if len(found) == asked["limit"] else None
        return jsonify(**self._named(asked), people=people, next=following)

    def _answer_count(self) -> Any:
        if self.failing:
            abort(503)
        asked = request.get_json()
        if self.uncounted and self.uncounted.items() <= asked.items():
            abort(503)
        self.refusals.append(sum(len(of) for told in (asked["no_mail"], asked["no_sms"]) for of in told.values()))
        people = {one for one in self.people if (asked["after"] or "") < one <= (asked["until"] or "g")}
        count, reading = len(people), {one for one in people if self.people[one]["email"]}
        refused = reading & {one for site in asked["no_mail"].values() for one in site}
        by_mail, unreached = len(reading - refused), count - len(reading)
        return jsonify(
            **self._named(asked), people=count, by_mail=by_mail, by_phone=0, refused=len(refused), unreached=unreached
        )

    def _answer_colleagues(self) -> Any:
        if self.failing or (self.uncounted and self.uncounted.items() <= request.get_json().items()):
            abort(503)
        names = {f"staff:{one}": known["name"] for one, known in self.staff.items()}
        asked = request.get_json()
        makers = {f"staff:{made}": maker for made, maker in self.invited.items()}
        hands = {*asked["hands"], *(makers.get(one) for one in asked["hands"])}
        staff = {*self.staff, *([asked["asked_by"]] if asked["asked_by"] else [])}
        apart = [one for one in staff if f"staff:{one}" not in hands and self.invited.get(one) not in asked["hands"]]
        return jsonify(staff=sorted(apart), names=names)

    def _named(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {"name_zh": "赛马场站", "name_en": "Saimachang", "objection": self.objection}

    def _answer_choices(self) -> Any:
        return jsonify(teams=[], areas=self.areas)

    def _answer_digest(self) -> Any:
        if self.failing:
            abort(503)
        wanted = [one for one in request.get_json()["digests"] if one["site_id"] in self.days]
        return jsonify(digests=[self.days[one["site_id"]] | one | {"staff": list(self.staff)} for one in wanted])

    def _hear_told(self) -> Any:
        if self.failing:
            abort(503)
        self.told += request.get_json()["told"]
        return jsonify(heard=len(request.get_json()["told"]))

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="session")
def contacts_server() -> Iterator[Contacts]:
    server = Contacts()
    yield server
    server.stop()


@pytest.fixture
def contacts(contacts_server: Contacts) -> Contacts:
    contacts_server.people.clear()
    contacts_server.links.clear()
    contacts_server.sessions.clear()
    contacts_server.staff.clear()
    contacts_server.days.clear()
    contacts_server.reached.clear()
    contacts_server.merged.clear()
    contacts_server.logged_out.clear()
    contacts_server.leaders.clear()
    contacts_server.unrecorded = True
    contacts_server.asked.clear()
    contacts_server.told.clear()
    contacts_server.failing = False
    contacts_server.objection = None
    contacts_server.uncounted = None
    contacts_server.refusals.clear()
    contacts_server.areas = []
    return contacts_server


@pytest.fixture(scope="session")
def sink_server() -> Iterator[FaultySink]:
    server = FaultySink()
    yield server
    server.stop()


@pytest.fixture
def sink(sink_server: FaultySink) -> FaultySink:
    sink_server.forget()
    return sink_server


@pytest.fixture(scope="session")
def aliyun_server() -> Iterator[AliyunStandIn]:
    server = AliyunStandIn()
    yield server
    server.stop()


@pytest.fixture
def aliyun(aliyun_server: AliyunStandIn) -> AliyunStandIn:
    aliyun_server.forget()
    return aliyun_server


@pytest.fixture(scope="session")
def gateway_server() -> Iterator[GatewayStandIn]:
    server = GatewayStandIn()
    yield server
    server.stop()


@pytest.fixture
def gateway(gateway_server: GatewayStandIn) -> GatewayStandIn:
    gateway_server.forget()
    return gateway_server


@pytest.fixture
def settings(common_settings: Callable[[str], dict[str, str]], contacts: Contacts, sink: FaultySink) -> Settings:
    given: dict[str, Any] = common_settings("notifications") | {
        "registration_url": contacts.url,
        "notifications_token": NOTIFICATIONS_TOKEN,
        "notifications_keys": PERSONAL_DATA_KEY,
        "smtp_url": sink.url,
        "mail_from": "Hesheng <hesheng@hesheng.example>",
        "mail_domain": "hesheng.example",
        "webhooks_loopback": True,
    }
    return Settings(**given)


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    database = Database(settings.database_dsn)
    with database.transaction(EVERY_SITE) as session:
        session.execute(text("; ".join(f"DELETE FROM {table}" for table in TABLES)))
    yield database
    database.engine.dispose()


@pytest.fixture
def postman(settings: Settings, database: Database) -> Postman:
    return make_postman(settings, database)


@pytest.fixture
def app(settings: Settings, database: Database) -> APIFlask:
    return make_app(settings)


@pytest.fixture
def story(settings: Settings, database: Database, contacts: Contacts) -> Story:
    """Tells the service what happens, as registration would."""
    return Story(settings, database, contacts.people)


@pytest.fixture
def rows(database: Database) -> Callable[..., list[Any]]:
    """Runs a query across all sites."""

    def query(statement: str, **values: Any) -> list[Any]:
        with database.transaction(EVERY_SITE) as session:
            done = session.execute(text(statement), values)
            return list(done) if done.returns_rows else []

    return query
