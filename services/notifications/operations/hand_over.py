"""Handing a letter to somebody who charges for it: that it may be with them from now on is committed first.

A worker that dies, or a connection that breaks, then leaves a message of which is known that it may have gone out, and
by which id: it is asked after or sent again under that id (`sms.Provider.settle`), never simply sent again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text

from services.common.database import EVERY_SITE, Database
from services.common.sealing import Box
from services.notifications.operations.claims import TAKEN_AWAY, Taken

PER_DAY = 10
"""SMS to one number, whoever is said to have it and in whichever site's name: each costs and rings. What is called
off or changed is counted by itself (`TAKEN_AWAY`)."""

HAND_OVER = text(f"""
    UPDATE messages SET channel = :channel, handed_to = :handed_to,
        to_key = CASE WHEN handed_at IS NULL THEN :to_key ELSE to_key END,
        handed_at = coalesce(handed_at, clock_timestamp()),
        hand_over = hand_over + CASE WHEN handed_at IS NULL THEN 1 ELSE 0 END,
        handed_again_at = CASE WHEN handed_at IS NOT NULL THEN handed_again_at END
    WHERE id = :id AND state = 'sending' AND claimed_at = :claimed_at
      AND (handed_at IS NOT NULL OR :per_day > (
          SELECT count(*) FROM messages AS before
          WHERE before.to_key = :to_key AND before.sent_at > now() - interval '1 day'
            AND (before.kind IN {TAKEN_AWAY}) = (messages.kind IN {TAKEN_AWAY})))
    RETURNING hand_over, handed_at, clock_timestamp() - coalesce(handed_again_at, handed_at) AS age, to_key
""")  # noqa: S608 - a constant
AGAIN = text("""
    UPDATE messages SET handed_again_at = clock_timestamp()
    WHERE id = :id AND state = 'sending' AND claimed_at = :claimed_at
""")
TAKE_BACK = text("""
    UPDATE messages SET handed_at = NULL, handed_again_at = NULL
    WHERE id = :id AND state = 'sending' AND claimed_at = :claimed_at
""")
FORGET_NUMBERS = text("""
    UPDATE messages SET to_key = NULL WHERE id IN (
        SELECT id FROM messages WHERE to_key IS NOT NULL AND state NOT IN ('pending', 'sending')
          AND coalesce(sent_at, created_at) < now() - make_interval(days => CASE channel WHEN 'sms' THEN 30 ELSE 7 END)
        LIMIT 1000)
""")


@dataclass(frozen=True)
class HandOver:
    """By which id the provider knows it, since when it may have it, how long ago it was last sent, and to which number,
    as a keyed hash."""

    id: str
    since: datetime
    age: timedelta
    to_key: bytes | None


def key_of_number(box: Box, phone: str) -> bytes:
    """By what it is known to whom an SMS went: a keyed hash."""
    return box.fingerprint("phone", phone)[:16]


def hand_over(database: Database, message: Taken, channel: str, provider: str, to_key: bytes) -> HandOver | None:
    """Commit that the message is handed over to this provider from now on. None where the number has had enough for a
    day, or the claim has run out. `to_key` is the number's keyed hash."""
    values = {"id": message.id, "claimed_at": message.claimed_at, "channel": channel, "per_day": PER_DAY}
    values |= {"to_key": to_key, "handed_to": provider}
    with database.transaction(EVERY_SITE) as session:
        row = session.execute(HAND_OVER, values).one_or_none()
    return HandOver(f"{message.id.hex}-{row.hand_over}", row.handed_at, row.age, row.to_key) if row else None


def hand_over_again(database: Database, message: Taken) -> None:
    """Commit that it is sent once more under the same id: from now on it may be with them again."""
    with database.transaction(EVERY_SITE) as session:
        session.execute(AGAIN, {"id": message.id, "claimed_at": message.claimed_at})


def take_back(database: Database, message: Taken) -> None:
    """Commit that it is with nobody after all: whoever had it, or did not, knows nothing of it."""
    with database.transaction(EVERY_SITE) as session:
        session.execute(TAKE_BACK, {"id": message.id, "claimed_at": message.claimed_at})


def forget_numbers(database: Database) -> int:
    """Forget to whom the SMS of more than thirty days ago went, which people answer late, and the mails of a week ago,
    which bounce within five days; returns how many."""
    with database.transaction(EVERY_SITE) as session:
        return session.execute(FORGET_NUMBERS).rowcount  # type: ignore[attr-defined]
