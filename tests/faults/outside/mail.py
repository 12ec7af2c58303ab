"""The wanted mail server, which misbehaves: it hangs, greylists, refuses one of many, and breaks off when an answer is
due. What it accepted lies in a folder, as the sink's mails do.
"""

import asyncio
import zlib
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.local.ports import free_port
from deploy.local.sink import Box
from tests.faults.ledger import REFUSED
from tests.faults.outside.deck import Deck
from tests.faults.outside.readers import Readers

MAIL_FAULTS = ["drop", "hang", "451", "421", "drop unkept", "hang unkept", "away"]
"""What happens where the answer to DATA is due. `drop` and `hang` took the mail and do not say so, those `unkept` did
not; `away` takes no connection for a while, so that the other server is needed."""

HANGS = 30.0
AWAY = 1.5
GREY_SECONDS = 1.0
GREY_SHARE = 5


class MailServer:
    """On loopback, in a thread of its own."""

    def __init__(self, folder: Path, deck: Deck, readers: Readers) -> None:
        self._box, self._readers = Box(folder), readers
        self.deck = deck
        self._seen: dict[str, float] = {}
        self._away_until = 0.0
        self.met = deck.met
        port = free_port()
        self.url = f"smtp://127.0.0.1:{port}"
        self._controller = _Controller(self, hostname="127.0.0.1", port=port)
        self._controller.start()

    def stop(self) -> None:
        """Close the port."""
        self._controller.stop()

    async def handle_MAIL(self, server: SMTP, _: Session, envelope: Envelope, address: str, options: Any) -> str:
        """Away is away, also for whoever is connected."""
        if asyncio.get_running_loop().time() < self._away_until:
            _abort(server)
        envelope.mail_from = address
        return "250 OK"

    async def handle_EHLO(
        self, server: SMTP, session: Session, _: Envelope, name: str, answers: list[str]
    ) -> list[str]:
        """The same for whoever comes."""
        if asyncio.get_running_loop().time() < self._away_until:
            _abort(server)
        session.host_name = name
        return answers

    async def handle_RCPT(self, _: SMTP, __: Session, envelope: Envelope, address: str, options: Any) -> str:
        """One address in five is put off at first sight, as greylisting does; some are refused for good."""
        if address.endswith(f"@{REFUSED}"):
            self.met["refused"] += 1
            return "550 5.7.1 refused by policy"
        if zlib.crc32(address.encode()) % GREY_SHARE == 0 and self._is_new(address):
            self.met["greylisted"] += 1
            return "450 4.7.1 greylisted, come again"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    def _is_new(self, address: str) -> bool:
        now = asyncio.get_running_loop().time()
        return now - self._seen.setdefault(address, now) < GREY_SECONDS

    async def handle_DATA(self, server: SMTP, _: Session, envelope: Envelope) -> str:
        """Keep the mail, or not, and say so, or not."""
        fault = self.deck.next() or ""
        if fault.isdecimal():
            return f"{fault} 4.3.0 later"
        if fault == "away":
            self._away_until = asyncio.get_running_loop().time() + AWAY
        if not fault.endswith("unkept"):
            content = bytes(envelope.content or b"")  # type: ignore[arg-type]
            self._box.store(envelope.mail_from or "", envelope.rcpt_tos, content)
            await asyncio.sleep(self._readers.get(content, envelope.rcpt_tos[0]))
        if fault.startswith("drop"):
            _abort(server)
        elif fault.startswith("hang"):
            await asyncio.sleep(HANGS)
        return "250 kept"


def _abort(server: SMTP) -> None:
    if server.transport is not None:
        server.transport.abort()


class _Controller(Controller):
    def factory(self) -> SMTP:
        return SMTP(self.handler, hostname="front.localhost", enable_SMTPUTF8=True)
