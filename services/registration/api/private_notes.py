"""The private note of a shift: whom it serves, and where."""

from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g

from services.common.auth import Caller, allow
from services.common.conventions import answered, expected_versions, json_body
from services.common.database import Database
from services.registration.operations.activities import private_notes
from services.registration.personal_data import PersonalData
from services.registration.schemas.private_notes import NoteAnswer, NoteBody


def private_notes_blueprint(database: Database, data: PersonalData) -> APIBlueprint:
    """The routes of private notes."""
    blueprint = APIBlueprint("private_notes", __name__, tag="Shifts", url_prefix="/v1")

    @blueprint.get("/shifts/<uuid:shift_id>/private-note")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.output(NoteAnswer)
    def show_note(shift_id: UUID) -> Response:
        """What the shift's confirmed volunteers must know of whom they serve. That it was read is on record."""
        with database.transaction(g.principal.scope) as session:
            return answered(private_notes.read_note(session, data, shift_id))

    @blueprint.put("/shifts/<uuid:shift_id>/private-note")
    @allow(Caller.SITE, Caller.STAFF)
    @json_body(NoteBody)
    @blueprint.output(NoteAnswer)
    def save_note(shift_id: UUID, body: NoteBody) -> Response:
        """Write the note, or delete it: it is in no event, mail or export, and is deleted 30 days after the shift."""
        expected = expected_versions()
        with database.transaction(g.principal.scope) as session:
            return answered(private_notes.write_note(session, data, shift_id, body.note, expected))

    return blueprint
