"""Who was erased, remembered by ids: registration's own log is lost with what a restore brings back."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.events import Received

NOTE = text("""
    INSERT INTO erasures (event_id, person_id, site_id, erased_at) VALUES (:event_id, :person_id, :site_id, :time)
    ON CONFLICT (event_id) DO NOTHING
""")


def on_erased(session: Session, events: Sequence[Received]) -> None:
    """Remember it."""
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
