"""A box for what a service must keep and nobody else may read: secrets that it signs with, answers with names in them.

box = Box("NOTIFICATIONS_KEYS", keys)
box.encrypt("whsec_…")              # bytes for the column
box.decrypt(row.secret)             # the value again; a Problem that says what to do without its key
"""

import hashlib
import hmac
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from services.common.errors import Kind, Problem, Words

UNREADABLE = Kind("unreadable", 409, Words("这条资料无法读取", "This record cannot be read"))


class Box:
    """Encrypts with the newest key, reads what older ones encrypted. `variable` names where the keys come from."""

    def __init__(self, variable: str, keys: Sequence[str]) -> None:
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError:
            raise ValueError(f"{variable} must be Fernet keys (URL-safe base64 of 32 bytes)") from None
        self._variable = variable
        # The oldest key goes on when a new one is put before it: a request that is sent again is still the same.
        self._fingerprint_key = hashlib.sha256(b"hesheng request " + keys[-1].encode()).digest()

    def encrypt(self, value: str) -> bytes:
        """The value as it is stored."""
        return self._fernet.encrypt(value.encode())

    def decrypt(self, stored: bytes) -> str:
        """The value again. Raises 409 with what to do when its key is gone, or when it is not as we wrote it."""
        try:
            return self._fernet.decrypt(stored).decode()
        except InvalidToken:
            raise Problem(UNREADABLE, what_to_do(self._variable)) from None

    def fingerprint(self, *parts: str) -> bytes:
        """What tells one request from another. Keyed, because a request may hold a secret."""
        return hmac.digest(self._fingerprint_key, "\0".join(parts).encode(), hashlib.sha256)


def what_to_do(variable: str) -> Words:
    """About what cannot be read any more."""
    return Words(
        f"它是用现在缺少的密钥加密的。请运维人员把旧密钥放回 {variable} 的末尾并重启。",
        "It was encrypted with a key that is missing now. Ask the operator to put the old key back at the end of"
        f" {variable} and to restart.",
    )
