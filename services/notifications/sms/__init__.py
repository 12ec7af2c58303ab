"""SMS: short words, and the providers that carry them. Nothing here knows the database.

    provider = provider_of("aliyun://KEY:SECRET@dysmsapi.aliyuncs.com?sign=和声", "reminder=SMS_1(title,start)")
    verdict = provider.send(http, hand_over_id, text)
    verdict = provider.settle(http, hand_over_id, text, since, age)     # where an earlier answer never came
    receipts = provider.receipts(body)                                  # what the provider pushes later
    replies = provider.replies(body)                                    # and what people send back

A provider is one file: `aliyun.py`, `gateway.py`. One SMS is one request, so that an answer that does not come leaves
one in doubt and not a batch.
"""

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

import requests
from urllib3.exceptions import NewConnectionError

from services.notifications.channels import Outcome, Unavailable, Verdict

TIMEOUT = (2, 8)
"""Seconds to connect and to answer. Half of all answers take a tenth of a second; a batch must end within its lease."""


@dataclass(frozen=True)
class Text:
    """One SMS. `words` are the whole text, `facts` what a registered template takes. Neither shows in a traceback."""

    to: str = field(repr=False)
    kind: str
    language: str
    words: str = field(repr=False)
    facts: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Receipt:
    """What became of an SMS after it was accepted, by the provider's reference, by ours, or by both."""

    reference: str | None
    hand_over: str | None
    delivered: bool
    reason: str


@dataclass(frozen=True)
class Reply:
    """An SMS that somebody sent back, by the provider's reference. `sender` is their number, as SMS go to it."""

    reference: str
    sender: str = field(repr=False)
    words: str = field(repr=False)


class Provider(Protocol):
    """Who carries SMS. Raises `Unavailable` for what keeps every SMS from going out, never for one text."""

    @property
    def name(self) -> str:
        """As operators see it."""

    @property
    def signs(self) -> bool:
        """Whether the provider puts the sender's name in 【】 itself."""

    @property
    def rewords(self) -> bool:
        """Whether it sends words that were registered with it in place of ours."""

    @property
    def signs_receipts(self) -> bool:
        """Whether it can sign what it calls back with."""

    def carries(self, kind: str, language: str) -> bool:
        """Whether it has words for this kind of message."""

    def send(self, http: requests.Session, hand_over: str, text: Text) -> Verdict:
        """Hand it over. `UNKNOWN` where no answer came."""

    def settle(
        self, http: requests.Session, hand_over: str, text: Text, since: datetime, age: timedelta
    ) -> Verdict | None:
        """The verdict on one that was handed over before without an answer, so that nobody gets it twice; None where it
        surely never arrived. First handed over `since`, last `age` ago."""

    def receipts(self, body: Any) -> list[Receipt]:
        """What its call-back says. Raises ValueError for what is not in its form."""

    def replies(self, body: Any) -> list[Reply]:
        """What people sent back. Raises ValueError for what is not in its form."""


class Unanswered(Exception):
    """The request may have been acted on; says what happened, without what was in it."""


def ask(http: requests.Session, url: str, **request: Any) -> requests.Response:
    """POST it. Raises `Unavailable` where it surely did not arrive, `Unanswered` where nobody knows."""
    try:
        return http.post(url, timeout=TIMEOUT, allow_redirects=False, **request)
    except requests.RequestException as error:
        name = type(error).__name__
        if isinstance(error, requests.ConnectTimeout) or _before_the_request(error):
            raise Unavailable(f"no SMS provider: {name}") from None
        raise Unanswered(f"no answer: {name}") from None


def _before_the_request(error: requests.RequestException) -> bool:
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    if isinstance(reason, NewConnectionError):
        return True
    cause = reason.args[0] if reason is not None and reason.args else None
    return isinstance(cause, ssl.SSLCertVerificationError)


def unknown(error: Unanswered) -> Verdict:
    """No answer came."""
    return Verdict(Outcome.UNKNOWN, str(error))


def without_numbers(said: object) -> str:
    """A provider's words without what may be a phone number, short enough to be kept."""
    return " ".join(re.sub(r"\+?\(?\d[\d\s().-]{4,}\d", "…", str(said)).split())[:200]
