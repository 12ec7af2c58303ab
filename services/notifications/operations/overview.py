"""What waits, is late or fails, and why: one look for whoever keeps the system running."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, text

from services.common.database import EVERY_SITE, Database
from services.common.parked import parked
from services.notifications.operations.again import GIVEN_UP
from services.notifications.operations.providers import Carrier, CarrierNow, as_they_are, failing

# By lane and channel; a message has no channel before it was tried. `late_seconds`: since when the oldest is due.
QUEUES = text("""
    SELECT lane, coalesce(channel, '') AS channel,
        count(*) FILTER (WHERE state = 'pending' AND next_attempt_at <= now()) AS due,
        count(*) FILTER (WHERE state = 'pending' AND next_attempt_at > now()) AS later,
        count(*) FILTER (WHERE state = 'sending') AS sending,
        coalesce(extract(epoch FROM now() - min(next_attempt_at)
            FILTER (WHERE state = 'pending' AND next_attempt_at <= now())), 0)::int AS late_seconds
    FROM messages WHERE state IN ('pending', 'sending') GROUP BY 1, 2 ORDER BY 1, 2
""")

# Why they wait, and why they did not go out: the same words for many are one line.
WAITS = text("""
    SELECT error AS reason, count(*) AS messages FROM messages
    WHERE state = 'pending' AND error IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10
""")
FAILED = text(f"""
    SELECT coalesce(error, '') AS reason, count(*) AS messages, max(number) AS newest FROM messages
    WHERE {GIVEN_UP} GROUP BY 1 ORDER BY 3 DESC LIMIT 10
""")  # noqa: S608 - a constant

# Held back because no mail goes to their address.
CLOSED = text("SELECT count(*) FROM messages WHERE suppression_id IS NOT NULL AND state = 'suppressed'")


@dataclass(frozen=True)
class Overview:
    """Queues by lane and channel, reasons with their numbers, providers and which of them fail, events that are held
    back, and how many messages were held back for a closed address."""

    queues: Sequence[Row[Any]]
    waits: Sequence[Row[Any]]
    failed: Sequence[Row[Any]]
    failing: Sequence[Row[Any]]
    carriers: Sequence[CarrierNow]
    parked: Sequence[Row[Any]]
    closed: int


def overview(database: Database, carriers: Sequence[Carrier]) -> Overview:
    """As things are now."""
    with database.transaction(EVERY_SITE) as session:
        queues, waits, failed = (session.execute(query).all() for query in (QUEUES, WAITS, FAILED))
        held_back, closed = parked(session), session.execute(CLOSED).scalar_one()
    fails = failing(database)
    return Overview(queues, waits, failed, fails, as_they_are(carriers, fails), held_back, closed)
