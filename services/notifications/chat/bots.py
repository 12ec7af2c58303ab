"""What Apprise sends, and what came of it.

    bot = make_bot("wecombot://…/")        # None for an address that Apprise does not know
    verdict = post(bot, "【和声】…")

Apprise takes any answer of 200 for a success, but WeCom and DingTalk refuse with one, and say so in its body: so the
answers are kept and read here. It signs for DingTalk with a signature that is escaped twice, which DingTalk refuses.
"""

import base64
import hashlib
import hmac
import logging
import time
from contextvars import ContextVar
from typing import Any

import apprise.plugins.dingtalk
import apprise.plugins.feishu
import apprise.plugins.lark
import apprise.plugins.wecombot
import requests
from apprise import Apprise, NotifyBase
from apprise.plugins.dingtalk import NotifyDingTalk
from apprise.plugins.feishu import NotifyFeishu
from apprise.plugins.lark import NotifyLark
from apprise.plugins.wecombot import NotifyWeComBot

from services.notifications.channels import Outcome, Verdict
from services.notifications.mail.words import plain

# Its lines quote addresses, which are secrets; what came of a message is on record with it.
logging.getLogger("apprise").setLevel(logging.CRITICAL)

_ANSWER: ContextVar[requests.Response | None] = ContextVar("answer", default=None)

LATER = {-1, 45009, 45033, 130101, 410100, 11232}
"""Too fast or too busy, by the services' lists of codes (WeCom: -1, 45009, 45033; DingTalk: -1, 130101, 410100; Feishu
and Lark: 11232). Every other one is refused for good: the bot is gone, its keyword or signature is not met."""


class _Requests:
    """What Apprise's plugins find as `requests`: the same, but the answer is kept, and none leads elsewhere."""

    codes = requests.codes
    RequestException = requests.RequestException

    @staticmethod
    def post(url: str, **options: Any) -> requests.Response:
        answer = requests.post(url, **options | {"allow_redirects": False})  # noqa: S113 - Apprise gives the timeout
        _ANSWER.set(answer)
        return answer


for _plugin in (apprise.plugins.dingtalk, apprise.plugins.feishu, apprise.plugins.lark, apprise.plugins.wecombot):
    _plugin.requests = _Requests  # type: ignore[attr-defined]


class _DingTalk(NotifyDingTalk):
    def get_signature(self) -> tuple[str, str]:
        """As DingTalk wants it; `requests` escapes it, once."""
        stamp, secret = str(round(time.time() * 1000)), self.secret or ""
        digest = hmac.digest(secret.encode(), f"{stamp}\n{secret}".encode(), hashlib.sha256)
        return stamp, base64.b64encode(digest).decode()


KNOWN: dict[str, type[NotifyBase]] = {
    "wecombot": NotifyWeComBot,
    "dingtalk": _DingTalk,
    "feishu": NotifyFeishu,
    "lark": NotifyLark,
}


def make_bot(address: str) -> NotifyBase | None:
    """The plugin for an address. All hundred others are loaded only where an operator names one of them."""
    known = KNOWN.get(address.partition("://")[0])
    if known is None:
        bot = Apprise.instantiate(address)
    else:
        read = known.parse_url(address)
        bot = known(**read) if read else None
    if bot is not None:
        bot.request_rate_per_sec = 0  # it would sleep between two messages; the rate is kept where they are claimed
    return bot


def post(bot: NotifyBase, words: str) -> Verdict:
    """Send it once. What may or may not have arrived is tried again: a group that reads it twice takes no harm."""
    _ANSWER.set(None)
    taken = bool(bot.notify(body=words))
    answer = _ANSWER.get()
    if answer is None:
        return Verdict(Outcome.SENT, "accepted") if taken else Verdict(Outcome.DEFERRED, "not accepted, or no answer")
    return judged(answer)


def judged(answer: requests.Response) -> Verdict:
    """What an answer of one of the four means."""
    if answer.status_code == 429 or answer.status_code >= 500:
        return Verdict(Outcome.DEFERRED, f"answered {answer.status_code}")
    if answer.status_code != 200:
        return Verdict(Outcome.REFUSED, f"answered {answer.status_code}")
    try:
        said = answer.json()
        code = int(said.get("errcode", said.get("code", said.get("StatusCode"))))
    except (ValueError, TypeError, AttributeError):
        return Verdict(Outcome.DEFERRED, "answered 200, with nothing that can be read")
    why = plain(f"{code}: {said.get('errmsg') or said.get('msg') or ''}", 200)
    if code == 0:
        return Verdict(Outcome.SENT, "accepted")
    return Verdict(Outcome.DEFERRED if code in LATER else Outcome.REFUSED, why)
