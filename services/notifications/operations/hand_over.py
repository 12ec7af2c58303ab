"""Handing a letter to somebody who charges for it: that it may be with them from now on is committed first.

A worker that dies, or a connection that breaks, then leaves a message of which is known that it may have gone out, and
by which id: it is asked after or sent again under that id (`sms.Provider.settle`), never simply sent again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text

from services.common.database import EVERY_SITE, Database
from services.notifications.operations.claims import Taken

PER_DAY = 10
"""SMS to one person in one site's name: a tenth of what mail allows, because each costs and rings."""

HAND_OVER = text("""
    UPDATE messages SET channel = :channel, handed_at = coalesce(handed_at, clock_timestamp()),
        hand_over = hand_over + CASE WHEN handed_at IS NULL THEN 1 ELSE 0 END
    WHERE id = :id AND state = 'sending' AND claimed_at = :claimed_at
      AND (handed_at IS NOT NULL OR person_id IS NULL OR :per_day > (
          SELECT count(*) FROM messages AS before
          WHERE before.person_id = messages.person_id AND before.site_id = messages.site_id
            AND before.channel = :channel AND before.sent_at > now() - interval '1 day'))
    RETURNING hand_over, handed_at, clock_timestamp() - handed_at AS age
""")


@dataclass(frozen=True)
class HandOver:
    """By which id the provider knows it, since when it may have it, and for how long already."""

    id: str
    since: datetime
    age: timedelta


def hand_over(database: Database, message: Taken, channel: str) -> HandOver | None:
    """Commit that the message is handed over from now on. None where the person has had enough for a day, or the claim
    has run out."""
    values = {"id": message.id, "claimed_at": message.claimed_at, "channel": channel, "per_day": PER_DAY}
    with database.transaction(EVERY_SITE) as session:
        row = session.execute(HAND_OVER, values).one_or_none()
    return HandOver(f"{message.id.hex}-{row.hand_over}", row.handed_at, row.age) if row else None
