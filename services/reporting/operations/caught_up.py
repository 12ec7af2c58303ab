"""Know until when the log was applied completely: a report's `as_of`.

Cursors that never stand still are always a little behind the heads, so it is not enough to compare the two now. A
look notes the heads and the time; once the cursors have passed those heads, everything up to that time is counted.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from services.common.apply import Subscriber
from services.common.database import Database


@dataclass(frozen=True)
class Look:
    """Where the log ended at a moment, by partition."""

    at: datetime
    heads: dict[int, int]


class CatchUp:
    """The pump's look at the log: pull what was missed, and note how far everything was applied."""

    def __init__(self, database: Database, subscriber: Subscriber) -> None:
        self._database = database
        self._subscriber = subscriber
        self._look: Look | None = None

    def __call__(self) -> bool:
        """Look once. Returns whether more is to be pulled at once."""
        began = self._now()
        goes_on = self._subscriber.catch_up()
        with self._database.transaction() as session:
            rows = session.execute(text("SELECT partition, sequence, head FROM cursors")).all()
            look = self._look or Look(began, {row.partition: row.head for row in rows})
            sequences = {row.partition: row.sequence for row in rows}
            passed = all(sequences.get(partition, 0) >= head for partition, head in look.heads.items())
            if passed:
                session.execute(text("UPDATE caught_up SET as_of = greatest(as_of, :at)"), {"at": look.at})
        self._look = None if passed else look
        return goes_on

    def _now(self) -> datetime:
        with self._database.transaction() as session:
            return session.execute(text("SELECT clock_timestamp()")).scalar_one()
