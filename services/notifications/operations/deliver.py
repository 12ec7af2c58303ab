"""Send what is due: claim a batch, ask for the contacts, hand the mails over, record each at once.

    deliver_batch(Postman(database, contacts, composer, settings.mail_server, settings.mail_domain))

Failures are of two kinds. What keeps everybody's mail from going out (registration, the mail server) gives the batch
back without counting an attempt. What the mail server says of one mail counts as an attempt of that message.
"""

import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from functools import partial
from typing import TypeVar
from uuid import UUID

from services.common.database import Database
from services.common.logs import bind_request, get_logger
from services.notifications.contacts import (
    AddressedLink,
    Contact,
    ContactBook,
    ContactsUnavailable,
    Known,
    StaffContact,
)
from services.notifications.mail.render import Composer
from services.notifications.mail.smtp import Connection, MailServerUnavailable, Outcome, Verdict
from services.notifications.models import State
from services.notifications.operations.claims import (
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
from services.notifications.settings import MailServer, Settings

log = get_logger(__name__)

BATCH_SECONDS = 15.0
"""No mail of a batch is begun later than this after its claim, so that a batch of slow mails ends within `LEASE`."""

OUTAGE_DELAY = 10.0
"""Seconds until a batch is tried again that registration or the mail server kept from going out."""

STATES = {Outcome.SENT: State.SENT, Outcome.REFUSED: State.FAILED}
"""Whatever is not here is tried again."""

NO_ADDRESS = Result(State.NO_CONTACT, "no_contact", "the person has no e-mail address")
LINK_IS_OVER = Result(State.EXPIRED, "link_is_over", "the link expired or was used before it could be sent")

Message = TypeVar("Message", Claimed, ClaimedLink, ClaimedNotice)


@dataclass(frozen=True)
class Postman:
    """What it takes to send mails."""

    database: Database
    contacts: ContactBook
    composer: Composer
    server: MailServer
    domain: str


def make_postman(settings: Settings, database: Database) -> Postman:
    """The postman of a worker; nothing is connected yet, so it may be made before a fork."""
    return Postman(
        database,
        ContactBook(settings.registration_url, settings.notifications_token.get_secret_value()),
        Composer(settings.mail_from, settings.mail_domain),
        settings.mail_server,
        settings.mail_domain,
    )


@dataclass(frozen=True)
class _Ready:
    message: Taken
    mail: EmailMessage
    recipient: str

    def __repr__(self) -> str:
        return f"<mail of message {self.message.id}>"  # the address must not show in a traceback


def deliver_batch(postman: Postman) -> int:
    """Claim due messages and bring each to its next state; returns how many were claimed.

    Links first: somebody waits for them at a log-in page.
    """
    return _deliver_links(postman) + _deliver_news(postman) + _deliver_notices(postman)


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


def _deliver_notices(postman: Postman) -> int:
    started = time.monotonic()
    claimed = claim_notices(postman.database, postman.domain)
    known = _of_known_sites(postman, claimed)
    if known:
        try:
            people = postman.contacts.look_up({(one.person_id, one.site_id) for one in known if one.person_id})
            staff = postman.contacts.look_up_staff({one.staff_id for one in known if one.staff_id})
            _send(postman, list(_composed_notices(postman, known, people, staff)), started)
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
        if contact is None or not contact.email:
            _record(postman, message, NO_ADDRESS)
        elif mail := _rendered(postman, message, partial(postman.composer.compose, message, contact)):
            yield _Ready(message, mail, contact.email)


def _composed_links(
    postman: Postman, messages: list[ClaimedLink], links: dict[UUID, AddressedLink]
) -> Iterator[_Ready]:
    for message in messages:
        link = links.get(message.link_id)
        if link is None:
            _record(postman, message, LINK_IS_OVER)
        elif not link.email:
            _record(postman, message, NO_ADDRESS)
        elif mail := _rendered(postman, message, partial(postman.composer.compose_link, message, link)):
            yield _Ready(message, mail, link.email)


def _composed_notices(
    postman: Postman, messages: list[ClaimedNotice], people: dict[Known, Contact], staff: dict[UUID, StaffContact]
) -> Iterator[_Ready]:
    for message in messages:
        leader = people.get((message.person_id, message.site_id)) if message.person_id else None
        contact = staff.get(message.staff_id) if message.staff_id else leader
        if contact is None or not contact.email:
            _record(postman, message, NO_ADDRESS)
        elif mail := _rendered(postman, message, partial(postman.composer.compose_notice, message, contact)):
            yield _Ready(message, mail, contact.email)


def _rendered(postman: Postman, message: Taken, compose: Callable[[], EmailMessage]) -> EmailMessage | None:
    try:
        return compose()
    except Exception as error:
        # One bad row must not hold up its neighbours. Where it failed, but not what was in it: that is personal.
        where = traceback.extract_tb(error.__traceback__)[-1]
        reason = f"not_rendered: {type(error).__name__} at {where.name}:{where.lineno}"
        _record(postman, message, Result(State.FAILED, "not_rendered", reason))
        return None


def _send(postman: Postman, ready: list[_Ready], started: float) -> None:
    """Over one connection, in order. When that is lost or time is up, the rest goes back untried."""
    if not ready:
        return
    try:
        with Connection(postman.server, postman.domain) as connection:
            for number, one in enumerate(ready):
                if connection.lost or time.monotonic() - started > BATCH_SECONDS:
                    release(postman.database, [late.message for late in ready[number:]], 0.0)
                    return
                verdict = connection.send(one.mail, postman.composer.address, one.recipient)
                _record(postman, one.message, _result(verdict))
    except MailServerUnavailable as error:
        _give_back(postman, [one.message for one in ready], str(error))


def _result(verdict: Verdict) -> Result:
    return Result(STATES.get(verdict.outcome, State.PENDING), verdict.outcome, verdict.reply)


def _record(postman: Postman, message: Taken, result: Result) -> None:
    with bind_request(message.request_id):
        kept = record(postman.database, message, result)
        note = log.info if result.state in (State.SENT, State.NO_CONTACT) else log.warning
        note("message_tried", message_id=str(message.id), outcome=result.outcome, reply=result.reply, recorded=kept)
