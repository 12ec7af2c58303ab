"""The round of digests for a site's staff: by mail alone."""

from collections.abc import Iterator
from functools import partial

from services.notifications.operations.claims.digests import ClaimedDigest, claim_digests
from services.notifications.operations.deliver.postman import Postman
from services.notifications.operations.deliver.sending import NO_ADDRESS, Ready, note, send_round, written
from services.notifications.operations.lanes import Lane


def deliver_digests(postman: Postman) -> int:
    """What tomorrow holds; returns how many were claimed."""
    claim = partial(claim_digests, postman.database, postman.domain)
    return send_round(postman, Lane.NEWS, claim, partial(_letters, postman))


def _letters(postman: Postman, messages: list[ClaimedDigest]) -> Iterator[Ready]:
    staff = postman.contacts.look_up_staff({one.staff_id for one in messages})
    mail = postman.mail
    for message in messages:
        contact = staff.get(message.staff_id)
        if contact is None:
            note(postman, message, NO_ADDRESS)
        else:
            yield from written(postman, message, mail, partial(mail.compose_digest, message, contact))
