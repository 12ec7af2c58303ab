"""People who turned out to be one: from now on they count as that one, and what either refused stays refused."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.events import Received

NOTE = text("""
    INSERT INTO merges (merge_id, person_id, into_id) VALUES (:merge_id, :person_id, :into_id) ON CONFLICT DO NOTHING
""")

# The merged one's row stays, for the merge may be undone. Of the order of channels and the quiet hours the survivor's
# count, where they told any.
CARRY_OVER = text("""
    INSERT INTO preferences AS p (person_id, site_id, refused, sms_first, quiet_from, quiet_until)
    SELECT person_now(:into_id), site_id, refused, sms_first, quiet_from, quiet_until
    FROM preferences WHERE person_id = :person_id
    ON CONFLICT (person_id, site_id) DO UPDATE SET version = p.version + 1,
        refused = ARRAY(SELECT DISTINCT one FROM unnest(p.refused || excluded.refused) AS one ORDER BY one)
""")
UNDO = text("DELETE FROM merges WHERE merge_id = :merge_id")


def on_merged(session: Session, events: Sequence[Received]) -> None:
    """Remember it, and carry over what they refused."""
    for event in events:
        told = {"merge_id": event.data.merge_id, "person_id": event.data.person_id, "into_id": event.data.into_id}
        session.execute(NOTE, told)
        session.execute(CARRY_OVER, told)


def on_unmerged(session: Session, events: Sequence[Received]) -> None:
    """They are two again, each with what they told themselves."""
    session.execute(UNDO, [{"merge_id": event.data.merge_id} for event in events])
