"""The round of messages to leaders and staff: by mail alone."""

from collections.abc import Iterator
from functools import partial

from services.notifications.contacts import Contact, StaffContact
from services.notifications.operations.claims.notices import ClaimedNotice, claim_notices
from services.notifications.operations.deliver.postman import Postman
from services.notifications.operations.deliver.sending import Ready, by_mail, send_round
from services.notifications.operations.lanes import Lane
from services.notifications.operations.suppressions import closed_addresses


def deliver_notices(postman: Postman) -> int:
    """What is theirs to see to; returns how many were claimed."""
    claim = partial(claim_notices, postman.database, postman.domain)
    return send_round(postman, Lane.NEWS, claim, partial(_letters, postman))


def _letters(postman: Postman, messages: list[ClaimedNotice]) -> Iterator[Ready]:
    people = postman.contacts.look_up({(one.person_id, one.site_id) for one in messages if one.person_id})
    staff = postman.contacts.look_up_staff({one.staff_id for one in messages if one.staff_id})
    emails = {one.email for one in people.values()} | {one.email for one in staff.values()}
    closed = closed_addresses(postman.database, postman.box, {email for email in emails if email})
    for message in messages:
        leader = people.get((message.person_id, message.site_id)) if message.person_id else None
        contact: Contact | StaffContact | None = staff.get(message.staff_id) if message.staff_id else leader
        yield from by_mail(postman, message, message.kind, contact, closed, postman.mail.compose_notice)
