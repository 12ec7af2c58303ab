"""Venues and their caps, and fewer places on a shift than are taken."""

from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g
from sqlalchemy import select

from services.common.auth import Caller, allow
from services.common.conventions import answered, create, expected_versions, json_body, own_site, page
from services.common.database import Database
from services.common.schemas import ListQuery
from services.registration.models import Venue
from services.registration.operations.seats import venues
from services.registration.personal_data import PersonalData
from services.registration.schemas import page_of
from services.registration.schemas.activities import ShiftAnswer
from services.registration.schemas.venues import (
    ActivityVenueAnswer,
    ActivityVenueBody,
    CapacityApplyBody,
    CapacityBody,
    CapApplyBody,
    CapBody,
    Move,
    PlanAnswer,
    VenueAnswer,
    VenueBody,
    VenueEdit,
)


def venues_blueprint(database: Database, data: PersonalData) -> APIBlueprint:
    """The routes of venues."""
    blueprint = APIBlueprint("venues", __name__, tag="Venues", url_prefix="/v1")
    _add_venues(blueprint, database, data)
    _add_caps(blueprint, database)
    _add_capacities(blueprint, database)
    return blueprint


def _add_venues(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.post("/venues")
    @allow(Caller.SITE, Caller.STAFF)
    @json_body(VenueBody)
    @blueprint.output(VenueAnswer, status_code=201)
    def create_venue(body: VenueBody) -> Response:
        """Add a venue."""
        site_id = own_site()
        return create(
            database,
            data,
            body,
            lambda session: VenueAnswer.model_validate(vars(venues.create_venue(session, site_id, body))),
        )

    @blueprint.get("/venues")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(ListQuery, location="query", arg_name="query")
    @blueprint.output(page_of(VenueAnswer))
    def list_venues(query: ListQuery) -> Response:
        """The site's venues."""
        with database.transaction(g.principal.scope) as session:
            return page(
                session,
                select(Venue),
                Venue.position,
                query,
                lambda found: [VenueAnswer.model_validate(vars(one)) for one in found],
            )

    @blueprint.get("/venues/<uuid:venue_id>")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.output(VenueAnswer)
    def show_venue(venue_id: UUID) -> Response:
        """A venue."""
        with database.transaction(g.principal.scope) as session:
            return answered(VenueAnswer.model_validate(vars(venues.find_venue(session, venue_id))))

    @blueprint.patch("/venues/<uuid:venue_id>")
    @allow(Caller.SITE, Caller.STAFF)
    @json_body(VenueEdit)
    @blueprint.output(VenueAnswer)
    def edit_venue(venue_id: UUID, body: VenueEdit) -> Response:
        """Rename a venue."""
        expected = expected_versions()
        with database.transaction(g.principal.scope) as session:
            return answered(VenueAnswer.model_validate(vars(venues.edit_venue(session, venue_id, body, expected))))

    @blueprint.put("/activities/<uuid:activity_id>/venue")
    @allow(Caller.SITE, Caller.STAFF)
    @json_body(ActivityVenueBody)
    @blueprint.output(ActivityVenueAnswer)
    def place_activity(activity_id: UUID, body: ActivityVenueBody) -> Response:
        """Say in which venue an activity is."""
        expected = expected_versions()
        with database.transaction(g.principal.scope) as session:
            placed = venues.place_activity(session, activity_id, body.venue_id, expected)
            return answered(ActivityVenueAnswer.model_validate(vars(placed)))


def _add_caps(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.post("/venues/<uuid:venue_id>/cap/preview")
    @allow(Caller.SITE, Caller.STAFF)
    @json_body(CapBody)
    @blueprint.output(PlanAnswer)
    def preview_cap(venue_id: UUID, body: CapBody) -> Response:
        """Who would move to the waitlist if the venue held so many; changes nothing."""
        with database.transaction(g.principal.scope) as session:
            return answered(_described(venues.preview_cap(session, venue_id, body.capacity, body.percent)))

    @blueprint.post("/venues/<uuid:venue_id>/cap")
    @allow(Caller.SITE, Caller.STAFF)
    @json_body(CapApplyBody)
    @blueprint.output(VenueAnswer)
    def apply_cap(venue_id: UUID, body: CapApplyBody) -> Response:
        """Set the cap and move exactly those of the preview; 412 when it would be others by now."""
        with database.transaction(g.principal.scope) as session:
            venue = venues.apply_cap(session, venue_id, body.capacity, body.percent, body.token)
            return answered(VenueAnswer.model_validate(vars(venue)))


def _add_capacities(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.post("/shifts/<uuid:shift_id>/capacity/preview")
    @allow(Caller.SITE, Caller.STAFF)
    @json_body(CapacityBody)
    @blueprint.output(PlanAnswer)
    def preview_capacity(shift_id: UUID, body: CapacityBody) -> Response:
        """Who would move to the waitlist if the shift had so many places; changes nothing."""
        with database.transaction(g.principal.scope) as session:
            return answered(_described(venues.preview_capacity(session, shift_id, body.capacity)))

    @blueprint.post("/shifts/<uuid:shift_id>/capacity")
    @allow(Caller.SITE, Caller.STAFF)
    @json_body(CapacityApplyBody)
    @blueprint.output(ShiftAnswer)
    def apply_capacity(shift_id: UUID, body: CapacityApplyBody) -> Response:
        """Set a shift's capacity and move exactly those of the preview; 412 when it would be others by now."""
        with database.transaction(g.principal.scope) as session:
            shift = venues.apply_capacity(session, shift_id, body.capacity, body.token)
            return answered(ShiftAnswer.model_validate(vars(shift)))


def _described(plan: venues.Plan) -> PlanAnswer:
    moves = [Move.model_validate(vars(row) | {"registration_id": row.id}) for row in plan.moves]
    return PlanAnswer(moves=moves, token=plan.token)
