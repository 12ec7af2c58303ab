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
MERGED = "merged: the same person is told by another message"
TELL_ONCE = text(f"""
    UPDATE messages AS m SET state = 'suppressed', error = '{MERGED}'
    FROM (
        SELECT id, state, row_number() OVER (PARTITION BY announcement_id ORDER BY
                   state = 'pending', person_id <> person_now(:into_id), number) AS place
        FROM messages WHERE person_id IN (SELECT persons_of(person_now(:into_id))) AND announcement_id IS NOT NULL
          AND state IN ('pending', 'sending', 'sent', 'delivered')
    ) AS ranked
    WHERE m.id = ranked.id AND m.state = 'pending' AND place > 1
""")  # noqa: S608 - a constant
# Of each who is somebody of their own again, the message that was left out for another's, unless they have one that
# goes out or went, it is too late, or the announcement was stopped; at night it waits for the morning.
TELL_EACH = text(f"""
    WITH left_out AS MATERIALIZED (
        SELECT DISTINCT ON (announcement_id, person_now(person_id)) id, announcement_id FROM messages AS m
        WHERE person_id IN (SELECT persons_of(person_now(:person_id)) UNION SELECT persons_of(person_now(:into_id)))
          AND state = 'suppressed' AND error = '{MERGED}' AND expires_at > now()
          AND NOT EXISTS (
              SELECT FROM messages AS told WHERE told.announcement_id = m.announcement_id
              AND told.person_id IN (SELECT persons_of(person_now(m.person_id)))
              AND told.state IN ('pending', 'sending', 'sent', 'delivered'))
        ORDER BY announcement_id, person_now(person_id), person_id <> person_now(person_id), number
    ), reopened AS (
        UPDATE announcements SET state = 'sending', ended_at = NULL, version = version + 1
        WHERE id IN (SELECT announcement_id FROM left_out) AND state IN ('sending', 'done') RETURNING id
    )
    UPDATE messages SET state = 'pending', error = NULL, next_attempt_at = greatest(next_attempt_at, coalesce(
        (SELECT awake(now(), time_zone, quiet_from, quiet_until) FROM sites
         WHERE sites.id = messages.site_id AND time_zone IS NOT NULL), now()))
    FROM left_out JOIN reopened ON reopened.id = left_out.announcement_id WHERE messages.id = left_out.id
""")  # noqa: S608 - a constant
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
    """They are two again, each with what they told themselves, and each is told what still holds. Whoever counted as
    another while an announcement was written down has no message of it, as who joins later has none."""
    for event in events:
        session.execute(UNDO, {"merge_id": event.data.merge_id})
        session.execute(TELL_EACH, {"person_id": event.data.person_id, "into_id": event.data.into_id})
