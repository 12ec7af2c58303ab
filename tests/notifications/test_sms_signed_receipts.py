"""Receipts of gateways are signed where a secret is set, and are about what that provider took."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from apiflask import APIFlask
from standardwebhooks import Webhook

from services.common.database import Database
from services.notifications.app import make_app
from services.notifications.operations.deliver import deliver_batch, make_postman
from services.notifications.operations.receipts import hear, hear_waiting
from services.notifications.settings import Settings
from services.notifications.sms import Receipt
from tests.notifications.sink import FaultySink
from tests.notifications.sms_stand_in import AliyunStandIn, GatewayStandIn
from tests.notifications.story import Story

Rows = Callable[..., list[Any]]
PHONE = "+8613800001234"
TOKEN = "r" * 32
NEW, OLD, FOREIGN = (f"whsec_{letter * 40}" for letter in "NOF")


@pytest.fixture
def both(settings: Settings, gateway: GatewayStandIn, aliyun: AliyunStandIn) -> Settings:
    given = {
        "sms_url": f"{gateway.url()},{aliyun.url}", "sms_templates": "confirmation=SMS_1(title)",
        "sms_receipts_token": TOKEN, "sms_receipts_secrets": f"{NEW},{OLD}",
    }  # fmt: skip
    return Settings(**settings.model_dump() | given)


@pytest.fixture
def sms_app(both: Settings, database: Database) -> APIFlask:
    return make_app(both)


def told(app: APIFlask, one: Any, secret: str | None, ago: timedelta = timedelta(0), path: str = TOKEN) -> int:
    """What a receipt of an SMS that was delivered is answered, signed as the public library does it."""
    body = json.dumps({"receipts": [{"id": one.id, "status": "delivered"}]})
    at, headers = datetime.now(UTC) - ago, {"Content-Type": "application/json"}
    if secret:
        headers |= {"webhook-id": "r-1", "webhook-timestamp": str(int(at.timestamp())),
                    "webhook-signature": Webhook(secret).sign("r-1", at, body)}  # fmt: skip
    return app.test_client().post(f"/v1/sms/receipts/{path}", data=body, headers=headers).status_code


@pytest.mark.parametrize("secret", [NEW, OLD])
def test_while_a_secret_is_exchanged_both_hold_and_without_one_nothing_is_heard(
    secret: str, story: Story, both: Settings, database: Database, gateway: GatewayStandIn, sms_app: APIFlask,
    rows: Rows,
) -> None:  # fmt: skip
    story.sign_up(story.opening(), None, phone=PHONE)
    deliver_batch(make_postman(both, database))
    (taken,) = gateway.taken
    for wrong in (None, FOREIGN):
        assert told(sms_app, taken, wrong) == 401
    assert told(sms_app, taken, secret, timedelta(minutes=6)) == 401, "somebody plays it again"
    assert told(sms_app, taken, secret, path="r" * 31) == 404, "the secret address is needed as well"
    assert rows("SELECT state FROM messages") == [("sent",)]
    assert told(sms_app, taken, secret, path=f"{TOKEN}/gateway") == 200
    assert rows("SELECT state FROM messages") == [("delivered",)]


def test_alibaba_cloud_cannot_sign_and_has_an_address_of_its_own(
    story: Story, both: Settings, database: Database, gateway: GatewayStandIn, aliyun: AliyunStandIn,
    sms_app: APIFlask, rows: Rows,
) -> None:  # fmt: skip
    gateway.faults = ["429"]
    story.sign_up(story.opening(), None, phone=PHONE)
    postman = make_postman(both, database)
    while deliver_batch(postman):
        pass
    report = [{"success": True, "biz_id": aliyun.taken[0].reference, "out_id": aliyun.taken[0].id}]
    answers = [sms_app.test_client().post(f"/v1/sms/receipts/{TOKEN}{path}", json=report).status_code
               for path in ("", "/other", "/aliyun")]  # fmt: skip
    assert answers == [401, 404, 200]
    assert rows("SELECT provider, outcome FROM deliveries ORDER BY id") == [("aliyun", "sent"), ("aliyun", "delivered")]


def test_two_providers_may_call_two_sms_the_same(
    story: Story, both: Settings, database: Database, gateway: GatewayStandIn, rows: Rows
) -> None:
    story.sign_up(story.opening(), None, phone=PHONE)
    deliver_batch(make_postman(both, database))
    (taken,) = gateway.taken
    hear(
        database, "aliyun", [Receipt(taken.reference, None, False, "absent"), Receipt(None, taken.id, False, "absent")]
    )
    assert rows("SELECT state FROM messages") == [("sent",)], "that is of another one, and this it never had"
    hear(database, "gateway", [Receipt(taken.reference, None, False, "absent")])
    assert rows("SELECT state FROM messages") == [("failed",)]


def test_delivered_is_believed_only_of_whom_it_was_handed_to(
    story: Story, both: Settings, database: Database, gateway: GatewayStandIn, sink: FaultySink, rows: Rows
) -> None:
    shift = story.opening()
    story.sign_up(shift, "wang@example.org")
    story.sign_up(shift, None, phone=PHONE)
    by_mail, by_sms = (row.id for row in rows("SELECT id FROM messages ORDER BY number"))
    for one in (by_mail, by_sms):
        hear(database, "gateway", [Receipt(None, f"{one.hex}-1", True, "")])
    while deliver_batch(make_postman(both, database)):
        pass
    assert len(sink.kept) == len(gateway.taken) == 1
    hear(database, "aliyun", [Receipt(None, f"{by_sms.hex}-1", True, "")])
    hear(database, "gateway", [Receipt(None, f"{by_sms.hex}-2", True, "")])
    assert hear_waiting(database) == 0
    assert rows("SELECT DISTINCT state FROM messages") == [("sent",)]
    hear(database, "gateway", [Receipt(None, f"{by_sms.hex}-1", True, "")])
    assert rows("SELECT id FROM messages WHERE state = 'delivered'") == [(by_sms,)]
