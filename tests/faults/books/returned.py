"""A mail that came back has not arrived: that is what its message says, or it goes on by SMS; and no more go there."""

from collections import Counter
from collections.abc import Iterator

from services.notifications.operations.refusable import ORDERED
from tests.faults.books.material import Finding, Material, MessageRow
from tests.faults.books.refusals import REFUSABLE, mailed_after
from tests.faults.ledger import FULL, GONE, TOLD

HELD_SECONDS = 15.0
"""So long what closes an address may be held between its own clock and its commit: its process may be frozen."""

REACHED = ("sent", "delivered")


def what_came_back_did_not_arrive(material: Material) -> Iterator[Finding]:
    """Of mails of which each copy came back; one that went to the other server as well is there, for all we know."""
    copies = Counter(mail.message_id for mail in material.mails)
    last = {message.registration_id: message.id for message in material.messages if message.registration_id}
    for message in material.messages:
        count, domain = copies[message.message_id], material.domain(message)
        if not count or material.world.returned[message.message_id] != count:
            continue
        by_mail = message.channel == "mail"
        if domain in (GONE, FULL) and by_mail and message.state in REACHED:
            yield Finding("returned", f"{message} came back, and is {message.state}: {message.tries}")
        elif domain == GONE and by_mail and message.state != "expired" and _goes_on(material, message, last):
            yield Finding("unsent", f"{message} came back, and did not go on by SMS: {message.state} {message.error}")
        elif domain == TOLD and message.state == "sent":
            yield Finding("returned", f"{message} is said to be delivered, and is {message.state}: {message.tries}")


def _goes_on(material: Material, message: MessageRow, last: dict[str, str]) -> bool:
    """Whether it must go by SMS then: there is a number, nothing was said since that takes its place, nobody stopped
    it."""
    stopped = message.announcement_id in {one.id for one in material.ledger.announced if one.stopped_at}
    holds = last.get(message.registration_id, message.id) == message.id and not stopped
    return bool(material.contact(message).get("phone")) and message.kind in ORDERED and holds


def nothing_is_mailed_to_a_closed_address(material: Material) -> Iterator[Finding]:
    """After one that says that there is no such mailbox was heard, nothing; after a complaint nothing refusable."""
    closed = _closed(material)
    for message in material.messages:
        at = closed.get(material.contact(message).get("email", ""))
        holds = material.domain(message) == GONE or message.kind in REFUSABLE
        if at is not None and holds and mailed_after(message, at + HELD_SECONDS):
            yield Finding("returned", f"{message} was mailed to an address that is closed: {message.attempts}")


def _closed(material: Material) -> dict[str, float]:
    """By address, when it was first closed. What was heard before any attempt was on record closes nothing: it was not
    known then where the mail had gone."""
    by_id, found = {message.id: message for message in material.messages}, dict[str, float]()
    for report in material.reports:
        message = by_id.get(report.message_id)
        if message is None or report.applied_at is None or not report.permanent:
            continue
        ends = [one["ended"] for one in message.attempts if one["channel"] == "mail" and one["ended"]]
        if any(ended <= report.applied_at for ended in ends):
            address = material.contact(message).get("email", "")
            found[address] = min(report.applied_at, found.get(address, report.applied_at))
    return found
