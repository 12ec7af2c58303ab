"""Messages of announcements. Each announcement of which something may go now gets its part of a batch, so that a small
one does not wait for a large one; of one that is throttled no more go than within its minute. Whoever was merged into
somebody else since it was written down is written to as that one."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from services.common.database import EVERY_SITE, Database
from services.notifications.operations.claims import OF_ALL, Taken, taking

AT_ONCE = 20
"""Messages of a batch: half a second, after which the worker process is there for others again."""

ONE_AT_A_TIME = text("SELECT pg_try_advisory_xact_lock(hashtextextended('announcements are claimed', 0))")
BEING_SENT = """
    EXISTS (SELECT FROM messages WHERE state = 'sending' AND announcement_id IS NOT NULL
            AND claimed_at > now() - interval '20 seconds')
"""
"""Whether a worker process has some in hand. A batch is shorter (`sending.BATCH_SECONDS`), unless its worker died."""

IS_SENT = text(f"SELECT {BEING_SENT}")

# Of an announcement `a`, what is due, by one range of `messages_announcement_due`. It is named as a range, and not by
# `announcement_id = a.id`, for else planners read all that is due of every announcement by `messages_due`.
OF_ONE = """
    state = 'pending' AND announcement_id IS NOT NULL AND expires_at > now()
    AND (announcement_id, next_attempt_at) >= (a.id, '-infinity')
    AND (announcement_id, next_attempt_at) <= (a.id, now())
"""

# `left_over` are those with anything left: under way, or done where a message was put back by a version that did not
# reopen it. Each is found by one look into the index, however many messages it has.
# `able` are those of which something may go now, and how much: what sleeps or is paced takes nobody's part.
ABLE = f"""
    left_over AS MATERIALIZED (
        WITH RECURSIVE found (id) AS (
            (SELECT announcement_id FROM messages WHERE state = 'pending' AND announcement_id IS NOT NULL
             ORDER BY announcement_id, next_attempt_at, number LIMIT 1)
            UNION ALL
            SELECT (SELECT announcement_id FROM messages WHERE state = 'pending' AND announcement_id > found.id
                    ORDER BY announcement_id, next_attempt_at, number LIMIT 1) FROM found WHERE found.id IS NOT NULL
        )
        SELECT a.id, a.per_minute FROM found JOIN announcements AS a ON a.id = found.id
        WHERE a.state IN ('sending', 'done')
    ), able AS MATERIALIZED (
        SELECT a.id, room FROM left_over AS a
        CROSS JOIN LATERAL (SELECT CASE WHEN per_minute IS NOT NULL THEN per_minute - (
            SELECT count(*) FROM messages AS m WHERE m.announcement_id = a.id
            AND m.sent_at > now() - interval '1 minute') - (
            SELECT count(*) FROM messages AS m WHERE m.announcement_id = a.id AND m.state = 'sending') END AS room) AS r
        WHERE coalesce(room > 0, true) AND EXISTS (SELECT FROM messages WHERE {OF_ONE})
    )"""  # noqa: S608 - constants

CAN_BE_CLAIMED = text(f"WITH {ABLE} SELECT NOT {BEING_SENT} AND EXISTS (SELECT FROM able)")  # noqa: S608 - constants

# One of each in turn, until the batch is full. Where there are more announcements than a batch has places, lots are
# drawn for each batch: none is the last for good, and nothing must be kept of whose turn it was.
DUE = f"""
    {ABLE}, in_turn AS MATERIALIZED (
        SELECT due.id, place FROM (SELECT * FROM able ORDER BY random() LIMIT :limit) AS a
        CROSS JOIN LATERAL (
            SELECT id, row_number() OVER (ORDER BY next_attempt_at, number) AS place FROM (
                SELECT id, next_attempt_at, number FROM messages WHERE {OF_ONE}
                ORDER BY announcement_id, next_attempt_at, number LIMIT least(:limit, a.room)
            ) AS first
        ) AS due
        ORDER BY place, random() LIMIT :limit
    ), due AS MATERIALIZED (
        SELECT id FROM messages WHERE id IN (SELECT id FROM in_turn) AND state = 'pending' FOR UPDATE SKIP LOCKED
    )"""  # noqa: S608 - constants

TOLD = f"""
    SELECT {OF_ALL}, c.kind, person_now(c.person_id) AS person_id, c.announcement_id, NULL AS words,
           a.subject_zh, a.text_zh, a.subject_en, a.text_en,
           a.audience ->> 'to' = 'activity' AS of_activity, a.about_zh, a.about_en
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
    """Take up to `limit`, and commit that they are being sent; none while another worker process has some.

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
