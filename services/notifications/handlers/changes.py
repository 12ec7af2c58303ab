"""One `change` message for everyone who is signed up for something that changed and is not over."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.events import Received

# Those in the waitlist are told as well, but have nothing in their calendar yet.
TELL = text("""
    WITH told AS (
        UPDATE registrations
        SET calendar_sequence = calendar_sequence + CASE WHEN status = 'confirmed' THEN 1 ELSE 0 END,
            request_id = :request_id
        WHERE status <> 'cancelled' AND shift_id IN (
            SELECT id FROM shifts WHERE id = ANY(:shift_ids) AND ends_at > :at AND NOT cancelled)
        RETURNING *
    )
    INSERT INTO messages (id, kind, site_id, shift_id, registration_id, person_id, cause_event, request_id,
                          calendar_sequence, details, expires_at, caused_at)
    SELECT md5(cast(:event_id AS uuid)::text || id::text)::uuid, 'change', site_id, shift_id, id, person_id, :event_id,
           :request_id,
           CASE WHEN status = 'confirmed' THEN calendar_sequence END, cast(:details AS jsonb),
           (SELECT least(:at + interval '3 days', ends_at) FROM shifts WHERE shifts.id = shift_id), :at
    FROM told
    ON CONFLICT DO NOTHING
""")


def tell_of_change(session: Session, event: Received, shift_ids: Sequence[UUID], before: dict[str, Any]) -> None:
    """Tell all active registrations of the shifts. `before` is what the changed fields were, for the mail to say."""
    session.execute(
        TELL,
        {
            "event_id": event.event_id,
            "at": event.time,
            "request_id": event.request_id,
            "shift_ids": list(shift_ids),
            "details": json.dumps({"before": before}, default=str),
        },
    )


def active_registrations(session: Session, shift_ids: Sequence[UUID]) -> list[UUID]:
    """Ids of the registrations of these shifts that are not cancelled."""
    return list(
        session.scalars(
            text("SELECT id FROM registrations WHERE shift_id = ANY(:shift_ids) AND status <> 'cancelled'"),
            {"shift_ids": list(shift_ids)},
        )
    )
