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
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

import requests
from requests.adapters import HTTPAdapter
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, NewConnectionError

from services.notifications.channels import Outcome, Unavailable, Verdict
from services.notifications.deadlines import hung_up_after

TIMEOUT = (2, 8)
"""Seconds to connect and to answer. Half of all answers take a tenth of a second; a batch must end within its lease."""


LONGEST = 65_536
"""Bytes of an answer that are read."""


@dataclass(frozen=True)
class Text:
    """One SMS. `words` are the whole text, `facts` what a registered template takes. Neither shows in a traceback."""

    to: str = field(repr=False)
    kind: str
    language: str
    words: str = field(repr=False)
    facts: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Said:
    """What a provider answered; of a body the beginning."""

    status_code: int
    content: bytes = field(repr=False)


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


class _Prompt(HTTPAdapter):
    """Connections on which an answer's head must have come within the time for answers, however it comes."""

    def init_poolmanager(self, *given: Any, **named: Any) -> None:
        """With pools of such connections."""
        super().init_poolmanager(*given, **named)
        pools: dict[str, Any] = {"http": HTTPConnectionPool, "https": HTTPSConnectionPool}
        self.poolmanager.pool_classes_by_scheme = {
            scheme: type("Pool", (pool,), {"ConnectionCls": _prompt(pool.ConnectionCls)})
            for scheme, pool in pools.items()
        }


def _prompt(kind: Any) -> Any:
    class Connection(kind):
        heard: socket.socket
        """Of the answer: where the other side closes it, the connection itself has none any more."""

        def getresponse(self) -> Any:
            self.heard = self.sock
            with hung_up_after(self.heard, TIMEOUT[1]):
                return super().getresponse()

    return Connection


def session() -> requests.Session:
    """One in which no provider keeps us waiting by a byte at a time."""
    http = requests.Session()
    http.trust_env = False  # a .netrc would replace the token
    http.headers["Accept-Encoding"] = "identity"  # nothing is unpacked, so that it is as long as it is
    for scheme in ("http://", "https://"):
        http.mount(scheme, _Prompt())
    return http


def ask(http: requests.Session, url: str, **request: Any) -> Said:
    """POST it, in one of `session`. Raises `Unavailable` where it surely did not arrive, `Unanswered` where nobody
    knows."""
    end = time.monotonic() + sum(TIMEOUT)
    try:
        with http.post(url, timeout=TIMEOUT, allow_redirects=False, stream=True, **request) as answer:
            still: Any = answer.raw.connection  # None once there is nothing more to read
            with hung_up_after(still.heard, end - time.monotonic()) if still else nullcontext():
                return Said(answer.status_code, answer.raw.read(LONGEST, decode_content=False))
    except requests.RequestException as error:
        name = type(error).__name__
        if isinstance(error, requests.ConnectTimeout) or _before_the_request(error):
            raise Unavailable(f"no SMS provider: {name}") from None
        raise Unanswered(f"no answer: {name}") from None
    except HTTPError as error:
        raise Unanswered(f"no answer: {type(error).__name__}") from None


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
