"""Send what is due: claim a batch, ask for the contacts, hand the mails over, record each at once.

    deliver_batch(Postman(database, contacts, composer, settings.mail_server, settings.mail_domain))

Failures are of two kinds. What keeps everybody's mail from going out (registration, the mail server) gives the batch
back without counting an attempt. What the mail server says of one mail counts as an attempt of that message.
"""

import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.message import EmailMessage

from services.common.database import Database
from services.common.logs import bind_request, get_logger
from services.notifications.contacts import Contact, ContactBook, ContactsUnavailable, Known
from services.notifications.mail.render import Composer
from services.notifications.mail.smtp import Connection, MailServerUnavailable, Outcome, Verdict
from services.notifications.models import State
from services.notifications.operations.claims import Claimed, Result, claim, record, release
from services.notifications.settings import MailServer, Settings

log = get_logger(__name__)

BATCH_SECONDS = 15.0
"""No mail of a batch is begun later than this after its claim, so that a batch of slow mails ends within `LEASE`."""

OUTAGE_DELAY = 10.0
"""Seconds until a batch is tried again that registration or the mail server kept from going out."""

STATES = {Outcome.SENT: State.SENT, Outcome.REFUSED: State.FAILED}
"""Whatever is not here is tried again."""


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
    message: Claimed
    mail: EmailMessage
    recipient: str

    def __repr__(self) -> str:
        return f"<mail of message {self.message.id}>"  # the address must not show in a traceback


def deliver_batch(postman: Postman) -> int:
    """Claim up to 50 due messages and bring each to its next state; returns how many were claimed."""
    started = time.monotonic()
    claimed = claim(postman.database, postman.domain)
    known = [message for message in claimed if message.time_zone is not None]
    _give_back(postman, [message for message in claimed if message.time_zone is None], "its site is not known yet")
    if not known:
        return len(claimed)
    try:
        contacts = postman.contacts.look_up({(message.person_id, message.site_id) for message in known})
        ready = list(_composed(postman, known, contacts))
        if ready:
            _send(postman, ready, started)
    except ContactsUnavailable as error:
        _give_back(postman, known, str(error))
    return len(claimed)


def _give_back(postman: Postman, messages: Sequence[Claimed], reason: str) -> None:
    if messages:
        log.warning("messages_wait", count=len(messages), reason=reason)
        release(postman.database, messages, OUTAGE_DELAY, reason)


def _composed(postman: Postman, messages: list[Claimed], contacts: dict[Known, Contact]) -> Iterator[_Ready]:
    for message in messages:
        contact = contacts.get((message.person_id, message.site_id))
        if contact is None or not contact.email:
            _record(postman, message, Result(State.NO_CONTACT, "no_contact", "the person has no e-mail address"))
            continue
        try:
            mail = postman.composer.compose(message, contact)
        except Exception as error:
            # One bad row must not hold up its neighbours. Where it failed, but not what was in it: that is personal.
            where = traceback.extract_tb(error.__traceback__)[-1]
            reason = f"not_rendered: {type(error).__name__} at {where.name}:{where.lineno}"
            _record(postman, message, Result(State.FAILED, "not_rendered", reason))
            continue
        yield _Ready(message, mail, contact.email)


def _send(postman: Postman, ready: list[_Ready], started: float) -> None:
    """Over one connection, in order. When that is lost or time is up, the rest goes back untried."""
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


def _record(postman: Postman, message: Claimed, result: Result) -> None:
    with bind_request(message.request_id):
        kept = record(postman.database, message, result)
        note = log.info if result.state in (State.SENT, State.NO_CONTACT) else log.warning
        note("message_tried", message_id=str(message.id), outcome=result.outcome, reply=result.reply, recorded=kept)
