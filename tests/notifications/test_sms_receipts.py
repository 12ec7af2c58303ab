"""Receipts: heard once, in whatever order, and before the send is recorded; and registration hears whom SMS reached."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from apiflask import APIFlask

from services.common.database import EVERY_SITE, Database
from services.notifications.app import make_app
from services.notifications.contacts import ContactBook
from services.notifications.operations.claims import Result, record
from services.notifications.operations.claims.news import claim
from services.notifications.operations.deliver import Postman, deliver_batch, make_postman
from services.notifications.operations.hand_over import hand_over
from services.notifications.operations.lanes import Lane
from services.notifications.operations.messages import retry_message
from services.notifications.operations.receipts import forget_receipts, hear, hear_waiting
from services.notifications.operations.told import tell_whom_sms_reached
from services.notifications.settings import Settings
from services.notifications.sms import Receipt
from tests.conftest import NOTIFICATIONS_TOKEN
from tests.notifications.conftest import Contacts
from tests.notifications.sms_stand_in import AliyunStandIn
from tests.notifications.story import Story

Rows = Callable[..., list[Any]]
PHONE = "+8613800001234"
TOKEN = "r" * 32


@pytest.fixture
def by_sms(settings: Settings, aliyun: AliyunStandIn) -> Settings:
    given = {
        "sms_url": aliyun.url,
        "sms_templates": "confirmation=SMS_1(title,start) cancellation=SMS_2(title,start)",
        "sms_receipts_token": TOKEN,
    }
    return Settings(**settings.model_dump() | given)


@pytest.fixture
def sender(by_sms: Settings, database: Database) -> Postman:
    return make_postman(by_sms, database)


@pytest.fixture
def sms_app(by_sms: Settings, database: Database) -> APIFlask:
    return make_app(by_sms)


@pytest.fixture
def book(contacts: Contacts) -> ContactBook:
    return ContactBook(contacts.url, NOTIFICATIONS_TOKEN)


def state(rows: Rows) -> str:
    (row,) = rows("SELECT state FROM messages")
    return str(row.state)


def outcomes(rows: Rows) -> list[str]:
    return [row.outcome for row in rows("SELECT outcome FROM deliveries ORDER BY id")]


def report(one: Any, success: bool = True, **other: Any) -> dict[str, Any]:
    """As Alibaba Cloud pushes it."""
    told = {
        "phone_number": one.to, "send_time": "2026-12-01 09:00:00", "report_time": "2026-12-01 09:00:07",
        "success": success, "err_code": "DELIVERED" if success else "SPACE_FULL", "err_msg": f"{one.to} 用户",
        "sms_size": "1", "biz_id": one.reference, "out_id": one.id,
    }  # fmt: skip
    return told | other


def test_a_report_that_is_pushed_twice_makes_the_message_delivered_once(
    story: Story, sender: Postman, aliyun: AliyunStandIn, sms_app: APIFlask, rows: Rows
) -> None:
    story.sign_up(story.opening(), None, phone=PHONE)
    deliver_batch(sender)
    for _ in range(2):
        answer = sms_app.test_client().post(f"/v1/sms/receipts/{TOKEN}", json=[report(aliyun.taken[0])])
        assert (answer.status_code, answer.get_json()) == (200, {"code": 0, "msg": "OK"})
    assert state(rows) == "delivered"
    assert outcomes(rows) == ["sent", "delivered"]
    assert "13800001234" not in str(rows("SELECT * FROM receipts"))


def test_without_the_token_nothing_is_heard(
    story: Story, sender: Postman, aliyun: AliyunStandIn, sms_app: APIFlask, app: APIFlask, rows: Rows
) -> None:
    story.sign_up(story.opening(), None, phone=PHONE)
    deliver_batch(sender)
    told = [report(aliyun.taken[0])]
    assert sms_app.test_client().post("/v1/sms/receipts/guessed", json=told).status_code == 404
    assert app.test_client().post(f"/v1/sms/receipts/{TOKEN}", json=told).status_code == 404
    assert state(rows) == "sent"


@pytest.mark.parametrize("body", [None, {}, [{}], [{"success": "perhaps", "biz_id": "13800001234"}], "x", [None]])
def test_what_is_no_receipt_is_refused_without_repeating_it(body: Any, sms_app: APIFlask) -> None:
    answer = sms_app.test_client().post(f"/v1/sms/receipts/{TOKEN}", json=body)
    assert answer.status_code == 422
    assert "13800001234" not in answer.get_data(as_text=True)


def test_a_failure_is_told_with_its_reason_and_may_be_put_back(
    story: Story, sender: Postman, aliyun: AliyunStandIn, sms_app: APIFlask, database: Database, rows: Rows
) -> None:
    story.sign_up(story.opening(), None, phone=PHONE)
    deliver_batch(sender)
    sms_app.test_client().post(f"/v1/sms/receipts/{TOKEN}", json=[report(aliyun.taken[0], success=False)])
    (message,) = rows("SELECT * FROM messages")
    assert (message.state, message.error) == ("failed", "not delivered: SPACE_FULL … 用户")
    retry_message(database, EVERY_SITE, message.id)
    deliver_batch(sender)
    assert state(rows) == "sent"
    # the first one's failure comes once more, late: it says nothing of the second
    hear(database, "aliyun", [Receipt("late", aliyun.taken[0].id, False, "SPACE_FULL")])
    assert state(rows) == "sent"


@pytest.mark.parametrize("order", [(True, False), (False, True)])
def test_in_whatever_order_delivered_is_the_last_word(
    order: tuple[bool, ...], story: Story, sender: Postman, aliyun: AliyunStandIn, database: Database, rows: Rows
) -> None:
    story.sign_up(story.opening(), None, phone=PHONE)
    deliver_batch(sender)
    for delivered in order:
        hear(database, "aliyun", [Receipt(aliyun.taken[0].reference, aliyun.taken[0].id, delivered, "X")])
    assert state(rows) == "delivered"


@pytest.mark.parametrize("by", ["id", "reference"])
def test_a_receipt_that_comes_before_the_send_is_recorded_waits_for_it(
    by: str, story: Story, sender: Postman, database: Database, rows: Rows
) -> None:
    story.sign_up(story.opening(), None, phone=PHONE)
    (held,) = claim(database, sender.domain, Lane.ANSWER)
    handed = hand_over(database, held, "sms", "aliyun", b"key")
    assert handed is not None
    early = Receipt(None, handed.id, True, "") if by == "id" else Receipt("biz-1", None, True, "")
    hear(database, "aliyun", [early])
    assert hear_waiting(database) == 0
    assert state(rows) == "sending"
    assert record(database, held, Result("sent", "sent", "OK", "sms", "biz-1", "aliyun"))
    assert hear_waiting(database) == 1
    assert (state(rows), hear_waiting(database)) == ("delivered", 0)


def test_a_receipt_settles_what_no_answer_came_of(
    story: Story, sender: Postman, aliyun: AliyunStandIn, database: Database, rows: Rows
) -> None:
    story.sign_up(story.opening(), None, phone=PHONE)
    aliyun.faults = ["drop"]
    deliver_batch(sender)
    hear(database, "aliyun", [Receipt("biz-1", aliyun.taken[0].id, True, "")])
    assert state(rows) == "delivered"
    rows("UPDATE messages SET next_attempt_at = now()")
    assert deliver_batch(sender) == 0


def test_receipts_of_others_and_of_nothing_are_not_kept_for_long(database: Database, rows: Rows) -> None:
    hear(database, "aliyun", [Receipt("1", "another-system's", True, ""), Receipt("2", f"{uuid4().hex}-1", True, "")])
    assert [row.reference for row in rows("SELECT reference FROM receipts")] == ["2"]
    assert (hear_waiting(database), forget_receipts(database)) == (0, 0)
    rows("UPDATE receipts SET received_at = now() - interval '4 days'")
    assert forget_receipts(database) == 1


def test_registration_hears_whom_sms_reached_and_that_it_did_not_after_all(
    story: Story, sender: Postman, aliyun: AliyunStandIn, database: Database, contacts: Contacts, book: ContactBook,
    rows: Rows
) -> None:  # fmt: skip
    shift = story.opening()
    facts = story.sign_up(shift, None, phone=PHONE)
    story.sign_up(shift, "reads@example.org")  # of whom nothing is said
    deliver_batch(sender)
    contacts.failing = True
    assert tell_whom_sms_reached(database, book) == 0
    contacts.failing = False
    assert (tell_whom_sms_reached(database, book), tell_whom_sms_reached(database, book)) == (1, 0)
    hear(database, "aliyun", [Receipt(None, aliyun.taken[0].id, False, "X")])
    assert (tell_whom_sms_reached(database, book), tell_whom_sms_reached(database, book)) == (1, 0)
    (caused_at,) = {row.caused_at for row in rows("SELECT caused_at FROM messages WHERE channel = 'sms'")}
    told = {"registration_id": str(facts["registration_id"]), "caused_at": caused_at}
    assert [one | {"caused_at": caused_at} for one in contacts.told] == [
        told | {"reached": True, "by_mail": False},
        told | {"reached": False, "by_mail": False},
    ]


def test_it_hears_of_whom_neither_reaches_too(
    story: Story, sender: Postman, database: Database, contacts: Contacts, book: ContactBook
) -> None:
    story.sign_up(story.opening(), None)
    deliver_batch(sender)
    assert tell_whom_sms_reached(database, book) == 1
    assert [one["reached"] for one in contacts.told] == [False]
