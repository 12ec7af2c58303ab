"""A programme made of activities: their template, and that they belong to it where they are held."""

from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.auth import Principal
from services.common.errors import Words, invalid
from services.common.events import ActivityChanged, ActivityCompleted, Event, ProgrammeCloned
from services.common.outbox import add_events
from services.registration.models import Activity, Programme, ProgrammeClone, Room, Shift, Site, Team
from services.registration.operations import assign, locked
from services.registration.operations.activities.activities import activity_event
from services.registration.operations.programmes.authority import sites_of
from services.registration.operations.sites.organisations import describe_parts
from services.registration.schemas.programmes import (
    MOST_SHIFTS,
    ActivityTemplate,
    OrganisationWish,
    ShiftTemplate,
    Window,
)

SAME = set(ActivityTemplate.model_fields) - {
    "key", "place", "window", "organisations", "room_wish", "team_wish", "shifts",
}  # fmt: skip
"""What a template and an activity call by the same name."""


_TELLS = {"published": ActivityChanged, "completed": ActivityCompleted}
"""How an activity tells, as it now stands, that it belongs to a programme; a draft does once it is published."""


@dataclass(frozen=True)
class Source:
    """Activities as a template, and the day of their first shift, which is its first day. The activities are in the
    order of the template, each with its shifts in the order of theirs."""

    template: list[ActivityTemplate]
    first_day: date
    activities: list[tuple[Activity, list[Shift]]]


def made_of(session: Session, principal: Principal, ids: list[UUID]) -> Source:
    """The activities, locked with their shifts, as a template; without what was called off, which nobody wants again.
    Raises 422 where one is not the caller's."""
    sites = set(session.scalars(select(Activity.site_id).where(Activity.id.in_(ids))))
    mine = Activity.site_id.in_(sites_of(session, principal, sites))
    query = locked(select(Activity).where(Activity.id.in_(ids), mine).order_by(Activity.id))
    found = {one.id: one for one in session.scalars(query)}
    if len(found) < len(set(ids)):
        raise invalid("from_activities", Words("有的活动不存在或不属于您。", "names an activity that is not yours."))
    ids = [one for one in dict.fromkeys(ids) if found[one].status != "cancelled"]
    query_of_shifts = select(Shift).where(Shift.activity_id.in_(ids), Shift.status == "open").order_by(Shift.id)
    shifts = sorted(session.scalars(locked(query_of_shifts)), key=lambda shift: (shift.starts_at, shift.position))
    if not shifts or len(shifts) > MOST_SHIFTS:
        raise invalid(
            "from_activities",
            Words(
                f"这些活动应有 1–{MOST_SHIFTS} 个没有取消的场次。",
                f"must have 1 to {MOST_SHIFTS} shifts altogether that were not called off.",
            ),
        )
    first_day = min(shift.local_day for shift in shifts)
    activities = [(found[one], [s for s in shifts if s.activity_id == one]) for one in ids]
    template = [
        _template(session, f"a{place}", activity, its_shifts, first_day)
        for place, (activity, its_shifts) in enumerate(activities, 1)
    ]
    return Source(template, first_day, activities)


def belong(session: Session, programme: Programme, source: Source) -> None:
    """Give the programme to the sites of its activities. A site one of whose activities belongs to another programme
    keeps them there, and may get this one besides."""
    elsewhere = {activity.site_id for activity, _ in source.activities if activity.programme_id}
    events: list[Event] = []
    for site_id in dict.fromkeys(activity.site_id for activity, _ in source.activities):
        if site_id not in elsewhere:
            events += _belong_at(session, programme, source, site_id)
    add_events(session, events)


def _belong_at(session: Session, programme: Programme, source: Source, site_id: UUID) -> list[Event]:
    events: list[Event] = []
    keys = [one.key for one in source.template]
    for key, (activity, shifts) in zip(keys, source.activities, strict=True):
        if activity.site_id != site_id:
            continue
        assign(activity, {"programme_id": programme.id, "programme_key": key})
        for place, shift in enumerate(shifts, 1):
            shift.programme_key = f"s{place}"
        if activity.status in _TELLS:
            events.append(activity_event(_TELLS[activity.status], activity))
    day = source.first_day
    clone = ProgrammeClone(
        programme_id=programme.id, site_id=site_id, starts_on=day, first_day=day, taken=programme.template
    )
    session.add(clone)
    session.flush()
    cloned = ProgrammeCloned(
        programme_id=programme.id,
        site_id=site_id,
        version=programme.version,
        first_day=day.isoformat(),
        activities=sum(activity.site_id == site_id for activity, _ in source.activities),
    )
    return [*events, cloned]


def _template(session: Session, key: str, activity: Activity, shifts: list[Shift], first_day: date) -> ActivityTemplate:
    """Without the place: it is the site's, and whoever gets the programme holds it at home."""
    site = session.get_one(Site, activity.site_id)
    room = session.get(Room, activity.room_id) if activity.room_id else None
    team = session.get(Team, activity.team_id) if activity.team_id else None
    return ActivityTemplate(
        key=key,
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
