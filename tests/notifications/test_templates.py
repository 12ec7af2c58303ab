"""Words that a site or the operator puts in place of the built-in ones: whose count, what goes out, who may change
them, what is kept."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from apiflask import APIFlask
from sqlalchemy import event

from services.common import events
from services.common.auth import new_site_key
from services.common.database import Database
from services.notifications.operations.claims.news import claim
from services.notifications.operations.deliver import Postman, deliver_batch
from services.notifications.operations.lanes import Lane
from tests.conftest import OPERATOR_KEY
from tests.notifications.conftest import Contacts
from tests.notifications.sink import FaultySink
from tests.notifications.story import Story
from tests.notifications.test_links import issue

Rows = Callable[..., list[Any]]
Call = Callable[..., Any]
MAIL = "/v1/templates/confirmation/mail/zh"
OWN = {"subject": "欢迎：{{活动}}", "text": "{{姓名}}，我们等您来。", "note": "[[有事请打{{站点电话}}。]]"}


@pytest.fixture
def call(app: APIFlask) -> Call:
    client = app.test_client()

    def send(method: str, path: str, body: Any = None, key: str = OPERATOR_KEY, version: int | None = None) -> Any:
        headers = {"Authorization": f"Bearer {key}", "Accept-Language": "en"}
        headers |= {"If-Match": f'"{version}"'} if version is not None else {}
        return client.open(path, method=method, json=body, headers=headers)

    return send


@pytest.fixture
def site_key(story: Story) -> str:
    key, _, digest = new_site_key()
    story.tell(events.SiteKeyIssued(key_id=uuid4(), site_id=story.site_id, sha256=digest))
    return key


def sent(postman: Postman, sink: FaultySink) -> list[Any]:
    while deliver_batch(postman):
        pass
    return [kept.mail for kept in sink.kept]


def plain_text(mail: Any) -> str:
    return str(mail.get_body(("plain",)).get_content()).replace("\r\n", "\n")


def test_a_sites_words_count_before_the_operators_and_these_before_the_built_in_ones(
    story: Story, call: Call, site_key: str, postman: Postman, sink: FaultySink, rows: Rows
) -> None:
    shift = story.opening()
    story.sign_up(shift, "a@example.org")
    assert call("PUT", MAIL, OWN | {"subject": "各站：{{活动}}"}, version=0).json["origin"] == "every_site"
    sent(postman, sink)
    story.sign_up(shift, "b@example.org")
    sent(postman, sink)
    assert call("PUT", MAIL, OWN, site_key, version=0).json["origin"] == "site"
    for email, language in (("c@example.org", "zh-CN"), ("d@example.org", "en")):
        story.sign_up(shift, email, language=language)
    mails = sent(postman, sink)
    assert [mail["Subject"].partition("：")[0].partition(":")[0] for mail in mails] == [
        "各站", "各站", "欢迎", "You have a place"]  # fmt: skip
    told = plain_text(mails[2])
    assert "王小明，您好：" in told and "王小明，我们等您来。" in told and "地点：赛马场" in told and "有事" not in told
    made = rows("SELECT t.site_id, m.template_version FROM messages AS m LEFT JOIN templates AS t"
                " ON t.id = m.template_id ORDER BY m.number")  # fmt: skip
    assert made == [(None, 1), (None, 1), (story.site_id, 1), (None, 0)]


def test_every_save_is_a_version_and_earlier_ones_are_taken_up_again(
    story: Story, call: Call, site_key: str, rows: Rows
) -> None:
    first = call("GET", MAIL, key=site_key)
    assert (first.headers["ETag"], first.json["origin"], first.json["version"]) == ('"0"', "built_in", 0)
    assert first.json["text"] == "您已报名成功，名额已为您保留。"
    assert call("PUT", MAIL, OWN, site_key).status_code == 428
    call("PUT", MAIL, OWN, site_key, version=0)
    assert call("PUT", MAIL, OWN, site_key, version=0).status_code == 412
    second = call("PUT", MAIL, OWN | {"text": "第二版"}, site_key, version=1)
    assert (second.headers["ETag"], second.json["text"]) == ('"2"', "第二版")
    third = call("POST", f"{MAIL}/versions/1/take-up", key=site_key, version=2)
    assert (third.json["version"], third.json["text"]) == (3, OWN["text"])
    back = call("POST", f"{MAIL}/versions/0/take-up", key=site_key, version=3).json
    assert (back["version"], back["origin"]) == (4, "built_in")
    kept = call("GET", f"{MAIL}/versions", key=site_key).json["items"]
    assert [(one["version"], one["text"], one["taken_from"]) for one in kept] == [
        (4, None, 0), (3, OWN["text"], 1), (2, "第二版", None), (1, OWN["text"], None)]  # fmt: skip
    assert all(one["saved_by"].startswith("site:") for one in kept)
    assert call("POST", f"{MAIL}/versions/9/take-up", key=site_key, version=4).status_code == 404
    audit = rows("SELECT action, actor, site_id FROM audit_log WHERE kind = 'templates' ORDER BY id DESC LIMIT 4")
    assert {(one.action, one.actor.split(":")[0], one.site_id) for one in audit} == {("insert", "site", story.site_id)}


def test_wrong_words_are_refused_at_their_fields_and_nothing_is_kept(call: Call, site_key: str, rows: Rows) -> None:
    answer = call("PUT", MAIL, {"subject": "{{活动名}}", "text": "{{"}, site_key, version=0)
    assert (answer.status_code, {one["field"] for one in answer.json["errors"]}) == (422, {"subject", "text"})
    assert "Did you mean {{活动}}?" in answer.json["errors"][0]["message"]
    assert call("PUT", "/v1/templates/password_reset/mail/zh", OWN, version=0).status_code == 403
    for path in ("nothing/mail/zh", "hand_over/sms/zh", "reminder/mail/fr", "reminder/fax/zh"):
        assert call("PUT", f"/v1/templates/{path}", OWN, version=0).status_code == 404
    assert rows("SELECT * FROM templates") == []


def test_another_sites_words_are_not_seen(story: Story, call: Call, site_key: str) -> None:
    call("PUT", MAIL, OWN, site_key, version=0)
    story.site_id = uuid4()
    key, _, digest = new_site_key()
    story.tell(events.SiteKeyIssued(key_id=uuid4(), site_id=story.site_id, sha256=digest))
    assert call("GET", MAIL, key=key).json["origin"] == "built_in"
    assert call("GET", f"{MAIL}/versions", key=key).json["items"] == []
    kinds = {one["kind"]: one for one in call("GET", "/v1/templates", key=key).json["items"]}
    assert {place["origin"] for place in kinds["confirmation"]["templates"]} == {"built_in"}
    assert kinds["password_reset"]["locked"] and "until" in [one["name"] for one in kinds["offer"]["variables"]]


def test_a_links_mail_keeps_its_button_and_its_warning(
    story: Story, call: Call, site_key: str, contacts: Contacts, postman: Postman, sink: FaultySink
) -> None:
    story.opening()
    body = {"subject": "一起唱歌", "text": "来{{事项}}吧", "note": "随便转发"}
    assert call("PUT", "/v1/templates/team_invitation/mail/zh", body, site_key, version=0).status_code == 422
    body["text"] = "来我们的队伍吧[[：{{事项}}]]"
    assert call("PUT", "/v1/templates/team_invitation/mail/zh", body, site_key, version=0).json["note"] == ""
    issue(story, contacts, "team_invitation", about_zh="红梅合唱团")
    (mail,) = sent(postman, sink)
    told = plain_text(mail)
    assert mail["Subject"] == "一起唱歌" and "来我们的队伍吧：红梅合唱团" in told
    assert "查看并决定\nhttps://example.com/links/" in told and "请勿转给他人" in told and "随便" not in told


def test_words_that_no_longer_work_never_cost_a_message(
    story: Story, call: Call, site_key: str, postman: Postman, sink: FaultySink, rows: Rows
) -> None:
    call("PUT", MAIL, OWN, site_key, version=0)
    rows("UPDATE templates SET text = '{{一个已取消的变量}}'")
    facts = story.sign_up(story.opening())
    (mail,) = sent(postman, sink)
    assert mail["Subject"].startswith("报名成功") and "名额已为您保留" in plain_text(mail)
    (shown,) = call("GET", f"/v1/messages?registration_id={facts['registration_id']}", key=site_key).json["items"]
    assert (shown["state"], shown["template_version"]) == ("sent", 0)
    assert shown["template_fault"].startswith("Unfit: There is no") and shown["template_id"]
    taken = call("POST", f"{MAIL}/versions/1/take-up", key=site_key, version=1)
    assert taken.status_code == 422, "what no longer works is not taken up again either"


def test_words_are_claimed_with_their_messages_in_one_statement(
    story: Story, call: Call, site_key: str, database: Database
) -> None:
    call("PUT", MAIL, OWN, site_key, version=0)
    shift, statements = story.opening(), []
    for number in range(5):
        story.sign_up(shift, f"p{number}@example.org")
    event.listen(database.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    claimed = claim(database, "example.org", Lane.ANSWER)
    assert len(claimed) == 5 and all(one.words and one.words["mail.zh"]["version"] == 1 for one in claimed)
    assert len(statements) == 2, "the scope and the claim"


def test_a_preview_shows_what_goes_out_and_saves_nothing(story: Story, call: Call, site_key: str, rows: Rows) -> None:
    shown = call("POST", f"{MAIL}/preview", OWN | {"text": "{{姓名}}<b>"}, site_key).json
    assert (
        shown["subject"] == "欢迎：合唱团排练" and "王小明&lt;b&gt;" in shown["html"] and "王小明<b>" in shown["text"]
    )
    sparse = call("POST", f"{MAIL}/preview", OWN | {"sample": "sparse"}, site_key).json
    assert "有事请打" in shown["text"] and "有事请打" not in sparse["text"]
    sms = call("POST", "/v1/templates/reminder/sms/zh/preview", {"text": "{{活动}}，{{开始时间}}"}, site_key).json[
        "sms"
    ]
    assert sms["text"] == "【赛马场中心】合唱团排练，12月1日周二09:00"
    assert (sms["encoding"], sms["characters"], sms["segments"], sms["cost"]) == ("UCS-2", len(sms["text"]), 1, None)
    assert call("POST", f"{MAIL}/preview", {"text": "{{"}, site_key).status_code == 422
    assert call("POST", f"{MAIL}/preview", OWN | {"sample": "none"}, site_key).status_code == 404
    assert rows("SELECT * FROM templates") == []


def test_a_preview_in_a_real_message_names_its_recipient_opens_nothing_and_is_on_record(
    story: Story, call: Call, site_key: str, contacts: Contacts, rows: Rows
) -> None:
    facts = story.sign_up(story.opening(title_zh="春节联欢"), name="李雪梅")
    contacts.people[str(facts["person_id"])]["manage_url"] = "https://example.com/links/opens-it"
    (message,) = rows("SELECT id FROM messages")
    body = OWN | {"message_id": str(message.id)}
    shown = call("POST", f"{MAIL}/preview", body, site_key).json
    assert shown["subject"] == "欢迎：春节联欢" and "李雪梅，我们等您来。" in shown["text"] and shown["name_is_known"]
    assert "opens-it" not in str(shown) and "wang@example.org" not in str(shown)
    read = rows("SELECT action, record, site_id FROM audit_log WHERE kind = 'messages' ORDER BY id DESC LIMIT 1")
    assert read == [("read", str(message.id), story.site_id)]
    contacts.failing = True
    shown = call("POST", f"{MAIL}/preview", body, site_key).json
    assert "王小明，我们等您来。" in shown["text"] and not shown["name_is_known"]
    key, _, digest = new_site_key()
    story.tell(events.SiteKeyIssued(key_id=uuid4(), site_id=uuid4(), sha256=digest))
    assert call("POST", f"{MAIL}/preview", body, key).status_code == 404
    assert call("POST", "/v1/templates/reminder/mail/zh/preview", body, site_key).status_code == 404
