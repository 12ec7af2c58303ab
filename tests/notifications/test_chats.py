"""Groups are told by their bots what they asked for: tried again, never too often, without anybody's name."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from apprise.plugins.dingtalk import NotifyDingTalk
from apprise.plugins.feishu import NotifyFeishu
from apprise.plugins.wecombot import NotifyWeComBot

from services.common.database import Database
from services.common.errors import Problem
from services.notifications.channels import chat
from services.notifications.chat.addresses import read_address
from services.notifications.operations import chats
from services.notifications.operations.alarms import raise_alarms
from services.notifications.operations.claims.chats import PER_MINUTE
from services.notifications.operations.deliver import Postman, deliver_batch
from services.notifications.operations.digests import fire_due_digests
from services.notifications.operations.notices import fire_due_notices
from services.notifications.operations.providers import forget_providers, tell
from services.notifications.schemas.chats import ChatBody
from services.notifications.settings import Settings
from tests.notifications.bots import SECRET, Bots
from tests.notifications.conftest import Contacts
from tests.notifications.sink import FaultySink
from tests.notifications.story import Story
from tests.notifications.test_digests import a_day, due_now, shift_of
from tests.notifications.test_notices import TO_STAFF, employ, time_passes

Rows = Callable[..., list[Any]]
WECOM, DINGTALK, FEISHU = "693a91f6-7xxx-4bc4-97a0", "566cc69da782ec33", "9a8b7c6d-feed-4242-aaaa"
ADDRESSES = {
    WECOM: (f"https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={WECOM}", ""),
    DINGTALK: (f"https://oapi.dingtalk.com/robot/send?access_token={DINGTALK}", SECRET),
    FEISHU: (f"https://open.feishu.cn/open-apis/bot/v2/hook/{FEISHU}", ""),
}


GIVEN_UP = """
    INSERT INTO webhook_endpoints (site_id, url, description, types, secret, disabled_at, disabled_why, error)
    VALUES (:site, 'https://site.example', '', '{}', '', now(), 'failing', '503: busy')
"""


@pytest.fixture(scope="module")
def bots_server() -> Iterator[Bots]:
    server = Bots()
    yield server
    server.stop()


@pytest.fixture
def bots(bots_server: Bots, monkeypatch: pytest.MonkeyPatch) -> Bots:
    """The three services, where Apprise calls them."""
    bots_server.forget()
    here = bots_server.url
    monkeypatch.setattr(NotifyWeComBot, "notify_url", here + "/cgi-bin/webhook/send?key={key}")
    monkeypatch.setattr(NotifyDingTalk, "notify_url", here + "/robot/send?access_token={token}")
    monkeypatch.setattr(NotifyFeishu, "notify_url", here + "/open-apis/bot/v2/hook/{token}/")
    return bots_server


@pytest.fixture
def group(story: Story, settings: Settings, database: Database) -> Callable[..., UUID]:
    """Adds a group of the site."""

    def add(token: str, *topics: str, language: str = "zh") -> UUID:
        address, secret = ADDRESSES[token]
        body = ChatBody(name="值班群", address=address, secret=secret, topics=topics, language=language)
        with database.transaction(str(story.site_id)) as session:
            return chats.create_chat(session, settings.box(), story.site_id, body).id

    return add


def test_each_group_is_told_what_it_asked_for_in_its_language(
    story: Story, contacts: Contacts, postman: Postman, sink: FaultySink, bots: Bots, group: Callable[..., UUID],
    rows: Rows
) -> None:  # fmt: skip
    for groups, token in ((bots.wecom, WECOM), (bots.dingtalk, DINGTALK), (bots.feishu, FEISHU)):
        groups[token] = []
    group(WECOM, "digest", "notices")
    group(DINGTALK, "digest", language="en")
    group(FEISHU, "notices")
    employ(contacts, "staff@example.org")
    day = due_now(story, postman, rows)
    shift = shift_of(day, waitlisted=3)
    a_day(story, contacts, shift, *(shift_of(day, title_zh="很长的活动名称" * 10) for _ in range(30)))
    fire_due_digests(postman.database, postman.contacts)
    begins = story.opening(timedelta(hours=3), reminder_rules=[TO_STAFF])
    time_passes(rows, minutes=65)
    fire_due_notices(postman.database, postman.contacts)
    deliver_batch(postman)
    digest, notice = bots.wecom[WECOM]
    assert digest.startswith("【和声】明天的安排：赛马场站") and "报名 12/30，候补 3" in digest
    assert digest.endswith("…\nhttp://" + digest.rpartition("://")[2]) and len(digest.encode()) <= 2000
    assert notice.startswith("【和声】工作提醒：合唱排练") and notice.endswith(f"/staff/shifts/{begins}")
    assert bots.feishu[FEISHU] == [notice]
    [english] = bots.dingtalk[DINGTALK]
    assert english.startswith("【和声】Tomorrow at Saimachang") and "12 of 30 places taken, 3 waiting" in english
    assert len(sink.kept) == 2, "whoever works there gets mails as before"
    told = rows("SELECT state, messages.channel, deliveries.provider FROM messages"
                " JOIN deliveries ON message_id = messages.id WHERE chat_id IS NOT NULL ORDER BY number")  # fmt: skip
    assert {row.state for row in told} == {"sent"} and {row.channel for row in told} == {"chat"}
    assert sorted(row.provider for row in told) == ["dingtalk", "feishu", "wecom", "wecom"]


def test_without_staff_a_group_alone_is_told_and_nobody_twice(
    story: Story, contacts: Contacts, postman: Postman, bots: Bots, group: Callable[..., UUID], rows: Rows
) -> None:
    bots.wecom[WECOM] = []
    group(WECOM, "notices")
    story.opening(timedelta(hours=3), reminder_rules=[TO_STAFF])
    time_passes(rows, minutes=65)
    for _ in range(2):
        fire_due_notices(postman.database, postman.contacts)
        deliver_batch(postman)
        rows("UPDATE notices SET state = 'pending'")
    assert len(bots.wecom[WECOM]) == 1


@pytest.mark.parametrize(("fault", "reply"), [
    (500, "answered 500"), (429, "answered 429"), ("drop", "not accepted, or no answer"),
    ({"errcode": 45009, "errmsg": "api freq out of limit"}, "45009: api freq out of limit"),
])  # fmt: skip
def test_what_passes_is_tried_again(
    fault: Any, reply: str, postman: Postman, bots: Bots, group: Callable[..., UUID], story: Story, rows: Rows
) -> None:
    bots.wecom[WECOM] = []
    story.save_site()
    try_out(postman, story, group(WECOM, "hours"))
    bots.faults.append(fault)
    deliver_batch(postman)
    assert rows("SELECT state, error FROM messages") == [("pending", reply)] and bots.wecom[WECOM] == []
    rows("UPDATE messages SET next_attempt_at = now()")
    deliver_batch(postman)
    assert rows("SELECT state, error FROM messages") == [("sent", None)] and len(bots.wecom[WECOM]) == 1


def test_a_service_that_hangs_is_left_alone_and_the_others_are_not(
    postman: Postman, bots: Bots, group: Callable[..., UUID], story: Story, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NotifyWeComBot, "socket_read_timeout", 0.2)
    monkeypatch.setattr(chat, "SLOW", 0.1)
    bots.wecom[WECOM], bots.feishu[FEISHU] = [], []
    story.save_site()
    slow, quick = group(WECOM, "hours"), group(FEISHU, "hours")
    for _ in range(3):
        try_out(postman, story, slow)
    try_out(postman, story, quick)
    bots.faults.append("hang")
    deliver_batch(postman)
    deliver_batch(postman)
    bots.goes_on.set()
    assert (bots.asked, len(bots.feishu[FEISHU])) == (2, 1)
    [_, *untried, _] = rows("SELECT state, attempts, error FROM messages ORDER BY number")
    assert untried == 2 * [("pending", 0, "waits: the service of its group is slow to answer")]
    postman.chat.resting.clear()
    rows("UPDATE messages SET next_attempt_at = now()")
    deliver_batch(postman)
    assert len(bots.wecom[WECOM]) == 3


def try_out(postman: Postman, story: Story, chat: UUID) -> UUID:
    with postman.database.transaction(str(story.site_id)) as session:
        return chats.send_test(session, chat)


def test_a_bot_that_is_gone_or_refuses_the_signature_has_failed_whatever_apprise_says(
    postman: Postman, bots: Bots, group: Callable[..., UUID], story: Story, rows: Rows
) -> None:
    story.save_site()
    try_out(postman, story, group(WECOM, "hours"))
    deliver_batch(postman)
    [message] = rows("SELECT state, error FROM messages")
    assert message.state == "failed" and message.error.startswith("93000: invalid webhook url")
    assert WECOM not in message.error, "what lets anybody write there is in nobody's log"


def test_so_many_a_minute_and_the_rest_waits(
    postman: Postman, bots: Bots, group: Callable[..., UUID], story: Story, rows: Rows
) -> None:
    bots.wecom[WECOM] = []
    story.save_site()
    chat = group(WECOM, "hours")
    for _ in range(2):
        rows("UPDATE alarms SET began_at = began_at - interval '2 hours'")
        for _ in range(10):
            try_out(postman, story, chat)
    for _ in range(2):
        deliver_batch(postman)
    assert len(bots.wecom[WECOM]) == PER_MINUTE
    waiting = rows("SELECT error, attempts FROM messages WHERE state = 'pending'")
    assert set(waiting) == {("waits: the group takes no more in a minute", 0)} and len(waiting) == 20 - PER_MINUTE
    rows("UPDATE messages SET next_attempt_at = now(), sent_at = sent_at - interval '1 minute'")
    deliver_batch(postman)
    assert len(bots.wecom[WECOM]) == 20


def test_a_group_that_was_removed_is_told_nothing_more(
    postman: Postman, bots: Bots, group: Callable[..., UUID], story: Story, rows: Rows
) -> None:
    bots.wecom[WECOM] = []
    chat = group(WECOM, "hours")
    try_out(postman, story, chat)
    with postman.database.transaction(str(story.site_id)) as session:
        chats.remove_chat(session, chat)
    deliver_batch(postman)
    assert rows("SELECT state, error FROM messages") == [("suppressed", "the group was removed")]
    assert rows("SELECT address FROM chats") == [(None,)] and bots.asked == 0


@pytest.mark.parametrize(("url", "secret", "field"), [
    ("https://qyapi.weixin.qq.com.evil.example/cgi-bin/webhook/send?key=aaaaaaaaaa", "", "address"),
    ("http://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=aaaaaaaaaa", "", "address"),
    ("json://10.0.0.1/", "", "address"), ("wecombot://aaaaaaaaaa/", "", "address"),
    ("https://qyapi.weixin.qq.com@10.0.0.1/cgi-bin/webhook/send?key=aaaaaaaaaa", "", "address"),
    ("https://open.feishu.cn/open-apis/bot/v2/hook/aaaaaaaaaa/../../..", "", "address"),
    (ADDRESSES[WECOM][0], SECRET, "secret"), (ADDRESSES[DINGTALK][0], "SEC a@10.0.0.1/", "secret"),
])  # fmt: skip
def test_sites_name_bots_of_these_services_and_nothing_else(url: str, secret: str, field: str) -> None:
    with pytest.raises(Problem) as refused:
        read_address(url, secret)
    assert [error.field for error in refused.value.errors] == [field] and url not in str(refused.value)


def test_operators_hear_that_registration_does_not_say_to_whom_messages_go(
    settings: Settings, postman: Postman, contacts: Contacts, story: Story, rows: Rows
) -> None:
    story.sign_up(story.opening())
    contacts.failing = True
    deliver_batch(postman)
    rows("UPDATE providers SET failing_since = now() - interval '3 minutes'")
    forget_providers(postman.database, settings)
    assert raise_alarms(postman.database) == 1, "though each try puts the message off, so that it is never late"
    assert rows("SELECT kind, subject, reason FROM alarms") == [
        ("provider", "registration", "registration answered 503")]  # fmt: skip
    contacts.failing = False
    rows("UPDATE messages SET next_attempt_at = now()")
    deliver_batch(postman)
    assert raise_alarms(postman.database) == 1
    assert rows("SELECT 1 FROM alarms WHERE ended_at IS NULL") == []


def test_operators_hear_once_when_something_begins_and_once_when_it_is_over(
    settings: Settings, postman: Postman, bots: Bots, rows: Rows, story: Story
) -> None:
    bots.wecom[WECOM] = []
    for _ in range(2):
        chats.keep_operators_chats(postman.database, settings.box(), f"wecombot://{WECOM}/")
    assert len(rows("SELECT 1 FROM chats")) == 1

    def look() -> list[str]:
        for _ in range(2):
            raise_alarms(postman.database)
            deliver_batch(postman)
        told, bots.wecom[WECOM] = bots.wecom[WECOM], []
        return told

    tell(postman.database, "sms:aliyun", "it does not answer")
    assert look() == [], "a server that is restarted is no alarm"
    rows("UPDATE providers SET failing_since = now() - interval '3 minutes'")
    [said] = look()
    assert said.startswith("【和声】发不出去：sms:aliyun。原因：it does not answer（")
    tell(postman.database, "sms:aliyun", None)
    [said] = look()
    assert said.startswith("【和声】恢复发送：sms:aliyun。（")
    shift = story.opening(timedelta(days=3))
    story.sign_up(shift)
    rows("UPDATE messages SET next_attempt_at = now() - interval '10 minutes' WHERE kind = 'confirmation'")
    rows("UPDATE cursors SET halted = 'the log has another epoch'")
    raise_alarms(postman.database)
    assert sorted(row.kind for row in rows("SELECT kind FROM alarms WHERE ended_at IS NULL")) == ["halted", "late"]
    chats.keep_operators_chats(postman.database, settings.box(), "")
    raise_alarms(postman.database)
    assert rows("SELECT state FROM messages WHERE kind = 'alarm' AND state = 'pending'") == []


def test_a_site_hears_of_its_own_webhook_that_was_given_up(
    settings: Settings, postman: Postman, bots: Bots, group: Callable[..., UUID], story: Story, rows: Rows
) -> None:
    bots.wecom[WECOM], bots.feishu[FEISHU] = [], []
    story.save_site()
    group(WECOM, "webhooks")
    group(FEISHU, "digest")
    for site in (story.site_id, uuid4()):
        rows(GIVEN_UP, site=site)
    raise_alarms(postman.database)
    deliver_batch(postman)
    [said] = bots.wecom[WECOM]
    assert "事件推送已自动停用" in said and "503: busy" in said and bots.feishu[FEISHU] == []


def test_a_missing_key_counts_no_attempt(
    postman: Postman, bots: Bots, group: Callable[..., UUID], story: Story, rows: Rows
) -> None:
    story.save_site()
    try_out(postman, story, group(WECOM, "hours"))
    rows("UPDATE chats SET address = 'nonsense'")
    deliver_batch(postman)
    [message] = rows("SELECT state, attempts, error FROM messages")
    assert (message.state, message.attempts) == ("pending", 0) and "a key is missing" in message.error
