"""Every message ends once, and for a reason that the world outside can confirm."""

from collections.abc import Iterator

from tests.faults.books.material import Finding, Material, MessageRow
from tests.faults.ledger import REFUSED

FROM_OUTSIDE = ("delivered", "undelivered")
"""What receipts add to the attempts of a message that was sent."""

REACHED = ("sent", "delivered")


def every_message_ended(material: Material) -> Iterator[Finding]:
    """Each was taken by a server that says so itself; what was not has a reason that holds."""
    mails = {mail.message_id for mail in material.mails}
    texts = {sms.message_id for sms in material.world.sms}
    for message in material.messages:
        taken = message.id in texts if message.channel == "sms" else message.message_id in mails
        if message.state in REACHED and not taken:
            yield Finding("unsent", f"{message} is marked {message.state}, nobody ever got it")
        elif message.state not in REACHED and not _is_excused(material, message):
            yield Finding("unsent", f"{message} is {message.state}: {message.error}")


def _is_excused(material: Material, message: MessageRow) -> bool:
    """Whether it is over for a reason that holds: recalled, stopped, refused for good, or an SMS that did not come."""
    error = message.error or ""
    if message.state == "suppressed":
        return error == "stopped" and message.announcement_id in {
            one.id for one in material.ledger.announced if one.stopped_at
        }
    if message.state == "expired":
        return "recalled" in error
    if message.state != "failed":
        return False
    if message.channel == "sms":
        told_so = any(
            sms.message_id == message.id and not material.world.receipts.get(sms.id, True) for sms in material.world.sms
        )
        return (told_so and error.startswith("not delivered")) or (
            not material.world.settles and error.startswith("unknown")
        )
    return error.startswith("550") and material.address(message).endswith(f"@{REFUSED}")


def every_message_ended_once(material: Material) -> Iterator[Finding]:
    """One attempt at most is recorded as sent, and none after it."""
    for message in material.messages:
        tries = [outcome for outcome in message.tries if outcome not in FROM_OUTSIDE]
        if tries.count("sent") > 1:
            yield Finding("duplicated", f"{message} was sent {tries.count('sent')} times: {message.tries}")
        elif "sent" in tries and tries[-1] != "sent":
            yield Finding("duplicated", f"{message} was tried again after it was sent: {message.tries}")


def each_went_to_whom_it_is_for(material: Material) -> Iterator[Finding]:
    """Mails went to the address, and SMS to the number, that the person or colleague gave."""
    messages = {message.message_id: message for message in material.messages if message.message_id}
    for mail in material.mails:
        message = messages.get(mail.message_id)
        if message and mail.to != (address := material.address(message)):
            yield Finding("stray mail", f"{message} went to {mail.to} instead of {address}")
    by_id = {message.id: message for message in material.messages}
    for sms in material.world.sms:
        one = by_id.get(sms.message_id)
        if one and not sms.to.endswith(number := material.address(one)):
            yield Finding("stray sms", f"{one} went to {sms.to} instead of {number}")


def nothing_came_early(material: Material) -> Iterator[Finding]:
    """No SMS came before it was due; of mails `no_reminder_early` tells."""
    due = {message.id: message.due_at.timestamp() for message in material.messages if message.due_at}
    for sms in material.world.sms:
        if sms.at < due.get(sms.message_id, 0):
            yield Finding("early", f"SMS {sms.id} came {due[sms.message_id] - sms.at:.1f} s early")


def the_world_complains_of_nothing(material: Material) -> Iterator[Finding]:
    """No request had a wrong key, token or signature."""
    for text in material.world.complaints:
        yield Finding("complaint", text)
