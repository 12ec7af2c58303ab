"""The log: gapless, complete, in the order that the rows themselves went through."""

from collections import defaultdict
from collections.abc import Iterator

from tests.faults.books.material import Finding, LogEntry, Material


def partitions_are_gapless(material: Material) -> Iterator[Finding]:
    """Each partition counts 1, 2, 3 … n."""
    places: dict[int, list[int]] = defaultdict(list)
    for entry in material.log:
        places[entry.partition].append(entry.sequence)
    for partition, sequences in places.items():
        if sequences != list(range(1, len(sequences) + 1)):
            yield Finding("log", f"partition {partition} has gaps: {len(sequences)} events, last {sequences[-1]}")


def everything_is_sequenced_and_counted(material: Material) -> Iterator[Finding]:
    """No event waits for its place, and the heads are the numbers of events."""
    if material.unsequenced:
        yield Finding("log", f"{material.unsequenced} events have no place in the log")
    counts: dict[int, int] = defaultdict(int)
    for entry in material.log:
        counts[entry.partition] += 1
    for partition, head in material.log_heads.items():
        if head != counts[partition]:
            yield Finding("log", f"partition {partition}: head {head}, but {counts[partition]} events")


def versions_rise_one_by_one(material: Material) -> Iterator[Finding]:
    """The events of one registration have the versions 1, 2, 3 … in log order."""
    versions: dict[str, list[int]] = defaultdict(list)
    for entry in material.log:
        if entry.is_of_registration:
            versions[entry.data["registration_id"]].append(entry.data["version"])
    for registration_id, seen in versions.items():
        if seen != list(range(1, len(seen) + 1)):
            yield Finding("out_of_order", f"registration {registration_id} has versions {seen} in the log")


def shift_versions_rise(material: Material) -> Iterator[Finding]:
    """A later event of a shift has a higher version."""
    last: dict[str, int] = {}
    for entry in material.log:
        if entry.is_of_shift:
            shift_id, version = entry.data["shift_id"], entry.data["version"]
            if version <= last.get(shift_id, -1):
                yield Finding("out_of_order", f"shift {shift_id}: version {version} after {last[shift_id]} in the log")
            last[shift_id] = version


def activities_come_first(material: Material) -> Iterator[Finding]:
    """Nobody is registered on a shift that the log has not opened, nor is a shift opened before its activity."""
    published: set[str] = set()
    opened: set[str] = set()
    for entry in material.log:
        if entry.name == "activity.published":
            published.add(entry.data["activity_id"])
        elif entry.name == "shift.opened":
            opened.add(entry.data["shift_id"])
            if entry.data["activity_id"] not in published:
                yield _too_early(entry, "activity", entry.data["activity_id"])
        elif "registration_id" in entry.data and entry.data["shift_id"] not in opened:
            yield _too_early(entry, "shift", entry.data["shift_id"])


def _too_early(entry: LogEntry, what: str, its_id: str) -> Finding:
    return Finding("out_of_order", f"{entry} comes before its {what} {its_id} is in the log")


def rows_and_log_agree(material: Material) -> Iterator[Finding]:
    """The last event of each registration and shift has the version of its row: no change without an event."""
    last: dict[str, int] = {}
    for entry in material.log:
        if entry.is_of_registration:
            last[entry.data["registration_id"]] = entry.data["version"]
    for row in material.registrations.values():
        if last.pop(row.id, 0) != row.version:
            yield Finding("log", f"registration {row.id} is at version {row.version}, the log knows another")
    last_of_shift = {entry.data["shift_id"]: entry.data["version"] for entry in material.log if entry.is_of_shift}
    for shift in material.shifts.values():
        if last_of_shift.get(shift.id) != shift.version:
            yield Finding(
                "log", f"shift {shift.id} is at version {shift.version}, the log at {last_of_shift.get(shift.id)}"
            )
    for registration_id in last:
        yield Finding("log", f"the log knows registration {registration_id}, which does not exist")
