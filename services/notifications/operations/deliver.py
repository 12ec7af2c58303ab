"""Send what is due: claim a batch, ask for the contacts, hand the letters over by mail or else by SMS, record each at
once.

    deliver_batch(Postman(database, contacts, composer, settings.mail_server, settings.mail_domain))

Failures are of two kinds. What keeps everybody's mail from going out (registration, the mail server) gives the batch
back without counting an attempt. What the server or provider says of one letter counts as an attempt of that message.
"""

import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from services.common.database import Database
from services.common.logs import bind_request, get_logger
from services.notifications.channels import Channel, Letter, Outcome, Unavailable, Verdict
from services.notifications.channels.mail import Mail
from services.notifications.channels.sms import Sms
from services.notifications.contacts import AddressedLink, Contact, ContactBook, ContactsUnavailable, Known
from services.notifications.mail.render import Composer
from services.notifications.models import State
from services.notifications.operations.claims import (
    Claimed,
    ClaimedLink,
    Result,
    Taken,
    claim,
    claim_links,
    record,
    release,
)
from services.notifications.settings import MailServer, Settings
from services.notifications.sms.words import Wording

log = get_logger(__name__)

BATCH_SECONDS = 15.0
"""No mail of a batch is begun later than this after its claim, so that a batch of slow mails ends within `LEASE`."""

OUTAGE_DELAY = 10.0
"""Seconds until a batch is tried again that registration or the mail server kept from going out."""

STATES = {Outcome.SENT: State.SENT, Outcome.REFUSED: State.FAILED}
"""Whatever is not here is tried again."""

NO_ADDRESS = Result(State.NO_CONTACT, "no_contact", "the person has no e-mail address")
NOT_REACHED = Result(
    State.NO_CONTACT, "no_contact", "the person has no e-mail address, nor can an SMS go to them", "sms"
)
LINK_IS_OVER = Result(State.EXPIRED, "link_is_over", "the link expired or was used before it could be sent")

Message = TypeVar("Message", Claimed, ClaimedLink)
_Ready = tuple[Channel, Letter]


@dataclass(frozen=True)
class Postman:
    """What it takes to send messages. `others` are the channels for whom no mail reaches, the preferred first."""

    database: Database
    contacts: ContactBook
    composer: Composer
    server: MailServer
    domain: str
    others: tuple[Channel, ...] = ()

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Each message goes by the first that reaches its person."""
        return (Mail(self.composer, self.server, self.domain), *self.others)


def make_postman(settings: Settings, database: Database) -> Postman:
    """The postman of a worker; nothing is connected yet, so it may be made before a fork."""
    provider = settings.sms_provider
    return Postman(
        database,
        ContactBook(settings.registration_url, settings.notifications_token.get_secret_value()),
        Composer(settings.mail_from, settings.mail_domain),
        settings.mail_server,
        settings.mail_domain,
        (Sms(database, provider, Wording(provider.signs)),) if provider else (),
    )


def deliver_batch(postman: Postman) -> int:
    """Claim due messages and bring each to its next state; returns how many were claimed.

    Links first: somebody waits for them at a log-in page.
    """
    return _deliver_links(postman) + _deliver_news(postman)


def _deliver_links(postman: Postman) -> int:
    started = time.monotonic()
    claimed = claim_links(postman.database, postman.domain)
    known = _of_known_sites(postman, claimed)
    if known:
        try:
            links = postman.contacts.open_links({message.link_id for message in known})
            _send(postman, list(_composed_links(postman, known, links)), started)
        except ContactsUnavailable as error:
            _give_back(postman, known, str(error))
    return len(claimed)


def _deliver_news(postman: Postman) -> int:
    started = time.monotonic()
    claimed = claim(postman.database, postman.domain)
    known = _of_known_sites(postman, claimed)
    if known:
        try:
            contacts = postman.contacts.look_up({(message.person_id, message.site_id) for message in known})
            _send(postman, list(_composed(postman, known, contacts)), started)
        except ContactsUnavailable as error:
            _give_back(postman, known, str(error))
    return len(claimed)


def _of_known_sites(postman: Postman, claimed: Sequence[Message]) -> list[Message]:
    """Those whose site we have heard of, or that are of no site; the others go back."""
    unknown = [message for message in claimed if message.site_id and message.time_zone is None]
    _give_back(postman, unknown, "its site is not known yet")
    return [message for message in claimed if message not in unknown]


def _give_back(postman: Postman, messages: Sequence[Taken], reason: str) -> None:
    if messages:
        log.warning("messages_wait", count=len(messages), reason=reason)
        release(postman.database, messages, OUTAGE_DELAY, reason)


def _composed(postman: Postman, messages: list[Claimed], contacts: dict[Known, Contact]) -> Iterator[_Ready]:
    for message in messages:
        contact = contacts.get((message.person_id, message.site_id))
        if contact is None:
            _record(postman, message, NO_ADDRESS)
        else:
            yield from _ready(postman, message, contact)


def _composed_links(
    postman: Postman, messages: list[ClaimedLink], links: dict[UUID, AddressedLink]
) -> Iterator[_Ready]:
    for message in messages:
        link = links.get(message.link_id)
        if link is None:
            _record(postman, message, LINK_IS_OVER)
        else:
            yield from _ready(postman, message, link)


def _ready(postman: Postman, message: Taken, contact: Contact | AddressedLink) -> Iterator[_Ready]:
    """The message as a letter of the first channel that reaches them; none where that is recorded as impossible."""
    channel = next((one for one in postman.channels if one.reaches(message, contact)), None)
    if channel is None:
        _record(postman, message, NOT_REACHED if postman.others else NO_ADDRESS)
        return
    try:
        yield channel, channel.compose(message, contact)
    except Exception as error:
        # One bad row must not hold up its neighbours. Where it failed, but not what was in it: that is personal.
        where = traceback.extract_tb(error.__traceback__)[-1]
        reason = f"not_rendered: {type(error).__name__} at {where.name}:{where.lineno}"
        _record(postman, message, Result(State.FAILED, "not_rendered", reason))


def _send(postman: Postman, ready: list[_Ready], started: float) -> None:
    for channel in postman.channels:
        _send_by(postman, channel, [letter for by, letter in ready if by == channel], started)


def _send_by(postman: Postman, channel: Channel, letters: list[Letter], started: float) -> None:
    """Over one line, in order. When that is lost or time is up, the rest goes back untried."""
    if not letters:
        return
    number = 0
    try:
        with channel.open() as line:
            for number, letter in enumerate(letters):
                if line.lost or time.monotonic() - started > BATCH_SECONDS:
                    release(postman.database, [late.message for late in letters[number:]], 0.0)
                    return
                _record(postman, letter.message, _result(channel, line.send(letter)))
    except Unavailable as error:
        _give_back(postman, [late.message for late in letters[number:]], str(error))


def _result(channel: Channel, verdict: Verdict) -> Result:
    state = STATES.get(verdict.outcome, State.PENDING)
    return Result(state, verdict.outcome, verdict.reply, channel.name, verdict.reference)


def _record(postman: Postman, message: Taken, result: Result) -> None:
    with bind_request(message.request_id):
        kept = record(postman.database, message, result)
        note = log.info if result.state in (State.SENT, State.NO_CONTACT) else log.warning
        note("message_tried", message_id=str(message.id), outcome=result.outcome, reply=result.reply, recorded=kept)
