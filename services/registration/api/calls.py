"""The phone list: news for people whom no mail reaches."""

from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g

from services.common.auth import Caller, allow
from services.common.conventions import answered, own_site, page
from services.common.database import Database
from services.common.schemas import ListQuery
from services.registration.models import Call
from services.registration.operations.seats import calls
from services.registration.schemas import page_of
from services.registration.schemas.seats import CallAnswer


def calls_blueprint(database: Database) -> APIBlueprint:
    """The routes of calls."""
    blueprint = APIBlueprint("calls", __name__, tag="Registrations", url_prefix="/v1")

    @blueprint.get("/calls")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(ListQuery, location="query", arg_name="query")
    @blueprint.output(page_of(CallAnswer))
    def list_calls(query: ListQuery) -> Response:
        """Who is to be told by phone, and of what: they gave a number and no e-mail."""
        with database.transaction(g.principal.scope) as session:
            rows = calls.waiting_calls(own_site())
            return page(
                session, rows, Call.position, query, lambda found: [CallAnswer.model_validate(vars(c)) for c in found]
            )

    @blueprint.post("/calls/<uuid:call_id>/done")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.output(CallAnswer)
    def make_call(call_id: UUID) -> Response:
        """Say that the person was told."""
        with database.transaction(g.principal.scope) as session:
            made = calls.call_made(session, call_id, g.principal.actor)
            return answered(CallAnswer.model_validate(vars(made)))

    return blueprint
