"""When a shift reminds: worked out once for each shift, by its activity's rules and its site's clocks, and kept.

`moments` are whoever's on the shift; each registration gets its reminders of them (`handlers/reminders.py`). `notices`
are for the leaders of the activity's team and for the site's staff, and are reminders themselves.

A shift whose site is not known yet has neither: they come with the site.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.events import Late, ReminderRule, ReminderTo
from services.notifications.moments import SiteClock, awake, due, hours_deadline

NO_PLACE = 120
"""Minutes before the start at which whoever still waits hears that there is no place so far: before they set out. Who
came to wait later has just been told so."""

HOURS_OVER_HELPS = timedelta(days=14)
"""So long after its moment word of hours that are overdue is still worth a mail."""

SHIFTS = text("""
    SELECT shifts.id, starts_at, ends_at, activities.site_id, reminder_minutes, reminder_rules, volunteering, time_zone,
           quiet_from, quiet_until, activities.cancelled AS called_off
    FROM shifts JOIN activities ON activities.id = activity_id JOIN sites ON sites.id = activities.site_id
    WHERE shifts.id = ANY(:ids) AND NOT shifts.cancelled
""")

# Whoever works out the same shift at the same moment waits here, and then sees what the other made of it.
LOCK = text("SELECT FROM shifts WHERE id = ANY(:ids) ORDER BY id FOR NO KEY UPDATE")

SAVE_MOMENTS = text("""
    INSERT INTO moments (shift_id, of_status, rule, due_at, only_unconfirmed, late)
    SELECT * FROM jsonb_to_recordset(cast(:rows AS jsonb)) AS wanted (
        shift_id uuid, of_status text, rule text, due_at timestamptz, only_unconfirmed boolean, late text)
""")

# As with reminders of people: one that was given fires again when its new moment lies ahead of what moved it.
SAVE_NOTICES = text("""
    INSERT INTO notices AS d (shift_id, site_id, kind, rule, due_at, expires_at, deadline, late)
    SELECT wanted.* FROM jsonb_to_recordset(cast(:rows AS jsonb)) AS wanted (
        shift_id uuid, site_id uuid, kind text, rule text, due_at timestamptz, expires_at timestamptz, deadline date,
        late text)
    JOIN shifts ON shifts.id = wanted.shift_id JOIN activities ON activities.id = activity_id
    JOIN sites ON sites.id = wanted.site_id
    WHERE wanted.due_at > greatest(shifts.as_of, activities.as_of, sites.as_of)
    ON CONFLICT ON CONSTRAINT notices_once DO UPDATE
        SET due_at = excluded.due_at, expires_at = excluded.expires_at, deadline = excluded.deadline,
            late = excluded.late, state = 'pending', reason = NULL
        WHERE d.due_at <> excluded.due_at OR d.state = 'withdrawn' OR d.state = 'pending' AND d.late <> excluded.late
""")

# A rule by the clock may stay where it is when its shift moves.
KEEP_UP = text("""
    UPDATE notices AS d SET expires_at = wanted.expires_at
    FROM jsonb_to_recordset(cast(:rows AS jsonb)) AS wanted (
        shift_id uuid, kind text, rule text, due_at timestamptz, expires_at timestamptz)
    WHERE wanted.shift_id = d.shift_id AND wanted.kind = d.kind AND wanted.rule = d.rule AND wanted.due_at = d.due_at
      AND d.state IN ('pending', 'fired') AND d.expires_at <> wanted.expires_at
""")
KEEP_UP_MESSAGES = text("""
    UPDATE messages SET expires_at = notices.expires_at FROM notices
    WHERE notices.id = messages.notice_id AND notices.shift_id = ANY(:ids) AND messages.state = 'pending'
      AND messages.kind = 'notice' AND notices.state = 'fired' AND messages.expires_at <> notices.expires_at
""")

WITHDRAW_NOTICES = text("""
    UPDATE notices AS d SET state = 'withdrawn', reason = 'the shift, its activity or its site changed'
    WHERE shift_id = ANY(:ids) AND state = 'pending' AND NOT EXISTS (
        SELECT FROM jsonb_to_recordset(cast(:rows AS jsonb)) AS wanted (
            shift_id uuid, kind text, rule text, due_at timestamptz)
        WHERE wanted.shift_id = d.shift_id AND wanted.kind = d.kind AND wanted.rule = d.rule
          AND wanted.due_at = d.due_at)
""")

RECALL_NOTICES = text("""
    UPDATE messages SET state = 'expired', error = 'recalled: the shift, its activity or its site changed'
    FROM notices WHERE notices.id = messages.notice_id AND notices.shift_id = ANY(:ids) AND messages.state = 'pending'
      AND messages.kind = 'notice' AND (notices.state <> 'fired' OR notices.due_at <> messages.due_at
           OR NOT EXISTS (SELECT FROM jsonb_to_recordset(cast(:rows AS jsonb)) AS wanted (
                              shift_id uuid, kind text, rule text)
                          WHERE (wanted.shift_id, wanted.kind, wanted.rule)
                                = (notices.shift_id, notices.kind, notices.rule)))
""")


@dataclass(frozen=True)
class Moment:
    """When whoever has this status on a shift is reminded by a rule."""

    shift_id: UUID
    of_status: str
    rule: str
    due_at: datetime
    only_unconfirmed: bool
    late: str


@dataclass(frozen=True)
class Notice:
    """When leaders or staff are told of a shift, and until when that helps."""

    shift_id: UUID
    site_id: UUID
    kind: str
    rule: str
    due_at: datetime
    expires_at: datetime
    deadline: date | None = None
    late: str = Late.LATEST


def work_out(session: Session, shift_ids: Sequence[UUID]) -> None:
    """Bring the moments and notices of these shifts in line with what is now. Those called off have none; where it was
    their activity after they had taken place, hours are recorded all the same."""
    session.execute(LOCK, {"ids": list(shift_ids)})
    rows = session.execute(SHIFTS, {"ids": list(shift_ids)}).all()
    session.execute(text("DELETE FROM moments WHERE shift_id = ANY(:ids)"), {"ids": list(shift_ids)})
    session.execute(SAVE_MOMENTS, {"rows": _json(one for row in rows for one in moments_of(row))})
    notices = {"ids": list(shift_ids), "rows": _json(one for row in rows for one in notices_of(row))}
    session.execute(SAVE_NOTICES, {"rows": notices["rows"]})
    session.execute(KEEP_UP, notices)
    session.execute(KEEP_UP_MESSAGES, notices)
    session.execute(WITHDRAW_NOTICES, notices)
    session.execute(RECALL_NOTICES, notices)


def moments_of(shift: Any) -> Iterator[Moment]:
    """For whoever has a place, and for whoever waits for one."""
    if shift.called_off:
        return
    for rule in _rules(shift):
        moment = due(rule, shift.starts_at, _clock(shift)) if rule.to == ReminderTo.PARTICIPANTS else None
        if moment:
            yield Moment(shift.id, "confirmed", rule.name, moment, rule.only_unconfirmed, rule.late)
    no_place = awake(shift.starts_at - timedelta(minutes=NO_PLACE), shift.starts_at, _clock(shift))
    yield Moment(shift.id, "waitlisted", str(NO_PLACE), no_place, False, Late.LATEST)


def notices_of(shift: Any) -> Iterator[Notice]:
    """For leaders and staff, and where hours are earned, about recording them."""
    clock = _clock(shift)
    for rule in [] if shift.called_off else _rules(shift):
        moment = due(rule, shift.starts_at, clock) if rule.to != ReminderTo.PARTICIPANTS else None
        if moment:
            yield Notice(shift.id, shift.site_id, rule.to, rule.name, moment, shift.starts_at, late=rule.late)
    if shift.volunteering:
        hours = hours_deadline(shift.ends_at, clock)
        of_hours = {"shift_id": shift.id, "site_id": shift.site_id, "rule": "", "deadline": hours.day}
        yield Notice(**of_hours, kind="hours_due", due_at=hours.warn_at, expires_at=hours.over_at)
        yield Notice(**of_hours, kind="hours_over", due_at=hours.over_at, expires_at=hours.over_at + HOURS_OVER_HELPS)


def _rules(shift: Any) -> list[ReminderRule]:
    """All rules of its activity; of two with one name and audience the later, which says more."""
    plain = [ReminderRule(minutes_before=minutes) for minutes in shift.reminder_minutes]
    rules = plain + [ReminderRule.model_validate(rule) for rule in shift.reminder_rules]
    return list({(rule.to, rule.name): rule for rule in rules}.values())


def _clock(shift: Any) -> SiteClock:
    return SiteClock(ZoneInfo(shift.time_zone), shift.quiet_from, shift.quiet_until)


def _json(rows: Iterator[Any]) -> str:
    return json.dumps([asdict(row) for row in rows], default=str)
