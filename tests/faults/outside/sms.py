"""The SMS gateway, by docs/sms-gateway.md, which times out, answers late, with 429 or 500, or takes an SMS and hangs
up. Its receipts come twice, in any order, and some before the answer.
"""

import json
import queue
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

import requests

from tests.faults.outside.deck import Deck
from tests.notifications.sms_stand_in import TOKEN, GatewayStandIn, Sms

SMS_FAULTS = ["429", "500", "500 kept", "drop", "late", "409", "hang"]
"""`500 kept`, `drop` and `late` took the SMS and do not say so in time; `hang` did not take it, nor say anything."""

LATE = 4.0
UNDELIVERED = 0.1
PAUSE = 0.2


@dataclass
class Receipt:
    """What the gateway will say of an SMS, `left` times more."""

    id: str
    reference: str
    delivered: bool
    left: int = 2
    heard: list[float] = field(default_factory=list)


class Gateway(GatewayStandIn):
    """Keeps in `taken` every SMS that it would have sent: with `repeats` none for a key that it has seen."""

    def __init__(self, deck: Deck, chance: random.Random, repeats: bool) -> None:
        super().__init__()
        self._deck, self._chance, self._repeats = deck, chance, repeats
        self._lock = threading.Lock()
        self._due: queue.SimpleQueue[Receipt | None] = queue.SimpleQueue()
        self.met: Counter[str] = deck.met
        self.receipts: dict[str, Receipt] = {}
        self.receipts_to = ""
        self.wrong: list[str] = []
        self._teller = threading.Thread(target=self._tell_all, daemon=True)
        self._teller.start()

    @property
    def untold(self) -> int:
        """Receipts that were not heard as often as they are told."""
        return sum(receipt.left > 0 for receipt in list(self.receipts.values()))

    def end(self) -> None:
        """Close everything."""
        self._due.put(None)
        self.stop()

    def answer(self, call: BaseHTTPRequestHandler, url: Any, headers: dict[str, str], body: bytes) -> None:
        """One request to send an SMS."""
        told = json.loads(body)
        if headers["authorization"] != f"Bearer {TOKEN}" or headers["idempotency-key"] != told["id"]:
            self.wrong.append(f"a request for {told['id']} with the wrong token or key")
        fault = self._deck.next() or ""
        if fault.isdecimal():
            self.say(call, int(fault), {"reason": "not now"})
            return
        reference = "" if fault == "hang" else self._take(told).reference
        if fault in ("late", "hang"):
            time.sleep(LATE)
        if fault == "500 kept":
            self.say(call, 500, None)
        else:
            self.say(call, 202, {"reference": reference}, "drop" if fault in ("drop", "hang") else None)

    def _take(self, told: dict[str, Any]) -> Sms:
        with self._lock:
            known = [one for one in self.taken if one.id == told["id"]] if self._repeats else []
            if known:
                return known[0]
            sms = Sms(told["to"], told["id"], told, f"ref-{len(self.taken)}")
            self.taken.append(sms)
        receipt = Receipt(sms.id, sms.reference, self._chance.random() >= UNDELIVERED)
        self.receipts.setdefault(sms.id, receipt)
        if self._chance.random() < 0.3:
            self.met["receipt before the answer"] += 1
            self._tell([receipt], 1.0)
        self._due.put(receipt)
        return sms

    def _tell_all(self) -> None:
        """Tell what is due, a few at once and in no order, until each was heard twice."""
        while (receipt := self._due.get()) is not None:
            some = [receipt]
            time.sleep(PAUSE)
            while not self._due.empty() and (another := self._due.get()) is not None:
                some.append(another)
            self._chance.shuffle(some)
            self._tell(some, 5.0)
            for one in some:
                if one.left > 0:
                    self._due.put(one)

    def _tell(self, receipts: list[Receipt], patience: float) -> None:
        """The reference is left out of some, the id of none: a gateway may say either."""
        said = [
            {"id": one.id, "reference": one.reference, "status": "delivered" if one.delivered else "failed",
             "reason": "" if one.delivered else "absent"} for one in receipts
        ]  # fmt: skip
        try:
            answer = requests.post(self.receipts_to, json={"receipts": said}, timeout=(1, patience))
        except requests.RequestException:
            return
        if answer.status_code == 200:
            for one in receipts:
                one.left -= 1
                one.heard.append(time.time())
        elif answer.status_code < 500:
            self.wrong.append(f"receipts were answered {answer.status_code}")
