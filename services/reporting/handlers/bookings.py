"""Rooms and their bookings."""

from collections.abc import Callable, Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.events import Received
from services.reporting.handlers.runs import columns_of, expect_all, last_of

SAVE_ROOMS = text("""
INSERT INTO rooms (room_id, site_id, name_zh, name_en, capacity)
SELECT * FROM unnest(cast(:room_id AS uuid[]), cast(:site_id AS uuid[]), cast(:name_zh AS text[]),
                     cast(:name_en AS text[]), cast(:capacity AS int[]))
ON CONFLICT (room_id) DO UPDATE SET
    name_zh = excluded.name_zh, name_en = excluded.name_en, capacity = excluded.capacity
""")

INCOMING = """
FROM unnest(cast(:booking_id AS uuid[]), cast(:room_id AS uuid[]), cast(:site_id AS uuid[]), cast(:purpose AS text[]),
            cast(:team_id AS uuid[]), cast(:shift_id AS uuid[]), cast(:starts_at AS timestamptz[]),
            cast(:ends_at AS timestamptz[]), cast(:local_day AS date[]))
     AS i (booking_id, room_id, site_id, purpose, team_id, shift_id, starts_at, ends_at, day)
"""

SAVE_BOOKINGS = text(f"""
INSERT INTO bookings (booking_id, room_id, site_id, purpose, team_id, shift_id, starts_at, ends_at, day, status)
SELECT i.*, :status {INCOMING}
ON CONFLICT (booking_id) DO UPDATE SET
    room_id = excluded.room_id, purpose = excluded.purpose, team_id = excluded.team_id, shift_id = excluded.shift_id,
    starts_at = excluded.starts_at, ends_at = excluded.ends_at, day = excluded.day, status = excluded.status
""")

MOVE_BOOKINGS = text(f"""
WITH moved AS (
    UPDATE bookings SET
        room_id = i.room_id, purpose = i.purpose, team_id = i.team_id, shift_id = i.shift_id, starts_at = i.starts_at,
        ends_at = i.ends_at, day = i.day
    {INCOMING} WHERE bookings.booking_id = i.booking_id
    RETURNING 1
)
SELECT count(*) FROM moved
""")  # noqa: S608

BOOKING_COLUMNS = (
    "booking_id",
    "room_id",
    "site_id",
    "purpose",
    "team_id",
    "shift_id",
    "starts_at",
    "ends_at",
    "local_day",
)


def on_rooms_saved(session: Session, events: Sequence[Received]) -> None:
    """Rooms were added or changed."""
    last = last_of(events, "room_id")
    session.execute(SAVE_ROOMS, columns_of(last, "room_id", "site_id", "name_zh", "name_en", "capacity"))


def bookings_are(status: str) -> Callable[[Session, Sequence[Received]], None]:
    """Handler of booking events after which the booking has this status."""

    def handle(session: Session, events: Sequence[Received]) -> None:
        columns = columns_of(last_of(events, "booking_id"), *BOOKING_COLUMNS)
        session.execute(SAVE_BOOKINGS, {**columns, "status": status})

    return handle


def on_bookings_moved(session: Session, events: Sequence[Received]) -> None:
    """Bookings are at another time or in another room; requested or confirmed as they were."""
    last = last_of(events, "booking_id")
    found = session.scalar(MOVE_BOOKINGS, columns_of(last, *BOOKING_COLUMNS))
    expect_all(last, found, "a booking that was never made")
