"""A site's public calendar: what everybody may know of what takes place, for pages, programs and calendar apps."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import and_, case, func, select
from sqlalchemy.orm import Session
from sqlalchemy.sql import ColumnElement

from services.common.errors import Words, invalid, not_found
from services.registration.models import Activity, Shift, Site
from services.registration.schemas.calendar import CalendarActivity, CalendarAnswer, CalendarShift, SignUp

LONGEST = timedelta(days=92)
USUAL = timedelta(days=30)
SHOWN = ("published", "completed")


def public_calendar(
    session: Session, site_id: UUID, first: date | None = None, last: date | None = None
) -> CalendarAnswer:
    """The open shifts of public activities on these days of the site, by activity. Drafts and private ones stay out."""
    site = find_site(session, site_id)
    first = first or datetime.now(ZoneInfo(site.time_zone)).date()
    last = last or first + USUAL
    if not first <= last <= first + LONGEST:
        raise invalid("to", Words("应在起始日之后的 92 天之内。", "must lie within 92 days after `from`."))
    found: dict[UUID, CalendarActivity] = {}
    for activity, shift, _, free, state in _rows(
        session, site_id, first, last, places_of_next(), sign_up_state(by_staff=False)
    ):
        one = found.get(activity.id)
        if one is None:
            one = found[activity.id] = CalendarActivity.model_validate({**_facts(activity), "shifts": []})
        one.shifts.append(_shift(shift, state, free))
    return CalendarAnswer(
        site_id=site_id, time_zone=site.time_zone, first_day=first, last_day=last, activities=list(found.values())
    )


def find_site(session: Session, site_id: UUID) -> Site:
    """The site whose calendar is asked for. Raises 404."""
    site = session.get(Site, site_id)
    if site is None:
        raise not_found("这个站点", "site")
    return site


def places_of_next() -> ColumnElement[int]:
    """Places of a shift that the next sign-up gets: what is left of its capacity and, in a venue, of the venue's cap.

    A free place belongs to who waits until they have had their turn. The venue is asked only where it decides.
    """
    left = Shift.capacity - Shift.confirmed - Shift.offered - Shift.held
    in_venue = Shift.venue_id.is_not(None) & (left > 0) & (Shift.ends_at > func.now())
    of_venue = case((in_venue, func.venue_free(Shift.id)))
    waited_for = (Shift.waitlisted > 0) & (Shift.starts_at > func.now())
    return case((waited_for, 0), else_=func.greatest(0, func.least(left, of_venue)))


def sign_up_state(by_staff: bool) -> ColumnElement[SignUp]:
    """Whether one can sign up for the shift now (`sign_up_state` in the database, which sign-ups themselves obey)."""
    window = (Activity.registration_opens_at, Activity.registration_closes_at)
    hours = (Shift.starts_at, Shift.ends_at)
    state = func.sign_up_state(Activity.status, Shift.status, *hours, *window, by_staff, func.clock_timestamp())
    return case((state == "no_longer", "closed"), else_=state)


def shown_shifts(site_id: UUID, first: date, last: date) -> ColumnElement[bool]:
    """The open shifts of what everybody may see, on these days."""
    return and_(
        Shift.site_id == site_id,
        Shift.local_day.between(first, last),
        Shift.status == "open",
        Activity.public,
        Activity.status.in_(SHOWN),
    )


def _rows(session: Session, site_id: UUID, first: date, last: date, *more: Any) -> Sequence[Any]:
    query = (
        select(Activity, Shift, func.clock_timestamp(), *more)
        .join(Shift, Shift.activity_id == Activity.id)
        .where(shown_shifts(site_id, first, last))
        .order_by(Shift.starts_at, Shift.position)
    )
    return session.execute(query).all()


def _facts(activity: Activity) -> dict[str, Any]:
    return {name: getattr(activity, name) for name in CalendarActivity.model_fields if name != "shifts"}


def _shift(shift: Shift, state: SignUp, free: int) -> CalendarShift:
    return CalendarShift(
        id=shift.id,
        starts_at=shift.starts_at,
        ends_at=shift.ends_at,
        local_day=shift.local_day,
        role_zh=shift.role_zh,
        role_en=shift.role_en,
        capacity=shift.capacity,
        free=free,
        waitlist=free == 0,
        sign_up=state,
    )
