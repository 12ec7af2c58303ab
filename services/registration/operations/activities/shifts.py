"""Shifts: added, moved, made larger or smaller, called off. What frees a place gives it to who waits longest."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, literal, select
from sqlalchemy.orm import Session

from services.common.errors import Words, invalid, not_found
from services.common.events import (
    CancelReason,
    Event,
    ShiftCancelled,
    ShiftChanged,
    ShiftEvent,
    ShiftOpened,
)
from services.common.outbox import add_events
from services.registration.models import Activity, Shift, Site
from services.registration.operations import Versions, assign, check_version, conflict, locked
from services.registration.operations.bookings.of_shifts import follow_shift, reserve
from services.registration.operations.seats.seats import (
    check_move,
    end_all,
    has_attendance,
    is_over,
    lock_shift,
    promote,
)
from services.registration.schemas.activities import RoleBody, ShiftBody, ShiftEdit, SlotBody

LONGEST_SHIFT = timedelta(hours=24)
CLOSED = ("cancelled", "completed")
ROLE = {"role_zh", "role_en", "capacity", "requirements"}


def create_shift(session: Session, activity_id: UUID, body: ShiftBody) -> Shift:
    """Add a shift; where the activity is published, it is open for sign-up at once."""
    slot = SlotBody(starts_at=body.starts_at, ends_at=body.ends_at, roles=[RoleBody(**body.model_dump(include=ROLE))])
    return create_slot(session, activity_id, slot)[0]


def create_slot(session: Session, activity_id: UUID, body: SlotBody) -> list[Shift]:
    """Add a shift for each role, all at the same time."""
    activity = lock_for_shifts(session, activity_id)
    check_times(body.starts_at, body.ends_at)
    check_not_begun(session, body.starts_at)
    zone = zone_of(session, activity.site_id)
    times = {"starts_at": body.starts_at, "ends_at": body.ends_at, "local_day": body.starts_at.astimezone(zone).date()}
    return add_shifts(session, activity, [times | role.columns() for role in body.roles])


def lock_for_shifts(session: Session, activity_id: UUID) -> Activity:
    """The activity, locked, which must take more shifts. Raises 404, and 409 when it is called off or completed."""
    activity = session.scalars(locked(select(Activity).where(Activity.id == activity_id))).one_or_none()
    if activity is None:
        raise not_found("这个活动", "activity")
    if activity.status in CLOSED:
        raise conflict(
            "活动已取消或已结项，不能再加场次。", "The activity was called off or completed, and takes no more shifts."
        )
    return activity


def add_shifts(session: Session, activity: Activity, rows: list[dict[str, Any]]) -> list[Shift]:
    """Add shifts with these columns to a locked activity; where it is published, they are open at once. Its room is
    theirs wherever it can be had."""
    shifts = [Shift(activity_id=activity.id, site_id=activity.site_id, **row) for row in rows]
    session.add_all(shifts)
    session.flush()
    reserve(session, activity, shifts)
    if activity.status == "published":
        add_events(session, [shift_event(ShiftOpened, shift) for shift in shifts])
    return shifts


def edit_shift(session: Session, shift_id: UUID, body: ShiftEdit, expected: Versions) -> Shift:
    """Change a shift; more places go to who waits, in order. Fewer than are taken is refused.

    A shift of a series is detached by this: what is changed for the series later leaves it as it is now.
    """
    shift = lock_shift(session, shift_id)
    check_version(shift.version, expected)
    changes = body.changes()
    if shift.series_id is not None and any(getattr(shift, name) != value for name, value in changes.items()):
        changes["detached"] = True
    add_events(session, change_shift(session, shift, changes))
    return shift


def change_shift(session: Session, shift: Shift, changes: dict[str, Any]) -> list[Event]:
    """Change a locked shift; returns the events, which the caller adds."""
    _check_editable(session, shift)
    if changes.keys() & {"starts_at", "ends_at"}:
        hours = changes.get("starts_at", shift.starts_at), changes.get("ends_at", shift.ends_at)
        check_times(*hours)
        check_move(session, shift, *hours)
    taken = shift.confirmed + shift.offered + shift.held
    if changes.get("capacity", shift.capacity) < taken:
        raise invalid(
            "capacity",
            Words(
                f"已有 {taken} 个名额被占用，不能更少。",
                f"must be at least {taken}: so many places are taken, offered or held.",
            ),
        )
    _check_hours_may_change(session, shift, changes)
    if "starts_at" in changes:
        if changes["starts_at"] != shift.starts_at:
            check_not_begun(session, changes["starts_at"])
        changes["local_day"] = changes["starts_at"].astimezone(zone_of(session, shift.site_id)).date()
    if not assign(shift, changes):
        return []
    promoted = promote(session, shift)
    session.flush()
    if changes.keys() & {"starts_at", "ends_at"}:
        follow_shift(session, shift)
    return [shift_event(ShiftChanged, shift), *promoted] if is_public(session, shift) else []


def cancel_shift(session: Session, shift_id: UUID) -> Shift:
    """Call off a shift and everybody's registration for it. Doing so twice changes nothing."""
    shift = lock_shift(session, shift_id)
    if shift.status == "cancelled":
        return shift
    if is_over(session, shift) or has_attendance(session, shift):
        raise conflict(
            "场次已结束或已有签到，不能取消。", "The shift is over or has attendance, and cannot be called off."
        )
    events = call_off(session, shift, CancelReason.SHIFT_CANCELLED)
    session.flush()
    if is_public(session, shift):
        add_events(session, events)
    return shift


def call_off(session: Session, shift: Shift, reason: CancelReason) -> list[Event]:
    """Cancel a locked shift and its registrations; returns the events, which the caller adds.

    What took place stays on record: registrations with attendance remain, and with them their shift.
    """
    events: list[Event] = []
    if not has_attendance(session, shift):
        assign(shift, {"status": "cancelled"})
        follow_shift(session, shift)
        events.append(shift_event(ShiftCancelled, shift))
    events += end_all(session, shift, reason)
    return events


def shift_event(model: type[ShiftEvent], shift: Shift) -> ShiftEvent:
    """The shift as it now stands, as an event of this type."""
    return model(
        shift_id=shift.id,
        activity_id=shift.activity_id,
        site_id=shift.site_id,
        version=shift.version,
        role_zh=shift.role_zh,
        role_en=shift.role_en,
        starts_at=shift.starts_at,
        ends_at=shift.ends_at,
        local_day=shift.local_day.isoformat(),
        capacity=shift.capacity,
    )


def is_public(session: Session, shift: Shift) -> bool:
    """Whether the other services know of this shift."""
    return _activity_status(session, shift) != "draft"


def _activity_status(session: Session, shift: Shift) -> str | None:
    # Publishing and calling off lock every shift of the activity, so that this cannot change while one is held.
    return session.scalar(select(Activity.status).where(Activity.id == shift.activity_id))


def check_times(starts_at: datetime, ends_at: datetime) -> None:
    """A shift is short: its length bounds the hours that it earns."""
    if ends_at <= starts_at:
        raise invalid("ends_at", Words("结束应晚于开始。", "must be later than starts_at."))
    if ends_at - starts_at > LONGEST_SHIFT:
        raise invalid("ends_at", Words("场次不能超过 24 小时。", "must be within 24 hours of starts_at."))


def _check_editable(session: Session, shift: Shift) -> None:
    if shift.status == "cancelled" or is_over(session, shift):
        raise conflict(
            "场次已取消或已结束，不能再修改。", "The shift was called off or is over, and can no longer be changed."
        )
    # A shift with attendance outlives its activity, as a record.
    if _activity_status(session, shift) in CLOSED:
        raise conflict(
            "活动已取消或已结项，场次不能再修改。",
            "The activity was called off or completed, and its shifts can no longer be changed.",
        )


def check_not_begun(session: Session, starts_at: datetime) -> None:
    """A shift that is made or moved lies ahead: nobody was there before anybody could know of it. What took place
    without one comes in as a record of the past, which a second person approves."""
    if session.scalar(select(literal(starts_at) < func.clock_timestamp())):
        raise invalid("starts_at", Words("不得早于现在。", "must not lie in the past."))


def _check_hours_may_change(session: Session, shift: Shift, changes: dict[str, Any]) -> None:
    """The minutes of service that were recorded are minutes within the shift as it was then."""
    moved = any(changes.get(name, getattr(shift, name)) != getattr(shift, name) for name in ("starts_at", "ends_at"))
    if moved and has_attendance(session, shift):
        raise conflict(
            "本场次已有出勤记录，不能再改时间。",
            "Attendance was taken of this shift, and its hours can no longer be changed.",
        )


def zone_of(session: Session, site_id: UUID) -> ZoneInfo:
    """The site's time zone, which cannot change before the caller's transaction ends: days are counted in it.

    Who changes the zone locks the whole row. The share held here does not stand in the way of who locks the site to
    book rooms, which this transaction may do itself later (`follow_shift`).
    """
    query = select(Site.time_zone).where(Site.id == site_id).with_for_update(read=True, key_share=True)
    return ZoneInfo(session.scalars(query).one())
