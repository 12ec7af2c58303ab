"""Who was erased: what they told us goes. Remembered by ids, for registration's own log is lost with what a restore
brings back."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.events import Received
from services.notifications.operations.calendar_feeds import end_feeds_of
from services.notifications.operations.preferences import forget

NOTE = text("""
    INSERT INTO erasures (event_id, person_id, site_id, erased_at) VALUES (:event_id, :person_id, :site_id, :time)
    ON CONFLICT (event_id) DO NOTHING
""")


def on_erased(session: Session, events: Sequence[Received]) -> None:
    """Remember it, forget what they wished for, and end their calendar. (At one site alone, registration says that it
    opens no more.)"""
    for one in events:
        site_id = getattr(one.data, "site_id", None)
        forget(session, one.data.person_id, site_id)
        if site_id is None:
            end_feeds_of(session, one.data.person_id)
    session.execute(
        NOTE,
        [
            {
                "event_id": one.event_id,
                "person_id": one.data.person_id,
                "site_id": getattr(one.data, "site_id", None),
                "time": one.time,
            }
            for one in events
        ],
    )
