"""Registration hears whom an SMS reached, and whose mail came back: its list of calls is then for those alone whom
neither reaches.

A call stays on that list until we say that its person was reached, so nothing that fails here makes somebody go untold.
It is said of the state that a message ended in, and again when a receipt makes it another: saying so twice changes
nothing, and two pumps do no harm. Whoever reads mail, or could, is on no list before that: `by_mail` puts them there.
What expired because nobody took it in time reached nobody either; what had expired before it was written down is of a
log that is read anew, and was told long ago.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text

from services.common.database import EVERY_SITE, Database
from services.common.logs import get_logger
from services.notifications.contacts import ContactBook, ContactsUnavailable, Told

log = get_logger(__name__)

BATCH = 500

UNTOLD = text("""
    SELECT id, registration_id, caused_at, state IN ('sent', 'delivered') AS reached,
           state <> 'no_contact' AND (
               channel IS DISTINCT FROM 'sms'
               OR EXISTS (SELECT FROM deliveries WHERE message_id = messages.id AND deliveries.channel = 'mail')
               OR EXISTS (SELECT FROM preferences AS p WHERE p.person_id = person_now(messages.person_id)
                          AND p.site_id = messages.site_id AND kind = ANY (p.sms_first))) AS by_mail
    FROM messages
    WHERE (channel = 'sms' OR state IN ('no_contact', 'failed') OR suppression_id IS NOT NULL OR refused_by <> '{}'
           OR state = 'expired' AND expires_at > created_at AND coalesce(error, '') NOT LIKE 'recalled%')
      AND caused_at IS NOT NULL
      AND state NOT IN ('pending', 'sending') AND told_reached IS DISTINCT FROM (state IN ('sent', 'delivered'))
    ORDER BY number LIMIT :batch
""")
NOTE = text("""
    UPDATE messages SET told_reached = told.reached
    FROM unnest(cast(:ids AS uuid[]), cast(:reached AS boolean[])) AS told (id, reached)
    WHERE messages.id = told.id
""")


def tell_whom_sms_reached(database: Database, book: ContactBook) -> int:
    """Say what is not yet said; returns of how many messages. Waits where registration cannot be reached."""
    with database.transaction(EVERY_SITE) as session:
        rows = session.execute(UNTOLD, {"batch": BATCH}).all()
    if not rows:
        return 0
    try:
        book.tell([_told(row) for row in rows])
    except ContactsUnavailable as error:
        log.warning("calls_wait", count=len(rows), reason=str(error))
        return 0
    _note(database, rows)
    return len(rows)


def _told(row: Any) -> Told:
    return Told(registration_id=row.registration_id, caused_at=row.caused_at, reached=row.reached, by_mail=row.by_mail)


def _note(database: Database, rows: Sequence[Any]) -> None:
    with database.transaction(EVERY_SITE) as session:
        session.execute(NOTE, {"ids": [row.id for row in rows], "reached": [row.reached for row in rows]})
