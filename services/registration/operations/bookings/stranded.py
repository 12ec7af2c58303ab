"""Bookings outside the opening hours: made before the hours were narrowed. They stay, because somebody was promised the
room; staff see them marked, and move them or give them up.

    found = stranded(session, site, SettingsEdit(opening_hours={"mon": [["08:00", "12:00"]]}))
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, func, select, tuple_
from sqlalchemy.orm import Session

from services.registration.models import Booking, Site
from services.registration.operations.bookings.opening import is_open
from services.registration.operations.bookings.rooms import TAKEN
from services.registration.schemas.site_settings import SettingsEdit


def is_outside(site: Site, booking: Booking) -> bool:
    """Whether the site is closed for some of the booking's time. Closing a room is right at any hour."""
    return booking.purpose != "block" and not _is_open(site, booking.starts_at, booking.ends_at)


def outside_hours(session: Session, site: Site) -> list[Booking]:
    """The bookings that are not over and lie outside the opening hours, the earliest first."""
    # Rooms are booked by the same hours, and hardly ever outside: looking at each time once, and at bookings only
    # where there are any, takes a tenth of the time.
    times = select(Booking.starts_at, Booking.ends_at).where(*_ahead(site), Booking.purpose != "block").distinct()
    outside = [(begins, ends) for begins, ends in session.execute(times) if not _is_open(site, begins, ends)]
    if not outside:
        return []
    own = select(Booking).where(*_ahead(site), Booking.purpose != "block")
    query = own.where(tuple_(Booking.starts_at, Booking.ends_at).in_(outside))
    return list(session.scalars(query.order_by(Booking.starts_at, Booking.position)))


def stranded(session: Session, site: Site, body: SettingsEdit) -> list[Booking]:
    """The bookings that lie within the opening hours now, and would not with these settings. Under the site's lock,
    nobody else books meanwhile."""
    wanted = body.model_dump(mode="json", include=body.model_fields_set & {"opening_hours", "exceptions"})
    after = Site(
        **{"opening_hours": site.opening_hours, "exceptions": site.exceptions, "time_zone": site.time_zone, **wanted}
    )
    return [one for one in _to_come(session, site) if is_outside(after, one) and not is_outside(site, one)]


def _to_come(session: Session, site: Site) -> list[Booking]:
    query = select(Booking).where(*_ahead(site))
    return list(session.scalars(query.order_by(Booking.starts_at, Booking.position)))


def _ahead(site: Site) -> tuple[ColumnElement[bool], ...]:
    return Booking.site_id == site.id, Booking.status.in_(TAKEN), Booking.ends_at > func.now()


def _is_open(site: Site, begins: datetime, ends: datetime) -> bool:
    return is_open(site.opening_hours, site.exceptions, ZoneInfo(site.time_zone), begins, ends)
