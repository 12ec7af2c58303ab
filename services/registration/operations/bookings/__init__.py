"""Rooms reserved for a time: for a shift, a team's rehearsal, anything else, or a block that keeps a room free.

booking = book(session, site_id, BookingBody(room_id=…, starts_at=…, ends_at=…, team_id=…))
answer = book_series(session, site_id, SaveSeriesBody(…, rrule="FREQ=WEEKLY;COUNT=10", take="free"))
"""

from services.registration.operations.bookings.book import (
    book,
    cancel,
    decide,
    find_booking,
    move,
)
from services.registration.operations.bookings.of_shifts import follow_shift
from services.registration.operations.bookings.series import book_series, cancel_series, preview, still_to_come

__all__ = [
    "book",
    "book_series",
    "cancel",
    "cancel_series",
    "decide",
    "find_booking",
    "follow_shift",
    "move",
    "preview",
    "still_to_come",
]
