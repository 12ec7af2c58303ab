"""The round of announcements: the last of all, and it stops for whatever is more urgent."""

from collections.abc import Iterator
from functools import partial

from services.notifications.operations.claims import put_off
from services.notifications.operations.claims.announcements import ClaimedAnnouncement, claim_announcements
from services.notifications.operations.deliver.postman import Postman
from services.notifications.operations.deliver.sending import IN_DOUBT, NO_ADDRESS, Ready, note, ready, send_round
from services.notifications.operations.lanes import Lane
from services.notifications.operations.preferences import NO_WISH, preferences_of


def deliver_announcements(postman: Postman) -> int:
    """What many get; returns how many were claimed."""
    claim = partial(claim_announcements, postman.database, postman.domain)
    return send_round(postman, Lane.BULK, claim, partial(_letters, postman))


def _letters(postman: Postman, messages: list[ClaimedAnnouncement]) -> Iterator[Ready]:
    known = {(message.person_id, message.site_id) for message in messages}
    contacts, wishes = postman.contacts.look_up(known), preferences_of(postman.database, known)
    for message in messages:
        contact = contacts.get((message.person_id, message.site_id))
        wish = wishes.get((message.person_id, message.site_id), NO_WISH)
        if contact is None:
            note(postman, message, IN_DOUBT if message.in_doubt else NO_ADDRESS)
        elif not (wish.sleeps and put_off(postman.database, message, wish.sleeps)):
            yield from ready(postman, message, contact, wish.channels(message.kind, postman.channels))
