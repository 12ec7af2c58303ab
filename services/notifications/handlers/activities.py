"""Sites and activities: what mails say of them, and what their changes cause."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.events import ActivityEvent, Received
from services.notifications.handlers.changes import active_registrations, tell_of_change
from services.notifications.handlers.moments import work_out
from services.notifications.handlers.reminders import reschedule, withdraw_stale

SAVE_SITE = text("""
    INSERT INTO sites AS s
        (id, name_zh, name_en, short_zh, short_en, time_zone, phone, quiet_from, quiet_until, as_of)
    VALUES (:site_id, :name_zh, :name_en, :short_name_zh, :short_name_en, :time_zone, :public_phone, :quiet_from,
            :quiet_until, :at)
    ON CONFLICT (id) DO UPDATE
    SET name_zh = excluded.name_zh, name_en = excluded.name_en, short_zh = excluded.short_zh,
        short_en = excluded.short_en, time_zone = excluded.time_zone, phone = excluded.phone,
        quiet_from = excluded.quiet_from, quiet_until = excluded.quiet_until,
        as_of = CASE WHEN (s.time_zone, s.quiet_from, s.quiet_until)
                          = (excluded.time_zone, excluded.quiet_from, excluded.quiet_until) THEN s.as_of
                     ELSE excluded.as_of END
    RETURNING as_of = :at AS other_clocks
""")

SAVE_ACTIVITY = text("""
    INSERT INTO activities AS a
        (id, site_id, title_zh, title_en, place, reminder_minutes, reminder_rules, volunteering, as_of)
    VALUES (:activity_id, :site_id, :title_zh, :title_en, :place, :reminder_minutes, cast(:rules AS jsonb),
            :volunteering, :at)
    ON CONFLICT (id) DO UPDATE
    SET title_zh = excluded.title_zh, title_en = excluded.title_en, place = excluded.place,
        reminder_minutes = excluded.reminder_minutes, reminder_rules = excluded.reminder_rules,
        volunteering = excluded.volunteering,
        as_of = CASE WHEN (a.reminder_minutes, a.reminder_rules)
                          = (excluded.reminder_minutes, excluded.reminder_rules) THEN a.as_of
                     ELSE excluded.as_of END
""")

OTHER_CLOCKS = text("""
    INSERT INTO clock_changes (site_id, changed_at) VALUES (:site_id, :at)
    ON CONFLICT (site_id) DO UPDATE SET changed_at = excluded.changed_at, after = NULL
""")


def on_site_saved(session: Session, events: Sequence[Received]) -> None:
    """Keep the site's names, phone and clocks; another zone or other quiet hours move what still lies ahead
    (`clocks.py`)."""
    for event in events:
        if session.execute(SAVE_SITE, event.data.model_dump() | {"at": event.time}).scalar_one():
            session.execute(OTHER_CLOCKS, {"site_id": event.data.site_id, "at": event.time})


def on_activity_published(session: Session, events: Sequence[Received]) -> None:
    """Keep the activity's titles, place and rules of reminding."""
    session.execute(SAVE_ACTIVITY, [_saved(event) for event in events])


def on_activity_changed(session: Session, events: Sequence[Received]) -> None:
    """Another title or place is told; other rules move reminders."""
    for event in events:
        old = session.execute(
            text("SELECT * FROM activities WHERE id = :id FOR UPDATE"), {"id": event.data.activity_id}
        ).one()
        session.execute(SAVE_ACTIVITY, _saved(event))
        shift_ids = _shifts_ahead(session, event)
        before = _before(old, event.data)
        if before:
            tell_of_change(session, event, shift_ids, before)
        if _reminds_otherwise(old, event.data):
            work_out(session, shift_ids)
            reschedule(session, active_registrations(session, shift_ids))


def on_activity_completed(session: Session, events: Sequence[Received]) -> None:
    """Keep what it was called in the end, for mails about what took place. Nobody is told: its shifts are over."""
    session.execute(SAVE_ACTIVITY, [_saved(event) for event in events])


def on_activity_cancelled(session: Session, events: Sequence[Received]) -> None:
    """Remind no more. Those without attendance follow with an event each; whoever remains was there already."""
    ids = {"ids": [event.data.activity_id for event in events]}
    session.execute(text("UPDATE activities SET cancelled = true WHERE id = ANY(:ids)"), ids)
    shift_ids = list(session.scalars(text("SELECT id FROM shifts WHERE activity_id = ANY(:ids)"), ids))
    work_out(session, shift_ids)
    withdraw_stale(session, active_registrations(session, shift_ids))


def _saved(event: Received) -> dict[str, Any]:
    rules = json.dumps([rule.stored() for rule in event.data.reminder_rules])
    return event.data.model_dump() | {"rules": rules, "at": event.time}


def _reminds_otherwise(old: Any, new: ActivityEvent) -> bool:
    was = set(old.reminder_minutes), old.reminder_rules, old.volunteering
    return was != (set(new.reminder_minutes), [rule.stored() for rule in new.reminder_rules], new.volunteering)


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
