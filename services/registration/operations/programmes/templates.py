"""Templates: written from scratch or made of activities that took place, and changed later."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.auth import Principal
from services.common.errors import FORBIDDEN, Problem, Words, invalid
from services.common.events import ProgrammeSaved
from services.common.outbox import add_events
from services.registration.models import Activity, Area, Programme, Room, Shift, Site, Team
from services.registration.operations import Versions, assign, check_version
from services.registration.operations.programmes.authority import keeps, lock_kept, sites_of
from services.registration.operations.sites.organisations import describe_parts
from services.registration.schemas.programmes import (
    MOST_SHIFTS,
    ActivityTemplate,
    OrganisationWish,
    ProgrammeAnswer,
    ProgrammeBody,
    ProgrammeEdit,
    ShiftTemplate,
    Window,
)

SAME = set(ActivityTemplate.model_fields) - {
    "key", "place", "window", "organisations", "room_wish", "team_wish", "shifts",
}  # fmt: skip
"""What a template and an activity call by the same name."""


def create_programme(session: Session, principal: Principal, body: ProgrammeBody) -> Programme:
    """Keep a new programme, for the area that was named or the site that calls."""
    site_id = None if body.area else principal.site_id
    if body.area and session.get(Area, body.area) is None:
        raise invalid("area", Words("没有这个区划。", "is no area that exists."))
    if not body.area and site_id is None:
        raise invalid("area", Words("请指明管理项目的区划。", "is needed: which area keeps the programme?"))
    if not keeps(session, principal, site_id, body.area):
        raise Problem(
            FORBIDDEN, Words("只有该区划的管理员可以这样做。", "Only admins of that area, or of one around it, may.")
        )
    facts = body.model_dump(include={"title_zh", "title_en", "description_zh", "description_en", "first_weekday"})
    template, weekday = (body.activities, body.first_weekday)
    if body.from_activities:
        template, first_day = _from_activities(session, principal, body.from_activities)
        facts["first_weekday"] = weekday or first_day.isoweekday()
    programme = Programme(site_id=site_id, area=body.area, template=_stored(template), **facts)
    session.add(programme)
    session.flush()
    session.refresh(programme)
    add_events(session, [_saved(programme)])
    return programme


def edit_programme(
    session: Session, principal: Principal, programme_id: UUID, body: ProgrammeEdit, expected: Versions
) -> Programme:
    """Change a programme. Its clones are offered what changed in the template; nothing changes there by itself."""
    programme = lock_kept(session, principal, programme_id)
    check_version(programme.version, expected)
    changes = body.model_dump(exclude_unset=True, exclude={"activities"})
    if "activities" in body.model_fields_set:
        changes["template"] = _stored(body.activities)
    if assign(programme, changes):
        session.flush()
        add_events(session, [_saved(programme)])
    return programme


def described(programme: Programme) -> ProgrammeAnswer:
    """The programme with its template."""
    names = set(ProgrammeAnswer.model_fields) - {"activities"}
    facts = {name: getattr(programme, name) for name in names}
    return ProgrammeAnswer.model_validate(facts | {"activities": programme.template})


def _stored(template: list[ActivityTemplate]) -> list[dict[str, Any]]:
    return [activity.model_dump(mode="json") for activity in template]


def _saved(programme: Programme) -> ProgrammeSaved:
    return ProgrammeSaved(
        programme_id=programme.id,
        version=programme.version,
        site_id=programme.site_id,
        area=programme.area,
        title_zh=programme.title_zh,
        title_en=programme.title_en,
        activities=len(programme.template),
    )


def _from_activities(session: Session, principal: Principal, ids: list[UUID]) -> tuple[list[ActivityTemplate], date]:
    """The activities as a template, and the day of their first shift, which is its first day."""
    found = {one.id: one for one in session.scalars(select(Activity).where(Activity.id.in_(ids)))}
    mine = sites_of(session, principal, {activity.site_id for activity in found.values()})
    activities = [found[one] for one in dict.fromkeys(ids) if one in found and found[one].site_id in mine]
    if len(activities) < len(set(ids)):
        raise invalid("from_activities", Words("有的活动不存在或不属于您。", "names an activity that is not yours."))
    shifts = session.scalars(
        select(Shift)
        .where(Shift.activity_id.in_(ids), Shift.status == "open")
        .order_by(Shift.starts_at, Shift.position)
    ).all()
    if not shifts or len(shifts) > MOST_SHIFTS:
        raise invalid(
            "from_activities",
            Words(f"这些活动应有 1–{MOST_SHIFTS} 个场次。", f"must have 1 to {MOST_SHIFTS} shifts altogether."),
        )
    first_day = min(shift.local_day for shift in shifts)
    templates = [
        _template(session, f"a{place}", activity, [s for s in shifts if s.activity_id == activity.id], first_day)
        for place, activity in enumerate(activities, 1)
    ]
    return templates, first_day


def _template(session: Session, key: str, activity: Activity, shifts: list[Shift], first_day: date) -> ActivityTemplate:
    site = session.get_one(Site, activity.site_id)
    room = session.get(Room, activity.room_id) if activity.room_id else None
    team = session.get(Team, activity.team_id) if activity.team_id else None
    return ActivityTemplate(
        key=key,
        place="" if activity.place == site.name_zh else activity.place,
        window=_window(activity, shifts),
        room_wish=room.name_zh if room else "",
        team_wish=team.name_zh if team else "",
        organisations=[
            OrganisationWish.model_validate(part.model_dump(include={"organisation_id", "role"}))
            for part in describe_parts(session, activity).organisations
        ],
        shifts=[
            _shift_template(f"s{place}", shift, first_day, ZoneInfo(site.time_zone))
            for place, shift in enumerate(shifts, 1)
        ],
        **{name: getattr(activity, name) for name in SAME},
    )


def _shift_template(key: str, shift: Shift, first_day: date, zone: ZoneInfo) -> ShiftTemplate:
    return ShiftTemplate(
        key=key,
        day=(shift.local_day - first_day).days,
        time=f"{shift.starts_at.astimezone(zone):%H:%M}",
        minutes=round((shift.ends_at - shift.starts_at) / timedelta(minutes=1)),
        role_zh=shift.role_zh,
        role_en=shift.role_en,
        capacity=shift.capacity,
        requirements=shift.requirements,
    )


def _window(activity: Activity, shifts: list[Shift]) -> Window:
    if not shifts:
        return Window()
    first = min(shift.starts_at for shift in shifts)
    opens, closes = activity.registration_opens_at, activity.registration_closes_at
    return Window(
        opens_days_before=max(0, (first - opens).days) if opens else None,
        closes_hours_before=max(0, (first - closes) // timedelta(hours=1)) if closes else None,
    )
