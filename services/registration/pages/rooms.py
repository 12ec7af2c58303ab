"""Staff's pages of rooms: the week, requests to decide, booking once or again and again, the rooms themselves."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from apiflask import APIBlueprint
from flask import g, request, url_for
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.conventions import own_site
from services.common.database import Database
from services.common.errors import not_found
from services.common.pages import Answer, Form, done, in_menu, page_blueprint, read_form, render
from services.common.pages.times import clock
from services.registration.models import Booking, Room, Site, Team
from services.registration.operations import bookings
from services.registration.operations.bookings import rooms
from services.registration.operations.bookings.opening import hours_of
from services.registration.operations.bookings.rooms import TAKEN
from services.registration.operations.bookings.shares import hours, monday_of, usage
from services.registration.operations.bookings.stranded import is_outside, outside_hours
from services.registration.operations.sites.sites import find_site, local_today
from services.registration.pages.booking_moves import add_moves, typed_times
from services.registration.pages.home import Box, Line, box
from services.registration.pages.room_lists import add_lists, bookings_touching, day_typed, days_of
from services.registration.schemas.bookings import BookingBody, BookingSeriesBody, PreviewAnswer, SaveSeriesBody
from services.registration.schemas.rooms import RoomBody, RoomEdit

DECIDED = {
    "confirm": ("已批准。", "Granted."),
    "decline": ("已婉拒。", "Turned down."),
    "cancel": ("已取消预约。", "The booking was given up."),
}


def rooms_pages(database: Database) -> APIBlueprint:
    """The pages of rooms."""
    blueprint = page_blueprint("rooms_pages", __name__, url_prefix="/staff/rooms")
    in_menu("rooms_pages.week", "场地", "Rooms", 4)
    _add_week(blueprint, database)
    _add_booking(blueprint, database)
    _add_decisions(blueprint, database)
    _add_rooms(blueprint, database)
    add_moves(blueprint, database)
    add_lists(blueprint, database)
    return blueprint


@dataclass(frozen=True)
class Slot:
    """A booking as the week shows it, twice: as a table and, on a phone, as a list."""

    booking: Booking
    time: str
    address: str
    is_outside: bool


def _add_week(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.get("/")
    @allow(Caller.STAFF)
    def week() -> Answer:
        """A week of all rooms, and what waits for a decision."""
        with database.transaction(g.principal.scope) as session:
            site = find_site(session, own_site())
            today = local_today(session, site)
            monday = monday_of(day_typed(request.args.get("week", "")) or today)
            days = [monday + timedelta(days=n) for n in range(7)]
            return render(
                "rooms/week.html",
                zone=site.time_zone,
                today=today,
                days=days,
                open_hours=[hours_of(site.opening_hours, site.exceptions, one) for one in days],
                rooms=_rooms(session, site),
                slots=_slots(session, site, days),
                waiting=_waiting(session, site),
                shares=[(one, hours(one.minutes)) for one in usage(session, site.id, monday)],
                outside=outside_hours(session, site)[:50],
                limit=hours(site.team_minutes_per_week) if site.team_minutes_per_week else "",
                earlier=monday - timedelta(days=7),
                later=monday + timedelta(days=7),
            )


def _rooms(session: Session, site: Site) -> dict[UUID, Room]:
    found = session.scalars(select(Room).where(Room.site_id == site.id).order_by(Room.position).limit(100))
    return {room.id: room for room in found}


def _slots(session: Session, site: Site, days: list[date]) -> dict[tuple[UUID, date], list[Slot]]:
    """What is in each room on each day, in order; a block of many days is in each of them."""
    slots: dict[tuple[UUID, date], list[Slot]] = {}
    for booking, _ in bookings_touching(session, site, days):
        slot = _slot(site, booking)
        for one in days_of(booking, ZoneInfo(site.time_zone)):
            slots.setdefault((booking.room_id, one), []).append(slot)
    return slots


def _slot(site: Site, booking: Booking) -> Slot:
    time = f"{clock(booking.starts_at, site.time_zone)}–{clock(booking.ends_at, site.time_zone)}"
    address = url_for("rooms_pages.show_one", booking_id=booking.id)
    return Slot(booking, time, address, is_outside(site, booking))


def _waiting(session: Session, site: Site) -> list[Booking]:
    query = select(Booking).where(Booking.site_id == site.id, Booking.status == "requested")
    return list(session.scalars(query.order_by(Booking.starts_at).limit(50)))


def _add_booking(blueprint: APIBlueprint, database: Database) -> None:
    def show(form: Form[Any], preview: PreviewAnswer | None = None) -> str:
        with database.transaction(g.principal.scope) as session:
            site = find_site(session, own_site())
            teams = session.scalars(
                select(Team).where(Team.site_id == site.id, Team.ended_at.is_(None)).order_by(Team.position).limit(500)
            ).all()
            return render(
                "rooms/book.html",
                form=form,
                preview=preview,
                rooms={key: room for key, room in _rooms(session, site).items() if not room.retired},
                teams=teams,
                zone=site.time_zone,
            )

    @blueprint.get("/book")
    @allow(Caller.STAFF)
    def show_booking() -> Answer:
        """The form, filled in as far as its address says."""
        return show(Form(request.args))

    @blueprint.post("/book")
    @allow(Caller.STAFF)
    def book() -> Answer:
        """Book; or show every date of a recurring booking first."""
        step = request.form.get("step", "")
        form: Form[Any] = Form(request.form)
        preview = None
        saved = 0
        with form.catching(), database.transaction(g.principal.scope) as session:
            site = find_site(session, own_site())
            if not request.form.get("repeat"):
                form.read(BookingBody, _once(site, request.form))
                bookings.book(session, site.id, form.body)
                saved = 1
            elif step in ("all", "free"):
                form.read(SaveSeriesBody, _series(request.form) | {"take": step})
                saved = len(bookings.book_series(session, site.id, form.body).saved)
            else:
                form.read(BookingSeriesBody, _series(request.form))
                preview = bookings.preview(session, site.id, form.body)
        if form.failed or preview is not None:
            return show(form, preview), 422 if form.failed else 200
        week = day_typed(request.form.get("first_day", ""))
        address = url_for("rooms_pages.week", week=week)
        return done(address, f"已保存 {saved} 个预约。", f"{saved} booking(s) saved.")


def _what(typed: Any) -> dict[str, Any]:
    """What both kinds of booking have: where, for whom, and whether it is approved."""
    taken = {name: typed[name] for name in ("room_id", "team_id", "title") if typed.get(name)}
    return taken | {"approved": typed.get("approved") == "on"}


def _once(site: Site, typed: Any) -> dict[str, Any]:
    return _what(typed) | typed_times(site, typed) | {"block": typed.get("block") == "on"}


def _series(typed: Any) -> dict[str, Any]:
    count = typed.get("count", "").strip() or "1"
    rule = {"rrule": f"{typed.get('repeat', '')};COUNT={count}", "block": typed.get("block") == "on"}
    when = {name: typed.get(name, "") for name in ("first_day", "from_time", "to_time")}
    left_out = [word for word in re.split(r"[\s,，、;；]+", typed.get("except_days", "")) if word]
    return _what(typed) | rule | when | {"except_days": left_out}


def _add_decisions(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.get("/bookings/<uuid:booking_id>")
    @allow(Caller.STAFF)
    def show_one(booking_id: UUID) -> Answer:
        """A booking, and what can be done with it."""
        with database.transaction(g.principal.scope) as session:
            booking = bookings.find_booking(session, booking_id)
            room = rooms.find_room(session, booking.room_id)
            site = find_site(session, booking.site_id)
            return render(
                "rooms/booking.html",
                booking=booking,
                room=room,
                zone=site.time_zone,
                form=Form(),
                outside=booking.status in TAKEN and is_outside(site, booking),
            )

    @blueprint.post("/bookings/<uuid:booking_id>/<step>")
    @allow(Caller.STAFF)
    def decide(booking_id: UUID, step: str) -> Answer:
        """Grant a request, turn it down, or give a booking up."""
        if step not in DECIDED:
            raise not_found("这个操作", "step")
        reason = request.form.get("reason", "").strip()[:1000]
        with database.transaction(g.principal.scope) as session:
            if step == "cancel":
                booking = bookings.cancel(session, booking_id, reason)
            else:
                booking = bookings.decide(session, booking_id, step == "confirm", reason)
            week = booking.local_day
        return done(url_for("rooms_pages.week", week=week), *DECIDED[step])

    @blueprint.get("/series/<uuid:series_id>")
    @allow(Caller.STAFF)
    def show_rest(series_id: UUID) -> Answer:
        """What is left of a recurring booking, before it is given up."""
        with database.transaction(g.principal.scope) as session:
            rest = bookings.still_to_come(session, series_id)
            zone = find_site(session, own_site()).time_zone
            return render("rooms/series.html", rest=rest, series_id=series_id, zone=zone, form=Form())

    @blueprint.post("/series/<uuid:series_id>")
    @allow(Caller.STAFF)
    def cancel_rest(series_id: UUID) -> Answer:
        """Give up what of a recurring booking has not begun."""
        reason = request.form.get("reason", "").strip()[:1000]
        with database.transaction(g.principal.scope) as session:
            count = bookings.cancel_series(session, series_id, reason)
        return done(url_for("rooms_pages.week"), f"已取消 {count} 个预约。", f"{count} booking(s) were given up.")


def _add_rooms(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.get("/new")
    @allow(Caller.STAFF)
    def new_room() -> Answer:
        """The form of a new room."""
        return render("rooms/room.html", form=Form(), room=None)

    @blueprint.post("/new")
    @allow(Caller.STAFF)
    def create_room() -> Answer:
        """Add a room."""
        form = read_form(RoomBody, **_room_fields())
        with form.catching(), database.transaction(g.principal.scope) as session:
            rooms.create_room(session, own_site(), form.body)
        if form.failed:
            return render("rooms/room.html", form=form, room=None), 422
        return done(url_for("rooms_pages.week"), "房间已添加。", "The room was added.")

    @blueprint.get("/<uuid:room_id>")
    @allow(Caller.STAFF)
    def show_room(room_id: UUID) -> Answer:
        """The form of a room."""
        with database.transaction(g.principal.scope) as session:
            room = rooms.find_room(session, room_id)
            values = vars(room) | {"equipment": "、".join(room.equipment)}
            values |= {name: "on" if values[name] else "" for name in ("approval", "for_teams", "retired")}
            return render("rooms/room.html", form=Form(values), room=room)

    @blueprint.post("/<uuid:room_id>")
    @allow(Caller.STAFF)
    def edit_room(room_id: UUID) -> Answer:
        """Change a room."""
        form = read_form(RoomEdit, **_room_fields(editing=True))
        with form.catching(), database.transaction(g.principal.scope) as session:
            rooms.edit_room(session, room_id, form.body, None)
        if form.failed:
            with database.transaction(g.principal.scope) as session:
                return render("rooms/room.html", form=form, room=rooms.find_room(session, room_id)), 422
        return done(url_for("rooms_pages.week"), "房间已保存。", "The room was saved.")


def _room_fields(editing: bool = False) -> dict[str, Any]:
    """What a form writes otherwise than the API: a list in one line, and boxes that are left empty."""
    written = request.form.get("equipment", "").replace(",", "、").replace(",", "、")
    listed = [item.strip() for item in written.split("、") if item.strip()]
    boxes = ("approval", "for_teams", "retired") if editing else ("approval", "for_teams")
    return {"equipment": listed} | {name: request.form.get(name) == "on" for name in boxes}


@box
def rooms_to_look_at(session: Session, site_id: UUID) -> Box | None:
    """How many rooms were asked for and wait for a decision, and how many bookings narrower hours have stranded."""
    query = select(func.count()).where(Booking.site_id == site_id, Booking.status == "requested")
    asked = session.scalar(query)
    outside = len(outside_hours(session, find_site(session, site_id)))
    told = [
        (asked, f"{asked} 个场地预约待批准", f"{asked} room(s) asked for"),
        (outside, f"{outside} 个预约在开放时间外", f"{outside} booking(s) outside the opening hours"),
    ]
    lines = [Line(zh, en, url_for("rooms_pages.week")) for count, zh, en in told if count]
    return Box("场地", "Rooms", lines) if lines else None
