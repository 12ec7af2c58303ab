"""Messages of announcements. Each announcement that has any due gets its part of a batch, so that a small one does not
wait for a large one; of one that is throttled no more go than within its minute."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from services.common.database import EVERY_SITE, Database
from services.notifications.operations.claims import CLAIMABLE, OF_ALL, Taken, taking

AT_ONCE = 20
"""Messages of a batch: half a second, after which the worker process is there for others again."""

ONE_AT_A_TIME = text("SELECT pg_try_advisory_xact_lock(hashtextextended('announcements are claimed', 0))")
BEING_SENT = """
    EXISTS (SELECT FROM messages WHERE state = 'sending' AND announcement_id IS NOT NULL
            AND claimed_at > now() - interval '20 seconds')
"""
"""Whether a worker process has some in hand. A batch is shorter (`sending.BATCH_SECONDS`), unless its worker died."""

IS_SENT = text(f"SELECT {BEING_SENT}")
CAN_BE_CLAIMED = text(f"""
    SELECT NOT {BEING_SENT} AND EXISTS (SELECT FROM messages WHERE lane = 3 AND {CLAIMABLE})
""")  # noqa: S608 - constants

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
        FROM found JOIN announcements AS a ON a.id = found.id
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


def claim_announcements(database: Database, mail_domain: str, limit: int = AT_ONCE) -> list[ClaimedAnnouncement]:
    """Take up to `limit`, and commit that they are being sent; none while another worker process has some. What was
    stopped while a worker had it ends here.

    The lock comes in a statement of its own, so that the next one sees what whoever had it before has taken.
    """
    with database.transaction(EVERY_SITE) as session:
        if not session.scalar(ONE_AT_A_TIME) or session.scalar(IS_SENT):
            return []
        rows = session.execute(taking(DUE, TOLD), {"limit": limit, "domain": mail_domain}).all()
    return [ClaimedAnnouncement(**row._mapping) for row in rows]


def bulk_claimable(database: Database) -> bool:
    """Whether there is a message of an announcement to send now, and no worker process is at any."""
    with database.transaction(EVERY_SITE) as session:
        return bool(session.scalar(CAN_BE_CLAIMED))
