"""Sign-up, registrations, attendance."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.conventions import answered, attempt_of, json_body, own_site, page
from services.common.database import Database
from services.common.errors import not_found
from services.common.events import CancelReason
from services.registration.models import Registration, Shift
from services.registration.operations.hours import attendance
from services.registration.operations.seats import coming, registrations
from services.registration.operations.seats.registrations import describe_registration, describe_registrations
from services.registration.operations.seats.sign_up import SignUps
from services.registration.personal_data import PersonalData
from services.registration.schemas import page_of
from services.registration.schemas.registrations import (
    CancelBody,
    MomentBody,
    RegistrationAnswer,
    RegistrationQuery,
    SignedUp,
    SignUpBody,
)

Record = Callable[[Session, UUID, datetime | None], Registration]


def registrations_blueprint(database: Database, data: PersonalData, sign_ups: SignUps) -> APIBlueprint:
    """The routes of registrations."""
    blueprint = APIBlueprint("registrations", __name__, tag="Registrations", url_prefix="/v1")
    _add_sign_up(blueprint, data, sign_ups)
    _add_reading(blueprint, database)
    _add_cancelling(blueprint, database)
    _add_coming(blueprint, database)
    _add_attendance(blueprint, database)
    return blueprint


def _add_sign_up(blueprint: APIBlueprint, data: PersonalData, sign_ups: SignUps) -> None:
    # Crowds come here: nothing in this route that is not needed.
    @blueprint.post("/shifts/<uuid:shift_id>/registrations")
    @allow(Caller.SITE, Caller.STAFF)
    @json_body(SignUpBody)
    @blueprint.output(SignedUp, status_code=201)
    def sign_up(shift_id: UUID, body: SignUpBody) -> Response:
        """Sign a person up: confirmed where a place is free and nobody waits, else waitlisted."""
        return answered(sign_ups.sign_up(own_site(), shift_id, body, attempt_of(data, body)), 201)


def _add_reading(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.get("/shifts/<uuid:shift_id>/registrations")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(RegistrationQuery, location="query", arg_name="query")
    @blueprint.output(page_of(RegistrationAnswer))
    def list_registrations(shift_id: UUID, query: RegistrationQuery) -> Response:
        """The registrations of a shift, in the order in which people signed up."""
        with database.transaction(g.principal.scope) as session:
            if session.get(Shift, shift_id) is None:
                raise not_found("这个场次", "shift")
            rows = select(Registration).where(Registration.shift_id == shift_id)
            if query.status:
                rows = rows.where(Registration.status == query.status)
            return page(
                session, rows, Registration.position, query, lambda found: describe_registrations(session, found)
            )

    @blueprint.get("/registrations/<uuid:registration_id>")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.output(RegistrationAnswer)
    def show_registration(registration_id: UUID) -> Response:
        """A registration."""
        with database.transaction(g.principal.scope) as session:
            found = registrations.find_registration(session, registration_id)
            return answered(describe_registration(session, found))


def _add_cancelling(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.post("/registrations/<uuid:registration_id>/cancel")
    @allow(Caller.SITE, Caller.STAFF)
    @json_body(CancelBody, optional=True)
    @blueprint.output(RegistrationAnswer)
    def cancel_registration(registration_id: UUID, body: CancelBody) -> Response:
        """Give a place back; until the shift starts, who waits longest gets it at once."""
        with database.transaction(g.principal.scope) as session:
            reason = CancelReason(body.reason)
            cancelled = registrations.cancel_registration(session, registration_id, reason)
            return answered(describe_registration(session, cancelled))


def _add_coming(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.post("/registrations/<uuid:registration_id>/coming")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.output(RegistrationAnswer)
    def say_coming(registration_id: UUID) -> Response:
        """Note that the person said that they will come, on the phone for instance: reminders that ask whether they
        will do not reach them any more. Void once the shift is at another time."""
        with database.transaction(g.principal.scope) as session:
            return answered(describe_registration(session, coming.say_coming(session, registration_id)))


def _add_attendance(blueprint: APIBlueprint, database: Database) -> None:
    def recorded(record: Record, registration_id: UUID, body: MomentBody) -> Response:
        with database.transaction(g.principal.scope) as session:
            return answered(describe_registration(session, record(session, registration_id, body.at)))

    @blueprint.post("/registrations/<uuid:registration_id>/check-in")
    @allow(Caller.SITE, Caller.STAFF)
    @json_body(MomentBody, optional=True)
    @blueprint.output(RegistrationAnswer)
    def check_in(registration_id: UUID, body: MomentBody) -> Response:
        """Record that a person came."""
        return recorded(attendance.check_in, registration_id, body)

    @blueprint.post("/registrations/<uuid:registration_id>/check-out")
    @allow(Caller.SITE, Caller.STAFF)
    @json_body(MomentBody, optional=True)
    @blueprint.output(RegistrationAnswer)
    def check_out(registration_id: UUID, body: MomentBody) -> Response:
        """Record that a person left; volunteering earns the minutes within the shift."""
        return recorded(attendance.check_out, registration_id, body)

    @blueprint.post("/registrations/<uuid:registration_id>/no-show")
    @allow(Caller.SITE, Caller.STAFF)
    @json_body(MomentBody, optional=True)
    @blueprint.output(RegistrationAnswer)
    def record_no_show(registration_id: UUID, body: MomentBody) -> Response:
        """Record that a person did not come."""
        return recorded(attendance.record_no_show, registration_id, body)

    @blueprint.post("/registrations/<uuid:registration_id>/undo-attendance")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.output(RegistrationAnswer)
    def undo_attendance(registration_id: UUID) -> Response:
        """Take back what was recorded last, a tap at the wrong name. Both stay on record."""
        with database.transaction(g.principal.scope) as session:
            return answered(describe_registration(session, attendance.undo(session, registration_id)))
