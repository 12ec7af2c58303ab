"""Bookings of rooms."""

from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g
from sqlalchemy import select

from services.common.auth import Caller, allow
from services.common.conventions import answered, create, expected_versions, json_body, own_site, page
from services.common.database import Database
from services.registration.models import Booking
from services.registration.operations import bookings
from services.registration.operations.bookings.stranded import outside_hours
from services.registration.operations.sites.sites import find_site
from services.registration.personal_data import PersonalData
from services.registration.schemas import page_of
from services.registration.schemas.bookings import (
    BookingAnswer,
    BookingBody,
    BookingEdit,
    BookingQuery,
    BookingsAnswer,
    BookingSeriesAnswer,
    BookingSeriesBody,
    CancelledAnswer,
    PreviewAnswer,
    ReasonBody,
    SaveSeriesBody,
)


def bookings_blueprint(database: Database, data: PersonalData) -> APIBlueprint:
    """The routes of bookings."""
    blueprint = APIBlueprint("bookings", __name__, tag="Rooms and bookings", url_prefix="/v1")
    _add_bookings(blueprint, database, data)
    _add_decisions(blueprint, database)
    _add_series(blueprint, database, data)
    return blueprint


def _add_bookings(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.post("/bookings")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(BookingBody, arg_name="body")
    @blueprint.output(BookingAnswer, status_code=201)
    def create_booking(body: BookingBody) -> Response:
        """Reserve a room: for a team, a shift, something else, or a block. 409 with every reason when it cannot be had.

        Where the room needs approval the booking is `requested`, and holds its time until it is decided. A shift's
        booking (`{"shift_id": …}` is enough where its activity has a room) follows the shift when that moves or is
        called off.
        """
        return create(database, data, body, lambda s: BookingAnswer.model_validate(bookings.book(s, own_site(), body)))

    @blueprint.get("/bookings")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(BookingQuery, location="query", arg_name="query")
    @blueprint.output(page_of(BookingAnswer))
    def list_bookings(query: BookingQuery) -> Response:
        """The site's bookings; with `from` and `to`, those that touch that time."""
        rows = select(Booking).where(Booking.site_id == own_site())
        if query.starts_at:
            rows = rows.where(Booking.ends_at > query.starts_at)
        if query.ends_at:
            rows = rows.where(Booking.starts_at < query.ends_at)
        for name in ("room_id", "team_id", "series_id", "status"):
            value = getattr(query, name)
            rows = rows if value is None else rows.where(getattr(Booking, name) == value)
        with database.transaction(g.principal.scope) as session:
            return page(
                session, rows, Booking.position, query, lambda found: [BookingAnswer.model_validate(b) for b in found]
            )

    @blueprint.get("/bookings/outside-hours")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.output(BookingsAnswer)
    def list_outside_hours() -> Response:
        """The bookings to come that lie outside the opening hours: made before these were narrowed, and still kept."""
        with database.transaction(g.principal.scope) as session:
            found = outside_hours(session, find_site(session, own_site()))
            return answered(BookingsAnswer(items=[BookingAnswer.model_validate(one) for one in found]))

    @blueprint.get("/bookings/<uuid:booking_id>")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.output(BookingAnswer)
    def show_booking(booking_id: UUID) -> Response:
        """A booking."""
        with database.transaction(g.principal.scope) as session:
            return answered(BookingAnswer.model_validate(bookings.find_booking(session, booking_id)))

    @blueprint.patch("/bookings/<uuid:booking_id>")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(BookingEdit, arg_name="body")
    @blueprint.output(BookingAnswer)
    def move_booking(booking_id: UUID, body: BookingEdit) -> Response:
        """Put a booking to another time or room, under the same rules."""
        with database.transaction(g.principal.scope) as session:
            return answered(BookingAnswer.model_validate(bookings.move(session, booking_id, body, expected_versions())))


def _add_decisions(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.post("/bookings/<uuid:booking_id>/confirm")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.output(BookingAnswer)
    def confirm_booking(booking_id: UUID) -> Response:
        """Grant a request."""
        with database.transaction(g.principal.scope) as session:
            return answered(BookingAnswer.model_validate(bookings.decide(session, booking_id, confirm=True)))

    @blueprint.post("/bookings/<uuid:booking_id>/decline")
    @allow(Caller.SITE, Caller.STAFF)
    @json_body(ReasonBody, optional=True)
    @blueprint.output(BookingAnswer)
    def decline_booking(booking_id: UUID, body: ReasonBody) -> Response:
        """Turn a request down; its time is free again."""
        with database.transaction(g.principal.scope) as session:
            booking = bookings.decide(session, booking_id, confirm=False, reason=body.reason)
            return answered(BookingAnswer.model_validate(booking))

    @blueprint.post("/bookings/<uuid:booking_id>/cancel")
    @allow(Caller.SITE, Caller.STAFF)
    @json_body(ReasonBody, optional=True)
    @blueprint.output(BookingAnswer)
    def cancel_booking(booking_id: UUID, body: ReasonBody) -> Response:
        """Give a booking up; its time is free again."""
        with database.transaction(g.principal.scope) as session:
            return answered(BookingAnswer.model_validate(bookings.cancel(session, booking_id, body.reason)))


def _add_series(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.post("/bookings/series/preview")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(BookingSeriesBody, arg_name="body")
    @blueprint.output(PreviewAnswer)
    def preview_series(body: BookingSeriesBody) -> Response:
        """Every date of a recurring booking, and why it is not free if it is not. Nothing is saved."""
        with database.transaction(g.principal.scope) as session:
            return answered(bookings.preview(session, own_site(), body))

    @blueprint.post("/bookings/series")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(SaveSeriesBody, arg_name="body")
    @blueprint.output(BookingSeriesAnswer, status_code=201)
    def create_series(body: SaveSeriesBody) -> Response:
        """Save a recurring booking: all of its dates, or (`take: free`) those that are free."""
        return create(database, data, body, lambda s: bookings.book_series(s, own_site(), body))

    @blueprint.post("/bookings/series/<uuid:series_id>/cancel")
    @allow(Caller.SITE, Caller.STAFF)
    @json_body(ReasonBody, optional=True)
    @blueprint.output(CancelledAnswer)
    def cancel_series(series_id: UUID, body: ReasonBody) -> Response:
        """Give up what of a recurring booking has not begun."""
        with database.transaction(g.principal.scope) as session:
            return answered(CancelledAnswer(cancelled=bookings.cancel_series(session, series_id, body.reason)))
