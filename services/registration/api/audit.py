"""The audit log."""

from apiflask import APIBlueprint
from flask import Response, g

from services.common.auth import Caller, allow
from services.common.conventions import answered
from services.common.database import Database
from services.common.web import link_next
from services.registration.operations.staff.audit_log import Reader, read
from services.registration.personal_data import PersonalData
from services.registration.schemas import page_of
from services.registration.schemas.audit import AuditAnswer, AuditQuery


def audit_blueprint(database: Database, data: PersonalData) -> APIBlueprint:
    """The route of the audit log."""
    blueprint = APIBlueprint("audit", __name__, tag="Audit", url_prefix="/v1/audit")

    @blueprint.get("")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.input(AuditQuery, location="query", arg_name="query")
    @blueprint.output(page_of(AuditAnswer))
    def list_audit(query: AuditQuery) -> Response:
        """Who did what, when, to which record, from where: a site's, an area admin's sites', or everything."""
        reader = Reader.of(g.principal)
        with database.transaction(reader.scope) as session:
            found, cursor = read(session, data, reader, query)
        response = answered({"items": [entry.model_dump(mode="json") for entry in found]})
        if cursor is not None:
            link_next(response, cursor)
        return response

    return blueprint
