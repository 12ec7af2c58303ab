"""What the pump does with announcements: begin those whose time has come, write down who gets them, end them.

    send_announcements(database, book, phones)     # one step of one announcement
    settle_announcements(database)

Whom it goes to is registration's to say, page by page and by ids. No connection is held meanwhile; a page's messages
and how far it has come are one commit, so that a pump that dies goes on where it was, and a second one finds nothing
to do.
While registration does not answer, they wait.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.database import EVERY_SITE, Database
from services.common.logs import get_logger
from services.notifications.contacts import AudienceCount, AudiencePage, ContactBook, ContactsUnavailable
from services.notifications.operations.announcements.whom import question_of

log = get_logger(__name__)

PAGE = 5000
"""People who are written down in one commit: about half a second."""

SLACK, SLACK_FEW = 0.2, 10
"""By how much the number of people may have grown since it was approved: a fifth, or ten. Beyond that somebody looks
at it again."""

STOPPED_AT_ONCE = 5000

UNDER_WAY = text("""
    SELECT id, site_id, audience, state, people, reached FROM announcements
    WHERE state = 'sending' AND written_at IS NULL OR state = 'scheduled' AND (send_at IS NULL OR send_at <= now())
    ORDER BY written, number LIMIT 1
""")

BEGIN = text("""
    UPDATE announcements SET state = 'sending', begun_at = now(), version = version + 1
    WHERE id = :id AND state = 'scheduled'
""")
GROWN = text("""
    UPDATE announcements SET state = 'waiting', grown = true, people = :people, unreached = :unreached,
        approved_at = NULL, approved_by = NULL, version = version + 1
    WHERE id = :id AND state = 'scheduled'
""")
GONE = text("""
    UPDATE announcements SET state = 'stopped', ended_at = now(), ended_by = 'system', version = version + 1
    WHERE id = :id AND state IN ('scheduled', 'sending')
""")

# Whoever comes second, with a page that was written down already, or after it was stopped, finds nothing to update.
ADVANCE = text("""
    UPDATE announcements SET written = written + :count, reached = coalesce(:reached, reached),
        written_at = CASE WHEN :last THEN now() END
    WHERE id = :id AND state = 'sending' AND written_at IS NULL AND reached IS NOT DISTINCT FROM :after
    RETURNING written - :count AS before
""")

# Quiet hours of each person's site hold. What is about an activity that lies ahead is told before its end, or not.
WRITE = text("""
    INSERT INTO messages (id, kind, site_id, person_id, announcement_id, due_at, details, next_attempt_at, expires_at)
    SELECT md5('announcement/' || a.id || '/' || one.person_id)::uuid, 'announcement', one.site_id, one.person_id, a.id,
           a.begun_at, '{}', awake_at, coalesce(least(
               awake_at + interval '3 days',
               CASE WHEN about.ends_at > now() THEN about.ends_at END), awake_at + interval '3 days')
    FROM announcements AS a
    CROSS JOIN unnest(cast(:people AS uuid[]), cast(:sites AS uuid[]))
        WITH ORDINALITY AS one (person_id, site_id, place)
    LEFT JOIN sites ON sites.id = one.site_id
    CROSS JOIN LATERAL (SELECT greatest(now(), a.begun_at + make_interval(secs =>
        coalesce(60.0 * (:before + one.place - 1) / a.per_minute, 0))) AS due) AS paced
    CROSS JOIN LATERAL (SELECT CASE WHEN sites.time_zone IS NULL THEN paced.due
        ELSE awake(paced.due, sites.time_zone, sites.quiet_from, sites.quiet_until) END AS awake_at) AS woken
    LEFT JOIN LATERAL (
        SELECT max(s.ends_at) AS ends_at FROM shifts AS s
        WHERE s.activity_id = (a.audience ->> 'activity_id')::uuid
          AND (a.audience -> 'shift_ids' = '[]' OR a.audience -> 'shift_ids' ? s.id::text)
    ) AS about ON a.audience ->> 'to' = 'activity'
    WHERE a.id = :id
    ORDER BY one.place
    ON CONFLICT DO NOTHING
""")

# Held before it is looked what is left of them: a message that came back may go on by another channel, and whoever sets
# it so holds its announcement as well.
UNSETTLED = text("""
    SELECT id FROM announcements WHERE state = 'sending' AND written_at IS NOT NULL FOR UPDATE SKIP LOCKED
""")
SETTLE = text("""
    UPDATE announcements AS a SET state = 'done', ended_at = now(), version = version + 1
    WHERE id = ANY(:ids)
      AND NOT EXISTS (SELECT FROM messages WHERE announcement_id = a.id AND state IN ('pending', 'sending'))
""")

END_STOPPED = """
    UPDATE messages SET state = 'suppressed', error = 'stopped' WHERE id IN (
        SELECT id FROM messages WHERE announcement_id = :id AND state = 'pending' LIMIT :most FOR UPDATE SKIP LOCKED)
"""
STOPPED_WITH_LEFT = text("""
    SELECT id FROM announcements AS a WHERE state = 'stopped' AND begun_at IS NOT NULL
      AND EXISTS (SELECT FROM messages WHERE announcement_id = a.id AND state = 'pending')
""")


def send_announcements(database: Database, book: ContactBook, phones: tuple[str, ...], page: int = PAGE) -> int:
    """Take one announcement a step further; returns how many people were written down, or 1 where it began."""
    with database.transaction(EVERY_SITE) as session:
        row = session.execute(UNDER_WAY).one_or_none()
    if row is None:
        return 0
    question = question_of(row.audience, row.site_id)
    try:
        if row.state == "scheduled":
            return begin(database, row, book.count(question, phones))
        return write_down(database, row.id, row.reached, book.audience(question, row.reached, page))
    except ContactsUnavailable as error:
        log.warning("announcement_waits", announcement_id=str(row.id), reason=str(error))
        return 0


def begin(database: Database, row: Any, counted: AudienceCount) -> int:
    """Begin, unless it has come to far more people than were approved: then it waits for another approval."""
    values = {"id": row.id, "people": counted.people, "unreached": counted.unreached}
    grown = counted.people > row.people * (1 + SLACK) + SLACK_FEW
    done = GONE if counted.objection else GROWN if grown else BEGIN
    with database.transaction(EVERY_SITE) as session:
        session.execute(done, values)
    if done is not BEGIN:
        log.warning("announcement_held", announcement_id=str(row.id), people=counted.people, approved=row.people)
    return 1


def write_down(database: Database, announcement_id: UUID, after: UUID | None, page: AudiencePage) -> int:
    """A message for each of these people, and how far it has come, in one commit."""
    values = {
        "id": announcement_id, "after": after, "count": len(page.people), "reached": page.next,
        "last": page.next is None,
    }  # fmt: skip
    with database.transaction(EVERY_SITE) as session:
        if page.objection:
            session.execute(GONE, {"id": announcement_id})
            return 1
        advanced = session.execute(ADVANCE, values).one_or_none()
        if advanced is None:
            return 0
        people = {"people": [one.person_id for one in page.people], "sites": [one.site_id for one in page.people]}
        session.execute(WRITE, people | {"id": announcement_id, "before": advanced.before})
    return max(len(page.people), 1)


def settle_announcements(database: Database) -> int:
    """End those whose last message has ended, and what is left of stopped ones; returns how many changed."""
    with database.transaction(EVERY_SITE) as session:
        unsettled = session.scalars(UNSETTLED).all()
        changed: int = session.execute(SETTLE, {"ids": unsettled}).rowcount  # type: ignore[attr-defined]
        return changed + sum(end_stopped_of(session, one) for one in session.scalars(STOPPED_WITH_LEFT).all())


def end_stopped_of(session: Session, announcement_id: UUID) -> int:
    """End what has not gone out of one that was stopped, some thousands at a time; returns how many."""
    values = {"id": announcement_id, "most": STOPPED_AT_ONCE}
    return session.execute(text(END_STOPPED), values).rowcount  # type: ignore[attr-defined]
