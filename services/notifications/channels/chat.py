"""Chat groups: by Apprise, each message to the bot of its group."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from services.common.sealing import Box
from services.notifications.channels import Health, Letter, Outcome, Verdict
from services.notifications.chat.bots import make_bot, post
from services.notifications.chat.words import text_of
from services.notifications.contacts import AddressedLink, Contact
from services.notifications.operations.claims import Taken
from services.notifications.operations.claims.chats import ClaimedChat

SLOW, REST = 2.0, 120.0
"""A service that takes so many seconds over a message is left alone for so many: a worker process that waits for a
group's sends nobody's confirmation meanwhile. Each process learns for itself."""

UNKNOWN_BOT = Verdict(Outcome.REFUSED, "its address is of no service that Apprise knows")


@dataclass(frozen=True)
class Chat:
    """The channel of groups. `pages` is where people find registration's."""

    box: Box
    pages: str
    resting: dict[str, float] = field(default_factory=dict)
    """The services that are left alone, and until when."""

    name = "chat"
    bucket = "chat"
    health = Health.WORKS

    def is_out(self, seconds: float) -> bool:
        """Never: there is no other way to a group."""
        return False

    def holds(self, message: Taken) -> bool:
        """Never: groups may be told twice."""
        return False

    def reaches(self, message: Taken, contact: Contact | AddressedLink) -> bool:
        """Nobody by themselves: groups get messages of their own."""
        return False

    def is_slow(self, service: str) -> bool:
        """Whether this one is left alone for now."""
        return time.monotonic() < self.resting.get(service, 0.0)

    def compose(self, message: Taken, contact: Contact | AddressedLink) -> Letter:
        """There is none to a person."""
        raise TypeError("a person is no group")

    def compose_for(self, message: ClaimedChat, address: str) -> Letter:
        """The text for a group whose address was read."""
        return Letter(message, address, text_of(message, self.pages))

    @contextmanager
    def open(self) -> Iterator["ChatLine"]:
        """A line to all of them: each letter is a request of its own."""
        yield ChatLine(self)


@dataclass
class ChatLine:
    """`provider` is whose bot the last letter went to. It is lost once that one was slow: others of the batch
    may be for it as well."""

    chat: Chat
    provider: str = "chat"
    lost: bool = False

    def send(self, letter: Letter) -> Verdict:
        """Post it. What the service repeats of the address is cut out of its answer."""
        self.provider = letter.message.service if isinstance(letter.message, ClaimedChat) else "chat"
        bot, began = make_bot(letter.to), time.monotonic()
        verdict = post(bot, letter.content) if bot is not None else UNKNOWN_BOT
        if time.monotonic() - began > SLOW:
            self.lost, self.chat.resting[self.provider] = True, time.monotonic() + REST
        secret = letter.to.partition("://")[2].strip("/")
        parts = [part for part in secret.replace("@", "/").split("/") if len(part) > 5]
        reply = verdict.reply
        for part in parts:
            reply = reply.replace(part, "…")
        return Verdict(verdict.outcome, reply)
