"""Events that no handler could take: what is held back, and applied after the cause was mended."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from services.common.apply import Subscriber
from services.common.errors import INTERNAL, Problem, Words, not_found
from services.common.logs import get_logger

log = get_logger(__name__)

PARKED = text("""
    SELECT producer, aggregate, count(*) AS events, min(parked_at) AS since,
           (array_agg(error ORDER BY sequence))[1] AS error
    FROM parked GROUP BY producer, aggregate ORDER BY min(parked_at) LIMIT 100
""")


def parked(session: Session) -> Sequence[Row[Any]]:
    """The aggregates that are held back, the longest first, at most a hundred; of each the first event's error."""
    return session.execute(PARKED).all()


def release_parked(subscriber: Subscriber, aggregate: str) -> int:
    """Apply the parked events of an aggregate in order, all or nothing; returns how many.

    Raises 404 where nothing is parked, and 500 with what the handler says where it still fails.
    """
    try:
        released = subscriber.release(aggregate)
    except Exception as error:
        log.exception("release_failed", aggregate=aggregate)
        raise Problem(
            INTERNAL,
            Words(f"处理仍然失败，事件仍被搁置：{error!r}", f"It still fails, the events stay parked: {error!r}"),
        ) from error
    if not released:
        raise not_found("被搁置的对象", "parked aggregate")
    return released
