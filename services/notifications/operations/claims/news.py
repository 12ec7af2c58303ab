"""Messages about a registration: what became of it, and reminders of its shift."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.common.database import Database
from services.notifications.operations.claims import (
    CLAIM,
    CLAIMABLE,
    OF_ALL,
    OF_SHIFT,
    TAKEN_AWAY,
    TakenOfShift,
    take,
)

PER_HOUR, PER_DAY = 20, 60
"""Mails to one person in one site's name. Who signs up for a term of rehearsals gets twenty confirmations at once;
whoever signs a stranger up again and again, or moves a shift to and fro, fills nobody's mailbox."""

HELD_BACK = 900
"""Seconds until a message is looked at again that came over these limits. It waits and says so; nothing is dropped
before it expires."""

# OFFSET: the person is looked up first. A planner that knows nothing of a young table yet would read the whole site's
# messages for each.
DUE = f"""
    fit AS MATERIALIZED (
        SELECT id, number, person_id, site_id, copy_of IS NOT NULL AS is_copy, kind IN {TAKEN_AWAY} AS takes_away
        FROM messages
        WHERE lane = :lane AND {CLAIMABLE} AND registration_id IS NOT NULL
        ORDER BY next_attempt_at, number LIMIT :limit FOR UPDATE SKIP LOCKED
    ), counted AS MATERIALIZED (
        SELECT fit.id, gone.hour + place > :per_hour OR gone.day + place > :per_day AS is_too_many
        FROM (
            SELECT *, row_number() OVER (PARTITION BY person_id, site_id, is_copy, takes_away ORDER BY number) AS place
            FROM fit
        ) AS fit
        CROSS JOIN LATERAL (
            SELECT count(*) FILTER (WHERE state = 'sending' OR sent_at > now() - interval '1 hour') AS hour,
                   count(*) AS day
            FROM (SELECT * FROM messages AS of_person WHERE of_person.person_id = fit.person_id OFFSET 0) AS m
            WHERE m.site_id = fit.site_id AND m.link_id IS NULL AND m.announcement_id IS NULL
              AND (m.copy_of IS NOT NULL) = fit.is_copy AND (m.kind IN {TAKEN_AWAY}) = fit.takes_away
              AND (state = 'sending' OR sent_at > now() - interval '1 day')
        ) AS gone
    ), held_back AS (
        UPDATE messages SET next_attempt_at = now() + make_interval(secs => :held_back),
            error = 'held back: too many mails to this person within an hour or a day'
        FROM counted WHERE messages.id = counted.id AND is_too_many
    ), due AS (
        SELECT id FROM counted WHERE NOT is_too_many
    )"""  # noqa: S608 - a constant

TOLD = f"""
    SELECT {OF_ALL}, {OF_SHIFT}, c.person_id, c.registration_id, c.calendar_sequence, c.details, c.created_at,
           words_of(c.site_id, c.kind) AS words, registrations.coming, c.copy_of
    FROM claimed AS c JOIN registrations ON registrations.id = c.registration_id
    JOIN shifts ON shifts.id = c.shift_id JOIN activities ON activities.id = shifts.activity_id
    LEFT JOIN sites ON sites.id = c.site_id
    ORDER BY c.number
"""  # noqa: S608 - a constant


@dataclass(frozen=True)
class Claimed(TakenOfShift):
    """A claimed message about a registration. `coming`: whether they said that they will come. One that is a `copy_of`
    another goes to the guardian."""

    person_id: UUID
    registration_id: UUID
    calendar_sequence: int | None
    details: dict[str, Any]
    created_at: datetime
    coming: bool = False
    copy_of: UUID | None = None


def claim(database: Database, mail_domain: str, lane: int, limit: int = CLAIM) -> list[Claimed]:
    """Take up to `limit` messages of a lane about registrations, oldest due first, and commit that they are being sent.

    One that would be over its person's limits is put off and says why. Workers that claim at the same moment do not
    see each other's, so that the limits may be passed by a batch.
    """
    values = {"lane": lane, "limit": limit, "domain": mail_domain}
    values |= {"per_hour": PER_HOUR, "per_day": PER_DAY, "held_back": HELD_BACK}
    return [Claimed(**row._mapping) for row in take(database, DUE, TOLD, values)]
