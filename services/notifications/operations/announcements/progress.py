"""How far announcements have come: their messages by state.

    states_of(session, [announcement_id, …])      # {announcement_id: {"sent": 3, "pending": 1}}

The database notes each change of a message's state on a line of its own (`announcement_counts`), so that whoever sends
waits for nobody; the pump adds them up (`fold`). To count a city's messages at each look would take half a second.
"""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

STOPPED = "stopped"
"""Beside the states: what did not go because the announcement was stopped, no matter whom it was to."""

STATES = text("""
    SELECT announcement_id, state, sum(number)::bigint AS number FROM announcement_counts
    WHERE announcement_id = ANY(:ids) GROUP BY announcement_id, state HAVING sum(number) > 0
    ORDER BY announcement_id, state
""")
# When the quiet hours end that keep it: those of the site of its next message, or before it has begun of its own site,
# at the time for which it is planned.
QUIET = text("""
    SELECT a.id, coalesce(waiting.next_attempt_at, awake_at) AS until
    FROM announcements AS a LEFT JOIN LATERAL (
        SELECT site_id, next_attempt_at FROM messages WHERE announcement_id = a.id AND state = 'pending'
        ORDER BY next_attempt_at LIMIT 1) AS waiting ON a.state = 'sending'
    JOIN sites ON sites.id = CASE WHEN a.state = 'sending' THEN waiting.site_id ELSE a.site_id END
    CROSS JOIN LATERAL (SELECT greatest(now(), a.send_at) AS due) AS planned
    CROSS JOIN LATERAL awake(due, sites.time_zone, sites.quiet_from, sites.quiet_until) AS awake_at
    WHERE a.id = ANY(:ids) AND a.state IN ('draft', 'waiting', 'scheduled', 'sending')
      AND awake_at > due AND (waiting.next_attempt_at > now() OR a.state <> 'sending')
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


def quiet_until(session: Session, ids: Collection[UUID]) -> dict[UUID, datetime]:
    """Before when nothing more of each goes out, for it is quiet hours; those that no quiet hours keep are left out."""
    return {row.id: row.until for row in session.execute(QUIET, {"ids": list(ids)})}


def fold(session: Session) -> None:
    """Add up what changed since the last time."""
    session.execute(FOLD, {"most": AT_ONCE})
