"""The way out that stands in every mail which people may refuse: RFC 8058.

    links = Unsubscribe(box, "https://hesheng.example.org/notifications")
    url = links.url(person_id, site_id, "reminder", address)    # in the footer, and by `headers` in the header
    links.read(token)                                           # Refusal(person_id, site_id, kind, …), or None
    links.was_mailed_to(refusal, address)                       # whether that mail went there

A token is ciphertext, opens nothing and does not end: who finds an old mail can still refuse, as long as they read mail
at that address; who reads it no more for that person, a former guardian for one, cannot. It is good as long as the key
that made it is among NOTIFICATIONS_KEYS.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from services.common.errors import Problem
from services.common.sealing import Box
from services.notifications.mail.mime import Verbatim
from services.notifications.operations.suppressions import address_key

PATH, UNDO = "unsubscribe", "subscribe-again"


@dataclass(frozen=True)
class Refusal:
    """Which site shall tell whom nothing more of what. `mailed_to`: the keyed hash of the mail's address, empty where
    the mail is older than these."""

    person_id: UUID
    site_id: UUID
    kind: str
    mailed_to: str = ""


@dataclass(frozen=True)
class Unsubscribe:
    """Makes and reads the links. `public_url`: where people find notifications' pages."""

    box: Box
    public_url: str

    def url(self, person_id: UUID, site_id: UUID, kind: str, address: str) -> str:
        """Where to refuse messages of this kind, in a mail to this address; POST there does it at once."""
        token = self.box.encrypt(f"{PATH} {person_id.hex} {site_id.hex} {kind} {self._key(address)}").decode()
        return f"{self.public_url}/{PATH}/{token}"

    def was_mailed_to(self, refusal: Refusal, address: str | None) -> bool:
        """Whether the mail with this link went to that address; of older mails nobody knows."""
        return not refusal.mailed_to or (address is not None and refusal.mailed_to == self._key(address))

    def _key(self, address: str) -> str:
        return address_key(self.box, address).hex()

    def undo(self, refusal: Refusal, version: int, channels: Sequence[str]) -> str:
        """What takes back this refusal by these channels, which made this version of the person's preferences."""
        sealed = f"{UNDO} {refusal.person_id.hex} {refusal.site_id.hex} {refusal.kind} {version} {','.join(channels)}"
        return self.box.encrypt(sealed).decode()

    def undone(self, token: str, refusal: Refusal) -> tuple[int, list[str]] | None:
        """The version that is taken back, and by which channels; None for what was made for no such refusal."""
        try:
            *of, version, channels = self.box.decrypt(token.encode()).split(" ")
        except (Problem, ValueError):
            return None
        made_for = [UNDO, refusal.person_id.hex, refusal.site_id.hex, refusal.kind]
        return (int(version), channels.split(",")) if of == made_for else None

    def read(self, token: str) -> Refusal | None:
        """What a link's token says; None for one that we did not make, or whose key is gone."""
        try:
            path, person_id, site_id, kind, *mailed_to = self.box.decrypt(token.encode()).split(" ")
        except (Problem, ValueError):
            return None
        return Refusal(UUID(person_id), UUID(site_id), kind, "".join(mailed_to)) if path == PATH else None


def headers(url: str) -> dict[str, str]:
    """What mail programs show as a button."""
    return {
        "List-Unsubscribe": Verbatim("List-Unsubscribe", f"<{url}>"),
        "List-Unsubscribe-Post": Verbatim("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    }
