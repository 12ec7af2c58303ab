"""How far announcements have come: their messages by state.

    states_of(session, [announcement_id, …])      # {announcement_id: {"sent": 3, "pending": 1}}

The database notes each change of a message's state on a line of its own (`announcement_counts`), so that whoever sends
waits for nobody; the pump adds them up (`fold`). To count a city's messages at each look would take half a second.
"""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

STATES = text("""
    SELECT announcement_id, state, sum(number)::bigint AS number FROM announcement_counts
    WHERE announcement_id = ANY(:ids) GROUP BY announcement_id, state HAVING sum(number) > 0
    ORDER BY announcement_id, state
""")
FOLD = text("""
    WITH open AS (
        DELETE FROM announcement_counts WHERE id IN (
            SELECT id FROM announcement_counts WHERE NOT folded ORDER BY id LIMIT :most FOR UPDATE SKIP LOCKED)
        RETURNING announcement_id, state, number
    )
    INSERT INTO announcement_counts AS kept (announcement_id, state, number, folded)
    SELECT announcement_id, state, sum(number), true FROM open GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (announcement_id, state) WHERE folded DO UPDATE SET number = kept.number + excluded.number
""")

AT_ONCE = 20_000


def states_of(session: Session, ids: Collection[UUID]) -> dict[UUID, dict[str, int]]:
    """How many messages of each are in each state; those without any are left out."""
    found: dict[UUID, dict[str, int]] = {one: {} for one in ids}
    for row in session.execute(STATES, {"ids": list(ids)}):
        found[row.announcement_id][row.state] = row.number
    return found


def fold(session: Session) -> None:
    """Add up what changed since the last time."""
    session.execute(FOLD, {"most": AT_ONCE})
