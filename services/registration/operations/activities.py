"""Activities: drafted, published, changed, called off."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.errors import FieldErrors, Words, not_found
from services.common.events import (
    ActivityCancelled,
    ActivityChanged,
    ActivityEvent,
    ActivityPublished,
    CancelReason,
    Event,
    ShiftOpened,
)
from services.common.outbox import add_events
from services.registration.models import Activity, Room, Shift, Team
from services.registration.operations import Versions, assign, check_version, conflict, locked
from services.registration.operations.seats import has_attendance, is_over
from services.registration.operations.shifts import call_off, shift_event
from services.registration.schemas.activities import ActivityBody, ActivityEdit


def create_activity(session: Session, site_id: UUID, body: ActivityBody) -> Activity:
    """Draft an activity."""
    _check_references(session, body.room_id, body.team_id)
    activity = Activity(site_id=site_id, **body.model_dump())
    session.add(activity)
    session.flush()
    session.refresh(activity)
    return activity


def edit_activity(session: Session, activity_id: UUID, body: ActivityEdit, expected: Versions) -> Activity:
    """Change an activity. Those signed up hear of it when it is published and what changed concerns them."""
    activity, shifts = lock_activity(session, activity_id)
    check_version(activity.version, expected)
    if activity.status == "cancelled":
        raise conflict("活动已取消,不能再修改。", "The activity was called off and can no longer be changed.")
    changes = body.model_dump(exclude_unset=True)
    _check_references(session, changes.get("room_id"), changes.get("team_id"))
    if changes.get("volunteering", activity.volunteering) != activity.volunteering and has_attendance(session, *shifts):
        raise conflict(
            "已有出勤记录,不能再改是否计志愿时长。",
            "Attendance was taken, and whether it earns service hours can no longer be changed.",
        )
    told = activity_event(ActivityChanged, activity)
    if assign(activity, changes):
        session.flush()
        event = activity_event(ActivityChanged, activity)
        if activity.status == "published" and event != told:
            add_events(session, [event])
    return activity


def publish_activity(session: Session, activity_id: UUID) -> Activity:
    """Open an activity and its shifts for sign-up. Doing so twice changes nothing."""
    activity, shifts = lock_activity(session, activity_id)
    if activity.status == "cancelled":
        raise conflict("活动已取消,不能发布。", "The activity was called off and cannot be published.")
    if activity.status == "draft":
        assign(activity, {"status": "published"})
        session.flush()
        opened = [shift_event(ShiftOpened, shift) for shift in shifts if shift.status == "open"]
        add_events(session, [activity_event(ActivityPublished, activity), *opened])
    return activity


def cancel_activity(session: Session, activity_id: UUID) -> Activity:
    """Call off an activity with all that has not taken place. Doing so twice changes nothing.

    Shifts that are over stay as they are. Of a shift where some were checked in already, the others are cancelled.
    """
    activity, shifts = lock_activity(session, activity_id)
    if activity.status == "cancelled":
        return activity
    was_published = activity.status == "published"
    assign(activity, {"status": "cancelled"})
    events: list[Event] = [activity_event(ActivityCancelled, activity)]
    for shift in shifts:
        if shift.status == "open" and not is_over(session, shift):
            events += call_off(session, shift, CancelReason.ACTIVITY_CANCELLED)
    session.flush()
    if was_published:
        add_events(session, events)
    return activity


def lock_activity(session: Session, activity_id: UUID) -> tuple[Activity, Sequence[Shift]]:
    """The activity and its shifts by id, all locked. Raises 404."""
    activity = session.scalars(locked(select(Activity).where(Activity.id == activity_id))).one_or_none()
    if activity is None:
        raise not_found("这个活动", "activity")
    shifts = session.scalars(locked(select(Shift).where(Shift.activity_id == activity_id).order_by(Shift.id))).all()
    return activity, shifts


def activity_event(model: type[ActivityEvent], activity: Activity) -> ActivityEvent:
    """The activity as it now stands, as an event of this type."""
    return model(
        activity_id=activity.id,
        activity_number=activity.number,
        site_id=activity.site_id,
        kind=activity.kind,
        title_zh=activity.title_zh,
        title_en=activity.title_en,
        place=activity.place,
        volunteering=activity.volunteering,
        reminder_minutes=activity.reminder_minutes,
    )


def _check_references(session: Session, room_id: UUID | None, team_id: UUID | None) -> None:
    errors = FieldErrors()
    if room_id is not None and session.get(Room, room_id) is None:
        errors.add("room_id", Words("没有这个房间。", "is no room of this site."))
    if team_id is not None and session.get(Team, team_id) is None:
        errors.add("team_id", Words("没有这个队伍。", "is no team of this site."))
    errors.raise_any()
