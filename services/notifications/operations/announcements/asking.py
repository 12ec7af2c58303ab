"""Colleagues are asked by mail to approve what waits for it: once for each handing-in, whoever had no hand in it.

    ask_colleagues(database, book)

Who they are is registration's to say, by ids; no connection is held meanwhile. A message's id is made of announcement,
version and colleague, so that nobody is asked twice, whatever is killed in between.
"""

from sqlalchemy import text

from services.common.database import EVERY_SITE, Database
from services.common.logs import get_logger
from services.notifications.contacts import ContactBook, ContactsUnavailable

log = get_logger(__name__)

MOST = 50
"""Colleagues who are asked: more would not come to a decision any sooner."""

UNASKED = text("""
    SELECT id, site_id, area, version FROM announcements WHERE state = 'waiting' AND asked_at IS NULL
    ORDER BY number LIMIT 1
""")
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
    WHERE 'staff:' || one <> ALL (asked.written_by || asked.submitted_by)
    ORDER BY one LIMIT :most
    ON CONFLICT DO NOTHING
""")


def ask_colleagues(database: Database, book: ContactBook) -> int:
    """Ask the colleagues of one announcement that waits; returns how many announcements that were."""
    with database.transaction(EVERY_SITE) as session:
        row = session.execute(UNASKED).one_or_none()
    if row is None:
        return 0
    try:
        staff = book.colleagues(row.site_id, row.area).staff
    except ContactsUnavailable as error:
        log.warning("approval_waits", announcement_id=str(row.id), reason=str(error))
        return 0
    with database.transaction(EVERY_SITE) as session:
        session.execute(ASK, {"id": row.id, "version": row.version, "staff": staff, "most": MOST})
    return 1
