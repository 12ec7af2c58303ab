"""Colleagues are asked by mail to approve what waits for it, whoever had no hand in it: once for each handing-in, and
again within an hour only of what came to more people than were confirmed.

    ask_colleagues(database, book)

Who they are is registration's to say, by ids; no connection is held meanwhile. A message's id is made of announcement,
version and colleague, so that nobody is asked twice, whatever is killed in between. While registration does not say
who they are, that announcement is put off, and the others go first.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from services.common.database import EVERY_SITE, Database
from services.common.logs import get_logger
from services.notifications.contacts import ContactBook, ContactsUnavailable
from services.notifications.models import Announcement
from services.notifications.operations.announcements.sending import REST

log = get_logger(__name__)

MOST = 50
"""Colleagues who are asked: more would not come to a decision any sooner."""

# Whoever hands one in, changes it and hands it in again fills nobody's mailbox: what was asked of within an hour waits.
UNASKED = text("""
    SELECT id, site_id, area, version, written_by, submitted_by FROM announcements AS a
    WHERE state = 'waiting' AND asked_at IS NULL
      AND (tried_at IS NULL OR tried_at <= now() - make_interval(secs => :rest))
      AND (grown OR NOT EXISTS (
          SELECT FROM messages WHERE approval_of = a.id AND created_at > now() - interval '1 hour'))
    ORDER BY tried_at NULLS FIRST, number LIMIT 1
""")
PUT_OFF = text("UPDATE announcements SET tried_at = now() WHERE id = :id AND state = 'waiting' AND version = :version")
ASK = text("""
    WITH asked AS (
        UPDATE announcements SET asked_at = now()
        WHERE id = :id AND state = 'waiting' AND version = :version AND asked_at IS NULL
        RETURNING *
    )
    INSERT INTO messages (id, kind, site_id, staff_id, approval_of, due_at, details, next_attempt_at, expires_at)
    SELECT md5(concat_ws('/', 'approval', asked.id, asked.version, one))::uuid, 'approval', asked.site_id, one,
           asked.id, now(), '{}', now(), now() + interval '3 days'
    FROM asked CROSS JOIN unnest(cast(:staff AS uuid[])) AS one
    ORDER BY one LIMIT :most
    ON CONFLICT DO NOTHING
""")


@dataclass(frozen=True)
class Seconds:
    """Who may approve this version of an announcement."""

    version: int
    staff: Collection[UUID]


def hands_in(row: Announcement | Row[Any], submitter: str | None = None) -> set[str]:
    """Whoever wrote or submitted it, or is about to: none of them is the second person."""
    return {one for one in (*row.written_by, row.submitted_by, submitter) if one}


def ask_colleagues(database: Database, book: ContactBook) -> int:
    """Ask the colleagues of one announcement that waits, or put it off; returns how many announcements that were."""
    with database.transaction(EVERY_SITE) as session:
        row = session.execute(UNASKED, {"rest": REST}).one_or_none()
    if row is None:
        return 0
    try:
        staff = book.colleagues(row.site_id, row.area, hands_in(row)).staff
    except ContactsUnavailable as error:
        log.warning("approval_waits", announcement_id=str(row.id), reason=str(error))
        with database.transaction(EVERY_SITE) as session:
            session.execute(PUT_OFF, {"id": row.id, "version": row.version})
        return 1
    with database.transaction(EVERY_SITE) as session:
        session.execute(ASK, {"id": row.id, "version": row.version, "staff": staff, "most": MOST})
    return 1
