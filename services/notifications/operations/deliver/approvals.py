"""The round of mails that ask colleagues to approve an announcement; none to who would find that it is decided."""

from collections.abc import Iterator
from functools import partial

from services.notifications.models import Kind, State
from services.notifications.operations.claims import Result
from services.notifications.operations.claims.approvals import ClaimedApproval, claim_approvals
from services.notifications.operations.deliver.postman import Postman
from services.notifications.operations.deliver.sending import Ready, by_mail, note, send_round
from services.notifications.operations.lanes import Lane
from services.notifications.operations.suppressions import closed_addresses

DECIDED = Result(State.SUPPRESSED, "withdrawn", "it waits for no approval any more")


def deliver_approvals(postman: Postman) -> int:
    """What waits for somebody's approval; returns how many were claimed."""
    claim = partial(claim_approvals, postman.database, postman.domain)
    return send_round(postman, Lane.NEWS, claim, partial(_letters, postman))


def _letters(postman: Postman, messages: list[ClaimedApproval]) -> Iterator[Ready]:
    staff = postman.contacts.look_up_staff({one.staff_id for one in messages})
    closed = closed_addresses(postman.database, postman.box, {one.email for one in staff.values()})
    for message in messages:
        if message.is_needed:
            contact = staff.get(message.staff_id)
            yield from by_mail(postman, message, Kind.APPROVAL, contact, closed, postman.mail.compose_approval)
        else:
            note(postman, message, DECIDED)
