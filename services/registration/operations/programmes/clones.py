"""Clones: a programme at a site, as draft activities on the site's own days and in its own time."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from services.common.errors import Words, invalid, not_found
from services.common.events import ProgrammeCloned
from services.common.outbox import add_events
from services.registration.models import Activity, Organisation, ProgrammeClone, Shift, Site
from services.registration.operations.activities.recurrence import at_wall_clock
from services.registration.operations.programmes.authority import lock_programme
from services.registration.operations.programmes.sources import SAME
from services.registration.operations.sites.organisations import set_parts
from services.registration.operations.sites.sites import check_open, local_today
from services.registration.schemas.organisations import Part
from services.registration.schemas.programmes import (
    ActivityTemplate,
    CloneResult,
    OrganisationWish,
    ShiftTemplate,
    Window,
)


def clone_to_site(session: Session, programme_id: UUID, site_id: UUID, starts_on: date) -> CloneResult:
    """Give a site the programme, as drafts. A site that has it already keeps what it has.

    The programme's lock lets one at a time clone it, and the table takes one clone per site. Some ten statements.
    """
    programme = lock_programme(session, programme_id)
    there = session.scalars(clone_at(programme_id, site_id)).one_or_none()
    if there is not None:
        return CloneResult(site_id=site_id, result="already", first_day=there.first_day)
    site = session.scalars(select(Site).where(Site.id == site_id).with_for_update(read=True)).one_or_none()
    if site is None:
        raise not_found("这个站点", "site")
    check_open(site)
    first_day = first_day_from(starts_on, programme.first_weekday)
    if first_day < local_today(session, site):
        raise invalid("starts_on", Words("开始日期已过。", "lies in the past."))
    clone = ProgrammeClone(
        programme_id=programme_id, site_id=site_id, starts_on=starts_on, first_day=first_day, taken=programme.template
    )
    session.add(clone)
    session.flush()
    template = [ActivityTemplate.model_validate(one) for one in programme.template]
    draft_activities(session, clone, site, template)
    add_events(
        session,
        [
            ProgrammeCloned(
                programme_id=programme_id,
                site_id=site_id,
                version=programme.version,
                first_day=first_day.isoformat(),
                activities=len(template),
            )
        ],
    )
    return CloneResult(site_id=site_id, result="cloned", first_day=first_day, activities=len(template))


def first_day_from(starts_on: date, weekday: int | None) -> date:
    """The first such weekday on or after a day; the day itself where any will do."""
    return starts_on if weekday is None else starts_on + timedelta(days=(weekday - starts_on.isoweekday()) % 7)


def draft_activities(
    session: Session, clone: ProgrammeClone, site: Site, template: Sequence[ActivityTemplate]
) -> list[Activity]:
    """Draft the template's activities with their shifts at a site."""
    zone = ZoneInfo(site.time_zone)
    activities = [
        Activity(
            site_id=site.id,
            programme_id=clone.programme_id,
            programme_key=one.key,
            place=place_at(site, one.place),
            **one.model_dump(include=SAME),
            **window_at(clone.first_day, zone, one.window, one.shifts),
        )
        for one in template
    ]
    session.add_all(activities)
    session.flush()
    session.add_all(
        Shift(activity_id=activity.id, site_id=site.id, **shift_columns(clone.first_day, zone, shift))
        for activity, one in zip(activities, template, strict=True)
        for shift in one.shifts
    )
    session.flush()
    for activity, one in zip(activities, template, strict=True):
        if one.organisations:
            set_parts(session, activity.id, parts_at(session, site, one.organisations), None)
    return activities


def parts_at(session: Session, site: Site, wishes: Sequence[OrganisationWish]) -> list[Part]:
    """Those of the organisations that the site may name: its own, and those that the whole installation knows."""
    wanted = {wish.organisation_id for wish in wishes}
    known = set(
        session.scalars(
            select(Organisation.id).where(
                Organisation.id.in_(wanted), or_(Organisation.site_id.is_(None), Organisation.site_id == site.id)
            )
        )
    )
    return [Part.model_validate(wish.model_dump()) for wish in wishes if wish.organisation_id in known]


def clone_at(programme_id: UUID, site_id: UUID) -> Any:
    """The query for the clone of a programme at a site."""
    return select(ProgrammeClone).where(ProgrammeClone.programme_id == programme_id, ProgrammeClone.site_id == site_id)


def place_at(site: Site, place: str) -> str:
    """Where it takes place: at the site, unless the template says where."""
    return place or site.name_zh


def times_at(first_day: date, zone: ZoneInfo, shift: ShiftTemplate) -> dict[str, datetime]:
    """When a shift of the template starts and ends at a site, by its clocks."""
    local = datetime.combine(first_day + timedelta(days=shift.day), datetime.strptime(shift.time, "%H:%M").time())
    starts_at = at_wall_clock(local, zone)
    return {"starts_at": starts_at, "ends_at": starts_at + timedelta(minutes=shift.minutes)}


def shift_columns(first_day: date, zone: ZoneInfo, shift: ShiftTemplate) -> dict[str, Any]:
    """A shift of the template as a row at a site."""
    times = times_at(first_day, zone, shift)
    local_day = times["starts_at"].astimezone(zone).date()
    return shift.columns() | times | {"local_day": local_day, "programme_key": shift.key}


def window_at(
    first_day: date, zone: ZoneInfo, window: Window, shifts: Sequence[ShiftTemplate]
) -> dict[str, datetime | None]:
    """When registration opens and closes at a site, counted back from the activity's first shift."""
    starts = [times_at(first_day, zone, shift)["starts_at"] for shift in shifts]
    opens, closes = window.opens_days_before, window.closes_hours_before
    return {
        "registration_opens_at": min(starts) - timedelta(days=opens) if starts and opens is not None else None,
        "registration_closes_at": min(starts) - timedelta(hours=closes) if starts and closes is not None else None,
    }
