"""What it takes for a message that had ended to go out again: that what it tells still holds."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

GIVEN_UP = "(state = 'failed' OR state = 'expired' AND coalesce(error, '') NOT LIKE 'recalled%')"
"""Whether a message did not go out though nobody meant that. One that was recalled told what is no longer so."""

OVERTAKEN = """
    EXISTS (SELECT FROM messages AS later
            WHERE later.registration_id = m.registration_id AND later.number > m.number AND later.copy_of IS NULL)
"""
"""Whether there is a later message of the registration of `m`, so that `m` tells what is no longer so."""

HOLDS_UNTIL = """
    CASE WHEN m.registration_id IS NOT NULL THEN least(
        (SELECT s.ends_at FROM shifts AS s WHERE s.id = m.shift_id),
        CASE WHEN m.kind = 'offer' THEN cast(m.details ->> 'until' AS timestamptz) END) END
"""
"""Until when what `m` tells of a registration is of use: its shift is over then, or the place no longer kept for whom
it was offered to. Null for what is of no registration."""

REOPEN = text("""
    UPDATE announcements SET state = 'sending', ended_at = NULL, version = version + 1
    WHERE id = :id AND state IN ('sending', 'done') RETURNING id
""")


def reopen(session: Session, announcement_id: UUID | None) -> bool:
    """Have the announcement of a message that goes on, if it is of one, be under way again; false for one that was
    stopped, which sends nothing more. Its row is held until that is committed: nobody ends it meanwhile."""
    return announcement_id is None or session.execute(REOPEN, {"id": announcement_id}).first() is not None
