"""Messages on their way out: claim some, and record what became of each. Short transactions, none across SMTP.

A message is `sending` from its claim until its result is recorded. A worker that dies in between leaves it so; after
`LEASE` it is pending again, with the same Message-ID.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from services.common.database import EVERY_SITE, Database
from services.notifications.wording.made_with import MadeWith

CLAIM = 50

LEASE = 60.0
"""Seconds after which a claimed message is taken as abandoned. A batch ends well before (`deliver.BATCH_SECONDS`)."""

BACKOFF = (30, 120, 600, 1800, 3600, 10800)
"""Seconds until the next attempt, after the first, second, … one; the last goes on until the message expires."""

CLAIMABLE = """
    state = 'pending' AND next_attempt_at <= now() AND expires_at > now()
    AND NOT EXISTS (
        SELECT 1 FROM messages AS earlier
        WHERE earlier.registration_id = messages.registration_id AND earlier.number < messages.number
          AND earlier.state IN ('pending', 'sending'))
"""
"""Due, and not overtaking an earlier message of the same registration."""

PER_HOUR, PER_DAY = 20, 60
"""Mails to one person in one site's name. Who signs up for a term of rehearsals gets twenty confirmations at once;
whoever signs a stranger up again and again, or moves a shift to and fro, fills nobody's mailbox."""

HELD_BACK = 900
"""Seconds until a message is looked at again that came over these limits. It waits and says so; nothing is dropped
before it expires."""


@dataclass(frozen=True)
class Taken:
    """A message that was claimed, of whichever kind. `site` columns are None while the site is not known yet.

    `in_doubt`: it may have gone out by a channel that must not carry it twice (`hand_over.py`).
    """

    id: UUID
    claimed_at: datetime
    message_id_header: str
    request_id: str | None
    in_doubt: bool
    site_zh: str | None
    site_en: str | None
    short_zh: str | None
    short_en: str | None
    time_zone: str | None
    site_phone: str | None
    words: dict[str, dict[str, Any]] | None
    """What was saved in place of the built-in words, by channel and language; None where nothing was."""


@dataclass(frozen=True)
class ClaimedLink(Taken):
    """A claimed message that carries a link."""

    link_id: UUID
    purpose: str
    site_id: UUID | None
    expires_at: datetime


@dataclass(frozen=True)
class Claimed(Taken):
    """A claimed message about a registration, with what its mail tells."""

    kind: str
    person_id: UUID
    site_id: UUID
    registration_id: UUID
    calendar_sequence: int | None
    details: dict[str, Any]
    created_at: datetime
    starts_at: datetime
    ends_at: datetime
    role_zh: str
    role_en: str
    title_zh: str
    title_en: str
    place: str
    coming: bool = False
    """Whether they said that they will come."""


@dataclass(frozen=True)
class ClaimedNotice(Taken):
    """A claimed message to a leader or a member of staff: of one shift, or of the hours of several (`shifts`)."""

    kind: str
    audience: str
    person_id: UUID | None
    staff_id: UUID | None
    site_id: UUID
    shift_id: UUID
    shifts: list[dict[str, Any]]
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


def any_claimable(database: Database) -> bool:
    """Whether there is a message to send now."""
    with database.transaction(EVERY_SITE) as session:
        return bool(session.scalar(text(f"SELECT EXISTS (SELECT 1 FROM messages WHERE {CLAIMABLE})")))  # noqa: S608


def claim(database: Database, mail_domain: str, lane: int, limit: int = CLAIM) -> list[Claimed]:
    """Take up to `limit` messages of a lane about registrations, oldest due first, and commit that they are being sent.

    One that would be over its person's limits is put off and says why. Workers that claim at the same moment do not
    see each other's, so that the limits may be passed by a batch.
    """
    statement = text(f"""
        WITH fit AS MATERIALIZED (
            SELECT id, number, person_id, site_id FROM messages
            WHERE lane = :lane AND {CLAIMABLE} AND registration_id IS NOT NULL
            ORDER BY next_attempt_at, number LIMIT :limit FOR UPDATE SKIP LOCKED
        ), counted AS MATERIALIZED (
            SELECT fit.id, gone.hour + place > :per_hour OR gone.day + place > :per_day AS is_too_many
            FROM (
                SELECT *, row_number() OVER (PARTITION BY person_id, site_id ORDER BY number) AS place FROM fit
            ) AS fit
            CROSS JOIN LATERAL (
                SELECT count(*) FILTER (WHERE state = 'sending' OR sent_at > now() - interval '1 hour') AS hour,
                       count(*) AS day
                FROM messages AS m
                WHERE m.person_id = fit.person_id AND m.site_id = fit.site_id AND m.link_id IS NULL
                  AND (state = 'sending' OR sent_at > now() - interval '1 day')
            ) AS gone
        ), held_back AS (
            UPDATE messages SET next_attempt_at = now() + make_interval(secs => :held_back),
                error = 'held back: too many mails to this person within an hour or a day'
            FROM counted WHERE messages.id = counted.id AND is_too_many
        ), due AS (
            SELECT id FROM counted WHERE NOT is_too_many
        ), claimed AS (
            UPDATE messages SET state = 'sending', attempts = attempts + 1, claimed_at = now(),
                message_id_header = coalesce(message_id_header, '<' || messages.id || '@' || :domain || '>')
            FROM due WHERE messages.id = due.id
            RETURNING messages.*
        )
        SELECT c.id, c.claimed_at, c.kind, c.person_id, c.site_id, c.registration_id, c.message_id_header, c.request_id,
               c.handed_at IS NOT NULL AS in_doubt, c.calendar_sequence, c.details, c.created_at, shifts.starts_at,
               shifts.ends_at, shifts.role_zh, shifts.role_en, activities.title_zh, activities.title_en,
               activities.place, sites.name_zh AS site_zh, sites.name_en AS site_en, sites.short_zh, sites.short_en,
               sites.time_zone, sites.phone AS site_phone, words_of(c.site_id, c.kind) AS words, registrations.coming
        FROM claimed AS c JOIN registrations ON registrations.id = c.registration_id
        JOIN shifts ON shifts.id = c.shift_id JOIN activities ON activities.id = shifts.activity_id
        LEFT JOIN sites ON sites.id = c.site_id
        ORDER BY c.number
    """)  # noqa: S608 - CLAIMABLE is a constant
    values = {"lane": lane, "limit": limit, "domain": mail_domain}
    values |= {"per_hour": PER_HOUR, "per_day": PER_DAY, "held_back": HELD_BACK}
    with database.transaction(EVERY_SITE) as session:
        return [Claimed(**row._mapping) for row in session.execute(statement, values)]


def claim_links(database: Database, mail_domain: str, limit: int = CLAIM) -> list[ClaimedLink]:
    """The same for messages that carry a link. How many of these go out is bounded where links are issued."""
    statement = text(f"""
        WITH due AS MATERIALIZED (
            SELECT id FROM messages WHERE lane = 0 AND {CLAIMABLE}
            ORDER BY next_attempt_at, number LIMIT :limit FOR UPDATE SKIP LOCKED
        ), claimed AS (
            UPDATE messages SET state = 'sending', attempts = attempts + 1, claimed_at = now(),
                message_id_header = coalesce(message_id_header, '<' || messages.id || '@' || :domain || '>')
            FROM due WHERE messages.id = due.id
            RETURNING messages.*
        )
        SELECT c.id, c.claimed_at, c.link_id, c.purpose, c.site_id, c.message_id_header, c.request_id, c.expires_at,
               c.handed_at IS NOT NULL AS in_doubt, sites.short_zh, sites.short_en, sites.name_zh AS site_zh,
               sites.name_en AS site_en, sites.time_zone, sites.phone AS site_phone,
               words_of(c.site_id, c.purpose) AS words
        FROM claimed AS c LEFT JOIN sites ON sites.id = c.site_id ORDER BY c.number
    """)  # noqa: S608 - CLAIMABLE is a constant
    with database.transaction(EVERY_SITE) as session:
        rows = session.execute(statement, {"limit": limit, "domain": mail_domain})
        return [ClaimedLink(**row._mapping) for row in rows]


def claim_notices(database: Database, mail_domain: str, limit: int = CLAIM) -> list[ClaimedNotice]:
    """The same for messages to leaders and staff. There is one for each recipient and moment, and no crowd."""
    statement = text(f"""
        WITH due AS MATERIALIZED (
            SELECT id FROM messages WHERE {CLAIMABLE} AND notice_id IS NOT NULL
            ORDER BY next_attempt_at, number LIMIT :limit FOR UPDATE SKIP LOCKED
        ), claimed AS (
            UPDATE messages SET state = 'sending', attempts = attempts + 1, claimed_at = now(),
                message_id_header = coalesce(message_id_header, '<' || messages.id || '@' || :domain || '>')
            FROM due WHERE messages.id = due.id
            RETURNING messages.*
        )
        SELECT c.id, c.claimed_at, c.kind, notices.kind AS audience, c.person_id, c.staff_id, c.site_id, c.shift_id,
               c.message_id_header, c.request_id, c.handed_at IS NOT NULL AS in_doubt, shifts.starts_at, shifts.ends_at,
               shifts.role_zh, shifts.role_en, activities.title_zh, activities.title_en, activities.place,
               sites.name_zh AS site_zh, sites.name_en AS site_en, sites.short_zh, sites.short_en, sites.time_zone,
               sites.phone AS site_phone, NULL AS words, (
                   SELECT jsonb_agg(one || jsonb_build_object('title_zh', a.title_zh, 'title_en', a.title_en,
                                                              'starts_at', s.starts_at) ORDER BY s.starts_at, s.id)
                   FROM jsonb_array_elements(c.details -> 'shifts') AS one
                   JOIN shifts AS s ON s.id = (one ->> 'shift_id')::uuid JOIN activities AS a ON a.id = s.activity_id
               ) AS shifts
        FROM claimed AS c JOIN notices ON notices.id = c.notice_id JOIN shifts ON shifts.id = c.shift_id
        JOIN activities ON activities.id = shifts.activity_id LEFT JOIN sites ON sites.id = c.site_id
        ORDER BY c.number
    """)  # noqa: S608 - CLAIMABLE is a constant
    with database.transaction(EVERY_SITE) as session:
        rows = session.execute(statement, {"limit": limit, "domain": mail_domain})
        return [ClaimedNotice(**row._mapping) for row in rows]


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


def record(database: Database, message: Taken, result: Result) -> bool:
    """Write down what an attempt came to. False when the claim had run out and the message is no longer ours.

    A result whose state is `pending` is tried again after `BACKOFF`.
    """
    with database.transaction(EVERY_SITE) as session:
        recorded = session.execute(
            text("""
            WITH recorded AS (
                UPDATE messages SET state = :state, claimed_at = NULL, channel = coalesce(:channel, channel),
                    handed_at = CASE WHEN :outcome = 'unknown' THEN handed_at END,
                    sent_at = CASE WHEN :state = 'sent' THEN now() END,
                    error = CASE WHEN :state = 'sent' THEN NULL ELSE :error END,
                    template_id = :template_id, template_version = :template_version, template_fault = :template_fault,
                    next_attempt_at = now() + make_interval(secs => CASE WHEN :state <> 'pending' THEN 0
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
                "template_id": result.made_with and result.made_with.template_id,
                "template_version": result.made_with and result.made_with.version,
                "template_fault": result.made_with and result.made_with.fault,
            },
        )
        return recorded.first() is not None
