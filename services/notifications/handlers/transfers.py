"""Questions that came to nothing: whoever wanted to pass a place on hears that it is still theirs."""

import json
from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.events import Received
from services.notifications.models import Kind

# The activity is the aggregate, so that the registration is known already.
NOTE = text("""
    INSERT INTO messages (id, kind, site_id, shift_id, registration_id, person_id, cause_event, request_id, details,
                          expires_at)
    VALUES (md5(cast(:event_id AS uuid)::text || cast(:registration_id AS uuid)::text)::uuid, :kind, :site_id,
            :shift_id, :registration_id, :person_id, :event_id, :request_id, cast(:details AS jsonb),
            least(cast(:at AS timestamptz) + interval '3 days', (SELECT ends_at FROM shifts WHERE id = :shift_id)))
    ON CONFLICT DO NOTHING
""")


def on_declined(session: Session, events: Sequence[Received]) -> None:
    """The other said no."""
    _note(session, events, Kind.TRANSFER_DECLINED)


def on_expired(session: Session, events: Sequence[Received]) -> None:
    """Nobody answered."""
    _note(session, events, Kind.TRANSFER_EXPIRED)


def _note(session: Session, events: Sequence[Received], kind: Kind) -> None:
    fields = ("site_id", "shift_id", "registration_id", "person_id")
    session.execute(
        NOTE,
        [
            {
                **{name: getattr(event.data, name) for name in fields},
                "kind": kind,
                "event_id": event.event_id,
                "request_id": event.request_id,
                "details": json.dumps({"transfer": event.data.kind}),
                "at": event.time,
            }
            for event in events
        ],
    )
