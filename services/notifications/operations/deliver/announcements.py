"""The round of announcements: the last of all, and it stops for whatever is more urgent."""

from collections.abc import Iterator
from functools import partial

from services.notifications.operations.claims.announcements import ClaimedAnnouncement, claim_announcements
from services.notifications.operations.deliver.postman import Postman
from services.notifications.operations.deliver.sending import NO_ADDRESS, Ready, note, ready, send_round
from services.notifications.operations.lanes import Lane


def deliver_announcements(postman: Postman) -> int:
    """What many get; returns how many were claimed."""
    claim = partial(claim_announcements, postman.database, postman.domain)
    return send_round(postman, Lane.BULK, claim, partial(_letters, postman))


def _letters(postman: Postman, messages: list[ClaimedAnnouncement]) -> Iterator[Ready]:
    contacts = postman.contacts.look_up({(message.person_id, message.site_id) for message in messages})
    for message in messages:
        contact = contacts.get((message.person_id, message.site_id))
        if contact is None:
            note(postman, message, NO_ADDRESS)
        else:
            yield from ready(postman, message, contact)
