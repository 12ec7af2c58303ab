"""The rounds of messages about registrations: answers to what somebody did, and news for many."""

from collections.abc import Iterator
from functools import partial

from services.notifications.operations.claims.news import Claimed, claim
from services.notifications.operations.deliver.postman import Postman
from services.notifications.operations.deliver.sending import IN_DOUBT, NO_ADDRESS, Ready, note, ready, send_round
from services.notifications.operations.lanes import Lane


def deliver_answers(postman: Postman) -> int:
    """What became of what one person did; returns how many were claimed."""
    return _deliver(postman, Lane.ANSWER)


def deliver_news(postman: Postman) -> int:
    """Changes and reminders; returns how many were claimed."""
    return _deliver(postman, Lane.NEWS)


def _deliver(postman: Postman, lane: Lane) -> int:
    return send_round(postman, lane, partial(claim, postman.database, postman.domain, lane), partial(_letters, postman))


def _letters(postman: Postman, messages: list[Claimed]) -> Iterator[Ready]:
    contacts = postman.contacts.look_up({(message.person_id, message.site_id) for message in messages})
    for message in messages:
        contact = contacts.get((message.person_id, message.site_id))
        if contact is None:
            note(postman, message, IN_DOUBT if message.in_doubt else NO_ADDRESS)
        else:
            yield from ready(postman, message, contact)
