"""Activities: drafted, published, changed, called off, completed.

    draft ─> published (changed any number of times) ─> completed
      └──────────┴──> cancelled

A completed activity is a record. Its description may still be written, as a report of what took place, attendance
and hours may be corrected; nothing else changes, and nothing of it can be called off.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, distinct, exists, func, select
from sqlalchemy.orm import Session

from services.common.errors import FieldErrors, Words, not_found
from services.common.events import (
    ActivityCancelled,
    ActivityChanged,
    ActivityCompleted,
    ActivityEvent,
    ActivityPublished,
    CancelReason,
    Event,
    ReminderRule,
    ShiftOpened,
)
from services.common.outbox import add_events
from services.registration.models import Activity, Registration, Room, Shift, Site, Team
from services.registration.operations import Versions, assign, check_version, conflict, locked
from services.registration.operations.activities.concerned import refuse, without_guardian
from services.registration.operations.activities.shifts import CLOSED, call_off, shift_event
from services.registration.operations.bookings.of_shifts import change_room, reserve
from services.registration.operations.seats.seats import has_attendance, is_over
from services.registration.operations.sites.sites import check_open
from services.registration.schemas.activities import ActivityBody, ActivityEdit

COMPLETED_AFTER = timedelta(days=7)
"""An activity that nobody closed is closed so long after its last shift: within the ten working days in which Order 67
wants service records, with days left for who corrects attendance before reports take it as final."""

WRITTEN_AFTERWARDS = {"description_zh", "description_en"}


@dataclass(frozen=True)
class Audience:
    """Different people, and their registrations with a place and without."""

    people: int
    confirmed: int
    waiting: int


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
    changes = body.model_dump(exclude_unset=True)
    _check_may_change(activity, changes)
    _check_references(session, changes.get("room_id"), changes.get("team_id"))
    if changes.get("volunteering", activity.volunteering) != activity.volunteering and has_attendance(session, *shifts):
        raise conflict(
            "已有出勤记录，不能再改是否计志愿时长。",
            "Attendance was taken, and whether it earns service hours can no longer be changed.",
        )
    if changes.get("volunteering") and not activity.volunteering:
        refuse(without_guardian(session, activity))
    told = activity_event(ActivityChanged, activity)
    if assign(activity, changes):
        _check_consistent(activity)
        session.flush()
        if told.room_id != activity.room_id:
            change_room(session, activity, shifts, told.room_id)
        event = activity_event(ActivityChanged, activity)
        if activity.status == "published" and event != told:
            add_events(session, [event])
    return activity


def publish_activity(session: Session, activity_id: UUID, by: str = "") -> Activity:
    """Open an activity and its shifts for sign-up. Doing so twice changes nothing. Where nobody was named as in charge
    of volunteering, it is whoever publishes it: `by`, their name, empty for a key."""
    activity, shifts = lock_activity(session, activity_id)
    if activity.status in CLOSED:
        raise conflict(
            "活动已取消或已结项，不能发布。", "The activity was called off or completed, and cannot be published."
        )
    if activity.status == "draft":
        check_open(session.get_one(Site, activity.site_id))
        in_charge = activity.responsible or (by if activity.volunteering else "")
        assign(activity, {"status": "published", "responsible": in_charge})
        _check_consistent(activity)
        session.flush()
        reserve(session, activity, shifts)
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
    if activity.status == "completed":
        raise conflict("活动已结项，不能取消。", "The activity is completed and cannot be called off.")
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


def complete_activity(session: Session, activity_id: UUID) -> Activity:
    """Close an activity whose shifts are all over. Doing so twice changes nothing."""
    activity, shifts = lock_activity(session, activity_id)
    if activity.status == "completed":
        return activity
    took_place = [shift for shift in shifts if shift.status == "open"]
    if activity.status != "published" or not took_place:
        raise conflict(
            "只有已发布且有场次的活动可以结项。", "Only a published activity that has shifts can be completed."
        )
    if not all(is_over(session, shift) for shift in took_place):
        raise conflict(
            "还有场次没有结束。请等最后一场结束后再结项。",
            "Some shifts are not over. Complete the activity after the last one.",
        )
    assign(activity, {"status": "completed"})
    session.flush()
    add_events(session, [activity_event(ActivityCompleted, activity)])
    return activity


def any_to_complete(session: Session) -> bool:
    """Whether an activity ended long ago and nobody closed it."""
    return bool(session.scalar(select(exists(_to_complete()))))


def old_activities(session: Session, limit: int = 200) -> Sequence[UUID]:
    """Activities whose last shift ended `COMPLETED_AFTER` ago and which nobody closed."""
    return session.scalars(_to_complete().order_by(Activity.id).limit(limit)).all()


def audience(session: Session, activity_id: UUID) -> Audience:
    """Who would be told of a change now: those with a registration on a shift that is not over."""
    if session.get(Activity, activity_id) is None:
        raise not_found("这个活动", "activity")
    has_place = Registration.status == "confirmed"
    row = session.execute(
        select(
            func.count(distinct(Registration.person_id)),
            func.count().filter(has_place),
            func.count().filter(~has_place),
        )
        .join(Shift, Shift.id == Registration.shift_id)
        .where(
            Shift.activity_id == activity_id,
            Shift.ends_at > func.clock_timestamp(),
            Registration.status != "cancelled",
            Registration.outcome.is_(None),
        )
    ).one()
    return Audience(*row)


def _to_complete() -> Select[UUID]:
    of_it = (Shift.activity_id == Activity.id, Shift.status == "open")
    recent = Shift.ends_at > func.clock_timestamp() - COMPLETED_AFTER
    return select(Activity.id).where(
        Activity.status == "published", exists().where(*of_it), ~exists().where(*of_it, recent)
    )


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
        reminder_rules=[ReminderRule.model_validate(rule) for rule in activity.reminder_rules],
        programme_id=activity.programme_id,
        team_id=activity.team_id,
        room_id=activity.room_id,
        service_category=activity.service_category,
    )


def _check_may_change(activity: Activity, changes: dict[str, Any]) -> None:
    if activity.status == "cancelled":
        raise conflict("活动已取消，不能再修改。", "The activity was called off and can no longer be changed.")
    if activity.status == "completed" and changes.keys() - WRITTEN_AFTERWARDS:
        raise conflict(
            "活动已结项，只能补充说明文字。", "The activity is completed: only its description can still be written."
        )


def _check_consistent(activity: Activity) -> None:
    """What must hold of the activity as it now is, whichever edit led to it."""
    errors = FieldErrors()
    opens, closes = activity.registration_opens_at, activity.registration_closes_at
    if opens is not None and closes is not None and closes <= opens:
        errors.add("registration_closes_at", Words("报名截止应晚于报名开始。", "must be later than the opening."))
    # 志愿服务条例 (regulation on volunteer service): risks are disclosed when volunteers are recruited.
    if activity.status == "published" and activity.volunteering and not activity.risks_zh:
        errors.add(
            "risks_zh",
            Words(
                "志愿服务活动发布前须告知风险；没有特别风险也请写明。",
                "must tell the risks before a volunteering activity is published; say so where there are none.",
            ),
        )
    errors.raise_any()


def _check_references(session: Session, room_id: UUID | None, team_id: UUID | None) -> None:
    errors = FieldErrors()
    if room_id is not None and session.get(Room, room_id) is None:
        errors.add("room_id", Words("没有这个房间。", "is no room of this site."))
    if team_id is not None and session.get(Team, team_id) is None:
        errors.add("team_id", Words("没有这个队伍。", "is no team of this site."))
    errors.raise_any()
