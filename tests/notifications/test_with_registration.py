"""Against registration's real app: its feed tells what happened, its contacts say whom to write to."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import requests
from sqlalchemy import text
from werkzeug.serving import make_server

from deploy.local.servers import Postgres, create_databases
from services.common.database import EVERY_SITE, Database
from services.common.outbox import sequence_events
from services.notifications.handlers import make_subscriber
from services.notifications.handlers.clocks import follow_clocks
from services.notifications.operations.deliver import deliver_batch, make_postman
from services.notifications.operations.notices import fire_due_notices
from services.notifications.operations.receipts import hear
from services.notifications.operations.told import tell_whom_sms_reached
from services.notifications.settings import Settings
from services.notifications.sms import Receipt
from services.registration.app import make_app
from services.registration.settings import Settings as RegistrationSettings
from tests.conftest import NOTIFICATIONS_TOKEN, OPERATOR_KEY, PERSONAL_DATA_KEY, REPORTING_TOKEN, migrate
from tests.notifications.sink import FaultySink
from tests.notifications.sms_stand_in import AliyunStandIn

Rows = Callable[..., list[Any]]


class Registration:
    """Registration's app, served over HTTP on a database of its own."""

    def __init__(self, settings: RegistrationSettings) -> None:
        self.database = Database(settings.database_dsn)
        self._server = make_server("127.0.0.1", 0, make_app(settings), threaded=True)
        self.url = f"http://127.0.0.1:{self._server.port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def call(self, method: str, path: str, body: Any = None, key: str = OPERATOR_KEY) -> Any:
        headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": uuid4().hex}
        answer = requests.request(method, self.url + path, json=body, headers=headers, timeout=30)
        assert answer.ok, answer.text
        return answer.json()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self.database.engine.dispose()


def read_the_log(settings: Settings, database: Database) -> None:
    """All that registration told, with what the pump does of it."""
    make_subscriber(settings, database).catch_up_fully()
    while follow_clocks(database):
        pass


@pytest.fixture(scope="module")
def registration(postgres: Postgres, common_settings: Callable[[str], dict[str, str]]) -> Iterator[Registration]:
    url = create_databases(postgres.admin_url, {"registration": "beside"}, suffix="_beside")["registration"]
    migrate("registration", url)
    given: dict[str, Any] = common_settings("registration") | {
        "database_url": url, "personal_data_keys": PERSONAL_DATA_KEY, "blind_index_key": "A" * 43 + "=",
        "notifications_token": NOTIFICATIONS_TOKEN, "reporting_token": REPORTING_TOKEN,
    }  # fmt: skip
    served = Registration(RegistrationSettings(**given))
    yield served
    served.stop()


@dataclass
class Clinic:
    """A site with a shift of one place."""

    key: str
    shift: str


@pytest.fixture
def clinic(registration: Registration) -> Clinic:
    call = registration.call
    call("PUT", "/v1/areas/140000", {"parent": None, "level": "province", "name_zh": "山西省", "name_en": "Shanxi"})
    site = call("POST", "/v1/sites", {"area": "140000", "name_zh": "赛马场站", "name_en": "Saimachang"})["id"]
    key = call("POST", f"/v1/sites/{site}/keys", {"label": "test"})["key"]
    activity = call("POST", "/v1/activities", {"kind": "clinic", "title_zh": "义诊", "place": "一楼"}, key)["id"]
    starts_at = datetime.now(UTC) + timedelta(days=3)
    times = {"starts_at": starts_at.isoformat(), "ends_at": (starts_at + timedelta(hours=1)).isoformat()}
    shift = call("POST", f"/v1/activities/{activity}/shifts", times | {"capacity": 1}, key)["id"]
    call("POST", f"/v1/activities/{activity}/publish", None, key)
    return Clinic(key, shift)


@pytest.mark.usefixtures("database")
def test_from_sign_up_over_promotion_to_cancellation_everybody_hears_what_concerns_them(
    registration: Registration, clinic: Clinic, settings: Settings, sink: FaultySink, rows: Rows
) -> None:
    call, key, shift = registration.call, clinic.key, clinic.shift
    people = ({"name": "王小明", "email": "wang@example.org"},
              {"name": "Li Hua", "email": "li@example.org", "language": "en"})  # fmt: skip
    first, _ = (call("POST", f"/v1/shifts/{shift}/registrations", {"person": person}, key) for person in people)
    call("POST", f"/v1/registrations/{first['id']}/cancel", {}, key)
    while sequence_events(registration.database):
        pass

    beside = settings.model_copy(update={"registration_url": registration.url})
    database = Database(settings.database_dsn)
    read_the_log(beside, database)
    postman = make_postman(beside, database)
    while deliver_batch(postman):
        pass
    assert [kept.mail["Subject"].partition("：")[0] for kept in sink.to("wang@example.org")] == [
        "报名成功",
        "报名已取消",
    ]
    subjects = [kept.mail["Subject"].partition(":")[0] for kept in sink.to("li@example.org")]
    assert subjects == ["On the waiting list", "You now have a place"]
    assert len(rows("SELECT 1 FROM reminders WHERE state = 'pending'")) == 2
    assert rows("SELECT DISTINCT state FROM messages") == [("sent",)]
    database.engine.dispose()


@pytest.mark.usefixtures("database")
def test_staff_are_told_of_their_shift_and_reached_by_what_registration_says_of_them(
    registration: Registration, settings: Settings, sink: FaultySink, rows: Rows
) -> None:
    call = registration.call
    call("PUT", "/v1/areas/140100", {"parent": None, "level": "city", "name_zh": "太原市", "name_en": "Taiyuan"})
    site = call("POST", "/v1/sites", {"area": "140100", "name_zh": "职工新街", "name_en": "Zhigong Xinjie"})["id"]
    key = call("POST", f"/v1/sites/{site}/keys", {"label": "test"})["key"]
    staff = {"email": "duty@example.org", "name": "值班员", "grants": [{"role": "site_staff", "site_id": site}]}
    staff_id = call("POST", "/v1/staff", staff)["id"]
    rule = {"to": "staff", "minutes_before": 1440}
    body = {"kind": "clinic", "title_zh": "义诊", "place": "一楼", "reminder_minutes": [], "reminder_rules": [rule]}
    activity = call("POST", "/v1/activities", body, key)["id"]
    starts_at = datetime.now(UTC) + timedelta(days=3)
    times = {"starts_at": starts_at.isoformat(), "ends_at": (starts_at + timedelta(hours=1)).isoformat()}
    shift = call("POST", f"/v1/activities/{activity}/shifts", times | {"capacity": 1}, key)["id"]
    call("POST", f"/v1/activities/{activity}/publish", None, key)
    with registration.database.transaction(EVERY_SITE) as session:  # as if they had come by the link of their mail
        session.execute(text("UPDATE staff SET password = 'x' WHERE id = :id"), {"id": staff_id})
    while sequence_events(registration.database):
        pass

    beside = settings.model_copy(update={"registration_url": registration.url})
    database = Database(settings.database_dsn)
    read_the_log(beside, database)
    postman = make_postman(beside, database)
    rows("UPDATE sites SET quiet_from = '00:00', quiet_until = '00:00'")  # whatever the time is
    rows("UPDATE notices SET due_at = now()")
    assert fire_due_notices(database, postman.contacts) == 1
    while deliver_batch(postman):
        pass
    [mail] = [kept.mail for kept in sink.to("duty@example.org") if "工作提醒" in kept.mail["Subject"]]
    assert f"/staff/shifts/{shift}" in mail.get_body(("plain",)).get_content()
    assert "值班员，您好：" in mail.get_body(("plain",)).get_content()


def test_whom_an_sms_reaches_is_called_no_more_until_it_turns_out_that_it_did_not(
    registration: Registration, clinic: Clinic, settings: Settings, aliyun: AliyunStandIn
) -> None:
    call, key = registration.call, clinic.key
    place = f"/v1/shifts/{clinic.shift}/registrations"
    holder = call("POST", place, {"person": {"name": "王小明", "email": "wang2@example.org"}}, key)
    waiting = call("POST", place, {"person": {"name": "赵奶奶", "phone": "+8613800007777"}}, key)
    call("POST", f"/v1/registrations/{holder['id']}/cancel", {}, key)

    def calls() -> list[str]:
        return [one["registration_id"] for one in call("GET", "/v1/calls", None, key)["items"]]

    assert calls() == [waiting["id"]]
    while sequence_events(registration.database):
        pass
    given = {"registration_url": registration.url, "sms_url": aliyun.url,
             "sms_templates": "waitlisted=SMS_1(title,start) promotion=SMS_2(title,start)"}  # fmt: skip
    beside = Settings(**settings.model_dump() | given)
    database = Database(settings.database_dsn)
    read_the_log(beside, database)
    postman = make_postman(beside, database)
    while deliver_batch(postman):
        pass
    assert [one.told["TemplateCode"] for one in aliyun.to("13800007777")] == ["SMS_1", "SMS_2"]
    tell_whom_sms_reached(database, postman.contacts)
    assert calls() == []
    hear(database, "aliyun", [Receipt(None, aliyun.to("13800007777")[1].id, False, "phone off")])
    tell_whom_sms_reached(database, postman.contacts)
    assert calls() == [waiting["id"]]
    database.engine.dispose()
