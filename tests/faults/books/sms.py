"""An SMS costs and rings: each goes out once at most, and what receipts say of it is what its message says."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from tests.faults.books.material import Finding, Material


def no_sms_twice(material: Material) -> Iterator[Finding]:
    """The gateway took each hand-over once, and one for each message: another id is for what surely never arrived."""
    for id_, count in Counter(sms.id for sms in material.world.sms).items():
        if count > 1:
            yield Finding("duplicated", f"SMS {id_} went out {count} times")
    ids: dict[str, set[str]] = defaultdict(set)
    for sms in material.world.sms:
        ids[sms.message_id].add(sms.id)
    for message_id, its in ids.items():
        if len(its) > 1:
            yield Finding("duplicated", f"message {message_id} went out as {len(its)} SMS: {sorted(its)}")


def every_sms_has_its_message(material: Material) -> Iterator[Finding]:
    """Nothing goes out that is no message."""
    known = {message.id for message in material.messages if message.channel == "sms"}
    for sms in material.world.sms:
        if sms.message_id not in known:
            yield Finding("stray sms", f"SMS {sms.id} is of no message that went by SMS")


def receipts_were_heard(material: Material) -> Iterator[Finding]:
    """A message is what the receipts of its SMS say; `delivered` is the last word."""
    states = {message.id: message.state for message in material.messages}
    for sms in material.world.sms:
        delivered = material.world.receipts.get(sms.id)
        wanted = "delivered" if delivered else "failed"
        if delivered is not None and states.get(sms.message_id, wanted) != wanted:
            yield Finding("receipt", f"message {sms.message_id} is {states[sms.message_id]}, its receipt says {wanted}")
