"""A site's receiver of webhooks, which verifies with the public library, and answers with 500 and 429, not at all, or
hangs up after it took an event.
"""

import json
import time
from dataclasses import dataclass

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tests.faults.client import Client
from tests.faults.outside.deck import Deck
from tests.notifications.receiver import Receiver

RECEIVER_FAULTS = ["500", "429 1", "drop", "hang", "302 http://127.0.0.1:9/"]
EVERYTHING: list[str] = []


@dataclass(frozen=True)
class Request:
    """One that came, signed as it should be: `answer` is what was said, `204` for taken."""

    webhook_id: str
    event_id: str
    type: str
    at: float
    answer: str


class SiteReceiver(Receiver):
    """One site's."""

    def __init__(self, deck: Deck) -> None:
        super().__init__()
        self.deck = deck
        self.requests: list[Request] = []
        self.endpoint = ""

    def register(self, notifications: str, key: str) -> None:
        """Ask to be told of everything, as the site's own program does."""
        body = {"url": self.url, "types": EVERYTHING}
        answer = Client(notifications, key).send("POST", "/v1/webhooks", body, key=f"receiver-{self.port}")
        if answer is None or not answer.ok:
            raise RuntimeError(f"a receiver was not registered: {answer}")
        self.endpoint = answer.body["id"]
        self.secrets.append(answer.body["secret"])

    def take(self, headers: dict[str, str], body: bytes) -> str:
        """Verify, keep, and misbehave now and then."""
        if not self._is_signed(headers, body):
            self.refused += 1
            return "401"
        event, answer = json.loads(body), self.deck.next() or "204"
        self.requests.append(Request(headers["webhook-id"], event["id"], event["type"], time.time(), answer))
        return answer

    def _is_signed(self, headers: dict[str, str], body: bytes) -> bool:
        try:
            Webhook(self.secrets[0]).verify(body, headers)
        except (WebhookVerificationError, IndexError):
            return False
        return True
