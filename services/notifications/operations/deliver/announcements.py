"""The round of announcements: the last of all, and it stops for whatever is more urgent."""

from functools import partial

from services.notifications.operations.claims.announcements import claim_announcements
from services.notifications.operations.deliver.news import letters_to_people
from services.notifications.operations.deliver.postman import Postman
from services.notifications.operations.deliver.sending import send_round
from services.notifications.operations.lanes import Lane


def deliver_announcements(postman: Postman) -> int:
    """What many get; returns how many were claimed."""
    claim = partial(claim_announcements, postman.database, postman.domain)
    return send_round(postman, Lane.BULK, claim, partial(letters_to_people, postman, Lane.BULK))
