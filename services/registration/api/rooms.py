"""Rooms."""

from uuid import UUID
from zoneinfo import ZoneInfo

from apiflask import APIBlueprint
from flask import Response, g
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.conventions import answered, create, expected_versions, own_site, page
from services.common.database import Database
from services.common.errors import Words, invalid
from services.common.schemas import ListQuery
from services.registration.models import Room
from services.registration.operations.bookings import rooms
from services.registration.operations.bookings.opening import is_open
from services.registration.operations.bookings.rules import LONGEST
from services.registration.operations.bookings.shares import monday_of, usage
from services.registration.operations.sites.sites import find_site, local_today
from services.registration.personal_data import PersonalData
from services.registration.schemas import page_of
from services.registration.schemas.rooms import (
    FreeAnswer,
    FreeQuery,
    RoomAnswer,
    RoomBody,
    RoomEdit,
    ShareAnswer,
    SharesAnswer,
    SharesQuery,
)


def rooms_blueprint(database: Database, data: PersonalData) -> APIBlueprint:
    """The routes of rooms."""
    blueprint = APIBlueprint("rooms", __name__, tag="Rooms and bookings", url_prefix="/v1")
    _add_rooms(blueprint, database, data)
    _add_questions(blueprint, database)
    return blueprint


def _add_rooms(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.post("/rooms")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(RoomBody, arg_name="body")
    @blueprint.output(RoomAnswer, status_code=201)
    def create_room(body: RoomBody) -> Response:
        """Add a room."""
        return create(database, data, body, lambda s: RoomAnswer.model_validate(rooms.create_room(s, own_site(), body)))

    @blueprint.get("/rooms")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(ListQuery, location="query", arg_name="query")
    @blueprint.output(page_of(RoomAnswer))
    def list_rooms(query: ListQuery) -> Response:
        """The site's rooms."""
        rows = select(Room).where(Room.site_id == own_site())
        with database.transaction(g.principal.scope) as session:
            return page(
                session, rows, Room.position, query, lambda found: [RoomAnswer.model_validate(r) for r in found]
            )

    @blueprint.get("/rooms/<uuid:room_id>")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.output(RoomAnswer)
    def show_room(room_id: UUID) -> Response:
        """A room."""
        with database.transaction(g.principal.scope) as session:
            return answered(RoomAnswer.model_validate(rooms.find_room(session, room_id)))

    @blueprint.patch("/rooms/<uuid:room_id>")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(RoomEdit, arg_name="body")
    @blueprint.output(RoomAnswer)
    def edit_room(room_id: UUID, body: RoomEdit) -> Response:
        """Change a room. Bookings that were made stay as they are."""
        with database.transaction(g.principal.scope) as session:
            return answered(RoomAnswer.model_validate(rooms.edit_room(session, room_id, body, expected_versions())))


def _add_questions(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.get("/rooms/free")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(FreeQuery, location="query", arg_name="query")
    @blueprint.output(FreeAnswer)
    def find_free_rooms(query: FreeQuery) -> Response:
        """Rooms that are free from `from` to `to` for so many people, the smallest first."""
        if not query.starts_at < query.ends_at <= query.starts_at + LONGEST:
            raise invalid("to", Words("应晚于 from，且相隔不超过 24 小时。", "must be within 24 hours after `from`."))
        with database.transaction(g.principal.scope) as session:
            return answered(free_answer(session, own_site(), query))

    @blueprint.get("/rooms/shares")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(SharesQuery, location="query", arg_name="query")
    @blueprint.output(SharesAnswer)
    def show_shares(query: SharesQuery) -> Response:
        """How long each team has rooms in a week."""
        with database.transaction(g.principal.scope) as session:
            site = find_site(session, own_site())
            monday = monday_of(query.week or local_today(session, site))
            teams = [ShareAnswer.model_validate(one) for one in usage(session, site.id, monday)]
            return answered(SharesAnswer(monday=monday, team_minutes_per_week=site.team_minutes_per_week, teams=teams))


def free_answer(session: Session, site_id: UUID, query: FreeQuery) -> FreeAnswer:
    """The rooms that are free, none while the site is closed."""
    site = find_site(session, site_id)
    is_open_then = is_open(
        site.opening_hours, site.exceptions, ZoneInfo(site.time_zone), query.starts_at, query.ends_at
    )
    found = rooms.free_rooms(session, site_id, query) if is_open_then else []
    return FreeAnswer(open=is_open_then, rooms=[RoomAnswer.model_validate(room) for room in found])
