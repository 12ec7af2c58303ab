"""Ways in which a message reaches somebody: mail, SMS. Each is one file here, named in `deliver.make_postman`.

    letter = channel.compose(message, contact)       # for whom `channel.reaches`
    with channel.open() as line:                     # raises `Unavailable`
        verdict = line.send(letter)

Whoever is reached by several gets the message by the first.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from services.notifications.contacts import AddressedLink, Contact
from services.notifications.operations.claims import Taken
from services.notifications.wording.made_with import MadeWith


class Unavailable(Exception):
    """Nothing can be handed over now: no fault of any message. Says why, naming nobody."""


class Outcome(StrEnum):
    """What became of a letter. `UNKNOWN`: it may have been accepted, and must not simply be sent again."""

    SENT = "sent"
    DEFERRED = "deferred"
    REFUSED = "refused"
    LOST = "lost"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Verdict:
    """`reply` is the answer without the recipient's address, which servers like to repeat; `reference` is by what the
    provider knows the letter, where it says."""

    outcome: Outcome
    reply: str
    reference: str | None = None


@dataclass(frozen=True)
class Letter:
    """A message made ready for one channel, and with which words. Nothing personal shows in a traceback."""

    message: Taken
    to: str
    content: Any
    made_with: MadeWith | None = None
    falls_back: bool = False
    """Whether another channel would reach them, should this one not."""

    def __repr__(self) -> str:
        return f"<letter of message {self.message.id}>"


class Line(Protocol):
    """A connection for a batch. Once it is `lost`, what was not sent waits for another."""

    @property
    def provider(self) -> str:
        """With whom, as operators see it."""

    @property
    def lost(self) -> bool:
        """Whether nothing more goes over it."""

    def send(self, letter: Letter) -> Verdict:
        """Hand one letter over. May raise `Unavailable` before anything was handed over."""


class Channel(Protocol):
    """One way to reach people."""

    @property
    def name(self) -> str:
        """As it stands in `messages.channel`."""

    def reaches(self, message: Taken, contact: Contact | AddressedLink) -> bool:
        """Whether this message can go to them by it."""

    def compose(self, message: Taken, contact: Contact | AddressedLink) -> Letter:
        """Make it ready, for whom it reaches."""

    def open(self) -> AbstractContextManager[Line]:
        """A line for a batch; entering it raises `Unavailable`."""
