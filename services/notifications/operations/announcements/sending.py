"""What the pump does with announcements: begin those whose time has come, write down who gets them, end them.

    send_announcements(database, book, phones)     # one step of one announcement
    settle_announcements(database)

Whom it goes to is registration's to say, page by page and by ids. No connection is held meanwhile; a page's messages
and how far it has come are one commit, so that a pump that dies goes on where it was, and a second one finds nothing
to do.

While registration does not say whom one goes to, that one is put off and says why; the others go on.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.database import EVERY_SITE, Database
from services.common.logs import get_logger
from services.notifications.contacts import AudienceCount, AudiencePage, ContactBook, ContactsUnavailable, Refusal
from services.notifications.operations.announcements.progress import fold
from services.notifications.operations.announcements.whom import ENDS_AT, question_of
from services.notifications.operations.preferences import without_announcements

log = get_logger(__name__)

PAGE = 500
"""People who are written down in one commit: a tenth of a second. The pump rests half a second after each."""

SLACK, SLACK_FEW = 0.2, 10
"""By how much the number of people may have grown since it was approved: a fifth, or ten. Beyond that somebody looks
at it again."""

REST = 10.0
"""Seconds until one is tried again of which registration could not say whom it goes to, behind all others: a count may
take a minute to fail."""

STOPPED_AT_ONCE = 5000

UNDER_WAY = text("""
    SELECT id, version, site_id, audience, state, people, alone, approved_at, reached, written FROM announcements
    WHERE (state = 'sending' AND written_at IS NULL OR state = 'scheduled' AND (send_at IS NULL OR send_at <= now()))
      AND (tried_at IS NULL OR tried_at <= now() - make_interval(secs => :rest))
    ORDER BY tried_at NULLS FIRST, written, number LIMIT 1
""")
PUT_OFF = text("""
    UPDATE announcements SET tried_at = now(), waits = :waits WHERE id = :id AND state IN ('scheduled', 'sending')
""")

BEGIN = text("""
    UPDATE announcements SET state = 'sending', begun_at = now(), tried_at = NULL, waits = NULL, version = version + 1
    WHERE id = :id AND state = 'scheduled' AND version = :version
""")
GROWN = text("""
    UPDATE announcements SET state = 'waiting', grown = true, people = :people, unreached = :unreached,
        refused = :refused, approved_at = NULL, approved_by = NULL, asked_at = NULL, tried_at = NULL, waits = NULL,
        version = version + 1
    WHERE id = :id AND state = 'scheduled' AND version = :version
""")
GONE = text("""
    UPDATE announcements SET state = 'stopped', ended_at = now(), ended_by = 'system', ended_why = 'audience_gone',
        tried_at = NULL, waits = NULL, version = version + 1
    WHERE id = :id AND (state = 'scheduled' AND version = :version OR state = 'sending')
""")

# Whoever comes second, with a page that was written down already, or after it was stopped, finds nothing to update.
ADVANCE = text("""
    UPDATE announcements SET written = written + :count, reached = coalesce(:reached, reached),
        written_at = CASE WHEN :last THEN now() END, tried_at = NULL, waits = NULL
    WHERE id = :id AND state = 'sending' AND written_at IS NULL AND reached IS NOT DISTINCT FROM :after
      AND (approved_at IS NOT NULL OR alone IS NULL OR written + :count <= alone)
    RETURNING written - :count AS before
""")

# People who came to it since it was counted make it more than one person may write to alone. A second person approves
# it for all whom it goes to, those who are written down already among them.
TOO_MANY = text("""
    UPDATE announcements SET state = 'waiting', grown = true, people = greatest(:people, written + :count),
        unreached = :unreached, refused = :refused, asked_at = NULL, tried_at = NULL, waits = NULL,
        version = version + 1
    WHERE id = :id AND state = 'sending' AND written_at IS NULL AND reached IS NOT DISTINCT FROM :after
      AND approved_at IS NULL AND written + :count > alone
""")

# Two who turn out to be one while it is written down are told once: whoever was merged into somebody is written down as
# that one, unless somebody who is the same by now has a message of it that goes out or went.
ONCE = """
    SELECT DISTINCT ON (now_is) now_is AS person_id, site_id, place
    FROM (SELECT person_now(person_id) AS now_is, * FROM unnest(cast(:people AS uuid[]), cast(:sites AS uuid[]))
              WITH ORDINALITY AS listed (person_id, site_id, place)) AS listed
    WHERE NOT EXISTS (SELECT FROM merges WHERE into_id = now_is) OR NOT EXISTS (
        SELECT FROM persons_of(now_is) AS other
        JOIN messages AS told ON told.id = md5('announcement/' || :id || '/' || other)::uuid
        WHERE told.state IN ('pending', 'sending', 'sent', 'delivered'))
    ORDER BY now_is, place
"""

# Quiet hours of each person's site hold. What is about an activity that lies ahead is told before its end, or not.
WRITE = text(f"""
    INSERT INTO messages (id, kind, site_id, person_id, announcement_id, due_at, details, next_attempt_at, expires_at)
    SELECT md5('announcement/' || a.id || '/' || one.person_id)::uuid, 'announcement', one.site_id, one.person_id, a.id,
           a.begun_at, '{{}}', awake_at,
           least(awake_at + interval '3 days', CASE WHEN about.ends_at > now() THEN about.ends_at END)
    FROM (SELECT *, {ENDS_AT} AS ends_at FROM announcements AS a WHERE a.id = :id) AS about
    JOIN announcements AS a USING (id) CROSS JOIN ({ONCE}) AS one
    LEFT JOIN sites ON sites.id = one.site_id
    CROSS JOIN LATERAL (SELECT greatest(now(), a.begun_at + make_interval(secs =>
        coalesce(60.0 * (:before + one.place - 1) / a.per_minute, 0))) AS due) AS paced
    CROSS JOIN LATERAL (SELECT CASE WHEN sites.time_zone IS NULL THEN paced.due
        ELSE awake(paced.due, sites.time_zone, sites.quiet_from, sites.quiet_until) END AS awake_at) AS woken
    ORDER BY one.place
    ON CONFLICT DO NOTHING
""")  # noqa: S608 - constants

FEWER = text("UPDATE announcements SET written = written - :told_before WHERE id = :id")

# Held before it is looked what is left of them: a message that came back may go on by another channel, and whoever sets
# it so holds its announcement as well.
UNSETTLED = text("""
    SELECT id FROM announcements WHERE state = 'sending' AND written_at IS NOT NULL FOR UPDATE SKIP LOCKED
""")
SETTLE = text("""
    UPDATE announcements AS a SET state = 'done', ended_at = now(), version = version + 1
    WHERE id = ANY(:ids)
      AND NOT EXISTS (SELECT FROM messages WHERE announcement_id = a.id AND state = 'pending')
      AND NOT EXISTS (SELECT FROM messages WHERE announcement_id = a.id AND state = 'sending')
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
    """Take one announcement a step further; returns how many people were written down, or 1 for any other step."""
    with database.transaction(EVERY_SITE) as session:
        row = session.execute(UNDER_WAY, {"rest": REST}).one_or_none()
    if row is None:
        return 0
    question = question_of(row.audience, row.site_id)
    try:
        if row.state == "scheduled":
            return begin(database, row, book.count(question, phones, _refusing(database, row)))
        people = book.audience(question, row.reached, page)
        if row.approved_at is None and row.alone is not None and row.written + len(people.people) > row.alone:
            return hold(database, row, people, book.count(question, phones, _refusing(database, row)))
        return write_down(database, row.id, row.reached, people)
    except ContactsUnavailable as error:
        log.warning("announcement_waits", announcement_id=str(row.id), reason=str(error))
        with database.transaction(EVERY_SITE) as session:
            session.execute(PUT_OFF, {"id": row.id, "waits": str(error)})
        return 1


def _refusing(database: Database, row: Any) -> list[Refusal]:
    with database.transaction(EVERY_SITE) as session:
        return without_announcements(session, row.site_id)


def begin(database: Database, row: Any, counted: AudienceCount) -> int:
    """Begin, unless it has come to far more people than were approved, or to more than may be written to without a
    second person: then it waits for another approval."""
    # It was counted without a lock: one that was changed meanwhile is counted again.
    values = {
        "id": row.id,
        "version": row.version,
        "people": counted.people,
        "unreached": counted.unreached,
        "refused": counted.refused,
    }
    unapproved = row.approved_at is None and row.alone is not None and counted.people > row.alone
    grown = unapproved or counted.people > row.people * (1 + SLACK) + SLACK_FEW
    done = GONE if counted.objection else GROWN if grown else BEGIN
    with database.transaction(EVERY_SITE) as session:
        session.execute(done, values)
    if done is not BEGIN:
        log.warning("announcement_held", announcement_id=str(row.id), people=counted.people, approved=row.people)
    return 1


def hold(database: Database, row: Any, page: AudiencePage, counted: AudienceCount) -> int:
    """Have a second person approve it for all of these, before a page is written down with which it would go to more
    than one person may write to alone."""
    values = {"id": row.id, "after": row.reached, "count": len(page.people)}
    values |= {"people": counted.people, "unreached": counted.unreached, "refused": counted.refused}
    with database.transaction(EVERY_SITE) as session:
        session.execute(TOO_MANY, values)
    log.warning("announcement_held", announcement_id=str(row.id), people=counted.people, alone=row.alone)
    return 1


def write_down(database: Database, announcement_id: UUID, after: UUID | None, page: AudiencePage) -> int:
    """A message for each of these people, and how far it has come, in one commit."""
    values = {
        "id": announcement_id, "after": after, "count": len(page.people), "reached": page.next,
        "last": page.next is None,
    }  # fmt: skip
    with database.transaction(EVERY_SITE) as session:
        if page.objection:
            session.execute(GONE, {"id": announcement_id, "version": 0})
            return 1
        advanced = session.execute(ADVANCE, values).one_or_none()
        if advanced is None:
            return 0
        people = {"people": [one.person_id for one in page.people], "sites": [one.site_id for one in page.people]}
        done = session.execute(WRITE, people | {"id": announcement_id, "before": advanced.before})
        told_before = len(page.people) - done.rowcount  # type: ignore[attr-defined]
        if told_before:
            session.execute(FEWER, {"id": announcement_id, "told_before": told_before})
    return max(len(page.people), 1)


def settle_announcements(database: Database) -> int:
    """End those whose last message has ended, and what is left of stopped ones, and add up what changed; returns how
    many changed."""
    with database.transaction(EVERY_SITE) as session:
        fold(session)
        unsettled = session.scalars(UNSETTLED).all()
        changed: int = session.execute(SETTLE, {"ids": unsettled}).rowcount  # type: ignore[attr-defined]
        return changed + sum(end_stopped_of(session, one) for one in session.scalars(STOPPED_WITH_LEFT).all())


def end_stopped_of(session: Session, announcement_id: UUID) -> int:
    """End what has not gone out of one that was stopped, some thousands at a time; returns how many."""
    values = {"id": announcement_id, "most": STOPPED_AT_ONCE}
    return session.execute(text(END_STOPPED), values).rowcount  # type: ignore[attr-defined]
