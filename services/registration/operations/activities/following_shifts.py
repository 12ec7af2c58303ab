"""A shift of a series and all that follow it: changed or called off together.

What was changed by itself (detached) and what is over stays as it is, and is named in the answer.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.common.errors import Problem, Words, not_found
from services.common.events import CancelReason, Event
from services.common.outbox import add_events
from services.registration.models import Registration, Shift
from services.registration.operations import Versions, check_version, conflict
from services.registration.operations.activities.activities import lock_activity
from services.registration.operations.activities.recurrence import at_wall_clock
from services.registration.operations.activities.shifts import call_off, change_shift, is_public, zone_of
from services.registration.operations.seats.seats import has_attendance, is_over, lock_people
from services.registration.schemas.activities import ShiftAnswer
from services.registration.schemas.series import FollowingAnswer, FollowingEdit, LeftAlone


def edit_following(session: Session, shift_id: UUID, body: FollowingEdit, expected: Versions) -> FollowingAnswer:
    """Change a shift of a series and all that follow it; for a preview the caller rolls back."""
    chosen, following = _following(session, shift_id)
    check_version(chosen.version, expected)
    open_ones, left_alone = _sort_out(session, following)
    zone = zone_of(session, chosen.site_id)
    of_role, role = body.of_role(), (chosen.role_zh, chosen.role_en)
    wanted = {
        shift: _new_times(shift, body, zone) | (of_role if (shift.role_zh, shift.role_en) == role else {})
        for shift in open_ones
    }
    changed = [shift for shift in open_ones if wanted[shift]]
    lock_people(session, _who_is_on(session, changed))
    events: list[Event] = []
    for shift in _making_way(wanted):
        with _naming(shift):
            events += change_shift(session, shift, wanted[shift])
    add_events(session, events)
    return _answer(session, changed, left_alone)


def cancel_following(session: Session, shift_id: UUID) -> FollowingAnswer:
    """Call off a shift of a series and all that follow it, and everybody's registrations for them."""
    _, following = _following(session, shift_id)
    open_ones, left_alone = _sort_out(session, following, attendance_counts=True)
    people = people_on(session, open_ones)
    events: list[Event] = []
    for shift in open_ones:
        events += call_off(session, shift, CancelReason.SHIFT_CANCELLED)
    session.flush()
    if open_ones and is_public(session, open_ones[0]):
        add_events(session, events)
    return _answer(session, open_ones, left_alone, people)


def _following(session: Session, shift_id: UUID) -> tuple[Shift, list[Shift]]:
    """A shift, and those of its series from it on, all locked with their activity. Raises 404 and 409."""
    activity_id = session.scalar(select(Shift.activity_id).where(Shift.id == shift_id))
    if activity_id is None:
        raise not_found("这个场次", "shift")
    _, shifts = lock_activity(session, activity_id)
    chosen = next(shift for shift in shifts if shift.id == shift_id)
    if chosen.series_id is None or chosen.occurs_at is None or chosen.detached:
        raise conflict(
            "这个场次不属于系列，或已单独修改过。请单独修改。",
            "The shift belongs to no series, or was changed by itself. Change it by itself.",
        )
    first = chosen.occurs_at
    following = [s for s in shifts if s.series_id == chosen.series_id and s.occurs_at and s.occurs_at >= first]
    return chosen, sorted(following, key=lambda shift: (shift.occurs_at, shift.position))


def of_same_role(session: Session, shift: Shift) -> list[Shift]:
    """The shift and those of its series after it that have the same role and are not detached or called off."""
    query = select(Shift).where(
        Shift.series_id == shift.series_id,
        Shift.occurs_at >= shift.occurs_at,
        Shift.role_zh == shift.role_zh,
        Shift.role_en == shift.role_en,
        Shift.status == "open",
        Shift.detached.is_(False),
        Shift.ends_at > func.clock_timestamp(),
    )
    return list(session.scalars(query.order_by(Shift.occurs_at, Shift.position)))


def _sort_out(
    session: Session, shifts: Sequence[Shift], attendance_counts: bool = False
) -> tuple[list[Shift], list[LeftAlone]]:
    """Those that are changed, and those that are not with the reason. What was called off already is neither."""
    changed, left = [], []
    for shift in shifts:
        reason: Literal["detached", "over", "attendance"] | None = None
        if shift.status == "cancelled":
            continue
        if shift.detached:
            reason = "detached"
        elif is_over(session, shift):
            reason = "over"
        elif attendance_counts and has_attendance(session, shift):
            reason = "attendance"
        if reason:
            left.append(LeftAlone(id=shift.id, local_day=shift.local_day, reason=reason))
        else:
            changed.append(shift)
    return changed, left


def _new_times(shift: Shift, body: FollowingEdit, zone: ZoneInfo) -> dict[str, Any]:
    """Start and end, where they are to change: by the wall clock of the shift's own day."""
    if not body.model_fields_set & {"time", "days", "minutes"}:
        return {}
    local = shift.starts_at.astimezone(zone).replace(tzinfo=None) + timedelta(days=body.days)
    if "time" in body.model_fields_set:
        hour, minute = map(int, body.time.split(":"))
        local = local.replace(hour=hour, minute=minute, second=0, microsecond=0)
    starts_at = at_wall_clock(local, zone)
    length = timedelta(minutes=body.minutes) if "minutes" in body.model_fields_set else shift.ends_at - shift.starts_at
    return {"starts_at": starts_at, "ends_at": starts_at + length}


def _making_way(wanted: dict[Shift, dict[str, Any]]) -> list[Shift]:
    """The shifts in an order in which none meets one that is yet to move: the last first where they move to later."""
    to_later = any(changes.get("starts_at", shift.starts_at) > shift.starts_at for shift, changes in wanted.items())
    changed = [shift for shift, changes in wanted.items() if changes]
    return sorted(changed, key=lambda shift: shift.starts_at, reverse=to_later)


@contextmanager
def _naming(shift: Shift) -> Iterator[None]:
    """Whatever is wrong with one shift of many is told with its day."""
    try:
        yield
    except Problem as problem:
        detail = Words(f"{shift.local_day}:{problem.detail.zh}", f"{shift.local_day}: {problem.detail.en}")
        raise Problem(problem.kind, detail, problem.errors, **problem.members) from None


def _who_is_on(session: Session, shifts: Sequence[Shift]) -> Sequence[UUID]:
    """Everybody who has a place or may get one: their locks are taken at once, in order."""
    of_them = Registration.shift_id.in_([shift.id for shift in shifts]), Registration.status != "cancelled"
    return session.scalars(select(Registration.person_id).where(*of_them)).all()


def people_on(session: Session, shifts: Sequence[Shift]) -> int:
    """How many different people have a place, an offer or a turn in the waitlist of these shifts: who would be told."""
    active = (Registration.status != "cancelled", Registration.outcome.is_(None))
    of_them = Registration.shift_id.in_([shift.id for shift in shifts])
    return session.scalar(select(func.count(Registration.person_id.distinct())).where(of_them, *active)) or 0


def _answer(
    session: Session, shifts: Sequence[Shift], left_alone: list[LeftAlone], people: int | None = None
) -> FollowingAnswer:
    return FollowingAnswer(
        shifts=[ShiftAnswer.model_validate(shift) for shift in shifts],
        left_alone=left_alone,
        people=people_on(session, shifts) if people is None else people,
    )
