"""The usual outbox: pages are marked before they are sent, and nothing looks at the feed. Loses events.

A subscriber that finds a gap goes on after it, as one without cursors would.
"""

from typing import Any

from sqlalchemy import Row, text

from services.common import outbox
from services.common.apply import Applied, Subscriber
from services.common.database import Database
from services.common.outbox import Page, PageQueue
from tests.faults.sabotage.wrap import run_real

_apply_page = Subscriber.apply_page


def _send_to(database: Database, queue: PageQueue, producer: str, subscriber: str, behind: list[Row[Any]]) -> int:
    for row in behind:
        with database.transaction() as session:
            page = outbox.read_page(session, producer, row.partition, row.sent)
        outbox._mark_sent(database, subscriber, {row.partition: page.last})
        queue.send_page(subscriber, page.model_dump(mode="json"))
    return len(behind)


def _apply_over_gaps(self: Subscriber, page: Page) -> Applied:
    result = _apply_page(self, page)
    if result is not Applied.GAP:
        return result
    with self._database.transaction() as session:
        session.execute(
            text("UPDATE cursors SET sequence = :before WHERE producer = :producer AND partition = :partition"),
            {"before": page.first - 1, "producer": page.producer, "partition": page.partition},
        )
    return _apply_page(self, page)


outbox._send_to = _send_to
Subscriber.apply_page = _apply_over_gaps  # type: ignore[method-assign]
Subscriber.catch_up = lambda self: 0  # type: ignore[method-assign]

if __name__ == "__main__":
    run_real()
