"""Each evening's digest is one for each of a site's staff who wants it, and one for its group."""

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from zoneinfo import ZoneInfo

from tests.faults.books.material import DigestRow, Finding, LogEntry, Material

ZONE = ZoneInfo("Asia/Shanghai")


def digests_are_decided_once(material: Material) -> Iterator[Finding]:
    """One for a site and day; due, it went out, or there was nothing on that day by the log. None is missed: its day
    begins hours after."""
    for (site_id, day), count in Counter((row.site_id, row.day) for row in material.digests).items():
        if count > 1:
            yield Finding("duplicated", f"site {site_id} has {count} digests of {day}")
    for row in material.digests:
        if row.due_at >= material.taken_at and row.state != "pending":
            yield Finding("early", f"{row} is due later")
        elif row.due_at < material.taken_at and row.state not in _allowed(material, row):
            yield Finding("unsent", f"{row} is {row.state}: {row.reason}")


def _allowed(material: Material, row: DigestRow) -> tuple[str, ...]:
    told = [entry for entry in material.log if entry.is_of_shift and entry.data["site_id"] == row.site_id]
    opened = {entry.data["shift_id"] for entry in told if _day(entry) == row.day and entry.occurred_at < row.due_at}
    others = {entry.data["shift_id"] for entry in told if _day(entry) != row.day or entry.name == "shift.cancelled"}
    return ("fired",) if opened - others else ("fired", "withdrawn")


def _day(entry: LogEntry) -> date:
    return datetime.fromisoformat(entry.data["starts_at"]).astimezone(ZONE).date()


def digests_reach_everyone_once(material: Material) -> Iterator[Finding]:
    """Of one that went out, each colleague who wants it has one message, and the site's group has one; nobody else.
    One from before the groups were named may be without."""
    told: dict[int, list[str]] = {}
    for message in material.messages:
        if message.digest_id is not None:
            told.setdefault(message.digest_id, []).append(message.staff_id or message.chat_id or "nobody")
    for row in material.digests:
        whom = sorted(told.pop(row.id, []))
        wanted = sorted(_whom(material, row.site_id)) if row.state == "fired" else []
        if whom != wanted and row.due_at.timestamp() > material.world.settled_at:
            kind = "duplicated" if len(whom) > len(set(whom)) or set(whom) > set(wanted) else "unsent"
            yield Finding(kind, f"{row} was told to {whom} instead of {wanted}")


def _whom(material: Material, site_id: str) -> set[str]:
    world = material.world
    group = {world.groups[site_id].id} if site_id in world.groups else set()
    return (world.staff.get(site_id, set()) | group) - {world.without_digest}
