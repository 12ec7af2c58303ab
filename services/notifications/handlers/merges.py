"""People who turned out to be one: from now on they count as that one, what either refused stays refused, and of an
announcement they get one message."""

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
# Whoever writes an announcement down holds its row: either they have done so and their messages are seen below, or they
# will see the merge.
WAIT_FOR_PAGES = text("""
    SELECT FROM announcements WHERE state = 'sending' AND written_at IS NULL ORDER BY number FOR SHARE
""")
# Held first, in a statement of its own: what a worker claims meanwhile is seen as such by the next one.
HOLD = text("""
    SELECT FROM messages WHERE person_id IN (SELECT persons_of(person_now(:into_id))) AND announcement_id IS NOT NULL
      AND state = 'pending' ORDER BY number FOR UPDATE
""")
# Of those that wait, one is left where none is under way or went: the survivor's, if there is one.
TELL_ONCE = text("""
    UPDATE messages AS m SET state = 'suppressed', error = 'merged: the same person is told by another message'
    FROM (
        SELECT id, state, row_number() OVER (PARTITION BY announcement_id ORDER BY
                   state = 'pending', person_id <> person_now(:into_id), number) AS place
        FROM messages WHERE person_id IN (SELECT persons_of(person_now(:into_id))) AND announcement_id IS NOT NULL
          AND state IN ('pending', 'sending', 'sent', 'delivered')
    ) AS ranked
    WHERE m.id = ranked.id AND m.state = 'pending' AND place > 1
""")
UNDO = text("DELETE FROM merges WHERE merge_id = :merge_id")


def on_merged(session: Session, events: Sequence[Received]) -> None:
    """Remember it, carry over what they refused, and end what they would be told twice."""
    session.execute(WAIT_FOR_PAGES)
    for event in events:
        told = {"merge_id": event.data.merge_id, "person_id": event.data.person_id, "into_id": event.data.into_id}
        session.execute(NOTE, told)
        session.execute(CARRY_OVER, told)
        session.execute(HOLD, told)
        session.execute(TELL_ONCE, told)


def on_unmerged(session: Session, events: Sequence[Received]) -> None:
    """They are two again, each with what they told themselves."""
    session.execute(UNDO, [{"merge_id": event.data.merge_id} for event in events])
