"""Chat groups behind the bots of WeCom, DingTalk and Feishu, which answer with 429 and 500, late, or not at all.

groups = Groups(Deck(GROUP_FAULTS, 3, chance))
groups.register(notifications_url, scene.sites)     # one group for each of the first three sites
groups.posted                                         # by site: what was taken
"""

import logging
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any

from flask import jsonify, request

from tests.faults.books.material import GroupTold
from tests.faults.client import Client
from tests.faults.outside.deck import Deck
from tests.faults.scene import Site
from tests.notifications.bots import SECRET, Bots

GROUP_FAULTS = ["500", "429", "drop", "busy", "hang", "500 kept", "drop kept", "hang kept"]
"""`kept` took the words and do not say so; `busy` is what WeCom answers with 200."""

HANGS = 6.0
TOPICS = ["digest", "notices"]
WECOM, DINGTALK, FEISHU = "693a91f6-7aaa-4bc4-97a0", "566cc69da782ec33", "9a8b7c6d-feed-4242-aaaa"
ADDRESSES = [
    (f"https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={WECOM}", ""),
    (f"https://oapi.dingtalk.com/robot/send?access_token={DINGTALK}", SECRET),
    (f"https://open.feishu.cn/open-apis/bot/v2/hook/{FEISHU}", ""),
]


class Groups(Bots):
    """Three groups, each at a service of its own."""

    def __init__(self, deck: Deck) -> None:
        super().__init__()
        logging.getLogger("werkzeug").setLevel(logging.ERROR)  # one line for each request
        self.deck = deck
        self.ids: dict[str, str] = {}
        self.wecom[WECOM], self.dingtalk[DINGTALK], self.feishu[FEISHU] = [], [], []

    @property
    def posted(self) -> dict[str, GroupTold]:
        """What each site's group was told."""
        taken = (self.wecom[WECOM], self.dingtalk[DINGTALK], self.feishu[FEISHU])
        return {site: GroupTold(id_, list(words)) for (site, id_), words in zip(self.ids.items(), taken, strict=False)}

    def register(self, notifications: str, sites: Sequence[Site]) -> None:
        """Have a group of each of the first sites told, as its staff do it."""
        for site, (address, secret) in zip(sites, ADDRESSES, strict=False):
            body = {"name": "值班群", "address": address, "secret": secret, "topics": TOPICS}
            answer = Client(notifications, site.key).send("POST", "/v1/chats", body, key=f"group-{address[-8:]}")
            if answer is None or not answer.ok:
                raise RuntimeError(f"a group was not registered: {answer}")
            self.ids[site.id] = answer.body["id"]

    def _wecom(self) -> Any:
        return self._misbehave(super()._wecom)

    def _dingtalk(self) -> Any:
        return self._misbehave(super()._dingtalk)

    def _feishu(self, token: str) -> Any:
        return self._misbehave(lambda: super(Groups, self)._feishu(token))

    def _misbehave(self, take: Callable[[], Any]) -> Any:
        fault, _, kept = (self.deck.next() or "").partition(" ")
        if kept or not fault:
            answer = take()
            if not fault:
                return answer
        if fault == "hang":
            time.sleep(HANGS)
        if fault in ("hang", "drop"):
            request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            return "", 200
        return jsonify(errcode=45009, errmsg="api freq out of limit") if fault == "busy" else ("", int(fault))
