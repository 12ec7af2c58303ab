"""Ways in which a message reaches somebody: mail, SMS. Each is one file here, named in `deliver.make_postman`.

    letter = channel.compose(message, contact)       # for whom `channel.reaches`
    with channel.open() as line:                     # raises `Unavailable`
        verdict = line.send(letter)

Whoever is reached by several gets the message by the first; where that one refuses it for good, by the next. Two of the
same name are two providers: the second is for when the first fails.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any, Protocol

from services.notifications.contacts import AddressedLink, Contact
from services.notifications.operations.claims import Taken
from services.notifications.wording.made_with import MadeWith


class Unavailable(Exception):
    """Nothing can be handed over now: no fault of any message. Says why, naming nobody."""


class Outcome(StrEnum):
    """What became of a letter. `UNKNOWN`: it may have been accepted, and must not simply be sent again. `HELD_BACK`:
    its recipient got enough by this channel for now."""

    SENT = "sent"
    DEFERRED = "deferred"
    REFUSED = "refused"
    LOST = "lost"
    UNKNOWN = "unknown"
    HELD_BACK = "held_back"


@dataclass(frozen=True)
class Verdict:
    """`reply` is the answer without the recipient's address, which servers like to repeat; `reference` is by what the
    provider knows the letter, where it says."""

    outcome: Outcome
    reply: str
    reference: str | None = None
    unsure: bool = False
    """Of one that was given up: whether it may have come all the same, so that nobody tells it a second time."""


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


class Health(IntEnum):
    """How a provider is. What rests would refuse to be opened; what is doubtful left something in doubt lately."""

    WORKS = 0
    DOUBTFUL = 1
    RESTS = 2


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

    @property
    def bucket(self) -> str:
        """Under what it is kept how much may still go by it in a minute."""

    @property
    def health(self) -> Health:
        """How it is: of several of the same name the healthiest is taken."""

    def is_out(self, seconds: float) -> bool:
        """Whether it has failed for so long, so that another channel is taken where there is one."""

    def holds(self, message: Taken) -> bool:
        """Whether the message may be with its provider already, who must be asked after it."""

    def reaches(self, message: Taken, contact: Contact | AddressedLink) -> bool:
        """Whether this message can go to them by it."""

    def compose(self, message: Taken, contact: Contact | AddressedLink) -> Letter:
        """Make it ready, for whom it reaches."""

    def open(self) -> AbstractContextManager[Line]:
        """A line for a batch; entering it raises `Unavailable`."""
