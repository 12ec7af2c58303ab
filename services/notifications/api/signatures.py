"""Call-backs that are signed by Standard Webhooks: id, time and body, with one of the secrets that hold just now."""

from collections.abc import Sequence

from flask import request
from standardwebhooks import Webhook, WebhookVerificationError

from services.common.errors import UNAUTHENTICATED, Problem, Words


def must_be_signed(secrets: Sequence[str], setting: str) -> None:
    """Raise 401 unless this request is, by one of the secrets of `setting`, within five minutes."""
    raw, headers = request.get_data(), dict(request.headers)
    if not any(_is_signed(secret, raw, headers) for secret in secrets):
        ago = f"It is not signed by {setting}, or more than five minutes ago or ahead."
        raise Problem(UNAUTHENTICATED, Words("签名无效或已过时。", ago))


def _is_signed(secret: str, raw: bytes, headers: dict[str, str]) -> bool:
    try:
        Webhook(secret).verify(raw, headers, json_parse=False)
    except (WebhookVerificationError, ValueError):
        return False
    return True
