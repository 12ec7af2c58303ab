"""Links that were issued: one message for each, which is worth nothing once its link has expired."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.events import Received

NOTE = text("""
    INSERT INTO messages (id, kind, site_id, person_id, link_id, purpose, cause_event, request_id, expires_at)
    VALUES (md5(cast(:link_id AS uuid)::text)::uuid, 'link', :site_id, :person_id, :link_id, :purpose, :event_id,
            :request_id, :expires_at)
    ON CONFLICT DO NOTHING
""")


def on_link_issued(session: Session, events: Sequence[Received]) -> None:
    """Mail the link. Where it leads and to whom it goes is asked for when it is sent."""
    session.execute(
        NOTE,
        [event.data.model_dump() | {"event_id": event.event_id, "request_id": event.request_id} for event in events],
    )
