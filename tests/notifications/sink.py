"""A mail server on loopback that keeps what it accepts, and misbehaves towards recipients as told.

sink.behaviour["wang@example.org"] = ["450 later", "drop"]      # consumed one by one, then all is well
"""

import asyncio
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.local.ports import free_port


@dataclass
class Kept:
    """One accepted mail."""

    recipient: str
    mail: EmailMessage
    raw: bytes

    @property
    def message_id(self) -> str:
        return str(self.mail["Message-ID"])


class FaultySink:
    def __init__(self) -> None:
        self.kept: list[Kept] = []
        self.behaviour: dict[str, list[str]] = {}
        self.connections = 0
        port = free_port()
        self.url = f"smtp://127.0.0.1:{port}"
        self._controller = _Controller(self, hostname="127.0.0.1", port=port)
        self._controller.start()

    def forget(self) -> None:
        self.kept.clear()
        self.behaviour.clear()
        self.connections = 0

    def stop(self) -> None:
        self._controller.stop()

    def to(self, recipient: str) -> list[Kept]:
        return [one for one in self.kept if one.recipient == recipient]

    def _next(self, recipient: str, *kinds: str) -> str | None:
        todo = self.behaviour.get(recipient, [])
        return todo.pop(0) if todo and todo[0].startswith(kinds) else None

    async def handle_RCPT(self, server: SMTP, _: Session, envelope: Envelope, address: str, options: Any) -> str:
        """Replies that begin with a digit are given here; the others come after DATA."""
        reply = self._next(address, "4", "5")
        if reply:
            return reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _: Session, envelope: Envelope) -> str:
        (recipient,) = envelope.rcpt_tos
        raw = envelope.content or b""
        assert isinstance(raw, bytes)
        fault = self._next(recipient, "drop", "hang", "data ")
        if fault and fault.startswith("data "):
            return fault.removeprefix("data ")
        mail = message_from_bytes(raw, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.kept.append(Kept(recipient, mail, raw))
        if fault == "drop":
            assert server.transport is not None
            server.transport.abort()
        if fault == "hang":
            await asyncio.sleep(30)
        return "250 kept"


class _Controller(Controller):
    def factory(self) -> SMTP:
        self.handler.connections += 1
        return SMTP(self.handler, hostname="sink.localhost", enable_SMTPUTF8=True)
