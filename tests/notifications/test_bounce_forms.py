"""Reports of mails that came back, in the forms that servers give them; written here after what such servers send."""

import base64
import time
from collections.abc import Callable
from uuid import UUID

import pytest

from services.notifications.mail.bounces import Report, read_report
from services.notifications.mail.refusals import is_no_mailbox

OURS = UUID("7d0a4f6c-52f1-4b0e-9d53-0c0b57a1f5aa")
DOMAIN = "hesheng.example"
ID = f"<{OURS}@{DOMAIN}>"
BACK = f"From: hesheng@{DOMAIN}\nTo: 1234567890@qq.com\nSubject: news\nMessage-ID: {ID}\n"


def report(status: str, beside: str = "", sender: str = "MAILER-DAEMON@mx.example.org", back: str = BACK,
           headers: str = "") -> bytes:  # fmt: skip
    """A report of RFC 3464 with these fields of its recipient, and what stands beside for people."""
    return (
        f"From: {sender}\nMIME-Version: 1.0\n{headers}"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
        f"--b\nContent-Type: text/plain; charset=utf-8\n\n{beside}\n"
        f"--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.org\n\n{status}\n"
        f"--b\nContent-Type: text/rfc822-headers\n\n{back}\n--b--\n"
    ).encode()


def words(text: str, sender: str = "postmaster@qq.com", kind: str = "plain", charset: str = "utf-8") -> bytes:
    """A report in words alone, as Chinese providers write them."""
    content = base64.encodebytes(text.encode(charset)).decode()
    return (
        f"From: {sender}\nMIME-Version: 1.0\nContent-Type: text/{kind}; charset={charset}\n"
        f"Content-Transfer-Encoding: base64\n\n{content}"
    ).encode()


QQ_PAGE = (
    """<html><body><p>抱歉，您的邮件被退回来了。</p><table><tr><td>收件人</td><td>1234567890@qq.com</td></tr>
<tr><td>退信原因</td><td>收件人邮件地址（1234567890@qq.com）不存在，邮件无法送达。</td></tr>
<tr><td>host mx3.qq.com[203.205.219.57] said: <b>550</b> Mailbox not found. http://service.mail.qq.com/help?no=1</td>
</tr></table><p>客服电话 400 800 1234</p><pre>Message-ID: &lt;"""
    + ID.strip("<>")
    + "&gt;</pre></body></html>"
)
NETEASE = f"""抱歉，您的邮件被退回来了……
客服电话：400 800 1234，人工 9:00-21:00
收件人：1234567890@163.com
退信原因：收件人邮箱不存在，请核对后重新发送。
英文说明：SMTP error, RCPT TO: host 163mx01.mxmail.netease.com(220.181.14.141) 550 User not found: 1234567890@163.com
Message-ID: {ID}
"""
EXIM = """This message was created automatically by mail delivery software.
A message that you sent could not be delivered to one or more of its recipients.

  wang@no-such.example
    Unrouteable address
"""
EXCHANGE = """Final-Recipient: rfc822;wang@example.org
Action: failed
Status: 5.1.10
Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient wang@example.org not found by SMTP address
 lookup
"""
GMAIL = """Final-Recipient: rfc822; wang@gmail.com
Action: failed
Status: 5.1.1
Remote-MTA: dns; gmail-smtp-in.l.google.com. (142.250.4.27, the server for the domain gmail.com.)
Diagnostic-Code: smtp; 550-5.1.1 The email account that you tried to reach does not exist. Please try
 550-5.1.1 double-checking the recipient's email address for typos or
"""
POSTFIX_DOMAIN = """Final-Recipient: rfc822; wang@qq.con
Action: failed
Status: 5.4.4
Diagnostic-Code: X-Postfix; Host or domain name not found. Name service error for name=qq.con type=A: Host not found
"""
POSTFIX_QQ = """Final-Recipient: rfc822; 1234567890@qq.com
Action: failed
Status: 5.0.0
Remote-MTA: dns; mx3.qq.com
Diagnostic-Code: smtp; 550 The recipient may contain a non-existent account, please check the recipient address.
"""
SPAM = """Final-Recipient: rfc822; wang@qq.com
Action: failed
Status: 5.0.0
Diagnostic-Code: smtp; 550 Mail content denied. http://service.mail.qq.com/cgi-bin/help?no=1000726
"""
EXIM_STATUS = "Action: failed\nFinal-Recipient: rfc822;wang@no-such.example\nStatus: 5.0.0\n"
LATE = "Final-Recipient: rfc822; wang@example.org\nAction: delayed\nStatus: 4.4.1\nDiagnostic-Code: x; timed out\n"
GIVEN_UP = "Final-Recipient: rfc822; wang@example.org\nAction: failed\nStatus: 4.4.7\nDiagnostic-Code: x; expired\n"


@pytest.mark.parametrize(
    ("raw", "permanent"),
    [
        pytest.param(report(EXCHANGE, sender="Microsoft Outlook <MicrosoftExchange3@x.example>"), True, id="exchange"),
        pytest.param(report(EXCHANGE, back="", headers=f"In-Reply-To: {ID}\n"), True, id="exchange, nothing came back"),
        pytest.param(report(GMAIL, sender="Mail Delivery Subsystem <mailer-daemon@googlemail.com>"), True, id="gmail"),
        pytest.param(report(POSTFIX_DOMAIN), True, id="postfix, no such domain"),
        pytest.param(report(POSTFIX_QQ), True, id="postfix, of qq"),
        pytest.param(report(SPAM), False, id="postfix, of qq, spam"),
        pytest.param(report(GIVEN_UP), False, id="postfix, given up"),
        pytest.param(report(EXIM_STATUS, beside=EXIM), True, id="exim"),
        pytest.param(words(EXIM + ID, "Mail Delivery System <Mailer-Daemon@a.example>"), True, id="exim, in words"),
        pytest.param(words(QQ_PAGE, kind="html", charset="gb18030"), True, id="qq"),
        pytest.param(words(NETEASE, "Postmaster@163.com", charset="gbk"), True, id="163"),
        pytest.param(words(f"退信原因：该用户未开通QQ邮箱\n{ID}"), True, id="qq, no code"),
        pytest.param(words(f"退信原因：收件人空间不足\n{ID}"), False, id="qq, full"),
        pytest.param(words(f"您的邮件被对方拒收，用户不存在或已将您列入黑名单。\n{ID}"), False, id="either"),
        pytest.param(words(f"<12345@qq.com>: host 5.1.1.20 said: 554 5.7.1 rejected\n{ID}"), False, id="an ip"),
        pytest.param(words(f"host mx3.qq.com[203.205.219.57] said: 550 5.1.1 no such user\n{ID}"), True, id="ip first"),
    ],
)  # fmt: skip
def test_what_servers_write_is_understood(raw: bytes, permanent: bool) -> None:
    [found] = read_report(raw, DOMAIN) or []
    assert (found.message_id, found.event, found.permanent) == (OURS, "bounced", permanent), found.said
    assert "wang" not in found.said and "1234567890" not in found.said and found.said


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(report(LATE), id="late"),
        pytest.param(words(f"450 4.2.0 mailbox busy, we try again for 3 days\n{ID}"), id="late, in words"),
    ],
)
def test_what_is_late_is_a_report_that_says_nothing_final(raw: bytes) -> None:
    assert read_report(raw, DOMAIN) == []


def test_a_letter_is_no_report() -> None:
    assert read_report(words(f"请致电 400 800 1234 或 510 号窗口\n{ID}"), DOMAIN) is None
    assert read_report(words(f"550 5.1.1 no such user, says nobody of {ID}", "wang@example.org"), DOMAIN) is None
    assert read_report(report(EXCHANGE), "other.example") is None


@pytest.mark.parametrize(
    ("kind", "complained"),
    [("abuse", True), ("fraud", True), ("virus", True), ("Other", True), ("not-spam", False), ("auth-failure", False)],
)
def test_only_who_complains_is_heard_as_complaining(kind: str, complained: bool) -> None:
    raw = (
        "From: fbl@mx.example.org\nMIME-Version: 1.0\n"
        "Content-Type: multipart/report; report-type=feedback-report; boundary=b\n\n"
        "--b\nContent-Type: text/plain\n\nA report.\n"
        f"--b\nContent-Type: message/feedback-report\n\nFeedback-Type: {kind}\nUser-Agent: x/1\nVersion: 1\n"
        f"\n--b\nContent-Type: text/rfc822-headers\n\n{BACK}\n--b--\n"
    ).encode()
    found: list[Report] | None = read_report(raw, DOMAIN)
    assert found is not None and [one.event for one in found] == ["complained"] * complained


@pytest.mark.parametrize(
    ("said", "none"),
    [
        ("550 5.1.1 <x@example.org>: Recipient address rejected: User unknown", True),
        ("550 User not found: x@163.example", True),
        ("550 5.1.2 no such host", True),
        ("550 5.4.1 Recipient address rejected: Access denied. AS(201806281)", True),
        ("550 5.4.1 no answer from host", False),
        ("550 5.5.0 Requested action not taken: mailbox unavailable", True),
        ("550-5.2.1 The user you are trying to contact is receiving mail at a rate that", False),
        ("550 Mailbox unavailable or access denied", False),
        ("552 5.2.2 mailbox full", False),
        ("554 5.7.1 rejected: spam from unknown user", False),
        ("451 4.3.0 user unknown just now", False),
        ("550 5.2.1 account disabled", True),
        ("550 Domain frequency limited", False),
        ("553 sender address does not exist", False),
        ("查无此人", True),
        ("对方拒收，或邮箱不存在", False),
    ],
)
def test_which_refusals_mean_that_there_is_no_such_mailbox(said: str, none: bool) -> None:
    assert is_no_mailbox(said) is none


def failed(diagnosis: str) -> bytes:
    """A report with this answer of a server."""
    return report(f"Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; {diagnosis}\n")


@pytest.mark.parametrize(
    "hostile",
    [
        lambda n: words(f"{ID}\nTo: {'a' * n}"),
        lambda n: words(f"{ID} {'<' * n}", kind="html"),
        lambda n: words(f"{ID} {'<p ' * (n // 3)}", kind="html"),
        lambda n: words(f"{ID}\n{'user ' * (n // 5)}"),
        lambda n: words(f"{ID}\n{'用户' * (n // 2)}"),
        lambda n: failed("5.4.1 " * (n // 6)),
        lambda n: failed("a" * n),
        lambda n: report(f"Action: failed\nOriginal-Recipient: rfc822; {'a' * n}\n"),
        lambda n: report("Action: failed\n\n" * 400, beside="user " * (n // 5)),
    ],
)
def test_what_a_stranger_writes_takes_no_more_time_than_it_is_long(hostile: Callable[[int], bytes]) -> None:
    assert seconds(hostile(160_000)) < 8 * max(seconds(hostile(40_000)), 0.05)


def seconds(mail: bytes) -> float:
    """Of a processor, to read it."""
    began = time.thread_time()
    read_report(mail, DOMAIN)
    return time.thread_time() - began
