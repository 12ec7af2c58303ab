"""The round of messages that carry a link."""

from collections.abc import Iterator
from functools import partial

from services.notifications.models import State
from services.notifications.operations.claims import Result
from services.notifications.operations.claims.links import ClaimedLink, claim_links
from services.notifications.operations.deliver.postman import Postman
from services.notifications.operations.deliver.sending import Ready, note, ready, send_round
from services.notifications.operations.lanes import Lane

LINK_IS_OVER = Result(State.EXPIRED, "link_is_over", "the link expired or was used before it could be sent")


def deliver_links(postman: Postman) -> int:
    """Links that somebody waits for; returns how many were claimed."""
    claim = partial(claim_links, postman.database, postman.domain)
    return send_round(postman, Lane.LINK, claim, partial(_letters, postman))


def _letters(postman: Postman, messages: list[ClaimedLink]) -> Iterator[Ready]:
    links = postman.contacts.open_links({message.link_id for message in messages})
    for message in messages:
        link = links.get(message.link_id)
        if link is None:
            note(postman, message, LINK_IS_OVER)
        else:
            yield from ready(postman, message, link)
