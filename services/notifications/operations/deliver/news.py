"""The rounds of messages about registrations: answers to what somebody did, and news for many."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from services.notifications.channels.mail import Mail
from services.notifications.contacts import Contact, Known
from services.notifications.models import Kind, State
from services.notifications.operations.claims import Result, put_off
from services.notifications.operations.claims.announcements import ClaimedAnnouncement
from services.notifications.operations.claims.news import Claimed, claim
from services.notifications.operations.copies import make_copies
from services.notifications.operations.deliver.postman import Postman
from services.notifications.operations.deliver.sending import IN_DOUBT, NO_ADDRESS, Ready, Ways, note, ready, send_round
from services.notifications.operations.lanes import Lane, lane_of
from services.notifications.operations.preferences import NO_WISH, Preference, preferences_of
from services.notifications.operations.refusable import REFUSABLE
from services.notifications.operations.suppressions import Closed, closed_addresses

NO_GUARDIAN = Result(State.SUPPRESSED, "withdrawn", "nobody is their guardian any more")

PATIENCE = {Lane.ANSWER: 120.0, Lane.NEWS: 600.0, Lane.BULK: 1800.0}
"""Seconds for which all providers of a channel may have failed before people are told by the next one. Whoever wants it
by SMS waits for a provider that is restarted, not for one that has stopped."""


def deliver_answers(postman: Postman) -> int:
    """What became of what one person did; returns how many were claimed."""
    return _deliver(postman, Lane.ANSWER)


def deliver_news(postman: Postman) -> int:
    """Changes and reminders; returns how many were claimed."""
    return _deliver(postman, Lane.NEWS)


def _deliver(postman: Postman, lane: Lane) -> int:
    take = partial(claim, postman.database, postman.domain, lane)
    return send_round(postman, lane, take, partial(letters_to_people, postman, lane))


def letters_to_people(
    postman: Postman, lane: Lane, messages: Sequence[Claimed | ClaimedAnnouncement]
) -> Iterator[Ready]:
    """Each by the first channel that reaches its person and that they did not refuse; what they sleep through waits."""
    known = {(message.person_id, message.site_id) for message in messages}
    contacts, wishes = postman.contacts.look_up(known), preferences_of(postman.database, known)
    guardians = [contact.guardian for contact in contacts.values() if contact.guardian]
    emails = {one.email for one in contacts.values() if one.email} | {one.email for one in guardians}
    closed = closed_addresses(postman.database, postman.box, emails)
    _copy(postman, messages, contacts)
    for message in messages:
        contact = contacts.get((message.person_id, message.site_id))
        if isinstance(message, Claimed) and message.copy_of:
            yield from _to_guardian(postman, message, contact, closed)
            continue
        wish = wishes.get((message.person_id, message.site_id), NO_WISH)
        if contact is None:
            note(postman, message, IN_DOUBT if message.in_doubt else NO_ADDRESS)
        elif not (lane.gives_way and wish.sleeps) or put_off(postman.database, message, wish.sleeps) is False:
            ways = _ways(postman, message.kind, wish, closed.get(contact.email or ""))
            yield from ready(postman, message, contact, ways)


def _copy(postman: Postman, messages: Sequence[Claimed | ClaimedAnnouncement], contacts: dict[Known, Contact]) -> None:
    """Have guardians told as well, of what nobody may refuse."""
    copied = []
    for message in messages:
        contact = contacts.get((message.person_id, message.site_id))
        is_news = isinstance(message, Claimed) and not message.copy_of and message.kind not in REFUSABLE
        if is_news and contact and contact.guardian:
            copied.append(message.id)
    if copied:
        make_copies(postman.database, copied)


def _to_guardian(
    postman: Postman, message: Claimed, contact: Contact | None, closed: Mapping[str, Closed]
) -> Iterator[Ready]:
    """By mail, to who is the guardian now; without the link that opens what is the child's."""
    guardian = contact.guardian if contact else None
    if contact is None or guardian is None:
        note(postman, message, NO_GUARDIAN)
        return
    reader = {"email": guardian.email, "language": guardian.language, "phone": None, "manage_url": None}
    ways = Ways([one for one in postman.channels if one.name == Mail.name], closed.get(guardian.email))
    yield from ready(postman, message, contact.model_copy(update=reader), ways)


def _ways(postman: Postman, kind: str, wish: Preference, closed: Closed | None) -> Ways:
    closes = closed if closed and closed.closes(kind) else None
    return Ways(wish.channels(kind, postman.channels), closes, PATIENCE[lane_of(Kind(kind))])
