"""The rounds of messages about registrations: answers to what somebody did, and news for many."""

from collections.abc import Iterator, Sequence
from functools import partial

from services.notifications.operations.claims import put_off
from services.notifications.operations.claims.announcements import ClaimedAnnouncement
from services.notifications.operations.claims.news import Claimed, claim
from services.notifications.operations.deliver.postman import Postman
from services.notifications.operations.deliver.sending import IN_DOUBT, NO_ADDRESS, Ready, Ways, note, ready, send_round
from services.notifications.operations.lanes import Lane
from services.notifications.operations.preferences import NO_WISH, Preference, preferences_of
from services.notifications.operations.suppressions import Closed, closed_addresses


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
    emails = {contact.email for contact in contacts.values() if contact.email}
    closed = closed_addresses(postman.database, postman.box, emails)
    for message in messages:
        contact = contacts.get((message.person_id, message.site_id))
        wish = wishes.get((message.person_id, message.site_id), NO_WISH)
        if contact is None:
            note(postman, message, IN_DOUBT if message.in_doubt else NO_ADDRESS)
        elif not (lane.gives_way and wish.sleeps) or put_off(postman.database, message, wish.sleeps) is False:
            ways = _ways(postman, message.kind, wish, closed.get(contact.email or ""))
            yield from ready(postman, message, contact, ways)


def _ways(postman: Postman, kind: str, wish: Preference, closed: Closed | None) -> Ways:
    return Ways(wish.channels(kind, postman.channels), closed if closed and closed.closes(kind) else None)
