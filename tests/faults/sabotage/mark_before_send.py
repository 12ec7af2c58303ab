"""The usual outbox: pages are marked before they are sent, and nothing looks at the feed. Loses events.

A subscriber that finds a gap goes on after it, as one without cursors would.
"""

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common import outbox
from services.common.apply import Applied, Subscriber
from services.common.database import Database
from services.common.outbox import Page, PageQueue
from tests.faults.sabotage.wrap import run_real

_apply_page = Subscriber.apply_page


def _send_to(database: Database, queue: PageQueue, producer: str, subscriber: str) -> int:
    with database.transaction() as session:
        heads = outbox.read_heads(session).sequences
        sent = _marks(session, subscriber)
    pages = 0
    for partition in (p for p, head in heads.items() if sent.get(p, 0) < head):
        with database.transaction() as session:
            page = outbox.read_page(session, producer, partition, sent.get(partition, 0))
        outbox._mark_sent(database, subscriber, {partition: page.last})
        queue.send_page(subscriber, page.model_dump(mode="json"))
        pages += 1
    return pages


def _marks(session: Session, subscriber: str) -> dict[int, int]:
    rows = session.execute(
        text("SELECT partition, sequence FROM sent_pages WHERE subscriber = :name"), {"name": subscriber}
    )
    return {row.partition: row.sequence for row in rows}


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
