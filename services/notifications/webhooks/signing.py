"""Secrets and signatures by Standard Webhooks (standardwebhooks.com).

secret = new_secret()                                    # whsec_…
headers = signed([secret, older], message_id, at, body)  # webhook-id, webhook-timestamp, webhook-signature
"""

import base64
import secrets
from collections.abc import Sequence
from datetime import datetime

from standardwebhooks.webhooks import Webhook

MARK = "whsec_"
SECRET_BYTES = 32


def new_secret() -> str:
    """A fresh secret, as receivers are given it."""
    return MARK + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signed(of: Sequence[str], message_id: str, at: datetime, body: str) -> dict[str, str]:
    """The three headers, with a signature by each of the secrets: a receiver takes the one that it knows."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(message_id, at, body) for secret in of),
    }
