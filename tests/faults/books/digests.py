"""Each evening's digest is one for each of a site's staff who wants it, and one for its group."""

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from zoneinfo import ZoneInfo

from tests.faults.books.material import DigestRow, Finding, Material

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
    return ("fired",) if (row.site_id, row.day) in _days(material) else ("fired", "withdrawn")


def _days(material: Material) -> set[tuple[str, date]]:
    """Sites, and days on which they have a shift from the beginning to the end of the log."""
    days: dict[str, set[tuple[str, date]]] = {}
    for entry in material.log:
        if entry.is_of_shift:
            begins = datetime.fromisoformat(entry.data["starts_at"]).astimezone(ZONE).date()
            days.setdefault(entry.data["shift_id"], set()).add((entry.data["site_id"], begins))
    gone = {entry.data["shift_id"] for entry in material.log if entry.name == "shift.cancelled"}
    return {next(iter(places)) for shift_id, places in days.items() if len(places) == 1 and shift_id not in gone}


def digests_reach_everyone_once(material: Material) -> Iterator[Finding]:
    """Of one that went out, each colleague who wants it has one message, and the site's group has one; nobody else."""
    told: dict[int, list[str]] = {}
    for message in material.messages:
        if message.digest_id is not None:
            told.setdefault(message.digest_id, []).append(message.staff_id or message.chat_id or "nobody")
    for row in material.digests:
        whom = sorted(told.pop(row.id, []))
        wanted = sorted(_whom(material, row.site_id)) if row.state == "fired" else []
        if whom != wanted:
            kind = "duplicated" if len(whom) > len(set(whom)) or set(whom) > set(wanted) else "unsent"
            yield Finding(kind, f"{row} was told to {whom} instead of {wanted}")


def _whom(material: Material, site_id: str) -> set[str]:
    world = material.world
    group = {world.groups[site_id].id} if site_id in world.groups else set()
    return (world.staff.get(site_id, set()) | group) - {world.without_digest}
