"""A leader looks when rooms are free, and asks for one: staff decide.

    free_times(session, led, days)[room.id, day]        # [(begins, ends), …] in UTC
    try_request(session, led, body)                     # raises whatever would be against asking for it

Who has a room is nobody's business but the site's: a leader learns when it is free, and when it is taken.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.common.errors import Words, invalid, not_found
from services.registration.models import Booking, Room, Site
from services.registration.operations import conflict
from services.registration.operations.bookings.book import book, cancel, find_booking
from services.registration.operations.bookings.opening import hours_of
from services.registration.operations.bookings.rooms import TAKEN
from services.registration.operations.bookings.rules import AHEAD_DAYS, furthest
from services.registration.operations.sites.sites import local_today, lock_site
from services.registration.operations.teams.own_teams import Membership
from services.registration.schemas.bookings import BookingBody
from services.registration.schemas.leading import FreeDay, FreeTime, LedRoom, RoomRequestBody
from services.registration.schemas.site_settings import minutes_of

MOST_UNDECIDED = 5
SHORTEST = timedelta(minutes=30)
"""Shorter gaps are of no use to a team."""
QUARTER = 900

Span = tuple[datetime, datetime]


def rooms_for_teams(session: Session, site_id: UUID) -> Sequence[Room]:
    """The rooms that a team may ask for."""
    query = select(Room).where(Room.site_id == site_id, Room.for_teams, ~Room.retired)
    return session.scalars(query.order_by(Room.position)).all()


def last_day(site: Site) -> date:
    """The last day for which a leader may ask."""
    return furthest(site).astimezone(ZoneInfo(site.time_zone)).date()


def free_times(session: Session, led: Membership, days: Sequence[date]) -> dict[tuple[UUID, date], list[Span]]:
    """When each room for teams is free on these days, which follow one another: within the opening hours, from now on
    and as far ahead as leaders may ask, with the set-up that the room and its other bookings need."""
    rooms = rooms_for_teams(session, led.site.id)
    taken = _taken(session, led.site, rooms, days)
    # From the next full quarter to the last one: nobody asks for 10:07.
    first = datetime.fromtimestamp(-(-datetime.now(UTC).timestamp() // QUARTER) * QUARTER, UTC)
    last = datetime.fromtimestamp(furthest(led.site).timestamp() // QUARTER * QUARTER, UTC)
    found = {}
    for day in days:
        opened = [(max(begins, first), min(ends, last)) for begins, ends in _open(led.site, day)]
        for room in rooms:
            found[room.id, day] = _without(opened, taken[room.id])
    return found


def free_rooms(session: Session, led: Membership, first: date | None) -> list[LedRoom]:
    """The same for seven days, room by room. Raises 422 for a day on which nobody books."""
    first = first or local_today(session, led.site)
    if not 2000 <= first.year < 2100:
        raise invalid("from", Words("应在 2000 年至 2099 年之间。", "must lie between 2000 and 2099."))
    days = [first + timedelta(days=n) for n in range(7)]
    free = free_times(session, led, days)
    return [
        LedRoom(
            room_id=room.id,
            days=[FreeDay(day=day, free=[_time(*span) for span in free[room.id, day]]) for day in days],
            **{name: getattr(room, name) for name in ("name_zh", "name_en", "capacity", "equipment")},
        )
        for room in rooms_for_teams(session, led.site.id)
    ]


def _time(begins: datetime, ends: datetime) -> FreeTime:
    return FreeTime(starts_at=begins, ends_at=ends)


def _taken(session: Session, site: Site, rooms: Sequence[Room], days: Sequence[date]) -> dict[UUID, list[Span]]:
    """What is taken of each room, widened by what the room itself is set up in, in order."""
    zone = ZoneInfo(site.time_zone)
    begins = datetime.combine(days[0], time(), zone) - timedelta(days=1)
    ends = datetime.combine(days[-1], time(), zone) + timedelta(days=2)
    set_up = {room.id: timedelta(minutes=room.setup_minutes) for room in rooms}
    query = select(Booking).where(
        Booking.room_id.in_(set_up), Booking.status.in_(TAKEN), Booking.during.op("&&")(func.tstzrange(begins, ends))
    )
    found: dict[UUID, list[Span]] = {room.id: [] for room in rooms}
    for one in session.scalars(query.order_by(Booking.starts_at)):
        around = timedelta(minutes=one.setup_minutes) + set_up[one.room_id]
        found[one.room_id].append((one.starts_at - around, one.ends_at + around))
    return found


def _open(site: Site, day: date) -> list[Span]:
    midnight = datetime.combine(day, time())
    zone = ZoneInfo(site.time_zone)
    hours = hours_of(site.opening_hours, site.exceptions, day)
    walls = [[midnight + timedelta(minutes=minutes_of(clock)) for clock in pair] for pair in hours]
    return [
        (begins.replace(tzinfo=zone).astimezone(UTC), ends.replace(tzinfo=zone).astimezone(UTC))
        for begins, ends in walls
    ]


def _without(opened: Sequence[Span], taken: Sequence[Span]) -> list[Span]:
    free = []
    for begins, ends in opened:
        reached = begins
        for other_begins, other_ends in taken:
            if other_begins - reached >= SHORTEST and reached < ends:
                free.append((reached, min(other_begins, ends)))
            reached = max(reached, other_ends)
        if ends - reached >= SHORTEST:
            free.append((reached, ends))
    return [(begins, ends) for begins, ends in free if ends - begins >= SHORTEST]


def try_request(session: Session, led: Membership, body: RoomRequestBody) -> None:
    """Ask for the room and take it back: raises whatever would be against it."""
    trial = session.begin_nested()
    try:
        ask_for_room(session, led, body)
    finally:
        trial.rollback()


def ask_for_room(session: Session, led: Membership, body: RoomRequestBody) -> Booking:
    """A request for a room, which holds its time until staff decide: few at once, and not for far ahead, so that one
    team does not hold every room. Raises 409, 422."""
    _check_modest(session, led, body)
    room = session.get(Room, body.room_id)
    if room is None or room.site_id != led.site.id or not room.for_teams:
        raise invalid("room_id", Words("没有这个房间。", "is no room for teams at this site."))
    wanted = BookingBody(
        room_id=room.id, starts_at=body.starts_at, ends_at=body.ends_at, team_id=led.team.id, title=body.title
    )
    return book(session, led.site.id, wanted, as_request=True)


def _check_modest(session: Session, led: Membership, body: RoomRequestBody) -> None:
    """Raise 409 where too many requests of the team are undecided, 422 for one that lies too far ahead."""
    site = lock_site(session, led.site.id)
    if site.booking_horizon_days is None and body.starts_at > furthest(site):
        words = Words(f"最多提前 {AHEAD_DAYS} 天申请。", f"is too far ahead: ask at most {AHEAD_DAYS} days before.")
        raise invalid("starts_at", words)
    undecided = Booking.team_id == led.team.id, Booking.status == "requested", Booking.ends_at > func.now()
    if session.scalars(select(func.count()).select_from(Booking).where(*undecided)).one() >= MOST_UNDECIDED:
        raise conflict(
            f"本队已有 {MOST_UNDECIDED} 个申请等站点答复；请等答复，或先取消一个。",
            f"{MOST_UNDECIDED} requests of your team are not decided yet. Wait for the site, or give one up.",
        )


def withdraw_request(session: Session, led: Membership, booking_id: UUID) -> Booking:
    """Take back what was asked, or give a rehearsal up. Raises 404 for another team's."""
    if find_booking(session, booking_id).team_id != led.team.id:
        raise not_found("这个预约", "booking of your team")
    return cancel(session, booking_id, "队长取消 · given up by the team's leader")
