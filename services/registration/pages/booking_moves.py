"""Staff's pages of a booking that is to be at another time, or in another room."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from apiflask import APIBlueprint
from flask import g, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.database import Database
from services.common.pages import Answer, Form, done, render, typed_version
from services.registration.api.rooms import free_answer
from services.registration.models import Booking, Room, Site
from services.registration.operations import bookings
from services.registration.operations.sites.sites import find_site
from services.registration.schemas.bookings import BookingEdit
from services.registration.schemas.rooms import FreeQuery, RoomAnswer

CLOCKS = (("starts_at", "first_day", "from_time"), ("ends_at", "last_day", "to_time"))


def typed_times(site: Site, typed: Any) -> dict[str, Any]:
    """The moments that a form's day and clocks name, by the site's clock; None for what is no moment. Without a last
    day it is the first."""
    zone = ZoneInfo(site.time_zone)
    times: dict[str, Any] = {}
    for name, day, clock in CLOCKS:
        try:
            local = datetime.fromisoformat(f"{typed.get(day) or typed['first_day']}T{typed[clock]}")
            times[name] = local.replace(tzinfo=zone)
        except (KeyError, ValueError):
            times[name] = None
    return times


def add_moves(blueprint: APIBlueprint, database: Database) -> None:
    """The pages of moving, beside those of rooms."""

    @blueprint.get("/bookings/<uuid:booking_id>/move")
    @allow(Caller.STAFF)
    def show_move(booking_id: UUID) -> Answer:
        """The form of another time or room."""
        with database.transaction(g.principal.scope) as session:
            booking = bookings.find_booking(session, booking_id)
            site = find_site(session, booking.site_id)
            return _move_page(session, site, booking, Form(_written(site, booking)))

    @blueprint.post("/bookings/<uuid:booking_id>/move")
    @allow(Caller.STAFF)
    def move(booking_id: UUID) -> Answer:
        """Put the booking there, or tell everything that is against it and change nothing."""
        form: Form[BookingEdit] = Form(request.form)
        with database.transaction(g.principal.scope) as session:
            booking = bookings.find_booking(session, booking_id)
            site = find_site(session, booking.site_id)
            form.read(BookingEdit, _typed(site, booking, request.form))
            with form.catching(), session.begin_nested():
                bookings.move(session, booking_id, form.body, typed_version())
            if form.failed:
                return _move_page(session, site, booking, form), 422
            week = booking.local_day
        return done(url_for("rooms_pages.week", week=week), "预约已改。", "The booking was changed.")


def _written(site: Site, booking: Booking) -> dict[str, Any]:
    zone = ZoneInfo(site.time_zone)
    values: dict[str, Any] = {"room_id": booking.room_id, "title": booking.title, "version": booking.version}
    for name, day, clock in CLOCKS:
        local = getattr(booking, name).astimezone(zone)
        values |= {day: str(local.date()), clock: f"{local:%H:%M}"}
    return values


def _typed(site: Site, booking: Booking, typed: Any) -> dict[str, Any]:
    """What shall be otherwise. A shift's booking keeps its shift's time."""
    changes: dict[str, Any] = {name: typed[name] for name in ("room_id", "title") if typed.get(name)}
    changes |= {"approved": typed.get("approved") == "on"}
    return changes if booking.purpose == "shift" else changes | typed_times(site, typed)


def _move_page(session: Session, site: Site, booking: Booking, form: Form[Any]) -> str:
    found = session.scalars(select(Room).where(Room.site_id == site.id).order_by(Room.position).limit(100))
    return render(
        "rooms/move.html",
        booking=booking,
        form=form,
        rooms=found.all(),
        zone=site.time_zone,
        free=_free(session, site, form) if form.failed else [],
    )


def _free(session: Session, site: Site, form: Form[Any]) -> list[RoomAnswer]:
    """The rooms that are free at the time that was asked for: a way out where the one that was wanted is not."""
    times = typed_times(site, form.values)
    begins, ends = times["starts_at"], times["ends_at"]
    if begins is None or ends is None or not begins < ends <= begins + timedelta(days=1):
        return []
    return free_answer(session, site.id, FreeQuery.model_validate({"from": begins, "to": ends})).rooms
