"""Who reads the mails, and the servers behind the wanted one: mails come back, some readers refuse more of their kind.

    readers = Readers(chance)                       # `mailbox`, `secrets`: where and how notifications hears of it
    pause = readers.get(content, "p1@gone.example") # a mail was taken; its report is told while the answer waits

A mail that comes back is reported twice, in any order: in a mailbox that breaks off and holds letters besides, or by
the signed call-back. Whoever refuses follows the link of the mail's header with one click (RFC 8058).
"""

import json
import queue
import random
import threading
import time
import zlib
from base64 import b64encode
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import policy
from email.message import Message
from email.parser import BytesHeaderParser

import requests
from standardwebhooks import Webhook

from tests.faults.ledger import FULL, GONE, SPAM, TOLD
from tests.faults.outside.returned import ReturnedTo, complaint, delivery_report

SECRETS = ["whsec_" + b64encode(bytes([number]) * 32).decode() for number in (1, 2)]
EVENTS = {GONE: "bounced", FULL: "bounced", SPAM: "complained", TOLD: "delivered"}
STATUS = {GONE: "5.1.1", FULL: "5.2.2", TOLD: "2.0.0"}
SAID = {GONE: "550 5.1.1 no such user", FULL: "552 5.2.2 mailbox full"}
REFUSING = 3
"""One reader in so many wants no more of what may be refused."""

EARLY, HELD = 0.3, 0.8
PAUSE = 0.2


@dataclass
class Return:
    """One mail that comes back, to be told `left` times more."""

    message_id: str
    domain: str
    headers: Message
    by_mail: bool
    left: int = 2


@dataclass
class Click:
    """One reader's way out; `acked_at` (seconds since 1970) is when it was answered that nothing more will come."""

    message_id: str
    url: str
    acked_at: float | None = None

    @property
    def left(self) -> int:
        """Whether it is still to be told."""
        return int(self.acked_at is None)


@dataclass
class Readers:
    """All of them. What they tell, a thread of theirs tells until it is heard."""

    chance: random.Random
    returned: Counter[str] = field(default_factory=Counter)
    clicks: dict[str, Click] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    met: Counter[str] = field(default_factory=Counter)
    receipts_to: str = ""

    def __post_init__(self) -> None:
        self.mailbox = ReturnedTo(self.chance)
        self._due: queue.SimpleQueue[Return | Click | None] = queue.SimpleQueue()
        self._told: list[Return | Click] = []
        self._over = False
        self._teller = threading.Thread(target=self._tell_all, daemon=True)
        self._teller.start()

    @property
    def untold(self) -> int:
        """What was not heard as often as it is told."""
        return sum(one.left > 0 for one in list(self._told)) + self.mailbox.unread

    def get(self, content: bytes, to: str) -> float:
        """A mail was taken. Answers for how many seconds the mail server shall keep this to itself: some reports are
        heard before the sending is on record."""
        headers, domain = BytesHeaderParser(policy=policy.compat32).parsebytes(content), to.rpartition("@")[2]
        message_id = str(headers["Message-ID"]).strip()
        if domain in EVENTS:
            self.returned[message_id] += 1
            self.met[EVENTS[domain]] += 1
            self._tell_later(Return(message_id, domain, headers, self.chance.random() < 0.5))
            return HELD if self.chance.random() < EARLY else 0.0
        if (way_out := headers["List-Unsubscribe"]) and zlib.crc32(to.encode()) % REFUSING == 0:
            self._refuse(message_id, way_out.strip("<>"))
        return 0.0

    def end(self) -> None:
        """Close everything."""
        self._over = True
        self._due.put(None)
        self._teller.join()
        self.mailbox.stop()

    def _refuse(self, message_id: str, url: str) -> None:
        if message_id not in self.clicks:
            self.met["refused by a click"] += 1
            self.clicks[message_id] = Click(message_id, url)
            self._tell_later(self.clicks[message_id])

    def _tell_later(self, one: Return | Click) -> None:
        self._told.append(one)
        self._due.put(one)

    def _tell_all(self) -> None:
        """Tell what is due, a few at once and in no order, until it is heard."""
        while not self._over and (one := self._due.get()) is not None:
            some = [one]
            time.sleep(PAUSE)
            while not self._due.empty() and (another := self._due.get()) is not None:
                some.append(another)
            self.chance.shuffle(some)
            self._tell(some)
            for late in some:
                if late.left > 0:
                    self._due.put(late)

    def _tell(self, some: Sequence[Return | Click]) -> None:
        back = [one for one in some if isinstance(one, Return)]
        for one in back:
            if one.by_mail:
                self.mailbox.put(_report(one))
                one.left -= 1
        if called := [one for one in back if not one.by_mail]:
            self._call_back(called)
        for click in some:
            if isinstance(click, Click) and self._post(click.url, data={"List-Unsubscribe": "One-Click"}):
                click.acked_at = time.time()

    def _call_back(self, some: Sequence[Return]) -> None:
        told = [{"message_id": one.message_id, "event": EVENTS[one.domain], "permanent": one.domain == GONE,
                 "reason": SAID.get(one.domain, "")} for one in some]  # fmt: skip
        body, now = json.dumps({"receipts": told}), datetime.now(UTC)
        signature = Webhook(self.chance.choice(SECRETS)).sign("msg_1", now, body)
        headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int(now.timestamp())),
                   "webhook-signature": signature, "Content-Type": "application/json"}  # fmt: skip
        if self._post(self.receipts_to, data=body, headers=headers):
            for one in some:
                one.left -= 1

    def _post(self, url: str, **request: object) -> bool:
        """Whether it was heard."""
        try:
            answer = requests.post(url, timeout=(1, 5), **request)  # type: ignore[arg-type]
        except requests.RequestException:
            return False
        if answer.status_code != 200 and answer.status_code < 500:
            self.wrong.append(f"POST {url.rpartition('/')[0]}/… was answered {answer.status_code}")
        return answer.status_code == 200


def _report(one: Return) -> bytes:
    if one.domain == SPAM:
        return complaint(one.headers)
    action = "delivered" if one.domain == TOLD else "failed"
    return delivery_report(one.headers, action, STATUS[one.domain], SAID.get(one.domain, ""))
