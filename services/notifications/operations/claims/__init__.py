"""Messages on their way out: claim some, and record what became of each. Short transactions, none across SMTP.

A message is `sending` from its claim until its result is recorded. A worker that dies in between leaves it so; after
`LEASE` it is pending again, with the same Message-ID. What is claimed of each sort of message is in a file of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Row, TextClause, text

from services.common.database import EVERY_SITE, Database
from services.notifications.wording.made_with import MadeWith

CLAIM = 50

LEASE = 60.0
"""Seconds after which a claimed message is taken as abandoned. A batch ends well before (`sending.BATCH_SECONDS`)."""

BACKOFF = (30, 120, 600, 1800, 3600, 10800)
"""Seconds until the next attempt, after the first, second, … one; the last goes on until the message expires."""

CLAIMABLE = """
    state = 'pending' AND next_attempt_at <= now() AND expires_at > now()
    AND NOT EXISTS (
        SELECT 1 FROM messages AS earlier
        WHERE earlier.registration_id = messages.registration_id AND earlier.number < messages.number
          AND earlier.state IN ('pending', 'sending') AND (earlier.copy_of IS NULL) = (messages.copy_of IS NULL))
"""
"""Due, and not overtaking an earlier message of the same registration to the same reader."""


TAKEN_AWAY = "('cancellation', 'change')"
"""What tells people that the place they count on is another, or none. Limits count it by itself: whoever signs a
stranger up again and again keeps nobody from hearing that their own place was called off."""


class Sort(StrEnum):
    """What is claimed at once, as the condition that finds it; announcements are claimed in a way of their own."""

    LINKS = "lane = 0"
    ANSWERS = "lane = 1 AND registration_id IS NOT NULL"
    NEWS = "lane = 2 AND registration_id IS NOT NULL"
    NOTICES = "notice_id IS NOT NULL AND chat_id IS NULL"
    APPROVALS = "approval_of IS NOT NULL"
    DIGESTS = "digest_id IS NOT NULL AND chat_id IS NULL"
    CHATS = "chat_id IS NOT NULL"


CLAIMED = """
    claimed AS (
        UPDATE messages SET state = 'sending', attempts = attempts + 1, claimed_at = now(),
            message_id_header = coalesce(message_id_header,
                '<' || messages.id || '.' || left(md5(gen_random_uuid()::text), 16) || '@' || :domain || '>')
        FROM due WHERE messages.id = due.id
        RETURNING messages.*
    )
"""

OF_ALL = """
    c.id, c.claimed_at, c.message_id_header, c.request_id, c.handed_at IS NOT NULL AS in_doubt, c.handed_to,
    c.refused_by, c.site_id, sites.name_zh AS site_zh, sites.name_en AS site_en, sites.short_zh, sites.short_en,
    sites.time_zone, sites.phone AS site_phone
"""
"""What every sort of message has (`Taken`), but its words; `c` are the claimed ones."""

OF_SHIFT = """
    c.kind, shifts.starts_at, shifts.ends_at, shifts.role_zh, shifts.role_en, activities.title_zh,
    activities.title_en, activities.place
"""


@dataclass(frozen=True)
class Taken:
    """A message that was claimed, of whichever sort. `site` columns are None while the site is not known yet.

    `in_doubt`: it may have gone out by a channel that must not carry it twice (`hand_over.py`).
    """

    id: UUID
    claimed_at: datetime
    message_id_header: str
    request_id: str | None
    in_doubt: bool
    site_id: UUID | None
    site_zh: str | None
    site_en: str | None
    short_zh: str | None
    short_en: str | None
    time_zone: str | None
    site_phone: str | None
    words: dict[str, dict[str, Any]] | None
    """What was saved in place of the built-in words, by channel and language; None where nothing was."""
    handed_to: str | None = field(default=None, kw_only=True)
    """The provider that may have it, where it is `in_doubt`."""
    refused_by: Sequence[str] = field(default=(), kw_only=True)
    """The channels that did not bring it, and are not asked again."""


@dataclass(frozen=True)
class TakenOfShift(Taken):
    """One about a shift, with what its mail tells of it."""

    site_id: UUID
    kind: str
    starts_at: datetime
    ends_at: datetime
    role_zh: str
    role_en: str
    title_zh: str
    title_en: str
    place: str


@dataclass(frozen=True)
class Result:
    """What became of one attempt; `state` is the message's next one."""

    state: str
    outcome: str
    reply: str | None = None
    channel: str | None = None
    reference: str | None = None
    provider: str | None = None
    made_with: MadeWith | None = None
    suppression_id: int | None = None
    to_key: bytes | None = None
    """The address as a keyed hash, for a week: a mail that bounces says whose message it was, and not to whom."""
    refused_by: str | None = None
    """The channel in whose place another one is to tell it, at once."""


ANY_CLAIMABLE = text(f"SELECT EXISTS (SELECT FROM messages WHERE lane < 3 AND {CLAIMABLE})")  # noqa: S608 - a constant


def any_claimable(database: Database) -> bool:
    """Whether there is a message to send now, besides those of announcements."""
    with database.transaction(EVERY_SITE) as session:
        return bool(session.scalar(ANY_CLAIMABLE))


def which_are_due(database: Database) -> set[Sort]:
    """The sorts of which there is a message to send now: one question for all, where a claim that finds nothing costs
    five times as much."""
    looks = (f"EXISTS (SELECT FROM messages WHERE {CLAIMABLE} AND {sort})" for sort in Sort)
    with database.transaction(EVERY_SITE) as session:
        found = session.execute(text(f"SELECT {', '.join(looks)}")).one()
    return {sort for sort, is_due in zip(Sort, found, strict=True) if is_due}


def take(database: Database, due: str, told: str, values: dict[str, Any]) -> Sequence[Row[Any]]:
    """Commit that messages are being sent. `due` are queries of WITH, the last of which is called so and gives their
    ids; `told` is the query of what is to be known of them. Of `values`, `domain` goes into their Message-IDs."""
    with database.transaction(EVERY_SITE) as session:
        return session.execute(taking(due, told), values).all()


def taking(due: str, told: str) -> TextClause:
    """The statement of `take`."""
    return text(f"WITH {due}, {CLAIMED} {told}")


def oldest(which: str) -> str:
    """The query of `take` for messages that no limit of persons holds back: the oldest due first."""
    return f"""
        due AS MATERIALIZED (
            SELECT id FROM messages WHERE {CLAIMABLE} AND {which}
            ORDER BY next_attempt_at, number LIMIT :limit FOR UPDATE SKIP LOCKED
        )"""  # noqa: S608 - both are constants


def release(database: Database, messages: Sequence[Taken], delay: float, reason: str | None = None) -> None:
    """Give messages back that were not tried: no attempt is counted. `delay` in seconds.

    What was marked as handed over in this claim was not; what was in doubt before still is.
    """
    with database.transaction(EVERY_SITE) as session:
        session.execute(
            text("""
            UPDATE messages SET state = 'pending', attempts = attempts - 1, claimed_at = NULL,
                next_attempt_at = now() + make_interval(secs => :delay), error = coalesce(:reason, error),
                handed_at = CASE WHEN handed_at < messages.claimed_at THEN handed_at END
            FROM unnest(cast(:ids AS uuid[]), cast(:claims AS timestamptz[])) AS held (id, claimed_at)
            WHERE messages.id = held.id AND state = 'sending' AND messages.claimed_at = held.claimed_at
            """),
            {
                "delay": delay,
                "reason": reason,
                "ids": [message.id for message in messages],
                "claims": [message.claimed_at for message in messages],
            },
        )


PUT_OFF = text("""
    WITH held AS MATERIALIZED (
        SELECT id, now() + make_interval(secs => :delay) + interval '1 hour' <= expires_at AS in_time FROM messages
        WHERE id = :id AND state = 'sending' AND claimed_at = :claimed_at FOR UPDATE
    ), given_back AS (
        UPDATE messages SET state = 'pending', attempts = attempts - 1, claimed_at = NULL,
            next_attempt_at = now() + make_interval(secs => :delay),
            error = 'waits: the person wants to be left alone now'
        FROM held WHERE messages.id = held.id AND in_time
    )
    SELECT in_time FROM held
""")


def put_off(database: Database, message: Taken, delay: float) -> bool | None:
    """Give one back until its person's own quiet hours end, in `delay` seconds; false where it would be of no use by
    then, less than an hour before it expires, and it must go now. None: the claim had run out, and the message is no
    longer ours. No attempt is counted."""
    with database.transaction(EVERY_SITE) as session:
        told = {"id": message.id, "claimed_at": message.claimed_at, "delay": delay}
        in_time: bool | None = session.scalar(PUT_OFF, told)
    return in_time


def record(database: Database, message: Taken, result: Result) -> bool:
    """Write down what an attempt came to. False when the claim had run out and the message is no longer ours.

    A result whose state is `pending` is tried again after `BACKOFF`, by another channel at once.
    """
    with database.transaction(EVERY_SITE) as session:
        recorded = session.execute(
            text("""
            WITH recorded AS (
                UPDATE messages SET state = :state, claimed_at = NULL, channel = coalesce(:channel, channel),
                    handed_at = CASE WHEN :outcome = 'unknown' THEN handed_at END,
                    sent_at = CASE WHEN :state = 'sent' THEN now() ELSE sent_at END,
                    error = CASE WHEN :state = 'sent' THEN NULL ELSE :error END,
                    suppression_id = :suppression_id, to_key = coalesce(:to_key, to_key),
                    refused_by = refused_by || cast(:refused_by AS text[]),
                    template_id = :template_id, template_version = :template_version, template_fault = :template_fault,
                    next_attempt_at = now() + make_interval(secs => CASE
                        WHEN :state <> 'pending' OR cardinality(cast(:refused_by AS text[])) > 0 THEN 0
                        ELSE (cast(:backoff AS integer[]))[least(attempts, cardinality(:backoff))] END)
                WHERE id = :id AND state = 'sending' AND claimed_at = :claimed_at
                RETURNING id
            )
            INSERT INTO deliveries (message_id, started_at, ended_at, outcome, reply, channel, provider, reference)
            SELECT id, :claimed_at, clock_timestamp(), :outcome, :reply, :channel, :provider, :reference
            FROM recorded RETURNING id
            """),
            {
                "id": message.id,
                "claimed_at": message.claimed_at,
                "state": result.state,
                "outcome": result.outcome,
                "reply": result.reply,
                "channel": result.channel,
                "provider": result.provider,
                "reference": result.reference,
                "error": result.reply or result.outcome,
                "backoff": list(BACKOFF),
                "suppression_id": result.suppression_id,
                "to_key": result.to_key,
                "refused_by": [result.refused_by] if result.refused_by else [],
                "template_id": result.made_with and result.made_with.template_id,
                "template_version": result.made_with and result.made_with.version,
                "template_fault": result.made_with and result.made_with.fault,
            },
        )
        return recorded.first() is not None
