"""Sites and activities: what mails say of them, and what their changes cause."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.events import ActivityEvent, Received
from services.notifications.handlers.changes import active_registrations, tell_of_change
from services.notifications.handlers.reminders import reschedule, withdraw_stale

SAVE_SITE = text("""
    INSERT INTO sites (id, name_zh, name_en, short_zh, short_en, time_zone, phone)
    VALUES (:site_id, :name_zh, :name_en, :short_name_zh, :short_name_en, :time_zone, :public_phone)
    ON CONFLICT (id) DO UPDATE
    SET name_zh = excluded.name_zh, name_en = excluded.name_en, short_zh = excluded.short_zh,
        short_en = excluded.short_en, time_zone = excluded.time_zone, phone = excluded.phone
""")

SAVE_ACTIVITY = text("""
    INSERT INTO activities (id, site_id, title_zh, title_en, place, reminder_minutes)
    VALUES (:activity_id, :site_id, :title_zh, :title_en, :place, :reminder_minutes)
    ON CONFLICT (id) DO UPDATE
    SET title_zh = excluded.title_zh, title_en = excluded.title_en, place = excluded.place,
        reminder_minutes = excluded.reminder_minutes
""")


def on_site_saved(session: Session, events: Sequence[Received]) -> None:
    """Keep the site's names, time zone and phone."""
    session.execute(SAVE_SITE, [event.data.model_dump() for event in events])


def on_activity_published(session: Session, events: Sequence[Received]) -> None:
    """Keep the activity's titles, place and reminder offsets."""
    session.execute(SAVE_ACTIVITY, [event.data.model_dump() for event in events])


def on_activity_changed(session: Session, events: Sequence[Received]) -> None:
    """Another title or place is told; other offsets move reminders."""
    for event in events:
        old = session.execute(
            text("SELECT * FROM activities WHERE id = :id FOR UPDATE"), {"id": event.data.activity_id}
        ).one()
        session.execute(SAVE_ACTIVITY, event.data.model_dump())
        shift_ids = _shifts_ahead(session, event)
        before = _before(old, event.data)
        if before:
            tell_of_change(session, event, shift_ids, before)
        if set(old.reminder_minutes) != set(event.data.reminder_minutes):
            reschedule(session, active_registrations(session, shift_ids), event.time)


def on_activity_completed(session: Session, events: Sequence[Received]) -> None:
    """Keep what it was called in the end, for mails about what took place. Nobody is told: its shifts are over."""
    session.execute(SAVE_ACTIVITY, [event.data.model_dump() for event in events])


def on_activity_cancelled(session: Session, events: Sequence[Received]) -> None:
    """Remind no more. Those without attendance follow with an event each; whoever remains was there already."""
    ids = {"ids": [event.data.activity_id for event in events]}
    session.execute(text("UPDATE activities SET cancelled = true WHERE id = ANY(:ids)"), ids)
    shift_ids = list(session.scalars(text("SELECT id FROM shifts WHERE activity_id = ANY(:ids)"), ids))
    withdraw_stale(session, active_registrations(session, shift_ids))


def _before(old: Any, new: ActivityEvent) -> dict[str, Any]:
    before: dict[str, Any] = {}
    if (old.title_zh, old.title_en) != (new.title_zh, new.title_en):
        before |= {"title_zh": old.title_zh, "title_en": old.title_en}
    if old.place != new.place:
        before |= {"place": old.place}
    return before


def _shifts_ahead(session: Session, event: Received) -> list[UUID]:
    return list(
        session.scalars(
            text("SELECT id FROM shifts WHERE activity_id = :id AND ends_at > :at AND NOT cancelled"),
            {"id": event.data.activity_id, "at": event.time},
        )
    )
