"""The round of messages to leaders and staff: by mail alone."""

from collections.abc import Iterator
from functools import partial

from services.notifications.operations.claims.notices import ClaimedNotice, claim_notices
from services.notifications.operations.deliver.postman import Postman
from services.notifications.operations.deliver.sending import (
    NO_ADDRESS,
    Ready,
    held_back,
    note,
    send_round,
    written,
)
from services.notifications.operations.lanes import Lane
from services.notifications.operations.suppressions import closed_addresses


def deliver_notices(postman: Postman) -> int:
    """What is theirs to see to; returns how many were claimed."""
    claim = partial(claim_notices, postman.database, postman.domain)
    return send_round(postman, Lane.NEWS, claim, partial(_letters, postman))


def _letters(postman: Postman, messages: list[ClaimedNotice]) -> Iterator[Ready]:
    people = postman.contacts.look_up({(one.person_id, one.site_id) for one in messages if one.person_id})
    staff = postman.contacts.look_up_staff({one.staff_id for one in messages if one.staff_id})
    mail = postman.mail
    emails = {one.email for one in people.values()} | {one.email for one in staff.values()}
    closed = closed_addresses(postman.database, postman.box, {email for email in emails if email})
    for message in messages:
        leader = people.get((message.person_id, message.site_id)) if message.person_id else None
        contact = staff.get(message.staff_id) if message.staff_id else leader
        if contact is None or not contact.email:
            note(postman, message, NO_ADDRESS)
        elif contact.email in closed and closed[contact.email].closes(message.kind):
            note(postman, message, held_back(closed[contact.email]))
        else:
            yield from written(postman, message, mail, partial(mail.compose_notice, message, contact))
