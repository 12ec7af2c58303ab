"""Whoever else carries SMS, behind a gateway that speaks HTTP and JSON: `docs/sms-gateway.md` is its contract.

https://<token>@sms.example.org/send                    an answer that does not come: never sent again
https://<token>@sms.example.org/send?repeats=safe       it knows our Idempotency-Key: sent again under the same
https://<token>@sms.example.org/send?sign=provider      it puts the sender's name before the text itself
https://<token>@sms.example.org/send?name=second        what operators call it, where there are several
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

import requests
from pydantic import BaseModel, Field

from services.notifications.channels import Outcome, Unavailable, Verdict
from services.notifications.sms import Receipt, Reply, Said, Text, Unanswered, ask, unknown, without_numbers

OURS = {401, 403, 404, 405, 429, 503}
"""A wrong token or address, too many requests, or a gateway that is away: nothing was taken, nothing else will be."""

LATER = {408, 409, 423, 425}
"""Not now, for this one."""


class _Taken(BaseModel):
    reference: str | None = None


class _Refused(BaseModel):
    reason: str = ""


class _Report(BaseModel):
    id: str | None = Field(default=None, max_length=200)
    reference: str | None = Field(default=None, max_length=200)
    status: Literal["delivered", "failed"]
    reason: str = ""


class _Reports(BaseModel):
    receipts: list[_Report] = Field(max_length=1000)


class _Reply(BaseModel):
    id: str = Field(min_length=1, max_length=200)
    sender: str = Field(alias="from", max_length=40)
    text: str


class _Replies(BaseModel):
    replies: list[_Reply] = Field(max_length=1000)


@dataclass(frozen=True)
class Gateway:
    """One gateway."""

    url: str
    token: str = field(repr=False)
    signs: bool = False
    repeats: bool = False
    name: str = "gateway"
    rewords = False
    signs_receipts = True

    def carries(self, kind: str, language: str) -> bool:
        """It takes any text."""
        return True

    def send(self, http: requests.Session, hand_over: str, text: Text) -> Verdict:
        """Post it."""
        body = {"id": hand_over, "to": text.to, "text": text.words, "kind": text.kind, "language": text.language}
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": hand_over}
        try:
            return _verdict(ask(http, self.url, json=body, headers=headers))
        except Unanswered as error:
            return unknown(error)

    def settle(
        self, http: requests.Session, hand_over: str, text: Text, since: datetime, age: timedelta
    ) -> Verdict | None:
        """The same again where the gateway knows the key. Elsewhere an SMS goes out at most once: it costs, and rings;
        whether it came an operator finds out, who may put it back."""
        if self.repeats and text.to:
            return self.send(http, hand_over, text)
        return Verdict(Outcome.REFUSED, "unknown: no answer came, and the gateway may have sent it", unsure=True)

    def receipts(self, body: Any) -> list[Receipt]:
        """What it says of those that it took."""
        reports = _Reports.model_validate(body).receipts
        if any(one.id is None and one.reference is None for one in reports):
            raise ValueError("a receipt names neither id nor reference")
        return [
            Receipt(one.reference, one.id, one.status == "delivered", without_numbers(one.reason)) for one in reports
        ]

    def replies(self, body: Any) -> list[Reply]:
        """What people sent back."""
        return [Reply(one.id, one.sender, one.text) for one in _Replies.model_validate(body).replies]


def _verdict(response: Said) -> Verdict:
    code = response.status_code
    if 200 <= code < 300:
        return Verdict(Outcome.SENT, str(code), _said(response, _Taken).reference)
    if code in OURS:
        raise Unavailable(f"the SMS gateway answered {code}")
    if code >= 500 or code < 400:
        raise Unanswered(f"the SMS gateway answered {code}")
    outcome = Outcome.DEFERRED if code in LATER else Outcome.REFUSED
    return Verdict(outcome, without_numbers(f"{code} {_said(response, _Refused).reason}"))


def _said(response: Said, model: Any) -> Any:
    """Its JSON; what has none, or another, has told us nothing."""
    try:
        return model.model_validate_json(response.content)
    except ValueError:
        return model()
