"""A mail is forwarded, and comes back from there: whose address is then none."""

from collections.abc import Callable
from typing import Any

import pytest

from services.common.database import Database
from services.notifications.operations.deliver import Postman
from services.notifications.operations.mail_receipts import hear_reports
from services.notifications.operations.returned_mails import ReturnedMails
from tests.notifications.mailbox_stand_in import MailboxStandIn
from tests.notifications.sink import FaultySink
from tests.notifications.story import Story
from tests.notifications.test_bounces import mailbox, mailbox_server, returned, sent  # noqa: F401

Rows = Callable[..., list[Any]]
HERE, ELSEWHERE = "rfc822; wang+singing@example.org", "rfc822; wang@elsewhere.example"


@pytest.mark.parametrize(("named", "closes"), [
    ({"Final-Recipient": HERE.upper()}, True),
    ({"Final-Recipient": ELSEWHERE}, False),
    ({"Original-Recipient": HERE, "Final-Recipient": ELSEWHERE}, True),
    ({"Original-Recipient": "rfc822;wang+2Bsinging@example.org", "Final-Recipient": ELSEWHERE}, True),
    ({"Original-Recipient": ELSEWHERE, "Final-Recipient": ELSEWHERE}, False),
])  # fmt: skip
@pytest.mark.parametrize("by_envelope", [False, True])
def test_only_what_bounced_where_we_wrote_to_closes_the_address(
    named: dict[str, str], closes: bool, by_envelope: bool, story: Story, postman: Postman, sink: FaultySink,
    rows: Rows, database: Database, mailbox: MailboxStandIn, returned: ReturnedMails,
) -> None:  # fmt: skip
    story.sign_up(story.opening(), "wang+singing@example.org")
    [mail] = sent(postman, sink)
    ours = str(mail["Message-ID"])
    fields = "".join(f"{name}: {value}\n" for name, value in named.items())
    back = "" if by_envelope else f"--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: {ours}\n\n"
    envelope = f"Original-Envelope-Id: {ours.strip('<>')}\n" if by_envelope else ""
    mailbox.put((
        "From: MAILER-DAEMON@mx\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
        f"--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n{envelope}\n{fields}Action: failed\n"
        f"Status: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 <wang@elsewhere.example> unknown\n\n{back}--b--\n"
    ).encode())  # fmt: skip
    assert returned.read()
    hear_reports(database, False)
    assert rows("SELECT state FROM messages") == [("failed",)], "they were not told"
    assert rows("SELECT count(*) FROM suppressions") == [(int(closes),)]
    assert "wang" not in rows("SELECT said FROM mail_receipts")[0].said
