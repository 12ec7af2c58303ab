"""Two SMS providers: Alibaba Cloud's protocol, and a gateway by docs/sms-gateway.md. They time out, answer late, with
429 or 500, or take an SMS and hang up. Receipts come twice, in any order, and some before the answer.
"""

import json
import queue
import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl

import requests

from tests.faults.outside.deck import Deck
from tests.notifications.sms_stand_in import SECRET, TOKEN, AliyunStandIn, GatewayStandIn, Sms, StandIn, is_signed

GATEWAY_FAULTS = ["429", "500", "500 kept", "drop", "late", "409", "hang"]
ALIYUN_FAULTS = ["isv.BUSINESS_LIMIT_CONTROL", "500", "503", "drop", "late", "hang"]
"""`500 kept`, `drop` and `late` took the SMS and do not say so in time; `hang` did not take it, nor say anything."""

EVERY = 6
LATE = 4.0
UNDELIVERED, EARLY = 0.1, 0.3
PAUSE = 0.2


@dataclass
class Receipt:
    """What the gateway will say of an SMS, `left` times more."""

    id: str
    reference: str
    delivered: bool
    left: int = 2


class Provider(StandIn):
    """What both have: `taken` has every SMS that would have gone out, `receipts` what is told of each."""

    def __init__(self, faults: Sequence[str], chance: random.Random) -> None:
        super().__init__()
        self.deck, self._chance = Deck(faults, EVERY, chance), chance
        self._lock = threading.Lock()
        self._due: queue.SimpleQueue[Receipt | None] = queue.SimpleQueue()
        self.met = self.deck.met
        self.receipts: dict[str, Receipt] = {}
        self.receipts_to = ""
        self.wrong: list[str] = []
        self._over = False
        self._teller = threading.Thread(target=self._tell_all, daemon=True)
        self._teller.start()

    @property
    def untold(self) -> int:
        """Receipts that were not heard as often as they are told."""
        return sum(receipt.left > 0 for receipt in list(self.receipts.values()))

    def end(self) -> None:
        """Close everything."""
        self._over = True
        self._due.put(None)
        self._teller.join()
        self.stop()

    def report(self, receipts: Sequence[Receipt]) -> Any:
        """Receipts as this provider writes them."""
        raise NotImplementedError

    def _take(self, to: str, id_: str) -> Sms:
        with self._lock:
            sms = Sms(to, id_, {}, f"ref-{len(self.taken)}")
            self.taken.append(sms)
        receipt = self.receipts.setdefault(id_, Receipt(id_, sms.reference, self._chance.random() >= UNDELIVERED))
        if self._chance.random() < EARLY:
            self.met["receipt before the answer"] += 1
            self._tell([receipt], 1.0)
        self._due.put(receipt)
        return sms

    def _tell_all(self) -> None:
        """Tell what is due, a few at once and in no order, until each was heard twice."""
        while not self._over and (receipt := self._due.get()) is not None:
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
        try:
            answer = requests.post(self.receipts_to, json=self.report(receipts), timeout=(1, patience))
        except requests.RequestException:
            return
        if answer.status_code == 200:
            for one in receipts:
                one.left -= 1
        elif answer.status_code < 500:
            self.wrong.append(f"receipts were answered {answer.status_code}")


class Gateway(Provider, GatewayStandIn):
    """With `repeats` it sends none again for a key that it has seen."""

    def __init__(self, chance: random.Random, repeats: bool) -> None:
        super().__init__(GATEWAY_FAULTS, chance)
        self._repeats = repeats

    def answer(self, call: BaseHTTPRequestHandler, url: Any, headers: dict[str, str], body: bytes) -> None:
        """One request to send an SMS."""
        told = json.loads(body)
        if headers["authorization"] != f"Bearer {TOKEN}" or headers["idempotency-key"] != told["id"]:
            self.wrong.append(f"a request for {told['id']} with the wrong token or key")
        fault = self.deck.next() or ""
        if fault.isdecimal():
            self.say(call, int(fault), {"reason": "not now"})
            return
        known = [one for one in self.taken if one.id == told["id"]] if self._repeats else []
        if fault != "hang" and not known:
            known = [self._take(told["to"], told["id"])]
        if fault in ("late", "hang"):
            time.sleep(LATE)
        if fault == "500 kept":
            self.say(call, 500, None)
        else:
            self.say(call, 202, {"reference": known[0].reference} if known else {}, _hangs_up(fault))

    def report(self, receipts: Sequence[Receipt]) -> Any:
        """By docs/sms-gateway.md."""
        return {
            "receipts": [
                {"id": one.id, "reference": one.reference, "status": "delivered" if one.delivered else "failed",
                 "reason": "" if one.delivered else "absent"} for one in receipts
            ]
        }  # fmt: skip


class Aliyun(Provider, AliyunStandIn):
    """Knows no keys, but can be asked what it has taken."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__(ALIYUN_FAULTS, chance)

    def answer(self, call: BaseHTTPRequestHandler, url: Any, headers: dict[str, str], body: bytes) -> None:
        """A request to send an SMS, or a question (`QuerySendDetails`), which the stand-in answers."""
        if not is_signed(SECRET, "POST", url.path, url.query, headers, body):
            self.wrong.append("a request whose signature is wrong")
        if headers["x-acs-action"] != "SendSms":
            super().answer(call, url, headers, body)
            return
        query, fault = dict(parse_qsl(url.query)), self.deck.next() or ""
        if fault.isdecimal():
            self.say(call, int(fault), None)
        elif fault.startswith("isv."):
            self.say(call, 200, {"Code": fault, "Message": "触发流控", "RequestId": "R"})
        else:
            reference = "" if fault == "hang" else self._take(query["PhoneNumbers"], query["OutId"]).reference
            if fault in ("late", "hang"):
                time.sleep(LATE)
            self.say(call, 200, {"Code": "OK", "BizId": reference, "RequestId": "R"}, _hangs_up(fault))

    def report(self, receipts: Sequence[Receipt]) -> Any:
        """Its `SmsReport`."""
        return [
            {"biz_id": one.reference, "out_id": one.id, "success": one.delivered,
             "err_code": "DELIVERED" if one.delivered else "UNDELIV", "phone_number": "13800000000"} for one in receipts
        ]  # fmt: skip


def _hangs_up(fault: str) -> str | None:
    return "drop" if fault in ("drop", "hang") else None
