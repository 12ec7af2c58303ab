"""Who reads no mail gets an SMS, once, whatever the provider does."""

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import pytest

from services.common.database import Database
from services.notifications.channels import sms as sms_channel
from services.notifications.mail import servers
from services.notifications.operations import hand_over as handing
from services.notifications.operations.claims.news import claim
from services.notifications.operations.deliver import Postman, deliver_batch, make_postman
from services.notifications.operations.hand_over import forget_numbers, hand_over, key_of_number
from services.notifications.operations.lanes import Lane
from services.notifications.operations.messages import retry_message
from services.notifications.operations.providers import failing
from services.notifications.operations.upkeep import recover_abandoned
from services.notifications.settings import Settings
from services.notifications.sms import session
from tests.notifications.conftest import Contacts
from tests.notifications.sink import FaultySink
from tests.notifications.sms_stand_in import AliyunStandIn, GatewayStandIn, hurried
from tests.notifications.story import Story

Rows = Callable[..., list[Any]]
PHONE = "+8613800001234"
TEMPLATES = "confirmation=SMS_1(title,start,place,phone) cancellation=SMS_2(title,start) change=SMS_3(title,start)"


def with_sms(settings: Settings, database: Database, url: str) -> Postman:
    given = settings.model_dump() | {"sms_url": url, "sms_templates": TEMPLATES}
    return make_postman(Settings(**given), database)


@pytest.fixture
def by_aliyun(settings: Settings, database: Database, aliyun: AliyunStandIn) -> Postman:
    return with_sms(settings, database, aliyun.url)


def now_due(rows: Rows, passed: str = "0 seconds") -> None:
    """Let the back-off pass, and so much of the time since the hand-over."""
    rows("UPDATE messages SET next_attempt_at = now(), handed_at = handed_at - cast(:passed AS interval)"
         " WHERE state = 'pending'", passed=passed)  # fmt: skip


@pytest.fixture(autouse=True)
def no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """The waits between attempts are left out here."""
    monkeypatch.setattr(servers, "RESTS", (0.0,))
    monkeypatch.setattr(sms_channel, "RESTS_PER_WAIT", 0.0)


def test_one_that_takes_requests_and_does_not_answer_is_left_alone_for_a_while(
    story: Story, by_aliyun: Postman, aliyun: AliyunStandIn, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "RESTS", (3600.0,))
    shift = story.opening()
    for phone in (PHONE, "+8613800005678"):
        story.sign_up(shift, None, phone=phone)
    aliyun.faults = ["drop"]
    deliver_batch(by_aliyun)
    assert len(aliyun.taken) == 1, "the second waits, and was not tried"
    [fails] = failing(by_aliyun.database)
    assert (fails.name, fails.reason) == ("aliyun", "it does not answer")
    now_due(rows)
    deliver_batch(by_aliyun)
    assert aliyun.asked == 0
    assert [row.attempts for row in rows("SELECT attempts FROM messages ORDER BY number")] == [1, 0]


def test_it_is_left_alone_the_longer_the_longer_it_kept_us_waiting(
    story: Story, by_aliyun: Postman, aliyun: AliyunStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sms_channel, "RESTS_PER_WAIT", 3600.0)
    [channel] = by_aliyun.others
    for fault, rests in (("late", True), ("drop", False)):
        story.sign_up(story.opening(), None, phone=PHONE)
        aliyun.faults = [fault]
        began = time.monotonic()
        with hurried():
            deliver_batch(by_aliyun)
        assert (channel.rests_until - began > 600) == rests, fault  # type: ignore[attr-defined]
        channel.rests_until = 0.0  # type: ignore[attr-defined]


def test_who_has_a_phone_alone_gets_an_sms_and_the_row_says_by_what(
    story: Story, by_aliyun: Postman, aliyun: AliyunStandIn, sink: FaultySink, rows: Rows
) -> None:
    shift = story.opening()
    story.sign_up(shift, None, phone=PHONE)
    story.sign_up(shift, "li@example.org", phone="+8613800005678")
    story.sign_up(shift, None)
    assert deliver_batch(by_aliyun) == 3
    (taken,) = aliyun.taken
    assert [kept.recipient for kept in sink.kept] == ["li@example.org"]
    texted, mailed, neither = rows("SELECT * FROM messages ORDER BY number")
    assert (texted.state, texted.channel, texted.handed_at) == ("sent", "sms", None)
    assert taken.id == f"{texted.id.hex}-1"
    assert (mailed.state, mailed.channel) == ("sent", "mail")
    assert (neither.state, neither.channel) == ("no_contact", None)
    assert rows("SELECT outcome, channel, reference FROM deliveries ORDER BY message_id = :id DESC, id",
                id=texted.id)[0] == ("sent", "sms", taken.reference)  # fmt: skip


def test_the_phone_is_kept_nowhere(story: Story, by_aliyun: Postman, aliyun: AliyunStandIn, rows: Rows) -> None:
    aliyun.faults = ["isv.MOBILE_NUMBER_ILLEGAL"]
    story.sign_up(story.opening(), None, phone=PHONE)
    deliver_batch(by_aliyun)
    assert rows("SELECT state, error FROM messages") == [("failed", "isv.MOBILE_NUMBER_ILLEGAL 触发 …")]
    for table in ("messages", "deliveries", "receipts"):
        assert "13800001234" not in str(rows(f"SELECT * FROM {table}"))


def test_without_a_provider_all_is_as_before(story: Story, postman: Postman, rows: Rows) -> None:
    story.sign_up(story.opening(), None, phone=PHONE)
    deliver_batch(postman)
    assert rows("SELECT state, error FROM messages") == [("no_contact", "the person has no e-mail address")]


def test_a_kind_without_a_template_reaches_nobody_by_sms(
    story: Story, by_aliyun: Postman, aliyun: AliyunStandIn, rows: Rows
) -> None:
    story.wait(story.opening(), None, phone=PHONE)  # type: ignore[arg-type]
    deliver_batch(by_aliyun)
    assert rows("SELECT kind, state FROM messages") == [("waitlisted", "no_contact")]
    assert aliyun.taken == []


@pytest.mark.parametrize("fault", ["drop", "late"])
def test_an_sms_whose_answer_was_lost_is_asked_after_and_goes_out_once(
    fault: str, story: Story, by_aliyun: Postman, aliyun: AliyunStandIn, rows: Rows
) -> None:
    story.sign_up(story.opening(), None, phone=PHONE)
    aliyun.faults, aliyun.shows = [fault], False
    with hurried():
        deliver_batch(by_aliyun)
    for passed in ("30 seconds", "2 minutes"):
        now_due(rows, passed)
        deliver_batch(by_aliyun)
        assert rows("SELECT state, handed_at IS NULL FROM messages") == [("pending", False)]
    now_due(rows)
    assert aliyun.asked > 0
    aliyun.shows = True
    deliver_batch(by_aliyun)
    assert len(aliyun.taken) == 1
    assert rows("SELECT state, hand_over FROM messages") == [("sent", 1)]
    outcomes = [row.outcome for row in rows("SELECT outcome FROM deliveries ORDER BY id")]
    assert outcomes == ["unknown", "unknown", "unknown", "sent"]


def test_one_of_which_the_provider_never_heard_goes_out_after_all(
    story: Story, by_aliyun: Postman, aliyun: AliyunStandIn, rows: Rows
) -> None:
    story.sign_up(story.opening(), None, phone=PHONE)
    aliyun.faults = ["500"]
    deliver_batch(by_aliyun)
    now_due(rows, "11 minutes")
    deliver_batch(by_aliyun)
    (message,) = rows("SELECT * FROM messages")
    assert (message.state, [one.id for one in aliyun.taken]) == ("sent", [f"{message.id.hex}-1"])


def test_a_worker_that_dies_while_sending_leaves_an_sms_that_is_asked_after(
    story: Story, by_aliyun: Postman, aliyun: AliyunStandIn, rows: Rows
) -> None:
    facts = story.sign_up(story.opening(), None, phone=PHONE)
    (held,) = claim(by_aliyun.database, by_aliyun.domain, Lane.ANSWER)
    handed = hand_over(by_aliyun.database, held, "sms", "aliyun", key_of_number(by_aliyun.box, PHONE))
    assert handed is not None
    channel = by_aliyun.others[0]
    contact = by_aliyun.contacts.look_up([(facts["person_id"], facts["site_id"])]).popitem()[1]
    with session() as http:  # what the worker did before it died
        channel.provider.send(http, handed.id, channel.compose(held, contact).content)  # type: ignore[attr-defined]
    rows("UPDATE messages SET claimed_at = claimed_at - interval '2 hours'")
    assert recover_abandoned(by_aliyun.database) == 1
    deliver_batch(by_aliyun)
    assert len(aliyun.taken) == 1
    assert rows("SELECT state FROM messages") == [("sent",)]


def test_with_a_gateway_that_knows_no_key_it_ends_as_unknown_and_an_operator_may_put_it_back(
    story: Story, settings: Settings, database: Database, gateway: GatewayStandIn, rows: Rows
) -> None:
    by_gateway = with_sms(settings, database, gateway.url())
    story.sign_up(story.opening(), None, phone=PHONE)
    gateway.faults = ["drop"]
    deliver_batch(by_gateway)
    now_due(rows)
    deliver_batch(by_gateway)
    (message,) = rows("SELECT * FROM messages")
    assert (message.state, message.error.partition(":")[0], len(gateway.taken)) == ("failed", "unknown", 1)
    retry_message(database, "*", message.id)
    deliver_batch(by_gateway)
    assert [one.id for one in gateway.taken] == [f"{message.id.hex}-{number}" for number in (1, 2)]
    assert rows("SELECT state FROM messages") == [("sent",)]


def test_with_one_that_does_the_same_key_comes_again(
    story: Story, settings: Settings, database: Database, gateway: GatewayStandIn, rows: Rows
) -> None:
    by_gateway = with_sms(settings, database, gateway.url("repeats=safe"))
    story.sign_up(story.opening(), None, phone=PHONE)
    gateway.faults = ["late", "drop"]
    with hurried():
        deliver_batch(by_gateway)
    for _ in range(2):
        now_due(rows)
        deliver_batch(by_gateway)
    assert len(gateway.taken) == 1
    assert rows("SELECT state, attempts FROM messages") == [("sent", 3)]
    assert gateway.taken[0].told["text"].startswith("【赛马场站】报名成功：合唱排练，")


def test_when_the_provider_is_away_sms_wait_uncounted_and_mails_go(
    story: Story, by_aliyun: Postman, aliyun: AliyunStandIn, sink: FaultySink, rows: Rows
) -> None:
    shift = story.opening()
    for phone in (PHONE, "+8613800005678"):
        story.sign_up(shift, None, phone=phone)
    story.sign_up(shift, "li@example.org")
    aliyun.faults = ["isv.OUT_OF_SERVICE"]
    deliver_batch(by_aliyun)
    (fails,) = failing(by_aliyun.database)
    assert (fails.name, fails.reason) == ("aliyun", "the SMS provider says isv.OUT_OF_SERVICE")
    assert len(sink.kept) == 1
    waiting = rows("SELECT state, attempts, handed_at, error FROM messages WHERE channel IS DISTINCT FROM 'mail'")
    assert waiting == [("pending", 0, None, "the SMS provider says isv.OUT_OF_SERVICE")] * 2
    now_due(rows)
    deliver_batch(by_aliyun)
    assert len(aliyun.taken) == 2
    assert failing(by_aliyun.database) == []


def test_one_in_doubt_stays_so_while_the_provider_is_away_and_never_becomes_a_mail(
    story: Story, by_aliyun: Postman, aliyun: AliyunStandIn, contacts: Contacts, sink: FaultySink, rows: Rows
) -> None:
    facts = story.sign_up(story.opening(), None, phone=PHONE)
    aliyun.faults = ["drop"]
    deliver_batch(by_aliyun)
    contacts.people[str(facts["person_id"])]["email"] = "wang@example.org"
    channel = by_aliyun.others[0]
    away = dataclasses.replace(channel.provider, url="http://127.0.0.1:1")  # type: ignore[attr-defined]
    now_due(rows)
    deliver_batch(dataclasses.replace(by_aliyun, others=(dataclasses.replace(channel, provider=away),)))  # type: ignore[type-var]
    assert rows("SELECT state, handed_at IS NULL FROM messages") == [("pending", False)]
    now_due(rows)
    deliver_batch(by_aliyun)
    assert rows("SELECT state, channel FROM messages") == [("sent", "sms")]
    assert (len(aliyun.taken), sink.kept) == (1, [])


def test_one_in_doubt_does_not_go_to_another_number_since_it_may_be_with_the_old_one(
    story: Story, by_aliyun: Postman, aliyun: AliyunStandIn, contacts: Contacts, sink: FaultySink, rows: Rows
) -> None:
    facts = story.sign_up(story.opening(), None, phone=PHONE)
    aliyun.faults = ["drop"]
    deliver_batch(by_aliyun)
    contacts.people[str(facts["person_id"])] |= {"phone": "+8613900001111", "email": "wang@example.org"}
    now_due(rows, "11 minutes")  # a number that never got one would be sent it again
    deliver_batch(by_aliyun)
    assert [(one.state, "another one by now" in one.error) for one in rows("SELECT state, error FROM messages")] == [
        ("failed", True)
    ]
    assert (len(aliyun.taken), sink.kept) == (1, [])


def test_a_limit_of_the_network_waits_with_growing_pauses(
    story: Story, by_aliyun: Postman, aliyun: AliyunStandIn, rows: Rows
) -> None:
    story.sign_up(story.opening(), None, phone=PHONE)
    aliyun.faults = ["isv.BUSINESS_LIMIT_CONTROL"] * 2
    for _ in range(3):
        deliver_batch(by_aliyun)
        now_due(rows)
    assert rows("SELECT state, attempts, hand_over FROM messages") == [("sent", 3, 3)]


def test_nobody_gets_more_than_so_many_a_day(
    story: Story, by_aliyun: Postman, aliyun: AliyunStandIn, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handing, "PER_DAY", 2)
    story.sign_up(story.opening(), None, phone=PHONE)
    for place in ("别处", "更远处", "最远处"):
        story.change_activity(place=place)
    for _ in range(4):
        deliver_batch(by_aliyun)
    assert len(aliyun.taken) == 3, "changes are counted by themselves"
    (message,) = rows("SELECT * FROM messages WHERE state = 'pending'")
    assert message.error == "held back: too many SMS to this person within a day"
    assert message.handed_at is None


def test_one_that_was_sent_again_is_asked_after_anew_before_it_goes_a_third_time(
    story: Story, by_aliyun: Postman, aliyun: AliyunStandIn, rows: Rows
) -> None:
    story.sign_up(story.opening(), None, phone=PHONE)
    aliyun.faults = ["500", "drop"]
    deliver_batch(by_aliyun)
    aliyun.shows = False  # its records take a while
    now_due(rows, "11 minutes")
    deliver_batch(by_aliyun)
    assert len(aliyun.taken) == 1, "it went again, and no answer came"
    for _ in range(2):
        now_due(rows)
        deliver_batch(by_aliyun)
    assert len(aliyun.taken) == 1
    aliyun.shows = True
    now_due(rows)
    deliver_batch(by_aliyun)
    assert rows("SELECT state FROM messages") == [("sent",)]


def test_a_number_gets_ten_a_day_under_whatever_names_and_none_abroad(
    story: Story, by_aliyun: Postman, aliyun: AliyunStandIn, rows: Rows
) -> None:
    shift = story.opening()
    for _ in range(12):
        story.sign_up(shift, None, phone=PHONE)
    story.sign_up(shift, None, phone="+12025550123")
    while deliver_batch(by_aliyun):
        pass
    assert {one.to for one in aliyun.taken} == {"13800001234"} and len(aliyun.taken) == 10
    states = dict(map(tuple, rows("SELECT state, count(*) FROM messages GROUP BY state")))
    assert states == {"sent": 10, "pending": 2, "no_contact": 1}
    rows("UPDATE messages SET sent_at = sent_at - interval '31 days'")
    assert forget_numbers(by_aliyun.database) == 10, "of those that wait it is still needed"
