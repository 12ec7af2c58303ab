"""The mailbox to which mails come back, and what servers write into it. It breaks off, and people write there too."""

import contextlib
import itertools
import random
from email.message import Message
from typing import Any

from tests.notifications.mailbox_stand_in import MailboxStandIn

BREAKS_OFF = 0.3
LETTERS = (b"From: wang@people.example\nSubject: Re: 550\n\nWhen does it begin?\n",
           b"From: li@people.example\n\n" + b"a" * 3000 + b"\n")  # fmt: skip
"""What is no report stays; the second has a line that is longer than the library reads."""


class ReturnedTo(MailboxStandIn):
    """Sessions end in their midst now and then: what was deleted in those is there again."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self._chance, self._numbers = chance, itertools.count()
        self.broken_off = 0
        self.put(*LETTERS)
        self._letters = set(self.mails)

    def put(self, *mails: bytes) -> None:
        """Under names that never come again."""
        for mail in mails:
            self.mails[f"uid{next(self._numbers)}"] = mail

    def serve(self, session: Any) -> None:
        """One session."""
        breaks = self._chance.random() < BREAKS_OFF
        self.broken_off += breaks
        self.breaks_after = self._chance.randint(1, 8) if breaks else 1000
        with contextlib.suppress(ConnectionError):  # whoever read was killed
            super().serve(session)

    @property
    def unread(self) -> int:
        """Reports that nobody has taken out."""
        return len(set(self.mails) - self._letters)

    @property
    def lost_letters(self) -> int:
        """Letters of people that are gone, which nobody may delete."""
        return len(self._letters - set(self.mails))


def delivery_report(headers: Message, action: str, status: str, said: str) -> bytes:
    """By RFC 3464, with the headers of the mail that it is about."""
    return "\n".join([
        "From: MAILER-DAEMON@mx.example", "Subject: Undelivered Mail", "MIME-Version: 1.0",
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b", "", "--b",
        "Content-Type: message/delivery-status", "", "Reporting-MTA: dns; mx.example", "",
        f"Final-Recipient: rfc822; {headers['To']}", f"Action: {action}", f"Status: {status}",
        f"Diagnostic-Code: smtp; {said}", "", "--b", "Content-Type: text/rfc822-headers", "",
        f"Message-ID: {headers['Message-ID']}", f"To: {headers['To']}", "", "--b--", "",
    ]).encode()  # fmt: skip


def complaint(headers: Message) -> bytes:
    """By RFC 5965."""
    return "\n".join([
        "From: feedback@mx.example", "MIME-Version: 1.0",
        "Content-Type: multipart/report; report-type=feedback-report; boundary=b", "", "--b",
        "Content-Type: message/feedback-report", "", "Feedback-Type: abuse", "Version: 1", "User-Agent: x/1", "",
        "--b", "Content-Type: message/rfc822", "", f"Message-ID: {headers['Message-ID']}", f"To: {headers['To']}", "",
        "It was about a class.", "", "--b--", "",
    ]).encode()  # fmt: skip
