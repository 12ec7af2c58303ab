"""What the rounds share: claim, compose, hand over, record.

send_round(postman, Lane.NEWS, claim, compose)
"""

import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from services.common.database import Database
from services.common.logs import bind_request, get_logger
from services.notifications.channels import Channel, Letter, Outcome, Unavailable, Verdict
from services.notifications.channels.mail import Mail
from services.notifications.contacts import AddressedLink, Contact, ContactsUnavailable
from services.notifications.models import State
from services.notifications.operations.claims import CLAIM, Result, Taken, record, release
from services.notifications.operations.deliver.postman import Postman
from services.notifications.operations.lanes import LOOK_SECONDS, Lane, waits_before

log = get_logger(__name__)

BATCH_SECONDS = 15.0
"""No mail of a batch is begun later than this after its claim, so that a batch of slow mails ends within `LEASE`."""

OUTAGE_DELAY = 10.0
"""Seconds until a batch is tried again that registration or the mail server kept from going out."""

SHORTEST_WAIT = 0.5

STATES = {Outcome.SENT: State.SENT, Outcome.REFUSED: State.FAILED}
"""Whatever is not here is tried again."""

NO_ADDRESS = Result(State.NO_CONTACT, "no_contact", "the person has no e-mail address")
NOT_REACHED = Result(State.NO_CONTACT, "no_contact", "the person has no e-mail address, nor can an SMS go to them")
REFUSED = Result(State.SUPPRESSED, "refused_by_person", "refused by the person")
IN_DOUBT = Result(State.FAILED, "refused", "unknown: no answer came, and there is nobody any more to ask about")

Message = TypeVar("Message", bound=Taken)
Ready = tuple[Channel, Letter]
"""A letter, and by what it goes."""


@dataclass
class Batch:
    """What goes out at once, and until when."""

    lane: Lane
    started: float = field(default_factory=time.monotonic)
    looked: float = field(default_factory=time.monotonic)

    def is_over(self, database: Database) -> bool:
        """Whether time is up, or this lane must give way to what has become due meanwhile."""
        now = time.monotonic()
        if now - self.started > BATCH_SECONDS:
            return True
        if not self.lane.gives_way or now - self.looked < LOOK_SECONDS:
            return False
        self.looked = now
        return waits_before(database, self.lane)


def send_round(
    postman: Postman,
    lane: Lane,
    claim: Callable[[int], list[Message]],
    letters: Callable[[list[Message]], Iterator[Ready]],
) -> int:
    """Send a batch of one sort: `claim` takes so many at most, `letters` makes them ready and records what cannot be.

    Returns how many were claimed. While registration does not answer they go back.
    """
    batch, most = Batch(lane), _room(postman, lane)
    claimed = claim(most) if most else []
    known = _of_known_sites(postman, claimed)
    if known:
        try:
            _send(postman, list(letters(known)), batch)
        except ContactsUnavailable as error:
            _give_back(postman, known, str(error))
    return len(claimed)


def ready(
    postman: Postman, message: Taken, contact: Contact | AddressedLink, channels: Sequence[Channel] | None = None
) -> Iterator[Ready]:
    """The message as a letter of the first channel that reaches them; none where that is recorded as impossible.

    `channels` are those that they did not refuse, in their order; all where they said nothing.
    """
    reached = [one for one in postman.channels if one.reaches(message, contact)]
    allowed = reached if channels is None or message.in_doubt else [one for one in channels if one in reached]
    channel = allowed[0] if allowed else None
    if channel is None:
        nobody = REFUSED if reached else NOT_REACHED if postman.others else NO_ADDRESS
        note(postman, message, IN_DOUBT if message.in_doubt else nobody)
    else:
        yield from written(postman, message, channel, partial(channel.compose, message, contact))


def written(postman: Postman, message: Taken, channel: Channel, compose: Callable[[], Letter]) -> Iterator[Ready]:
    """The letter, or none where it cannot be made: that is recorded."""
    try:
        yield channel, compose()
    except Exception as error:
        # One bad row must not hold up its neighbours. Where it failed, but not what was in it: that is personal.
        where = traceback.extract_tb(error.__traceback__)[-1]
        reason = f"not_rendered: {type(error).__name__} at {where.name}:{where.lineno}"
        note(postman, message, Result(State.FAILED, "not_rendered", reason))


def note(postman: Postman, message: Taken, result: Result) -> None:
    """Record it, and say so in the log."""
    with bind_request(message.request_id):
        kept = record(postman.database, message, result)
        say = log.info if result.state in (State.SENT, State.NO_CONTACT, State.SUPPRESSED) else log.warning
        say("message_tried", message_id=str(message.id), outcome=result.outcome, reply=result.reply, recorded=kept)


def _room(postman: Postman, lane: Lane) -> int:
    """How many of a lane to claim: no more than may go by mail now, so that nothing is claimed to be put back behind
    what came later. Most go by mail; who is reached otherwise waits a little longer than need be."""
    allowance = postman.allowances.get(Mail.name)
    return CLAIM if allowance is None else min(CLAIM, allowance.room(lane.leaves))


def _of_known_sites(postman: Postman, claimed: Sequence[Message]) -> list[Message]:
    """Those whose site we have heard of, or that are of no site; the others go back."""
    unknown = [message for message in claimed if message.site_id and message.time_zone is None]
    _give_back(postman, unknown, "its site is not known yet")
    return [message for message in claimed if message not in unknown]


def _give_back(postman: Postman, messages: Sequence[Taken], reason: str) -> None:
    if messages:
        log.warning("messages_wait", count=len(messages), reason=reason)
        release(postman.database, messages, OUTAGE_DELAY, reason)


def _send(postman: Postman, letters: list[Ready], batch: Batch) -> None:
    for channel in postman.channels:
        allowed = _allowed(postman, channel, [letter for by, letter in letters if by == channel], batch.lane)
        if allowed:
            _send_by(postman, channel, allowed, batch)


def _allowed(postman: Postman, channel: Channel, letters: list[Letter], lane: Lane) -> list[Letter]:
    """As many as the provider takes now; the others go back until it takes more."""
    allowance = postman.allowances.get(channel.name)
    if allowance is None or not letters:
        return letters
    granted, wait = allowance.take(len(letters), keep=lane.leaves)
    late = [letter.message for letter in letters[granted:]]
    if late:
        release(postman.database, late, max(wait, SHORTEST_WAIT), "waits: the provider takes no more in a minute")
    return letters[:granted]


def _send_by(postman: Postman, channel: Channel, letters: list[Letter], batch: Batch) -> None:
    """Over one line, in order. When that is lost or the batch is over, the rest goes back untried."""
    number = 0
    try:
        with channel.open() as line:
            for number, letter in enumerate(letters):
                if line.lost or batch.is_over(postman.database):
                    release(postman.database, [late.message for late in letters[number:]], 0.0)
                    return
                result = _result(channel, line.provider, line.send(letter))
                note(postman, letter.message, replace(result, made_with=letter.made_with))
    except Unavailable as error:
        _give_back(postman, [late.message for late in letters[number:]], str(error))


def _result(channel: Channel, provider: str, verdict: Verdict) -> Result:
    state = STATES.get(verdict.outcome, State.PENDING)
    return Result(state, verdict.outcome, verdict.reply, channel.name, verdict.reference, provider)
