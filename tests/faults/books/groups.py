"""A chat group is told everything that its site chose, at least once (docs/architecture.md): again only where an
attempt may have been heard all the same."""

from collections import Counter
from collections.abc import Iterator

from tests.faults.books.material import Finding, GroupTold, Material, MessageRow

IN_DOUBT = ("deferred", "lost", "interrupted")


def groups_are_told_everything(material: Material) -> Iterator[Finding]:
    """Each message to a group was sent, but where it was recalled; each notice to staff that went out has one."""
    known = {group.id for group in material.world.groups.values()}
    for message in material.messages:
        if message.chat_id and message.chat_id not in known:
            yield Finding("stray post", f"{message} is for a group that nobody named: {message.chat_id}")
        elif message.chat_id and message.state != "sent" and not _is_recalled(message):
            yield Finding("unsent", f"{message} to a group is {message.state}: {message.error}")
    told = Counter((one.notice_id, one.due_at) for one in material.messages if one.chat_id and one.notice_id)
    for place, count in told.items():
        if count > 1:
            yield Finding("duplicated", f"notice {place} has {count} messages to a group")
    sites = {shift.id: shift.site_id for shift in material.shifts.values()}
    for row in material.notices:
        named = row.due_at.timestamp() > material.world.settled_at
        has_group = named and sites.get(row.shift_id) in material.world.groups
        if row.kind == "staff" and row.state == "fired" and has_group and not told[row.id, row.due_at]:
            yield Finding("unsent", f"{row} was not told to its site's group")


def _is_recalled(message: MessageRow) -> bool:
    return message.state == "expired" and "recalled" in (message.error or "")


def groups_are_told_again_only_in_doubt(material: Material) -> Iterator[Finding]:
    """A post does not say which message it is of: so all of a group are counted together."""
    for site_id, group in material.world.groups.items():
        least, most = _bounds(material, group)
        if len(group.posted) < least:
            yield Finding("unsent", f"the group of {site_id} was told {len(group.posted)} things, {least} are sent")
        elif len(group.posted) > most:
            yield Finding("duplicated", f"the group of {site_id} was told {len(group.posted)} things, {most} at most")


def _bounds(material: Material, group: GroupTold) -> tuple[int, int]:
    its = [message for message in material.messages if message.chat_id == group.id]
    sent = sum(message.state == "sent" for message in its)
    return sent, sent + sum(outcome in IN_DOUBT for message in its for outcome in message.tries)
