"""Closed addresses: who sees them and opens them again, that colleagues' are closed too, how long they are kept."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from apiflask import APIFlask

from services.common import events
from services.common.auth import STAFF_COOKIE, Caller, Principal, Role, csrf_token, new_site_key
from services.common.database import EVERY_SITE, Database
from services.common.events import ReminderRule
from services.common.sealing import Box
from services.notifications.mail.bounces import read_report
from services.notifications.operations.announcements.sending import send_announcements, settle_announcements
from services.notifications.operations.deliver import Postman, deliver_bulk
from services.notifications.operations.digests import fire_due_digests
from services.notifications.operations.mail_receipts import hear_reports, keep_reports
from services.notifications.operations.notices import fire_due_notices
from services.notifications.operations.reminders import fire_due_reminders
from services.notifications.operations.suppressions import forget_suppressions
from tests.conftest import OPERATOR_KEY, PERSONAL_DATA_KEY
from tests.notifications.conftest import Contacts
from tests.notifications.sink import FaultySink
from tests.notifications.sms_stand_in import GatewayStandIn
from tests.notifications.story import Story
from tests.notifications.test_bounces import DOMAIN, PHONE, complaint, delivery_report, sent, with_sms  # noqa: F401
from tests.notifications.test_digests import a_day, due_now, shift_of
from tests.notifications.test_notices import employ

Rows = Callable[..., list[Any]]
Call = Callable[..., Any]


def hears(database: Database, report: bytes, falls_back: bool = False) -> None:
    """What a mail that came back says; `falls_back` to SMS."""
    keep_reports(database, Box("NOTIFICATIONS_KEYS", [PERSONAL_DATA_KEY]), read_report(report, DOMAIN) or [])
    assert hear_reports(database, falls_back) == 1


@pytest.fixture
def call(app: APIFlask, story: Story) -> Call:
    """Asks as a program of this site, or of no site for the operator's."""

    def key_of(site_id: Any) -> str:
        key, _, digest = new_site_key()
        story.tell(events.SiteKeyIssued(key_id=uuid4(), site_id=site_id, sha256=digest))
        return key

    def ask(site_id: Any, path: str = "", reason: str | None = None) -> Any:
        key = key_of(site_id) if site_id else OPERATOR_KEY
        headers = {"Authorization": f"Bearer {key}", "Accept-Language": "en"}
        body = None if reason is None else {"reason": reason}
        method = "GET" if reason is None else "POST"
        return app.test_client().open(f"/v1/suppressions{path}", method=method, json=body, headers=headers)

    return ask


def test_staff_open_what_their_messages_met_and_say_why(
    story: Story, postman: Postman, sink: FaultySink, rows: Rows, database: Database, call: Call
) -> None:
    story.sign_up(story.opening())
    hears(database, delivery_report(sent(postman, sink)[0]))
    [one] = call(story.site_id).json["items"]
    assert (one["reason"], one["message_kind"], one["lifted_at"]) == ("bounce", "confirmation", None)
    assert "550 5.1.1" in one["said"] and "wang" not in str(one) and one["until"] > one["since"]
    assert call(None).json["items"] == [one]
    path = f"/{one['id']}/lift"
    other = uuid4()
    assert call(other).json["items"] == [] and call(other, path, "works").status_code == 404
    assert call(None, f"/{'9' * 30}").status_code == 404
    assert call(story.site_id, path, "  ").status_code == 422
    lifted = call(story.site_id, path, "they told us, wang@example.org works").json
    assert (lifted["id"], lifted["lifted_why"]) == (one["id"], "they told us, … works")
    assert call(story.site_id, path, "again").status_code == 409
    assert call(None).json["items"] == [] and call(None, "?lifted=true").json["items"] == [lifted]
    by_whom = (
        "SELECT changed ->> 'lifted_why' AS why FROM audit_log WHERE kind = 'suppressions' ORDER BY id DESC LIMIT 1"
    )
    [told] = rows(by_whom)
    assert "they told us" in told.why
    story.sign_up(story.opening())
    assert len(sent(postman, sink)) == 2


def test_what_holds_no_more_is_forgotten_and_a_complaint_is_not(
    story: Story, postman: Postman, sink: FaultySink, rows: Rows, database: Database
) -> None:
    for number in range(3):
        story.sign_up(story.opening(), f"p{number}@example.org")
    first, second, third = sent(postman, sink)
    for report in (delivery_report(first), complaint(second), complaint(third)):
        hears(database, report)
    rows("UPDATE messages SET suppression_id = (SELECT min(id) FROM suppressions)")
    assert forget_suppressions(database) == 0
    rows("UPDATE suppressions SET since = since - interval '181 days'")
    rows("UPDATE suppressions SET lifted_at = now(), lifted_why = 'x' WHERE id = (SELECT max(id) FROM suppressions)")
    assert forget_suppressions(database) == 1
    assert [one.reason for one in rows("SELECT reason FROM suppressions")] == ["complaint", "complaint"]
    rows("UPDATE suppressions SET lifted_at = now() - interval '181 days' WHERE lifted_at IS NOT NULL")
    assert forget_suppressions(database) == 1
    assert rows("SELECT count(*) FROM suppressions WHERE lifted_at IS NULL") == [(1,)]


def test_a_colleague_who_calls_the_digest_spam_gets_no_more_and_their_site_sees_why(
    story: Story, contacts: Contacts, postman: Postman, sink: FaultySink, rows: Rows, database: Database, call: Call
) -> None:
    employ(contacts, "duty@example.org")
    shift = story.opening(timedelta(hours=3), reminder_rules=[ReminderRule(to="staff", minutes_before=120)])
    a_day(story, contacts, shift_of(due_now(story, postman, rows)))
    fire_due_digests(database, postman.contacts)
    sent(postman, sink)
    hears(database, complaint(sink.kept[-1].mail))
    [one] = call(story.site_id).json["items"]
    assert (one["reason"], one["message_kind"], one["until"]) == ("complaint", "digest", None)
    rows("UPDATE digests SET state = 'pending', day = day + 1")
    fire_due_digests(database, postman.contacts)
    sent(postman, sink)
    assert rows("SELECT state FROM messages WHERE kind = 'digest' ORDER BY number") == [("sent",), ("suppressed",)]
    rows("UPDATE notices SET due_at = now() WHERE shift_id = :shift", shift=shift)
    fire_due_notices(database, postman.contacts)
    sent(postman, sink)
    assert rows("SELECT state FROM messages WHERE kind = 'notice'") == [("sent",)], "their work is told all the same"
    hears(database, delivery_report(sink.kept[-1].mail))
    assert rows("SELECT state FROM messages WHERE kind = 'notice'") == [("failed",)]
    assert {one["message_kind"] for one in call(story.site_id).json["items"]} == {"digest", "notice"}


def test_the_page_of_a_message_shows_what_came_back_and_opens_nothing_without_a_reason(
    app: APIFlask, story: Story, contacts: Contacts, postman: Postman, sink: FaultySink, rows: Rows, database: Database
) -> None:
    story.sign_up(story.opening())
    hears(database, complaint(sent(postman, sink)[0]))
    [message] = rows("SELECT id, state FROM messages")
    name = str(uuid4())
    principal = Principal(Caller.STAFF, name, story.site_id, Role.SITE_STAFF, session="s")
    contacts.sessions["cookie"] = {"caller": "staff", "name": name, "site_id": str(story.site_id),
                                   "role": "site_staff", "session": "s"}  # fmt: skip
    client = app.test_client()
    client.set_cookie(STAFF_COOKIE, "cookie")
    path = f"/staff/messages/{message.id}"
    page = client.get(path).text
    assert message.state == "sent" and "已发送" in page
    assert "被标为垃圾邮件" in page and "reported as spam by the recipient" in page
    form = {"csrf_token": csrf_token(principal)}
    assert client.post(f"{path}/lift", data=form).status_code == 422
    assert rows("SELECT lifted_at FROM suppressions") == [(None,)]
    assert client.post(f"{path}/lift", data=form | {"reason": "本人说要收"}).status_code == 303
    assert rows("SELECT lifted_why FROM suppressions") == [("本人说要收",)]


def test_sent_again_opens_what_bounced_and_never_what_was_called_spam(
    story: Story, postman: Postman, sink: FaultySink, rows: Rows, database: Database, app: APIFlask
) -> None:
    for _ in range(2):
        story.sign_up(story.opening(timedelta(hours=30), reminder_minutes=[60]))
    first, second = sent(postman, sink)
    hears(database, complaint(first))
    hears(database, delivery_report(second))
    client, headers = app.test_client(), {"Authorization": f"Bearer {OPERATOR_KEY}", "Accept-Language": "en"}

    def retry(where: str) -> Any:
        [message] = rows(f"SELECT id FROM messages WHERE {where} ORDER BY number LIMIT 1")
        return client.post(f"/v1/messages/{message.id}/retry", headers=headers)

    assert retry("state = 'failed'").status_code == 200
    bounced, complained = rows("SELECT lifted_why FROM suppressions ORDER BY reason")
    assert "运维" in bounced.lifted_why and "operator" in bounced.lifted_why and complained.lifted_why is None
    rows("UPDATE reminders SET due_at = now() WHERE state = 'pending'")
    fire_due_reminders(database)
    sent(postman, sink)
    page = client.get("/staff/delivery", headers=headers).text
    assert client.get("/internal/status", headers=headers).json["figures"]["messages_suppressed"] >= 1
    assert "Not sent because their address is closed: <a" in page
    refused = retry("kind = 'reminder' AND state = 'suppressed'")
    assert refused.status_code == 409 and "Once they ask" in refused.json["detail"]
    shown = client.get(f"/staff/messages/{refused.request.path.split('/')[3]}", headers=headers).text
    assert "Opened again" not in shown and "Send again" not in shown and "reported a mail as spam" in shown
    rows("UPDATE suppressions SET lifted_at = now(), lifted_why = 'asked' WHERE lifted_at IS NULL")
    assert retry("kind = 'reminder' AND state = 'suppressed'").status_code == 200


@pytest.mark.parametrize("ended", ["stopped", "done"])
def test_what_bounced_of_an_announcement_goes_on_unless_that_was_stopped(
    ended: str, story: Story, with_sms: Postman, sink: FaultySink, rows: Rows, database: Database,
    gateway: GatewayStandIn
) -> None:  # fmt: skip
    story.save_site()
    story.person("p0@example.org", phone=PHONE)
    rows("INSERT INTO announcements (site_id, state, audience, about_zh, about_en, subject_zh, text_zh, subject_en,"
         " text_en, created_by, written_by, people, unreached, submitted_at, submitted_by, approved_at, approved_by)"
         " VALUES (:site, 'scheduled', '{\"to\": \"site\"}', '', '', '停水', '停水。', '', '', 'a', '{a}', 1, 0, now(),"
         " 'a', now(), 'b')", site=story.site_id)  # fmt: skip

    def goes_out() -> None:
        while send_announcements(database, with_sms.contacts, ("",)):
            pass
        while deliver_bulk(with_sms):
            pass
        settle_announcements(database)

    goes_out()
    assert rows("SELECT state FROM announcements") == [("done",)]
    rows("UPDATE announcements SET state = :state", state=ended)
    hears(database, delivery_report(sink.kept[0].mail), falls_back=True)
    states = (
        "SELECT a.state, m.state AS of_message FROM announcements AS a JOIN messages AS m ON announcement_id = a.id"
    )
    assert rows(states) == [("stopped", "failed") if ended == "stopped" else ("sending", "pending")]
    goes_out()
    assert rows(states) == [("stopped", "failed") if ended == "stopped" else ("done", "sent")]
    assert len(gateway.to(PHONE)) == (ended == "done") and len(sink.kept) == 1


def test_nobody_ends_an_announcement_while_one_of_its_messages_goes_on(
    story: Story, rows: Rows, database: Database
) -> None:
    """What `hear_reports` holds until it commits is passed over, and looked at again."""
    rows("INSERT INTO announcements (site_id, state, audience, about_zh, about_en, subject_zh, text_zh, subject_en,"
         " text_en, created_by, written_by, people, unreached, begun_at, written_at) VALUES (:site, 'sending', '{}',"
         " '', '', 'x', 'x', '', '', 'a', '{a}', 1, 0, now(), now())", site=story.site_id)  # fmt: skip
    with database.transaction(EVERY_SITE) as session:
        session.connection().exec_driver_sql("SELECT FROM announcements FOR UPDATE")
        assert settle_announcements(database) == 0
    assert settle_announcements(database) == 1
