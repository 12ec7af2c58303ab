"""Activities and their shifts."""

from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g
from sqlalchemy import select

from services.common.auth import Caller, allow
from services.common.conventions import answered, create, expected_versions, own_site, page
from services.common.database import Database
from services.common.errors import not_found
from services.common.schemas import ListQuery
from services.registration.models import Activity, Shift
from services.registration.operations.activities import activities, shifts
from services.registration.operations.staff.accounts import name_of
from services.registration.personal_data import PersonalData
from services.registration.schemas import page_of
from services.registration.schemas.activities import (
    ActivityAnswer,
    ActivityBody,
    ActivityEdit,
    ActivityQuery,
    AudienceAnswer,
    ShiftAnswer,
    ShiftBody,
    ShiftEdit,
    ShiftsAnswer,
    SlotBody,
)


def activities_blueprint(database: Database, data: PersonalData) -> APIBlueprint:
    """The routes of activities and shifts."""
    blueprint = APIBlueprint("activities", __name__, tag="Activities and shifts", url_prefix="/v1")
    _add_activities(blueprint, database, data)
    _add_transitions(blueprint, database, data)
    _add_shifts(blueprint, database, data)
    return blueprint


def _add_activities(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.post("/activities")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(ActivityBody, arg_name="body")
    @blueprint.output(ActivityAnswer, status_code=201)
    def create_activity(body: ActivityBody) -> Response:
        """Draft an activity."""
        return create(
            database,
            data,
            body,
            lambda s: ActivityAnswer.model_validate(activities.create_activity(s, own_site(), body)),
        )

    @blueprint.get("/activities")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(ActivityQuery, location="query", arg_name="query")
    @blueprint.output(page_of(ActivityAnswer))
    def list_activities(query: ActivityQuery) -> Response:
        """The site's activities."""
        rows = select(Activity).where(Activity.site_id == own_site())
        if query.status:
            rows = rows.where(Activity.status == query.status)
        with database.transaction(g.principal.scope) as session:
            return page(
                session, rows, Activity.number, query, lambda found: [ActivityAnswer.model_validate(a) for a in found]
            )

    @blueprint.get("/activities/<uuid:activity_id>")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.output(ActivityAnswer)
    def show_activity(activity_id: UUID) -> Response:
        """An activity."""
        with database.transaction(g.principal.scope) as session:
            activity = session.get(Activity, activity_id)
            if activity is None:
                raise not_found("这个活动", "activity")
            return answered(ActivityAnswer.model_validate(activity))

    @blueprint.patch("/activities/<uuid:activity_id>")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(ActivityEdit, arg_name="body")
    @blueprint.output(ActivityAnswer)
    def edit_activity(activity_id: UUID, body: ActivityEdit) -> Response:
        """Change an activity."""
        with database.transaction(g.principal.scope) as session:
            activity = activities.edit_activity(session, activity_id, body, expected_versions())
            return answered(ActivityAnswer.model_validate(activity))


def _add_transitions(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.post("/activities/<uuid:activity_id>/publish")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.output(ActivityAnswer)
    def publish_activity(activity_id: UUID) -> Response:
        """Open an activity and its shifts for sign-up."""
        by = name_of(database, data, g.principal)
        with database.transaction(g.principal.scope) as session:
            return answered(ActivityAnswer.model_validate(activities.publish_activity(session, activity_id, by)))

    @blueprint.post("/activities/<uuid:activity_id>/cancel")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.output(ActivityAnswer)
    def cancel_activity(activity_id: UUID) -> Response:
        """Call off an activity, its shifts and registrations; what took place stays on record."""
        with database.transaction(g.principal.scope) as session:
            return answered(ActivityAnswer.model_validate(activities.cancel_activity(session, activity_id)))

    @blueprint.post("/activities/<uuid:activity_id>/complete")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.output(ActivityAnswer)
    def complete_activity(activity_id: UUID) -> Response:
        """Close an activity whose shifts are all over. Seven days after the last one this happens by itself."""
        with database.transaction(g.principal.scope) as session:
            return answered(ActivityAnswer.model_validate(activities.complete_activity(session, activity_id)))

    @blueprint.get("/activities/<uuid:activity_id>/audience")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.output(AudienceAnswer)
    def show_audience(activity_id: UUID) -> Response:
        """How many people a change, or calling it off, would be told to."""
        with database.transaction(g.principal.scope) as session:
            return answered(AudienceAnswer.model_validate(activities.audience(session, activity_id)))

    @blueprint.post("/shifts/<uuid:shift_id>/cancel")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.output(ShiftAnswer)
    def cancel_shift(shift_id: UUID) -> Response:
        """Call off a shift and everybody's registration for it."""
        with database.transaction(g.principal.scope) as session:
            return answered(ShiftAnswer.model_validate(shifts.cancel_shift(session, shift_id)))


def _add_shifts(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.post("/activities/<uuid:activity_id>/shifts")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(ShiftBody, arg_name="body")
    @blueprint.output(ShiftAnswer, status_code=201)
    def create_shift(activity_id: UUID, body: ShiftBody) -> Response:
        """Add a shift to an activity."""
        return create(
            database, data, body, lambda s: ShiftAnswer.model_validate(shifts.create_shift(s, activity_id, body))
        )

    @blueprint.post("/activities/<uuid:activity_id>/slots")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(SlotBody, arg_name="body")
    @blueprint.output(ShiftsAnswer, status_code=201)
    def create_slot(activity_id: UUID, body: SlotBody) -> Response:
        """Add several shifts at one time, one for each role."""
        return create(database, data, body, lambda s: ShiftsAnswer(items=shifts.create_slot(s, activity_id, body)))

    @blueprint.get("/activities/<uuid:activity_id>/shifts")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(ListQuery, location="query", arg_name="query")
    @blueprint.output(page_of(ShiftAnswer))
    def list_shifts(activity_id: UUID, query: ListQuery) -> Response:
        """The shifts of an activity."""
        with database.transaction(g.principal.scope) as session:
            if session.get(Activity, activity_id) is None:
                raise not_found("这个活动", "activity")
            rows = select(Shift).where(Shift.activity_id == activity_id)
            return page(
                session, rows, Shift.position, query, lambda found: [ShiftAnswer.model_validate(s) for s in found]
            )

    @blueprint.get("/shifts/<uuid:shift_id>")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.output(ShiftAnswer)
    def show_shift(shift_id: UUID) -> Response:
        """A shift, with how many places are taken."""
        with database.transaction(g.principal.scope) as session:
            shift = session.get(Shift, shift_id)
            if shift is None:
                raise not_found("这个场次", "shift")
            return answered(ShiftAnswer.model_validate(shift))

    @blueprint.patch("/shifts/<uuid:shift_id>")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(ShiftEdit, arg_name="body")
    @blueprint.output(ShiftAnswer)
    def edit_shift(shift_id: UUID, body: ShiftEdit) -> Response:
        """Change a shift. Until it starts, more places go to who waits, in order."""
        with database.transaction(g.principal.scope) as session:
            return answered(ShiftAnswer.model_validate(shifts.edit_shift(session, shift_id, body, expected_versions())))
