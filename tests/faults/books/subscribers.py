"""Each event took effect exactly once, in order, in each subscriber."""

from collections import Counter
from collections.abc import Iterator

from tests.faults.books.material import Finding, Material


def nothing_lost_or_doubled(material: Material) -> Iterator[Finding]:
    """The list of applied events is the log, each event once."""
    log = {(entry.partition, entry.sequence): entry.event_id for entry in material.log}
    for name, applied in material.applied.items():
        counts = Counter((row.partition, row.sequence, row.event_id) for row in applied)
        for (partition, sequence), event_id in log.items():
            count = counts.pop((partition, sequence, event_id), 0)
            if count == 0:
                yield Finding("lost", f"{name}: event {event_id} at {partition}/{sequence} was never applied")
            for _ in range(count - 1):
                yield Finding("duplicated", f"{name}: event {event_id} at {partition}/{sequence} was applied again")
        for (partition, sequence, event_id), _ in counts.items():
            yield Finding("effects", f"{name}: applied {event_id} at {partition}/{sequence}, which is not in the log")


def order_kept(material: Material) -> Iterator[Finding]:
    """Within a partition, what was applied later has the higher sequence."""
    for name, applied in material.applied.items():
        last: dict[int, int] = {}
        for row in applied:
            if row.sequence < last.get(row.partition, 0):
                yield Finding(
                    "out_of_order", f"{name}: {row.partition}/{row.sequence} was applied after {last[row.partition]}"
                )
            last[row.partition] = row.sequence


def cursors_at_heads(material: Material) -> Iterator[Finding]:
    """Each cursor is where the log ends, in the log's epoch, and not halted."""
    for name, cursors in material.cursors.items():
        at = {cursor.partition: cursor for cursor in cursors}
        for partition, head in material.log_heads.items():
            cursor = at.get(partition)
            if head != (cursor.sequence if cursor else 0):
                yield Finding("behind", f"{name}: cursor of partition {partition} is not at {head}: {cursor}")
        for cursor in cursors:
            if cursor.halted or cursor.epoch != material.epoch:
                yield Finding("halted", f"{name}: {cursor}")


def nothing_parked(material: Material) -> Iterator[Finding]:
    """No handler failed for good."""
    for name, parked in material.parked.items():
        for row in parked:
            yield Finding("parked", f"{name}: {row}")
