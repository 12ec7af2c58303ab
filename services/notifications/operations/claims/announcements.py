"""Messages of announcements. Each announcement that has any due gets its part of a batch, so that a small one does not
wait for a large one; of one that is throttled no more go than within its minute."""

from dataclasses import dataclass
from uuid import UUID

from services.common.database import Database
from services.notifications.operations.claims import BULK_IS_SENT, CLAIM, CLAIMABLE, OF_ALL, Taken, take

# `active` is found by one look into the index for each announcement that has something left, however many those are.
DUE = f"""
    active AS MATERIALIZED (
        WITH RECURSIVE found (id) AS (
            (SELECT announcement_id FROM messages WHERE state = 'pending' AND announcement_id IS NOT NULL
             ORDER BY announcement_id LIMIT 1)
            UNION ALL
            SELECT (SELECT announcement_id FROM messages WHERE state = 'pending' AND announcement_id > found.id
                    ORDER BY announcement_id LIMIT 1) FROM found WHERE found.id IS NOT NULL
        )
        SELECT a.id, a.per_minute, a.state = 'stopped' AS stopped,
               greatest(:limit / count(*) OVER (), 1) AS share,
               CASE WHEN per_minute IS NOT NULL THEN per_minute - (
                   SELECT count(*) FROM messages AS m WHERE m.announcement_id = a.id
                   AND m.sent_at > now() - interval '1 minute') - (
                   SELECT count(*) FROM messages AS m WHERE m.announcement_id = a.id AND m.state = 'sending')
               END AS room
        FROM found JOIN announcements AS a ON a.id = found.id WHERE NOT {BULK_IS_SENT}
    ), fit AS MATERIALIZED (
        SELECT due.id, due.number, stopped, per_minute, room,
               row_number() OVER (PARTITION BY active.id ORDER BY due.number) AS place
        FROM active CROSS JOIN LATERAL (
            SELECT id, number FROM messages
            WHERE announcement_id = active.id AND {CLAIMABLE}
            ORDER BY next_attempt_at, number LIMIT active.share FOR UPDATE SKIP LOCKED
        ) AS due
    ), ended AS (
        UPDATE messages SET state = 'suppressed', error = 'stopped' FROM fit WHERE messages.id = fit.id AND stopped
    ), held_back AS (
        UPDATE messages SET next_attempt_at = now() + make_interval(secs => 60.0 * (place - room) / per_minute)
        FROM fit WHERE messages.id = fit.id AND NOT stopped AND place > room
    ), due AS (
        SELECT id FROM fit WHERE NOT stopped AND (room IS NULL OR place <= room)
        ORDER BY number LIMIT :limit
    )"""  # noqa: S608 - a constant

TOLD = f"""
    SELECT {OF_ALL}, c.kind, c.person_id, c.announcement_id, NULL AS words, a.subject_zh, a.text_zh, a.subject_en,
           a.text_en, a.audience ->> 'to' = 'activity' AS of_activity, a.about_zh, a.about_en
    FROM claimed AS c JOIN announcements AS a ON a.id = c.announcement_id LEFT JOIN sites ON sites.id = c.site_id
    ORDER BY c.number
"""  # noqa: S608 - a constant


@dataclass(frozen=True)
class ClaimedAnnouncement(Taken):
    """A claimed message of an announcement, with its words; `about` is what the audience is called."""

    site_id: UUID
    kind: str
    person_id: UUID
    announcement_id: UUID
    subject_zh: str
    text_zh: str
    subject_en: str
    text_en: str
    of_activity: bool
    about_zh: str
    about_en: str


def claim_announcements(database: Database, mail_domain: str, limit: int = CLAIM) -> list[ClaimedAnnouncement]:
    """Take up to `limit`, and commit that they are being sent; none while another worker process has some. What was
    stopped while a worker had it ends here.

    Workers that claim at the same moment do not see each other's, so that a minute's number may be passed by a batch.
    """
    rows = take(database, DUE, TOLD, {"limit": limit, "domain": mail_domain})
    return [ClaimedAnnouncement(**row._mapping) for row in rows]
