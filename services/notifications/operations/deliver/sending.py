"""What the rounds share: claim, compose, hand over, record.

send_round(postman, Lane.NEWS, claim, compose)
"""

import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from math import inf
from typing import Any, TypeVar

from services.common.database import EVERY_SITE, Database
from services.common.logs import bind_request, get_logger
from services.notifications.channels import Channel, Health, Letter, Outcome, Unavailable, Verdict
from services.notifications.channels.mail import Mail
from services.notifications.contacts import AddressedLink, Contact, ContactsUnavailable, StaffContact
from services.notifications.mail.refusals import is_no_mailbox
from services.notifications.models import State
from services.notifications.operations.claims import CLAIM, Result, Taken, record, release
from services.notifications.operations.deliver.postman import Postman
from services.notifications.operations.lanes import LOOK_SECONDS, Lane, waits_before
from services.notifications.operations.suppressions import Closed, address_key, close_address

log = get_logger(__name__)

BATCH_SECONDS = 15.0
"""No mail of a batch is begun later than this after its claim, so that a batch of slow mails ends within `LEASE`."""

OUTAGE_DELAY = 10.0
"""Seconds until a batch is tried again that registration or the mail server kept from going out."""

SHORTEST_WAIT = 0.5

STATES = {Outcome.SENT: State.SENT, Outcome.REFUSED: State.FAILED}
"""Whatever is not here is tried again."""

NO_ADDRESS = Result(State.NO_CONTACT, "no_contact", "the person has no e-mail address")
NO_OTHER = Result(State.FAILED, "refused", "one channel did not bring it, and no other reaches the person any more")
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
    bucket: str = Mail.bucket,
) -> int:
    """Send a batch of one sort: `claim` takes so many at most, `letters` makes them ready and records what cannot be.

    `bucket` is that of the channel by which most of them go. Returns how many were claimed. While registration does not
    answer they go back.
    """
    batch, most = Batch(lane), _room(postman, lane, bucket)
    claimed = claim(most) if most else []
    known = _of_known_sites(postman, claimed)
    if known:
        try:
            _send(postman, list(letters(known)), batch)
        except ContactsUnavailable as error:
            _give_back(postman, known, str(error))
    return len(claimed)


@dataclass(frozen=True)
class Ways:
    """How somebody may be told something: by these channels, in this order, and by mail unless it is closed.
    `patience`: seconds for which every provider of a channel may have failed before the next channel is taken."""

    channels: Sequence[Channel]
    closed: Closed | None = None
    patience: float = inf

    @property
    def open(self) -> Sequence[Channel]:
        """Those that are."""
        return [one for one in self.channels if not (self.closed and one.name == Mail.name)]


def ready(
    postman: Postman, message: Taken, contact: Contact | AddressedLink, ways: Ways | None = None
) -> Iterator[Ready]:
    """The message as a letter of the first channel that reaches them; none where that is recorded as impossible.

    What may be with a provider already is asked after there, whatever they wish by now.
    """
    reached = [one for one in postman.channels if one.reaches(message, contact)]
    wanted = reached if ways is None else [one for one in ways.open if one in reached]
    able = [one for one in wanted if one.name not in message.refused_by]
    first = _holder(postman, message) if message.in_doubt else _first(able, ways.patience if ways else inf)
    if first is None:
        note(postman, message, _not_told(postman, message, reached, ways))
    else:
        falls_back = any(one.name != first.name for one in able)
        yield from written(postman, message, first, partial(first.compose, message, contact), falls_back)


def _holder(postman: Postman, message: Taken) -> Channel | None:
    return next((one for one in postman.channels if one.holds(message)), None)


def _first(able: Sequence[Channel], patience: float) -> Channel | None:
    """The first; of several providers of that channel the healthiest. Where all of them have failed for longer than
    this, of the next channel; once they have rested they are tried again by whatever comes then."""
    same = [one for one in able if one.name == able[0].name]
    others = [one for one in able if one not in same]
    best = min(same, key=lambda one: one.health, default=None)
    if best and best.health is not Health.WORKS and others and all(one.is_out(patience) for one in same):
        return _first(others, patience)
    return best


def _not_told(postman: Postman, message: Taken, reached: Sequence[Channel], ways: Ways | None) -> Result:
    """Why a message goes nowhere."""
    if message.in_doubt:
        return IN_DOUBT
    if ways and ways.closed and any(one.name == Mail.name for one in reached if one in ways.channels):
        return held_back(ways.closed)
    if message.refused_by:
        return NO_OTHER
    return REFUSED if reached else NOT_REACHED if postman.others else NO_ADDRESS


def held_back(closed: Closed) -> Result:
    """What becomes of a mail to an address that is closed."""
    why = "an earlier mail to this address bounced" if closed.reason == "bounce" else "the person complained of spam"
    return Result(State.SUPPRESSED, "suppressed", f"{why}: {closed.said}"[:300], suppression_id=closed.id)


def by_mail(
    postman: Postman,
    message: Message,
    kind: str,
    contact: Contact | StaffContact | None,
    closed: Mapping[str, Closed],
    compose: Callable[[Message, Any], Letter],
) -> Iterator[Ready]:
    """The message as a mail, for whom there is no other channel; none where it has nowhere to go, which is recorded."""
    if contact is None or not contact.email:
        note(postman, message, NO_ADDRESS)
    elif contact.email in closed and closed[contact.email].closes(kind):
        note(postman, message, held_back(closed[contact.email]))
    else:
        yield from written(postman, message, postman.mail, partial(compose, message, contact))


def written(
    postman: Postman, message: Taken, channel: Channel, compose: Callable[[], Letter], falls_back: bool = False
) -> Iterator[Ready]:
    """The letter, or none where it cannot be made: that is recorded. `falls_back`: another channel would reach them."""
    try:
        yield channel, replace(compose(), falls_back=falls_back)
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


def _room(postman: Postman, lane: Lane, bucket: str) -> int:
    """How many of a lane to claim: no more than may go now by what most go by, so that nothing is claimed to be put
    back behind what came later. Who is reached otherwise waits a little longer than need be."""
    allowance = postman.allowances.get(bucket)
    return CLAIM if allowance is None else min(CLAIM, allowance.room(lane.leaves))


def _of_known_sites(postman: Postman, claimed: Sequence[Message]) -> list[Message]:
    """Those whose site we have heard of, or that are of no site; the others go back."""
    unknown = [message for message in claimed if message.site_id and message.time_zone is None]
    _give_back(postman, unknown, "its site is not known yet")
    return [message for message in claimed if message not in unknown]


def _give_back(postman: Postman, messages: Sequence[Taken], reason: str, delay: float | None = None) -> None:
    if messages:
        log.warning("messages_wait", count=len(messages), reason=reason)
        release(postman.database, messages, OUTAGE_DELAY if delay is None else delay, reason)


def _send(postman: Postman, letters: list[Ready], batch: Batch) -> None:
    for channel in postman.channels:
        allowed = _allowed(postman, channel, [letter for by, letter in letters if by == channel], batch.lane)
        if allowed:
            _send_by(postman, channel, allowed, batch)


def _allowed(postman: Postman, channel: Channel, letters: list[Letter], lane: Lane) -> list[Letter]:
    """As many as the provider takes now; the others go back until it takes more."""
    allowance = postman.allowances.get(channel.bucket)
    if allowance is None or not letters:
        return letters
    granted, wait = allowance.take(len(letters), keep=lane.leaves)
    late = [letter.message for letter in letters[granted:]]
    if late:
        release(postman.database, late, max(wait, SHORTEST_WAIT), "waits: the provider takes no more in a minute")
    return letters[:granted]


def _send_by(postman: Postman, channel: Channel, letters: list[Letter], batch: Batch) -> None:
    """Over one line, in order. When that is lost or the batch is over, the rest goes back untried."""
    number, health = 0, channel.health
    try:
        with channel.open() as line:
            for number, letter in enumerate(letters):
                if line.lost or batch.is_over(postman.database):
                    release(postman.database, [late.message for late in letters[number:]], 0.0)
                    return
                verdict = line.send(letter)
                _note_sent(postman, channel, line.provider, letter, verdict)
    except Unavailable as error:
        # One that rested already was taken for want of another.
        others = any(one.name == channel.name and one != channel for one in postman.channels)
        delay = 0.0 if others and health is not Health.RESTS else OUTAGE_DELAY
        _give_back(postman, [late.message for late in letters[number:]], str(error), delay)


def _note_sent(postman: Postman, channel: Channel, provider: str, letter: Letter, verdict: Verdict) -> None:
    """Record what an attempt came to. An address that is none is remembered. Whom this channel does not reach is told
    by the next one, where there is one."""
    goes_on = letter.falls_back and _gives_up(channel, verdict)
    state = State.PENDING if goes_on else STATES.get(verdict.outcome, State.PENDING)
    key = None
    if channel.name == Mail.name:
        key = address_key(postman.box, letter.to)
        if verdict.outcome is Outcome.REFUSED and is_no_mailbox(verdict.reply):
            message = letter.message
            with postman.database.transaction(EVERY_SITE) as session:
                close_address(session, key, "bounce", verdict.reply, message.id, message.site_id)
    result = Result(
        state,
        verdict.outcome,
        verdict.reply,
        channel.name,
        verdict.reference,
        provider,
        letter.made_with,
        to_key=key,
        refused_by=channel.name if goes_on else None,
    )
    note(postman, letter.message, result)


def _gives_up(channel: Channel, verdict: Verdict) -> bool:
    """Whether it will not bring the message, so that another channel may. A mail that a server dislikes as such is not
    told by SMS instead: a fault of ours would cost one for each."""
    if channel.name == Mail.name:
        return verdict.outcome is Outcome.REFUSED and is_no_mailbox(verdict.reply)
    return verdict.outcome in (Outcome.REFUSED, Outcome.HELD_BACK) and not verdict.unsure
