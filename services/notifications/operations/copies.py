"""Copies for guardians: what becomes of a minor's sign-up, they are told too.

make_copies(database, ids)      # of messages that are about to go out

Made once for each message, by an id that follows from its own, before it goes out: whatever dies, the guardian is told
once, also where the child's own address fails. Who the guardian is, registration says when the copy goes. What people
may refuse (reminders, announcements) is not copied: a guardian has no preferences of their own, and the child's way out
is not theirs.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text

from services.common.database import EVERY_SITE, Database

COPY = text("""
    INSERT INTO messages (id, kind, site_id, shift_id, registration_id, person_id, copy_of, details, calendar_sequence,
                          due_at, request_id, expires_at, next_attempt_at)
    SELECT md5(concat_ws('/', 'copy', id))::uuid, kind, site_id, shift_id, registration_id, person_id, id, details,
           calendar_sequence, due_at, request_id, expires_at, now()
    FROM messages WHERE id = ANY(:ids) AND state = 'sending' ORDER BY number
    ON CONFLICT DO NOTHING
""")


def make_copies(database: Database, ids: Sequence[UUID]) -> None:
    """Write them down, where they are not yet."""
    with database.transaction(EVERY_SITE) as session:
        session.execute(COPY, {"ids": list(ids)})
