"""The round of digests for a site's staff: by mail alone."""

from collections.abc import Iterator
from functools import partial

from services.notifications.models import Kind
from services.notifications.operations.claims.digests import ClaimedDigest, claim_digests
from services.notifications.operations.deliver.postman import Postman
from services.notifications.operations.deliver.sending import Ready, by_mail, send_round
from services.notifications.operations.lanes import Lane
from services.notifications.operations.suppressions import closed_addresses


def deliver_digests(postman: Postman) -> int:
    """What tomorrow holds; returns how many were claimed."""
    claim = partial(claim_digests, postman.database, postman.domain)
    return send_round(postman, Lane.NEWS, claim, partial(_letters, postman))


def _letters(postman: Postman, messages: list[ClaimedDigest]) -> Iterator[Ready]:
    staff = postman.contacts.look_up_staff({one.staff_id for one in messages})
    closed = closed_addresses(postman.database, postman.box, {one.email for one in staff.values()})
    for message in messages:
        contact = staff.get(message.staff_id)
        yield from by_mail(postman, message, Kind.DIGEST, contact, closed, postman.mail.compose_digest)
