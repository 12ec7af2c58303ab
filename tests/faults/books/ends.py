"""Every message ends once, and for a reason that the world outside can confirm."""

from collections.abc import Iterator
from dataclasses import replace

from tests.faults.books.material import Finding, Material, MessageRow
from tests.faults.books.refusals import REFUSABLE, place_of, refused
from tests.faults.ledger import FULL, GONE, REFUSED, SPAM

FROM_OUTSIDE = ("delivered", "undelivered", "complained")
"""What receipts and reports add to the attempts of a message that was sent."""

BOUNCED = "bounced"

REACHED = ("sent", "delivered")


def every_message_ended(material: Material) -> Iterator[Finding]:
    """Each was taken by a server that says so itself; what was not has a reason that holds."""
    mails = {mail.message_id for mail in material.mails}
    texts = {sms.message_id for sms in material.world.sms}
    for message in material.messages:
        if message.chat_id:
            continue  # of groups `groups` tells
        taken = message.id in texts if message.channel == "sms" else message.message_id in mails
        if message.state in REACHED and not taken:
            yield Finding("unsent", f"{message} is marked {message.state}, nobody ever got it")
        elif message.state not in REACHED and not _is_excused(material, message):
            yield Finding("unsent", f"{message} is {message.state}: {message.error}")


def _is_excused(material: Material, message: MessageRow) -> bool:
    """Whether it is over for a reason that holds: recalled, stopped, refused for good, or an SMS that did not come."""
    error = message.error or ""
    if message.state == "suppressed":
        return _is_held_back(material, message)
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
    bounced = error.startswith("not delivered") and message.message_id in material.world.returned
    domain = material.domain(message)
    return (bounced and domain in (GONE, FULL)) or (error.startswith("550") and domain == REFUSED)


def _is_held_back(material: Material, message: MessageRow) -> bool:
    """Whether it was stopped, refused by whom it is for, or would go to an address that is closed; or asks for an
    approval that was given meanwhile."""
    error = message.error or ""
    if message.kind == "approval":
        asked = message.cause.removeprefix("approval ").partition("/")[0]
        return "no approval any more" in error and any(
            one.id == asked and one.approved_by for one in material.announcements
        )
    if error == "stopped":
        return message.announcement_id in {one.id for one in material.ledger.announced if one.stopped_at}
    if error == "refused by the person":
        return place_of(message) in refused(material)
    domain = GONE if error.startswith("an earlier mail to this address bounced") else SPAM
    email, of_kind = material.contact(message).get("email"), domain == GONE or message.kind in REFUSABLE
    return of_kind and material.domain(message) == domain and email in material.came_back


def every_message_ended_once(material: Material) -> Iterator[Finding]:
    """One attempt at most is recorded as sent, and none after it; of a mail that came back, one more by SMS."""
    for message in material.messages:
        tries = [outcome for outcome in message.tries if outcome not in FROM_OUTSIDE]
        before, after = _split(tries)
        times = max(before.count("sent"), after.count("sent"))
        if times > 1 or BOUNCED in after or (after.count("sent") and message.channel != "sms"):
            yield Finding("duplicated", f"{message} was sent more than once: {message.tries}")
        elif any("sent" in part and part[-1] != "sent" for part in (before, after)):
            yield Finding("duplicated", f"{message} was tried again after it was sent: {message.tries}")


def _split(tries: list[str]) -> tuple[list[str], list[str]]:
    """What was tried until the mail came back, and what after."""
    place = tries.index(BOUNCED) if BOUNCED in tries else len(tries)
    return tries[:place], tries[place + 1 :]


def each_went_to_whom_it_is_for(material: Material) -> Iterator[Finding]:
    """Mails went to the address, and SMS to the number, that the person or colleague gave."""
    messages = {message.message_id: message for message in material.messages if message.message_id}
    for mail in material.mails:
        message = messages.get(mail.message_id)
        if message and mail.to != (address := material.address(replace(message, channel="mail"))):
            yield Finding("stray mail", f"{message} went to {mail.to} instead of {address}")
    by_id = {message.id: message for message in material.messages}
    for sms in material.world.sms:
        one = by_id.get(sms.message_id)
        if one and not sms.to.endswith(number := material.contact(one).get("phone", "none that they gave")):
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
