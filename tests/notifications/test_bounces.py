"""Mails that come back: no more go to an address that is none, and who has a phone is told by SMS all the same."""

import base64
import json
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Any
from uuid import uuid4

import pytest
from apiflask import APIFlask
from pydantic import SecretStr
from standardwebhooks import Webhook

from services.common.database import EVERY_SITE, Database
from services.notifications.app import make_app
from services.notifications.mail.bounces import read_report
from services.notifications.mail.mailbox import Mailbox
from services.notifications.operations import returned_mails
from services.notifications.operations.deliver import Postman, deliver_batch, make_postman
from services.notifications.operations.mail_receipts import forget_reports, hear_reports
from services.notifications.operations.messages import retry_failed, retry_message
from services.notifications.operations.reminders import fire_due_reminders
from services.notifications.operations.returned_mails import ReturnedMails
from services.notifications.operations.suppressions import address_key, close_address
from services.notifications.operations.told import tell_whom_sms_reached
from services.notifications.settings import Settings
from tests.notifications.conftest import Contacts
from tests.notifications.mailbox_stand_in import MailboxStandIn
from tests.notifications.sink import FaultySink
from tests.notifications.sms_stand_in import GatewayStandIn
from tests.notifications.story import Story
from tests.notifications.test_links import issue

Rows = Callable[..., list[Any]]
DOMAIN = "hesheng.example"
PHONE = "+8613800001234"


def delivery_report(mail: EmailMessage, status: str = "5.1.1", said: str = "smtp; 550 5.1.1 <wang@example.org> unknown",
                    action: str = "failed", whole: bool = True) -> bytes:  # fmt: skip
    """As a mail server writes it by RFC 3464, with the whole mail or its headers alone."""
    back = mail.as_string() if whole else "".join(f"{name}: {value}\n" for name, value in mail.items())
    return "\n".join([
        "From: MAILER-DAEMON@mx.example.org", "To: hesheng@hesheng.example", "Subject: Undelivered Mail",
        "MIME-Version: 1.0", "Auto-Submitted: auto-replied",
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b", "", "--b",
        "Content-Type: text/plain", "", "It could not be delivered.", "", "--b",
        "Content-Type: message/delivery-status", "", "Reporting-MTA: dns; mx.example.org", "",
        f"Final-Recipient: rfc822; {parseaddr(str(mail['To']))[1]}", f"Action: {action}", f"Status: {status}",
        f"Diagnostic-Code: {said}", "", "--b",
        f"Content-Type: {'message/rfc822' if whole else 'text/rfc822-headers'}", "", back, "--b--", "",
    ]).encode()  # fmt: skip


def complaint(mail: EmailMessage) -> bytes:
    """A report of RFC 5965."""
    return "\n".join([
        "From: feedback@mx.example.org", "MIME-Version: 1.0",
        "Content-Type: multipart/report; report-type=feedback-report; boundary=b", "", "--b",
        "Content-Type: text/plain", "", "This is an abuse report.", "", "--b",
        "Content-Type: message/feedback-report", "", "Feedback-Type: abuse", "Version: 1", "User-Agent: x/1", "",
        "--b", "Content-Type: message/rfc822", "", mail.as_string(), "--b--", "",
    ]).encode()  # fmt: skip


@pytest.fixture(scope="module")
def mailbox_server() -> Iterator[MailboxStandIn]:
    server = MailboxStandIn()
    yield server
    server.stop()


@pytest.fixture
def mailbox(mailbox_server: MailboxStandIn) -> MailboxStandIn:
    mailbox_server.mails.clear()
    mailbox_server.breaks_after = 1000
    return mailbox_server


@pytest.fixture
def returned(database: Database, settings: Settings, mailbox: MailboxStandIn) -> ReturnedMails:
    return ReturnedMails(database, settings.box(), Mailbox.from_url(mailbox.url), DOMAIN)


@pytest.fixture
def with_sms(settings: Settings, database: Database, gateway: GatewayStandIn) -> Postman:
    return make_postman(settings.model_copy(update={"sms_url": SecretStr(gateway.url())}), database)


def sent(postman: Postman, sink: FaultySink) -> list[EmailMessage]:
    while deliver_batch(postman):
        pass
    return [kept.mail for kept in sink.kept]


def remind(story: Story, database: Database, rows: Rows, **person: Any) -> dict[str, Any]:
    facts = story.sign_up(story.opening(timedelta(hours=30), reminder_minutes=[60]), **person)
    rows("UPDATE reminders SET due_at = now() WHERE state = 'pending'")
    fire_due_reminders(database)
    return facts


STATES = "SELECT kind, channel, state FROM messages ORDER BY number"


def test_a_mail_that_comes_back_has_failed_and_no_other_goes_there(
    story: Story, postman: Postman, sink: FaultySink, rows: Rows, database: Database, mailbox: MailboxStandIn,
    returned: ReturnedMails, contacts: Contacts,
) -> None:  # fmt: skip
    story.sign_up(story.opening())
    [mail] = sent(postman, sink)
    answer = EmailMessage()
    answer["From"], answer["Subject"], answer["In-Reply-To"] = "wang@example.org", "Re: 550 5.1.1", mail["Message-ID"]
    answer.set_content(f"550 5.1.1 no such user, says nobody of {mail['Message-ID']}")
    mailbox.put(answer.as_bytes(), delivery_report(mail), delivery_report(mail, whole=False))
    assert returned.read() and not returned.read()
    assert len(mailbox.mails) == 1, "what somebody answered stays where it is"
    assert (hear_reports(database, False), hear_reports(database, False)) == (1, 0)
    [message] = rows("SELECT state, error FROM messages")
    assert message.state == "failed" and "550 5.1.1" in message.error and "wang" not in message.error
    tell_whom_sms_reached(database, postman.contacts)
    assert [(one["reached"], one["by_mail"]) for one in contacts.told] == [(False, True)], "staff call them"
    story.sign_up(story.opening(), "WANG@example.org")
    assert len(sent(postman, sink)) == 1
    [_, held_back] = rows("SELECT state, error, suppression_id FROM messages ORDER BY number")
    assert held_back.state == "suppressed" and "bounced" in held_back.error and held_back.suppression_id
    everything = str(rows("SELECT * FROM suppressions") + rows("SELECT * FROM mail_receipts")
                     + rows("SELECT * FROM messages"))  # fmt: skip
    assert "wang@example.org" not in everything.lower()
    rows("UPDATE suppressions SET since = now() - interval '181 days'")
    story.sign_up(story.opening())
    assert len(sent(postman, sink)) == 2, "mailboxes come back"


def test_what_bounced_goes_by_sms_while_it_still_holds(
    story: Story, with_sms: Postman, sink: FaultySink, rows: Rows, database: Database, mailbox: MailboxStandIn,
    returned: ReturnedMails, gateway: GatewayStandIn,
) -> None:  # fmt: skip
    story.sign_up(story.opening(), phone=PHONE)
    over = story.sign_up(story.opening(), "other@example.org", phone="+8613800005678")
    first, second = sent(with_sms, sink)
    story.cancel(over)
    mailbox.put(delivery_report(first), delivery_report(second))
    returned.read()
    hear_reports(database, falls_back=True)
    sent(with_sms, sink)
    assert rows(STATES) == [("confirmation", "sms", "sent"), ("confirmation", "mail", "failed"),
                            ("cancellation", "sms", "sent")]  # fmt: skip
    assert len(gateway.to(PHONE)) == 1
    mailbox.put(delivery_report(first))
    returned.read()
    hear_reports(database, falls_back=True)
    sent(with_sms, sink)
    assert rows("SELECT state FROM messages WHERE kind = 'confirmation' AND channel = 'sms'") == [("sent",)]
    assert len(gateway.to(PHONE)) == 1, "the same once more changes nothing"


def test_what_bounced_and_goes_no_other_way_was_sent_all_the_same(
    story: Story, with_sms: Postman, sink: FaultySink, rows: Rows, database: Database, mailbox: MailboxStandIn,
    returned: ReturnedMails,
) -> None:  # fmt: skip
    story.sign_up(story.opening())
    mailbox.put(delivery_report(sent(with_sms, sink)[0]))
    [before] = rows("SELECT sent_at FROM messages")
    returned.read()
    hear_reports(database, falls_back=True)
    sent(with_sms, sink)
    [after] = rows("SELECT state, sent_at, error FROM messages")
    assert (after.state, after.sent_at) == ("suppressed", before.sent_at) and "bounced" in after.error
    assert [one.outcome for one in rows("SELECT outcome FROM deliveries ORDER BY id")] == [
        "sent", "bounced", "suppressed"]  # fmt: skip


def test_a_server_that_knows_no_such_mailbox_is_believed_and_one_that_dislikes_the_mail_is_not(
    story: Story, with_sms: Postman, sink: FaultySink, rows: Rows, gateway: GatewayStandIn
) -> None:
    story.sign_up(story.opening(), phone=PHONE)
    story.sign_up(story.opening(), "other@example.org", phone="+8613800005678")
    sink.behaviour["wang@example.org"] = ["550 5.1.1 no such user"]
    sink.behaviour["other@example.org"] = ["554 5.7.1 this looks like spam"]
    sent(with_sms, sink)
    rows("UPDATE messages SET next_attempt_at = now() WHERE state = 'pending'")
    sent(with_sms, sink)
    assert rows(STATES) == [("confirmation", "sms", "sent"), ("confirmation", "mail", "failed")]
    assert [one.reason for one in rows("SELECT reason FROM suppressions")] == ["bounce"]


def test_who_calls_us_spam_is_told_what_answers_them_and_nothing_else(
    story: Story, postman: Postman, sink: FaultySink, rows: Rows, database: Database, mailbox: MailboxStandIn,
    returned: ReturnedMails,
) -> None:  # fmt: skip
    story.sign_up(story.opening())
    [mail] = sent(postman, sink)
    mailbox.put(complaint(mail))
    returned.read()
    hear_reports(database, False)
    remind(story, database, rows)
    sent(postman, sink)
    assert set(rows("SELECT kind, state FROM messages")) == {("confirmation", "sent"), ("reminder", "suppressed")}


def test_a_report_that_comes_before_the_mail_is_recorded_waits(
    story: Story, postman: Postman, sink: FaultySink, rows: Rows, database: Database, mailbox: MailboxStandIn,
    returned: ReturnedMails,
) -> None:  # fmt: skip
    story.sign_up(story.opening())
    [mail] = sent(postman, sink)
    rows("UPDATE messages SET state = 'sending', claimed_at = now()")
    mailbox.put(delivery_report(mail, "2.0.0", "", "delivered"))
    returned.read()
    assert hear_reports(database, False) == 0
    rows("UPDATE messages SET state = 'sent', claimed_at = NULL")
    assert hear_reports(database, False) == 1
    assert rows("SELECT state FROM messages") == [("delivered",)]
    rows("UPDATE mail_receipts SET received_at = now() - interval '15 days'")
    assert forget_reports(database) == 1


def test_a_link_that_comes_back_is_not_mailed_again(
    story: Story, with_sms: Postman, sink: FaultySink, rows: Rows, database: Database, mailbox: MailboxStandIn,
    returned: ReturnedMails, contacts: Contacts,
) -> None:  # fmt: skip
    story.opening()
    issue(story, contacts, "guardian_consent", hours=72)
    [mail] = sent(with_sms, sink)
    mailbox.put(delivery_report(mail))
    returned.read()
    hear_reports(database, falls_back=True)
    assert len(sent(with_sms, sink)) == 1
    assert rows("SELECT state FROM messages") == [("failed",)]


def test_a_late_report_of_the_old_address_does_not_close_the_new_one(
    story: Story, postman: Postman, sink: FaultySink, rows: Rows, database: Database, mailbox: MailboxStandIn,
    returned: ReturnedMails, contacts: Contacts,
) -> None:  # fmt: skip
    story.sign_up(story.opening())
    [mail] = sent(postman, sink)
    mailbox.put(delivery_report(mail, "4.4.7", "smtp; 451 given up"))
    returned.read()
    hear_reports(database, False)
    for person in contacts.people.values():
        person["email"] = "new@example.org"
    retry_message(database, EVERY_SITE, rows("SELECT id FROM messages")[0].id)
    assert len(sent(postman, sink)) == 2
    mailbox.put(delivery_report(mail))
    returned.read()
    hear_reports(database, False)
    story.sign_up(story.opening(), "new@example.org")
    assert len(sent(postman, sink)) == 3


def test_a_letter_with_a_long_line_keeps_no_report_from_being_read(
    story: Story, postman: Postman, sink: FaultySink, rows: Rows, mailbox: MailboxStandIn, returned: ReturnedMails
) -> None:
    story.sign_up(story.opening())
    dots = b"\n".join(b"." * length for length in range(4_080, 4_100))  # one alone in a line ends what is read
    report = delivery_report(sent(postman, sink)[0]).replace(b"It could not be delivered.", dots)
    mailbox.put(b"From: x@example.com\n\n" + b"a" * 1_100_000 + b"\n", report)
    assert returned.read() and returned.read() and not returned.read()
    assert rows("SELECT count(*) FROM mail_receipts") == [(1,)]
    assert len(mailbox.mails) == 1, "somebody wrote it"


def test_ten_thousand_letters_and_late_mails_keep_no_report_from_being_read(
    story: Story, postman: Postman, sink: FaultySink, rows: Rows, database: Database, mailbox: MailboxStandIn,
    returned: ReturnedMails, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(returned_mails, "AT_ONCE", 3)
    story.sign_up(story.opening())
    [mail] = sent(postman, sink)
    letters = [b"From: x@example.com\n\nletter %d\n" % number for number in range(7)]
    mailbox.put(*letters, delivery_report(mail, "4.4.1", "smtp; 421 busy", "delayed"), delivery_report(mail))
    returned.read()
    assert rows("SELECT event FROM mail_receipts") == [("bounced",)], "the newest come first"
    assert len(mailbox.mails) == 7, "what says nothing final is deleted as well, letters are not"
    while returned.read():
        pass
    after_a_restart = ReturnedMails(database, returned.box, returned.mailbox, DOMAIN)
    mailbox.put(complaint(mail))
    after_a_restart.read()
    assert rows("SELECT count(*) FROM mail_receipts") == [(2,)] and len(mailbox.mails) == 7


def test_a_mailbox_that_breaks_off_or_takes_nobody_in_loses_nothing(
    story: Story, postman: Postman, sink: FaultySink, rows: Rows, mailbox: MailboxStandIn, returned: ReturnedMails
) -> None:
    story.sign_up(story.opening())
    mailbox.put(delivery_report(sent(postman, sink)[0]))
    mailbox.breaks_after = 5
    assert not returned.read()
    assert len(mailbox.mails) == 1
    assert rows("SELECT reason FROM providers WHERE failing_since IS NOT NULL AND name LIKE 'pop3%'")
    mailbox.breaks_after = 1000
    assert returned.read() and mailbox.mails == {}
    assert rows("SELECT count(*) FROM mail_receipts") == [(1,)]


def test_a_report_in_words_counts_only_from_a_machine(story: Story, postman: Postman, sink: FaultySink) -> None:
    story.sign_up(story.opening())
    [mail] = sent(postman, sink)
    words = EmailMessage()
    words["From"], words["Subject"] = "PostMaster <postmaster@mail.example>", "系统退信"
    words.set_content(f"收件人不存在。\n550 User not found: wang@example.org\nMessage-ID: {mail['Message-ID']}\n")
    [report] = read_report(words.as_bytes(), DOMAIN) or []
    assert (report.event, report.permanent, "wang" in report.said) == ("bounced", True, False)
    words.replace_header("From", "wang@example.org")
    assert read_report(words.as_bytes(), DOMAIN) is None


@pytest.mark.parametrize("broken", [b"<", b"<a@[", b"=?utf-8?q?=0A?="])
def test_a_mail_that_nobody_can_read_is_no_report(broken: bytes) -> None:
    ours = f"<{uuid4()}@{DOMAIN}>".encode()
    back = b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\nContent-Type:"
    assert read_report(back + b" message/rfc822\n\nMessage-ID: " + broken + b"\n\n--b--\n", DOMAIN) is None
    assert read_report(b"From: " + broken + b"\n\n550 no such user " + ours + b"\n", DOMAIN) is None


def test_sent_again_it_may_come_back_again(
    story: Story, postman: Postman, sink: FaultySink, rows: Rows, database: Database, mailbox: MailboxStandIn,
    returned: ReturnedMails,
) -> None:  # fmt: skip
    story.sign_up(story.opening())
    story.sign_up(story.opening(), "WANG@example.org")
    mailbox.put(delivery_report(sent(postman, sink)[0]))
    returned.read()
    hear_reports(database, False)
    [first, _] = rows("SELECT id, state FROM messages ORDER BY number")
    assert first.state == "failed"
    assert retry_failed(database, None) == 1, "of all that failed: nobody has said of this address that it works"
    sent(postman, sink)
    assert rows("SELECT state FROM messages WHERE id = :id", id=first.id) == [("suppressed",)]
    retry_message(database, EVERY_SITE, first.id)
    mailbox.put(delivery_report(sent(postman, sink)[-1]))
    returned.read()
    hear_reports(database, False)
    assert rows("SELECT state FROM messages WHERE id = :id", id=first.id) == [("failed",)]


def test_capital_letters_make_no_other_address(story: Story, postman: Postman, sink: FaultySink, rows: Rows,
                                               database: Database) -> None:  # fmt: skip
    key = address_key(postman.box, "wang@example.org")
    with database.transaction(EVERY_SITE) as session:
        close_address(session, key, "bounce", "550", uuid4(), None)
    shift = story.opening()
    for address in ("wang@example.org", "Wang@example.org", "WANG@EXAMPLE.ORG"):
        story.sign_up(shift, address)
    assert sent(postman, sink) == []
    assert rows("SELECT DISTINCT state FROM messages") == [("suppressed",)]


@pytest.fixture
def signing(settings: Settings, database: Database) -> tuple[APIFlask, list[str]]:
    both = ["whsec_" + base64.b64encode(secrets.token_bytes(32)).decode() for _ in range(2)]
    given = settings.model_copy(update={"mail_receipts_secrets": SecretStr(", ".join(both))})
    return make_app(given), both


def test_a_provider_signs_what_it_tells(
    story: Story, postman: Postman, sink: FaultySink, rows: Rows, database: Database,
    signing: tuple[APIFlask, list[str]], app: APIFlask,
) -> None:  # fmt: skip
    story.sign_up(story.opening())
    [mail] = sent(postman, sink)
    ours = {
        "message_id": mail["Message-ID"],
        "event": "bounced",
        "permanent": True,
        "reason": "550 no wang@example.org",
    }
    body = json.dumps({"receipts": [ours, ours | {"message_id": f"<{uuid4()}@other.example>"}]})

    def post(secret: str, at: datetime, where: APIFlask = signing[0]) -> Any:
        signature = Webhook(secret).sign("msg_1", at, body)
        headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature,
                   "Content-Type": "application/json"}  # fmt: skip
        return where.test_client().post("/v1/mail/receipts", data=body, headers=headers)

    now = datetime.now(UTC)
    for secret in signing[1]:
        assert post(secret, now).json == {"kept": 1}
    assert rows("SELECT count(*) FROM mail_receipts") == [(1,)]
    hear_reports(database, False)
    [message] = rows("SELECT state, error FROM messages")
    assert message.state == "failed" and "wang" not in message.error
    assert post("whsec_" + base64.b64encode(b"x" * 32).decode(), now).status_code == 401
    assert post(signing[1][0], now - timedelta(minutes=6)).status_code == 401
    assert post(signing[1][0], now, app).status_code == 404, "without a secret there is no such address"
    for where, refused in ((signing[0], 401), (app, 404)):
        anything = where.test_client().post("/v1/mail/receipts", data="[" * 1000, content_type="application/json")
        assert anything.status_code == refused, "it is taken apart only once it is known to be theirs"


def test_a_letter_with_a_nul_stops_no_other(
    story: Story, postman: Postman, sink: FaultySink, rows: Rows, mailbox: MailboxStandIn, returned: ReturnedMails
) -> None:
    story.sign_up(story.opening())
    [mail] = sent(postman, sink)
    words = f"550 5.1.1 no such\0user {mail['Message-ID']}".encode()
    head = b"From: mailer-daemon@evil.example\nContent-Type: text/plain\nContent-Transfer-Encoding: base64\n\n"
    mailbox.put(head + base64.encodebytes(words), b"From: postmaster@evil.example\n\n\0\n")
    assert returned.read()
    assert rows("SELECT said FROM mail_receipts") == [("550 5.1.1 no such user <…>",)]


def test_who_only_knows_a_messages_id_reports_nothing(
    story: Story, postman: Postman, sink: FaultySink, rows: Rows, database: Database, mailbox: MailboxStandIn,
    returned: ReturnedMails,
) -> None:  # fmt: skip
    story.sign_up(story.opening())
    [mail] = sent(postman, sink)
    header = str(mail["Message-ID"])
    secret = header.partition(".")[2].partition("@")[0]
    for made_up in (header.replace(f".{secret}", ""), header.replace(secret, "0" * 16)):
        mail.replace_header("Message-ID", made_up)
        mailbox.put(delivery_report(mail), complaint(mail))
    returned.read()
    hear_reports(database, False)
    assert rows("SELECT reason FROM suppressions") == [] and rows("SELECT state FROM messages") == [("sent",)]
    assert not mailbox.mails, "no letters are these"


def test_a_report_names_its_mail_by_the_envelope_alone(story: Story, postman: Postman, sink: FaultySink) -> None:
    story.sign_up(story.opening())
    [mail] = sent(postman, sink)
    envelope = str(mail["Message-ID"]).strip("<>").encode()
    status = b"Reporting-MTA: dns; mx\nOriginal-Envelope-Id: " + envelope + b"\n\nAction: failed\nStatus: 5.1.1\n"
    head = b"From: MAILER-DAEMON@mx\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
    raw = head + b"--b\nContent-Type: message/delivery-status\n\n" + status + b"\n--b--\n"
    [found] = read_report(raw, DOMAIN) or []
    assert (found.event, found.permanent) == ("bounced", True)
    assert read_report(raw.replace(b"boundary=b", b"boundary=b" + b"; a" * 2_000), DOMAIN) is None, "it costs minutes"


def test_what_came_back_and_expired_before_an_sms_could_go_is_told_to_who_calls(
    story: Story, postman: Postman, with_sms: Postman, sink: FaultySink, rows: Rows, database: Database,
    mailbox: MailboxStandIn, returned: ReturnedMails, contacts: Contacts,
) -> None:  # fmt: skip
    story.sign_up(story.opening(), phone=PHONE)
    mailbox.put(delivery_report(sent(with_sms, sink)[0]))
    returned.read()
    hear_reports(database, falls_back=True)
    assert rows("SELECT state FROM messages") == [("pending",)]
    rows("UPDATE messages SET state = 'expired'")  # no provider could be reached
    tell_whom_sms_reached(database, postman.contacts)
    assert [one["reached"] for one in contacts.told] == [False]
