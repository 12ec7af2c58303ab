"""Shifts: when something is, in which role, and what happens when that changes."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.events import Received, ShiftEvent
from services.notifications.handlers.changes import active_registrations, tell_of_change
from services.notifications.handlers.moments import work_out
from services.notifications.handlers.reminders import reschedule, withdraw_stale

SAVE_SHIFT = text("""
    INSERT INTO shifts AS s (id, activity_id, role_zh, role_en, starts_at, ends_at, as_of)
    VALUES (:shift_id, :activity_id, :role_zh, :role_en, :starts_at, :ends_at, :at)
    ON CONFLICT (id) DO UPDATE
    SET role_zh = excluded.role_zh, role_en = excluded.role_en, starts_at = excluded.starts_at,
        ends_at = excluded.ends_at,
        as_of = CASE WHEN s.starts_at = excluded.starts_at AND s.ends_at = excluded.ends_at THEN s.as_of
                     ELSE excluded.as_of END
""")

UNSAY = text("UPDATE registrations SET coming = false WHERE shift_id = :id AND coming")
"""Who said that they will come said so of another time."""


def on_shift_opened(session: Session, events: Sequence[Received]) -> None:
    """Keep the shift's time and role, and when it reminds."""
    session.execute(SAVE_SHIFT, [event.data.model_dump() | {"at": event.time} for event in events])
    work_out(session, [event.data.shift_id for event in events])


def on_shift_changed(session: Session, events: Sequence[Received]) -> None:
    """Another time or role is told and moves reminders. Another capacity alone concerns nobody who is signed up."""
    for event in events:
        old = session.execute(text("SELECT * FROM shifts WHERE id = :id FOR UPDATE"), {"id": event.data.shift_id}).one()
        session.execute(SAVE_SHIFT, event.data.model_dump() | {"at": event.time})
        before = _before(old, event.data)
        if before:
            tell_of_change(session, event, [event.data.shift_id], before)
        if "starts_at" in before:
            session.execute(UNSAY, {"id": event.data.shift_id})
            work_out(session, [event.data.shift_id])
            reschedule(session, active_registrations(session, [event.data.shift_id]))


def on_shift_cancelled(session: Session, events: Sequence[Received]) -> None:
    """Remind no more at once; each registration follows with its own event and gets its mail then."""
    shift_ids = [event.data.shift_id for event in events]
    session.execute(text("UPDATE shifts SET cancelled = true WHERE id = ANY(:ids)"), {"ids": shift_ids})
    work_out(session, shift_ids)
    withdraw_stale(session, active_registrations(session, shift_ids))


def _before(old: Any, new: ShiftEvent) -> dict[str, Any]:
    before: dict[str, Any] = {}
    if (old.starts_at, old.ends_at) != (new.starts_at, new.ends_at):
        before |= {"starts_at": old.starts_at.isoformat(), "ends_at": old.ends_at.isoformat()}
    if (old.role_zh, old.role_en) != (new.role_zh, new.role_en):
        before |= {"role_zh": old.role_zh, "role_en": old.role_en}
    return before
