"""Series of shifts: planned, shown with their clashes, and made.

A series is how its shifts came to be; from then on each is a row of its own. One that is changed by itself is
detached: what is changed or called off for the series later leaves it as it is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from services.common.errors import FieldErrors, Words, invalid
from services.registration.models import Activity, Booking, Room, Shift, ShiftSeries
from services.registration.operations.activities.recurrence import MOST_SHIFTS, occurrences
from services.registration.operations.activities.shifts import (
    add_shifts,
    check_not_begun,
    check_times,
    lock_for_shifts,
    zone_of,
)
from services.registration.operations.bookings.of_shifts import bookings_of
from services.registration.operations.bookings.rooms import taken_during, with_set_up
from services.registration.schemas.activities import RoleBody
from services.registration.schemas.series import Clash, OverrideBody, PlannedSlot, ShiftSeriesAnswer, ShiftSeriesBody


@dataclass
class _Slot:
    """One occurrence: where the rule puts it, and when it shall be."""

    occurs_at: datetime
    starts_at: datetime
    ends_at: datetime
    local_day: date
    roles: Sequence[RoleBody]
    detached: bool = False
    clashes: list[Clash] = field(default_factory=list)


def create_series(session: Session, activity_id: UUID, body: ShiftSeriesBody) -> ShiftSeriesAnswer:
    """Make the shifts of a series, or, for a preview, only tell which they would be and what they clash with."""
    activity = lock_for_shifts(session, activity_id)
    slots = _plan(body, zone_of(session, activity.site_id))
    check_not_begun(session, slots[0].starts_at)
    _find_clashes(session, activity, slots)
    series_id = None if body.preview else _make(session, activity, body, slots)
    planned = [
        PlannedSlot(
            local_day=slot.local_day,
            starts_at=slot.starts_at,
            ends_at=slot.ends_at,
            detached=slot.detached,
            shifts=len(slot.roles),
            clashes=slot.clashes,
        )
        for slot in slots
    ]
    return ShiftSeriesAnswer(series_id=series_id, slots=planned, clashing=sum(bool(slot.clashes) for slot in slots))


def _plan(body: ShiftSeriesBody, zone: ZoneInfo) -> list[_Slot]:
    moments = {moment.astimezone(zone).date(): moment for moment in occurrences(body.rrule, body.first_starts_at, zone)}
    overrides = {override.day: override for override in body.overrides}
    _check_days(body, moments)
    slots = [
        _slot(body, zone, moment, overrides.get(day))
        for day, moment in moments.items()
        if day not in set(body.exceptions)
    ]
    if not slots:
        raise invalid("exceptions", Words("不能去掉所有场次。", "must leave at least one occurrence."))
    if sum(len(slot.roles) for slot in slots) > MOST_SHIFTS:
        raise invalid(
            "rrule",
            Words(f"一次最多 {MOST_SHIFTS} 个场次。", f"makes more than {MOST_SHIFTS} shifts with these roles."),
        )
    for slot in slots:
        check_times(slot.starts_at, slot.ends_at)
    return sorted(slots, key=lambda slot: slot.starts_at)


def _check_days(body: ShiftSeriesBody, moments: Iterable[date]) -> None:
    errors = FieldErrors()
    days = set(moments)
    for name, named in (("exceptions", body.exceptions), ("overrides", [one.day for one in body.overrides])):
        for place, day in enumerate(named):
            if day not in days:
                errors.add(
                    f"{name}.{place}", Words(f"{day} 没有场次。", f"names {day}, on which there is no occurrence.")
                )
    errors.raise_any()


def _slot(body: ShiftSeriesBody, zone: ZoneInfo, moment: datetime, override: OverrideBody | None) -> _Slot:
    starts_at = (override and override.starts_at) or moment
    minutes = (override and override.minutes) or body.minutes
    return _Slot(
        occurs_at=moment,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=minutes),
        local_day=starts_at.astimezone(zone).date(),
        roles=(override and override.roles) or body.roles,
        detached=override is not None,
    )


def _make(session: Session, activity: Activity, body: ShiftSeriesBody, slots: Sequence[_Slot]) -> UUID:
    series = ShiftSeries(
        activity_id=activity.id,
        site_id=activity.site_id,
        rrule=body.rrule,
        first_starts_at=body.first_starts_at,
        minutes=body.minutes,
        exceptions=sorted(set(body.exceptions)),
    )
    session.add(series)
    session.flush()
    names = ("occurs_at", "starts_at", "ends_at", "local_day", "detached")
    rows = [
        {name: getattr(slot, name) for name in names} | {"series_id": series.id} | role.columns()
        for slot in slots
        for role in slot.roles
    ]
    add_shifts(session, activity, rows)
    return series.id


def _find_clashes(session: Session, activity: Activity, slots: Sequence[_Slot]) -> None:
    """Note what takes place at the same time: the same role, something else in the room or with the team, itself."""
    for earlier, slot in pairwise(slots):
        if slot.starts_at < earlier.ends_at:
            slot.clashes.append(_clash("series", activity, earlier.starts_at, earlier.ends_at))
    for other, shift in _around(session, activity, slots):
        for slot in slots:
            if shift.starts_at < slot.ends_at and slot.starts_at < shift.ends_at:
                kind = _kind_of_clash(activity, other, shift, slot)
                if kind:
                    slot.clashes.append(_clash(kind, other, shift.starts_at, shift.ends_at, shift.id))
    _find_bookings(session, activity, slots)


def _around(session: Session, activity: Activity, slots: Sequence[_Slot]) -> Sequence[Any]:
    same = [Activity.id == activity.id]
    same += [Activity.room_id == activity.room_id] if activity.room_id else []
    same += [Activity.team_id == activity.team_id] if activity.team_id else []
    query = (
        select(Activity, Shift)
        .join(Shift, Shift.activity_id == Activity.id)
        .where(
            Activity.site_id == activity.site_id,
            Activity.status != "cancelled",
            Shift.status == "open",
            Shift.starts_at < max(slot.ends_at for slot in slots),
            Shift.ends_at > min(slot.starts_at for slot in slots),
            or_(*same),
        )
        .order_by(Shift.starts_at, Shift.position)
    )
    return session.execute(query).all()


def _find_bookings(session: Session, activity: Activity, slots: Sequence[_Slot]) -> None:
    """Note who has the room, each with its set-up. A shift that was told of by itself is not told of again."""
    room = session.get(Room, activity.room_id) if activity.room_id else None
    if room is None:
        return
    wanted = [with_set_up(slot.starts_at, slot.ends_at, room.setup_minutes) for slot in slots]
    taken = taken_during(session, room.id, wanted[0][0], max(ends for _, ends in wanted))
    own = {booking.id for booking in bookings_of(session, activity.id)}
    taken = [booking for booking in taken if booking.id not in own]
    for slot, (begins, ends) in zip(slots, wanted, strict=True):
        told = {clash.shift_id for clash in slot.clashes} - {None}
        slot.clashes += [_booked(one) for one in taken if one.shift_id not in told and _touches(one, begins, ends)]


def _touches(booking: Booking, begins: datetime, ends: datetime) -> bool:
    """Whether the booking, with its set-up, lies within that time."""
    before, after = with_set_up(booking.starts_at, booking.ends_at, booking.setup_minutes)
    return before < ends and begins < after


def _booked(booking: Booking) -> Clash:
    return Clash(
        kind="booking",
        title_zh=booking.title,
        title_en=booking.title,
        starts_at=booking.starts_at,
        ends_at=booking.ends_at,
        shift_id=booking.shift_id,
    )


def _kind_of_clash(
    activity: Activity, other: Activity, shift: Shift, slot: _Slot
) -> Literal["same_role", "room", "team"] | None:
    if other.id == activity.id:
        return "same_role" if shift.role_zh in {role.role_zh for role in slot.roles} else None
    return "room" if activity.room_id and other.room_id == activity.room_id else "team"


def _clash(
    kind: Any, activity: Activity, starts_at: datetime, ends_at: datetime, shift_id: UUID | None = None
) -> Clash:
    return Clash(
        kind=kind,
        title_zh=activity.title_zh,
        title_en=activity.title_en,
        starts_at=starts_at,
        ends_at=ends_at,
        shift_id=shift_id,
    )
