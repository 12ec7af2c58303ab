"""Attendance of many, by scanning, and offline; single check-ins are in `registrations.py`."""

from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g

from services.common.auth import Caller, allow
from services.common.conventions import answered, json_body
from services.common.database import EVERY_SITE, Database
from services.registration.api.residents import resident
from services.registration.operations.hours import door_code, roll_call
from services.registration.operations.hours.attendance import find_shift
from services.registration.operations.hours.check_in_list import attendees
from services.registration.operations.hours.qr import svg
from services.registration.operations.seats.registrations import describe_registration
from services.registration.personal_data import PersonalData
from services.registration.schemas.hours import (
    AttendeesAnswer,
    CodeAnswer,
    RollBody,
    ScanBody,
    TapsAnswer,
    TapsBody,
)
from services.registration.schemas.registrations import RegistrationAnswer


def attendance_blueprint(database: Database, data: PersonalData, public_url: str) -> APIBlueprint:
    """The routes of check-in in its several ways."""
    blueprint = APIBlueprint("attendance", __name__, tag="Attendance and hours", url_prefix="/v1")
    _add_lists(blueprint, database, data)
    _add_scanning(blueprint, database, door_code.Codes(data), public_url)
    return blueprint


def _add_lists(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.get("/shifts/<uuid:shift_id>/attendance")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.output(AttendeesAnswer)
    def list_attendance(shift_id: UUID) -> Response:
        """The check-in list of a shift: who is expected, who is there, and how that is known."""
        with database.transaction(g.principal.scope) as session:
            return answered(AttendeesAnswer(items=attendees(session, data, shift_id)))

    @blueprint.post("/shifts/<uuid:shift_id>/attendance/batch")
    @allow(Caller.SITE, Caller.STAFF)
    @json_body(TapsBody)
    @blueprint.output(TapsAnswer)
    def apply_taps(shift_id: UUID, body: TapsBody) -> Response:
        """Record what a page collected, each tap with its own verdict. Safe to send again, in any order."""
        with database.transaction(g.principal.scope) as session:
            return answered(TapsAnswer(results=roll_call.apply_taps(session, shift_id, body.taps)))

    @blueprint.post("/shifts/<uuid:shift_id>/roll-call")
    @allow(Caller.SITE, Caller.STAFF)
    @json_body(RollBody)
    @blueprint.output(AttendeesAnswer)
    def call_roll(shift_id: UUID, body: RollBody) -> Response:
        """Record the leader's whole list, all of it or nothing."""
        with database.transaction(g.principal.scope) as session:
            roll_call.call_roll(session, shift_id, body.entries)
            return answered(AttendeesAnswer(items=attendees(session, data, shift_id)))


def _add_scanning(blueprint: APIBlueprint, database: Database, codes: door_code.Codes, public_url: str) -> None:
    @blueprint.get("/shifts/<uuid:shift_id>/check-in-code")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.output(CodeAnswer)
    def show_code(shift_id: UUID) -> Response:
        """The code for the screen at the desk or the door. It changes every 30 seconds."""
        with database.transaction(g.principal.scope) as session:
            find_shift(session, shift_id)
        token, seconds = codes.now(shift_id)
        url = door_code.scan_address(public_url, shift_id, token)
        return answered(CodeAnswer(token=token, seconds=seconds, url=url, svg=svg(url)))

    @blueprint.post("/my/shifts/<uuid:shift_id>/scan")
    @allow(Caller.PERSON)
    @json_body(ScanBody)
    @blueprint.output(RegistrationAnswer)
    def scan(shift_id: UUID, body: ScanBody) -> Response:
        """Check oneself in or out, with the code on the screen."""
        codes.check(shift_id, body.token)
        with database.transaction(EVERY_SITE) as session:
            registration = door_code.scan(session, resident(by_mail=True), shift_id, body.leave)
            return answered(describe_registration(session, registration))
