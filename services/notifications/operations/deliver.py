"""Send what is due: claim a batch, ask for the contacts, hand the letters over by mail or else by SMS, record each at
once.

    deliver_batch(make_postman(settings, database))

Urgent lanes go first (`lanes.py`), and a batch of another stops for them. Where a provider takes so many a minute, the
rest waits (`rates.py`), and what is not urgent leaves a part for what is.

Failures are of two kinds. What keeps everybody's mail from going out (registration, the mail server) gives the batch
back without counting an attempt. What the server or provider says of one letter counts as an attempt of that message.
"""

import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar
from uuid import UUID

from services.common.database import Database
from services.common.logs import bind_request, get_logger
from services.notifications.channels import Channel, Letter, Outcome, Unavailable, Verdict
from services.notifications.channels.mail import Mail
from services.notifications.channels.sms import Sms
from services.notifications.contacts import (
    AddressedLink,
    Contact,
    ContactBook,
    ContactsUnavailable,
    Known,
    StaffContact,
)
from services.notifications.mail.render import Composer
from services.notifications.mail.servers import MailServers
from services.notifications.models import State
from services.notifications.operations.claims import (
    CLAIM,
    Claimed,
    ClaimedLink,
    ClaimedNotice,
    Result,
    Taken,
    claim,
    claim_links,
    claim_notices,
    record,
    release,
)
from services.notifications.operations.lanes import LOOK_SECONDS, Lane, urgent_waits
from services.notifications.operations.providers import tell
from services.notifications.rates import Allowance
from services.notifications.settings import Settings
from services.notifications.sms import Provider
from services.notifications.sms.words import Wording

log = get_logger(__name__)

BATCH_SECONDS = 15.0
"""No mail of a batch is begun later than this after its claim, so that a batch of slow mails ends within `LEASE`."""

OUTAGE_DELAY = 10.0
"""Seconds until a batch is tried again that registration or the mail server kept from going out."""

FOR_URGENT = 0.2
"""Of what a provider takes at once: left by what is not urgent."""

SHORTEST_WAIT = 0.5
FULL_PAUSE = 0.2

STATES = {Outcome.SENT: State.SENT, Outcome.REFUSED: State.FAILED}
"""Whatever is not here is tried again."""

NO_ADDRESS = Result(State.NO_CONTACT, "no_contact", "the person has no e-mail address")
NOT_REACHED = Result(State.NO_CONTACT, "no_contact", "the person has no e-mail address, nor can an SMS go to them")
IN_DOUBT = Result(State.FAILED, "refused", "unknown: no answer came, and there is nobody any more to ask about")
LINK_IS_OVER = Result(State.EXPIRED, "link_is_over", "the link expired or was used before it could be sent")

Message = TypeVar("Message", Claimed, ClaimedLink, ClaimedNotice)
_Ready = tuple[Channel, Letter]


@dataclass(frozen=True)
class Postman:
    """What it takes to send messages. `others` are the channels for whom no mail reaches, the preferred first;
    `allowances` tell by a channel's name how much it takes, where that is bounded."""

    database: Database
    contacts: ContactBook
    composer: Composer
    servers: MailServers
    domain: str
    others: tuple[Channel, ...] = ()
    allowances: Mapping[str, Allowance] = field(default_factory=dict)

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Each message goes by the first that reaches its person."""
        return (Mail(self.composer, self.servers), *self.others)


def make_postman(settings: Settings, database: Database) -> Postman:
    """The postman of a worker; nothing is connected yet, so it may be made before a fork."""
    provider = settings.sms_provider
    return Postman(
        database,
        ContactBook(settings.registration_url, settings.notifications_token.get_secret_value()),
        Composer(settings.mail_from, settings.mail_domain),
        MailServers(settings.mail_servers, settings.mail_domain, partial(tell, database)),
        settings.mail_domain,
        (_sms(settings, database, provider),) if provider else (),
        allowances=_allowances({"mail": settings.mail_rate, "sms": settings.sms_rate}, settings),
    )


def _sms(settings: Settings, database: Database, provider: Provider) -> Sms:
    prefixes = tuple(settings.sms_prefixes.split(","))
    return Sms(database, provider, Wording(provider.signs), settings.box(), prefixes)


def _allowances(rates: dict[str, int], settings: Settings) -> dict[str, Allowance]:
    broker = settings.broker_url.get_secret_value()
    return {channel: Allowance(channel, rate, broker) for channel, rate in rates.items() if rate}


def deliver_batch(postman: Postman) -> int:
    """Claim due messages of each lane and bring each to its next state; returns how many were claimed."""
    links = _deliver_links(postman)
    news = sum(_deliver_news(postman, lane) for lane in Lane if lane is not Lane.LINK)
    return links + news + _deliver_notices(postman)


@dataclass
class _Batch:
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
        return urgent_waits(database)


def _deliver_links(postman: Postman) -> int:
    batch = _Batch(Lane.LINK)
    claimed = claim_links(postman.database, postman.domain)
    known = _of_known_sites(postman, claimed)
    if known:
        try:
            links = postman.contacts.open_links({message.link_id for message in known})
            _send(postman, list(_composed_links(postman, known, links)), batch)
        except ContactsUnavailable as error:
            _give_back(postman, known, str(error))
    return len(claimed)


def _deliver_news(postman: Postman, lane: Lane) -> int:
    batch, most = _Batch(lane), _room(postman, lane)
    claimed = claim(postman.database, postman.domain, lane, most) if most else []
    known = _of_known_sites(postman, claimed)
    if known:
        try:
            contacts = postman.contacts.look_up({(message.person_id, message.site_id) for message in known})
            _send(postman, list(_composed(postman, known, contacts)), batch)
        except ContactsUnavailable as error:
            _give_back(postman, known, str(error))
    return len(claimed)


def _deliver_notices(postman: Postman) -> int:
    batch, most = _Batch(Lane.NEWS), _room(postman, Lane.NEWS)
    claimed = claim_notices(postman.database, postman.domain, most) if most else []
    known = _of_known_sites(postman, claimed)
    if known:
        try:
            people = postman.contacts.look_up({(one.person_id, one.site_id) for one in known if one.person_id})
            staff = postman.contacts.look_up_staff({one.staff_id for one in known if one.staff_id})
            _send(postman, list(_composed_notices(postman, known, people, staff)), batch)
        except ContactsUnavailable as error:
            _give_back(postman, known, str(error))
    return len(claimed)


def _room(postman: Postman, lane: Lane) -> int:
    """How many of a lane to claim: no more than may go by mail now, so that nothing is claimed to be put back behind
    what came later. Most go by mail; who is reached otherwise waits a little longer than need be."""
    allowance = postman.allowances.get(Mail.name)
    if allowance is None:
        return CLAIM
    room = min(CLAIM, allowance.room(FOR_URGENT if lane.gives_way else 0.0))
    if not room:
        time.sleep(FULL_PAUSE)  # the pump nudges while anything is due
    return room


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
            _record(postman, message, IN_DOUBT if message.in_doubt else NO_ADDRESS)
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


def _composed_notices(
    postman: Postman, messages: list[ClaimedNotice], people: dict[Known, Contact], staff: dict[UUID, StaffContact]
) -> Iterator[_Ready]:
    mail = Mail(postman.composer, postman.servers)
    for message in messages:
        leader = people.get((message.person_id, message.site_id)) if message.person_id else None
        contact = staff.get(message.staff_id) if message.staff_id else leader
        if contact is None or not contact.email:
            _record(postman, message, NO_ADDRESS)
        else:
            yield from _written(postman, message, mail, partial(mail.compose_notice, message, contact))


def _ready(postman: Postman, message: Taken, contact: Contact | AddressedLink) -> Iterator[_Ready]:
    """The message as a letter of the first channel that reaches them; none where that is recorded as impossible."""
    channel = next((one for one in postman.channels if one.reaches(message, contact)), None)
    if channel is None:
        nobody = NOT_REACHED if postman.others else NO_ADDRESS
        _record(postman, message, IN_DOUBT if message.in_doubt else nobody)
    else:
        yield from _written(postman, message, channel, partial(channel.compose, message, contact))


def _written(postman: Postman, message: Taken, channel: Channel, compose: Callable[[], Letter]) -> Iterator[_Ready]:
    try:
        yield channel, compose()
    except Exception as error:
        # One bad row must not hold up its neighbours. Where it failed, but not what was in it: that is personal.
        where = traceback.extract_tb(error.__traceback__)[-1]
        reason = f"not_rendered: {type(error).__name__} at {where.name}:{where.lineno}"
        _record(postman, message, Result(State.FAILED, "not_rendered", reason))


def _send(postman: Postman, ready: list[_Ready], batch: _Batch) -> None:
    for channel in postman.channels:
        letters = _allowed(postman, channel, [letter for by, letter in ready if by == channel], batch.lane)
        if letters:
            _send_by(postman, channel, letters, batch)


def _allowed(postman: Postman, channel: Channel, letters: list[Letter], lane: Lane) -> list[Letter]:
    """As many as the provider takes now; the others go back until it takes more."""
    allowance = postman.allowances.get(channel.name)
    if allowance is None or not letters:
        return letters
    granted, wait = allowance.take(len(letters), keep=FOR_URGENT if lane.gives_way else 0.0)
    late = [letter.message for letter in letters[granted:]]
    if late:
        release(postman.database, late, max(wait, SHORTEST_WAIT), "waits: the provider takes no more in a minute")
    return letters[:granted]


def _send_by(postman: Postman, channel: Channel, letters: list[Letter], batch: _Batch) -> None:
    """Over one line, in order. When that is lost or the batch is over, the rest goes back untried."""
    number = 0
    try:
        with channel.open() as line:
            for number, letter in enumerate(letters):
                if line.lost or batch.is_over(postman.database):
                    release(postman.database, [late.message for late in letters[number:]], 0.0)
                    return
                result = _result(channel, line.provider, line.send(letter))
                _record(postman, letter.message, replace(result, made_with=letter.made_with))
    except Unavailable as error:
        _give_back(postman, [late.message for late in letters[number:]], str(error))


def _result(channel: Channel, provider: str, verdict: Verdict) -> Result:
    state = STATES.get(verdict.outcome, State.PENDING)
    return Result(state, verdict.outcome, verdict.reply, channel.name, verdict.reference, provider)


def _record(postman: Postman, message: Taken, result: Result) -> None:
    with bind_request(message.request_id):
        kept = record(postman.database, message, result)
        note = log.info if result.state in (State.SENT, State.NO_CONTACT) else log.warning
        note("message_tried", message_id=str(message.id), outcome=result.outcome, reply=result.reply, recorded=kept)
