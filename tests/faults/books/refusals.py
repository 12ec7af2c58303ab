"""Whoever said that they want no more of a kind from a site is mailed no more of it."""

from collections.abc import Iterator

from services.notifications.operations.refusable import REFUSABLE
from tests.faults.books.material import Finding, Material, MessageRow

__all__ = ["HANDED", "REFUSABLE", "mailed_after", "nothing_is_mailed_after_a_refusal", "place_of", "refused"]

HANDED = ("sent", "deferred", "lost", "refused")
"""Outcomes of attempts at which a mail was shown to a server. One that was interrupted may not have come so far."""

Place = tuple[str | None, str | None, str]
"""A person, a site and a kind."""


def place_of(message: MessageRow) -> Place:
    """Whom it is for, from whom, and what."""
    return message.person_id, message.site_id, message.kind


def refused(material: Material) -> dict[Place, float | None]:
    """What was asked for, each with when the first answer came that it will be so; None where none came."""
    by_id = {message.message_id: message for message in material.messages}
    found: dict[Place, float | None] = {}
    for click in material.world.clicks:
        if message := by_id.get(click.message_id):
            place = place_of(message)
            known = [at for at in (found.get(place), click.acked_at) if at is not None]
            found[place] = min(known, default=None)
    return found


def mailed_after(message: MessageRow, moment: float) -> bool:
    """Whether a worker took the message up later than that, and mailed it all the same. What it had in hand already
    may go: what people want is read after a message is taken up."""
    return any(
        one["channel"] == "mail" and one["outcome"] in HANDED and one["began"] > moment for one in message.attempts
    )


def nothing_is_mailed_after_a_refusal(material: Material) -> Iterator[Finding]:
    """By the servers' clock, which is the readers' as well."""
    acknowledged = refused(material)
    for message in material.messages:
        at = acknowledged.get(place_of(message))
        if at is not None and mailed_after(message, at):
            yield Finding("refused", f"{message} was mailed after its person refused that: {message.attempts}")
