"""The week of bookings as a list: to print and hang on the door, or as a CSV file."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from apiflask import APIBlueprint
from flask import Response, g, request
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.conventions import own_site
from services.common.database import Database
from services.common.errors import Words, called
from services.common.pages import Answer, render
from services.registration.models import Booking, Room, Site
from services.registration.operations.bookings.rooms import TAKEN
from services.registration.operations.bookings.shares import monday_of
from services.registration.operations.sites.sites import find_site, local_today
from services.registration.spreadsheets.writing import MIME, Sheet, csv_text

STATUSES = {"requested": Words("待批准", "waits for approval"), "confirmed": Words("已确认", "confirmed")}
HEADINGS = (
    Words("日期", "Date"),
    Words("从", "From"),
    Words("到", "Until"),
    Words("房间", "Room"),
    Words("用途", "What for"),
    Words("状态", "Status"),
)


def add_lists(blueprint: APIBlueprint, database: Database) -> None:
    """The lists, beside the week of rooms."""

    @blueprint.get("/list")
    @allow(Caller.STAFF)
    def show_list() -> Answer:
        """The week's bookings in order, to print."""
        with database.transaction(g.principal.scope) as session:
            site, monday = _asked(session)
            days = [monday + timedelta(days=n) for n in range(7)]
            rows = bookings_touching(session, site, days)
            zone = ZoneInfo(site.time_zone)
            return render(
                "rooms/list.html",
                site=site,
                zone=site.time_zone,
                days=[(one, [row for row in rows if one in days_of(row[0], zone)]) for one in days],
                monday=monday,
                a_day=timedelta(days=1),
            )

    @blueprint.get("/list.csv")
    @allow(Caller.STAFF)
    def download_list() -> Answer:
        """The same as a file that Excel opens."""
        with database.transaction(g.principal.scope) as session:
            site, monday = _asked(session)
            found = bookings_touching(session, site, [monday + timedelta(days=n) for n in range(7)])
            rows = [_cells(booking, room, ZoneInfo(site.time_zone)) for booking, room in found]
        headings = [str(words) for words in HEADINGS]
        response = Response(b"".join(csv_text(Sheet("rooms", headings, rows))), content_type=MIME["csv"])
        response.headers["Content-Disposition"] = f'attachment; filename="rooms-{monday}.csv"'
        return response


def day_typed(written: str) -> date | None:
    """The day of an address; None for what is none, or lies where nobody books."""
    try:
        found = date.fromisoformat(written)
    except ValueError:
        return None
    return found if 2000 <= found.year < 2100 else None


def bookings_touching(session: Session, site: Site, days: Sequence[date]) -> list[tuple[Booking, Room]]:
    """What holds a room on some of these days, which follow one another, with the room, in order."""
    zone = ZoneInfo(site.time_zone)
    begins, ends = (datetime.combine(day, datetime.min.time(), zone) for day in (days[0], days[-1] + timedelta(days=1)))
    query = (
        select(Booking, Room)
        .join(Room, Room.id == Booking.room_id)
        .where(
            Booking.site_id == site.id,
            Booking.status.in_(TAKEN),
            Booking.ends_at > begins,
            Booking.starts_at < ends,
        )
    )
    return [(row.Booking, row.Room) for row in session.execute(query.order_by(Booking.starts_at, Booking.position))]


def days_of(booking: Booking, zone: ZoneInfo) -> list[date]:
    """The days that a booking touches: a block may be in many."""
    first = booking.starts_at.astimezone(zone).date()
    last = (booking.ends_at - timedelta(microseconds=1)).astimezone(zone).date()
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _asked(session: Session) -> tuple[Site, date]:
    site = find_site(session, own_site())
    return site, monday_of(day_typed(request.args.get("week", "")) or local_today(session, site))


def _cells(booking: Booking, room: Room, zone: ZoneInfo) -> list[str]:
    begins, ends = booking.starts_at.astimezone(zone), booking.ends_at.astimezone(zone)
    until = f"{ends:%H:%M}" if ends.date() == begins.date() else f"{ends:%Y-%m-%d %H:%M}"
    status = Words("停用", "closed") if booking.purpose == "block" else STATUSES[booking.status]
    return [str(begins.date()), f"{begins:%H:%M}", until, str(called(room)), booking.title, str(status)]
