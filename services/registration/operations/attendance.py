"""Attendance: who came, from when to when, and the minutes of service that this earned."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.errors import Words, invalid
from services.common.events import AttendanceRecorded
from services.common.outbox import add_events
from services.registration.models import Activity, Registration, Shift
from services.registration.operations import assign, conflict
from services.registration.operations.registrations import find_registration, lock_registration
from services.registration.operations.seats import registration_event

EARLIEST = timedelta(hours=2)
LATEST = timedelta(days=1)
CLOCK_SKEW = timedelta(minutes=2)
"""How far a desk's clock may run ahead of ours. Hours entered before they are given would be hours not given."""


def check_in(session: Session, registration_id: UUID, at: datetime | None) -> Registration:
    """Record that a person came. Without a time it is now, and a second call changes nothing; with one it corrects."""
    registration, shift, number = _lock(session, registration_id)
    if at is None and registration.checked_in_at is not None:
        return registration
    moment = at or datetime.now(UTC)
    _check_time(shift, moment)
    if registration.checked_out_at is not None and moment >= registration.checked_out_at:
        raise invalid("at", Words("应早于签退时间。", "must be before the check-out."))
    return _record(session, registration, shift, number, moment, registration.checked_out_at)


def check_out(session: Session, registration_id: UUID, at: datetime | None) -> Registration:
    """Record that a person left; repeated and corrected like a check-in."""
    registration, shift, number = _lock(session, registration_id)
    if registration.checked_in_at is None:
        raise conflict("尚未签到,不能签退。", "There is no check-in yet.")
    if at is None and registration.checked_out_at is not None:
        return registration
    moment = at or datetime.now(UTC)
    _check_time(shift, moment)
    if moment <= registration.checked_in_at:
        raise invalid("at", Words("应晚于签到时间。", "must be after the check-in."))
    return _record(session, registration, shift, number, registration.checked_in_at, moment)


def record_no_show(session: Session, registration_id: UUID, at: datetime | None) -> Registration:
    """Record that a person did not come. Doing so twice changes nothing; a later check-in corrects it."""
    registration, shift, number = _lock(session, registration_id)
    if registration.checked_in_at is not None:
        raise conflict("已签到,不能记为缺席。", "The person was checked in.")
    moment = at or datetime.now(UTC)
    _check_not_ahead(moment)
    if moment < shift.starts_at:
        raise invalid("at", Words("场次尚未开始。", "must not be before the shift starts."))
    return _record(session, registration, shift, number, None, None)


def _lock(session: Session, registration_id: UUID) -> tuple[Registration, Shift, int]:
    # A share of the shift's lock: check-ins go on side by side, while calling off the shift waits for them.
    shift_id = find_registration(session, registration_id).shift_id
    query = select(Shift).where(Shift.id == shift_id).with_for_update(read=True)
    shift = session.scalars(query.execution_options(populate_existing=True)).one()
    registration, number = lock_registration(session, registration_id)
    if registration.status != "confirmed":
        raise conflict("只有已确认的报名可以记录出勤。", "Attendance is taken of confirmed registrations only.")
    return registration, shift, number


def _check_not_ahead(moment: datetime) -> None:
    if moment > datetime.now(UTC) + CLOCK_SKEW:
        raise invalid("at", Words("不得晚于现在。", "must not lie in the future."))


def _check_time(shift: Shift, moment: datetime) -> None:
    _check_not_ahead(moment)
    if moment < shift.starts_at - EARLIEST:
        raise invalid("at", Words("不得早于开始前两小时。", "must not be more than two hours before the shift."))
    if moment > shift.ends_at + LATEST:
        raise invalid("at", Words("不得晚于结束后一天。", "must not be more than a day after the shift."))


def _record(
    session: Session,
    registration: Registration,
    shift: Shift,
    person_number: int,
    came: datetime | None,
    left: datetime | None,
) -> Registration:
    outcome = "no_show" if came is None else "present" if left is None else "attended"
    minutes = _service_minutes(session, shift, came, left)
    changes = {"checked_in_at": came, "checked_out_at": left, "outcome": outcome, "service_minutes": minutes}
    if assign(registration, changes):
        session.flush()
        add_events(session, [registration_event(AttendanceRecorded, registration, person_number, **changes)])
    return registration


def _service_minutes(session: Session, shift: Shift, came: datetime | None, left: datetime | None) -> int:
    """Whole minutes within the shift. No hours exceed the shift, and only volunteering earns any."""
    if came is None or left is None:
        return 0
    if not session.scalar(select(Activity.volunteering).where(Activity.id == shift.activity_id)):
        return 0
    given = min(left, shift.ends_at) - max(came, shift.starts_at)
    return max(0, int(given.total_seconds() // 60))
