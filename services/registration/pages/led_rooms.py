"""A leader's page of rooms: when they are free, day by day, and asking for one."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from apiflask import APIBlueprint
from flask import Response, request, url_for
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.database import EVERY_SITE, Database
from services.common.pages import Answer, Form, done, render
from services.registration.api.residents import resident
from services.registration.models import Site
from services.registration.operations.bookings.opening import hours_of
from services.registration.operations.seats.throttle import TRIALS, Throttle
from services.registration.operations.sites.sites import local_today
from services.registration.operations.teams import led_rooms
from services.registration.operations.teams.leaders import find_led
from services.registration.operations.teams.own_teams import Membership
from services.registration.pages.certificates import catching
from services.registration.pages.hours import local_moment
from services.registration.pages.resident import resident_blueprint
from services.registration.pages.room_lists import day_typed
from services.registration.schemas.leading import RoomRequestBody

WEEK = timedelta(days=7)


def led_rooms_pages(database: Database) -> APIBlueprint:
    """The pages of a leader's rooms."""
    blueprint = resident_blueprint("led_rooms_pages", __name__, url_prefix="/my/teams/<uuid:member_id>/lead/rooms")
    throttle = Throttle(TRIALS)

    def page(member_id: UUID, form: Form[Any], can_be_had: bool = False) -> str:
        with database.transaction(EVERY_SITE) as session:
            led = find_led(session, resident(), member_id)
            week = _week(session, led, request.args.get("week", "") or form.value("day"))
            return render("mine/team_rooms.html", led=led, form=form, can_be_had=can_be_had, **week)

    @blueprint.get("")
    @allow(Caller.PERSON)
    def show_rooms(member_id: UUID) -> Answer:
        """When rooms are free, and the form, filled in as far as the address says."""
        return page(member_id, Form(request.args))

    @blueprint.post("")
    @allow(Caller.PERSON)
    def ask_for_room(member_id: UUID) -> Answer:
        """Ask for a room; or only see whether it can be had."""
        form: Form[RoomRequestBody] = Form(request.form)
        only_look = request.form.get("step") == "check"
        with catching(form), database.transaction(EVERY_SITE) as session:
            throttle.take(str(member_id), request.remote_addr)
            led = find_led(session, resident(), member_id)
            _read(form, ZoneInfo(led.site.time_zone))
            (led_rooms.try_request if only_look else led_rooms.ask_for_room)(session, led, form.body)
        if form.failed or only_look:
            return page(member_id, form, can_be_had=not form.failed), 422 if form.failed else 200
        return done(
            url_for("own_teams_pages.show_led", member_id=member_id),
            "已提出申请，时间先为您留着，等站点答复。",
            "You asked for it. The time is kept until the site decides.",
        )

    @blueprint.post("/<uuid:booking_id>/withdraw")
    @allow(Caller.PERSON)
    def withdraw(member_id: UUID, booking_id: UUID) -> Response:
        """Give a time up."""
        with database.transaction(EVERY_SITE) as session:
            led_rooms.withdraw_request(session, find_led(session, resident(), member_id), booking_id)
        return done(url_for("own_teams_pages.show_led", member_id=member_id), "已取消。", "It was given up.")

    return blueprint


def _read(form: Form[RoomRequestBody], zone: ZoneInfo) -> None:
    day = form.value("day")
    typed = {name: local_moment(f"{day}T{form.value(name)}", zone) for name in ("starts_at", "ends_at")}
    form.read(RoomRequestBody, typed | {"room_id": form.value("room_id"), "title": form.value("title")})


def _week(session: Session, led: Membership, wanted: str) -> dict[str, Any]:
    """Seven days from today or from a later day that is asked for, as far as leaders may ask."""
    site, today, last = led.site, local_today(session, led.site), led_rooms.last_day(led.site)
    first = min(max(day_typed(wanted) or today, today), last)
    days = [day for day in (first + timedelta(days=n) for n in range(7)) if day <= last]
    free = led_rooms.free_times(session, led, days)
    return {
        "rooms": led_rooms.rooms_for_teams(session, site.id),
        "days": [(day, bool(hours_of(site.opening_hours, site.exceptions, day))) for day in days],
        "free": {place: [_written(site, place[1], *span) for span in spans] for place, spans in free.items()},
        "earlier": max(first - WEEK, today) if first > today else None,
        "later": first + WEEK if first + WEEK <= last else None,
    }


def _written(site: Site, day: date, begins: datetime, ends: datetime) -> tuple[str, str]:
    """The clock on the wall; a day ends at 24:00."""
    zone = ZoneInfo(site.time_zone)
    until = ends.astimezone(zone)
    return f"{begins.astimezone(zone):%H:%M}", f"{until:%H:%M}" if until.date() == day else "24:00"
