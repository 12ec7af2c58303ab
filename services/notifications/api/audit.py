"""The audit log."""

from apiflask import APIBlueprint
from flask import Response, g

from services.common.auth import Caller, allow
from services.common.conventions import answered, own_site
from services.common.database import EVERY_SITE, Database
from services.notifications.operations.audit_log import list_entries
from services.notifications.schemas.audit import AuditAnswer, AuditList, AuditQuery


def audit_blueprint(database: Database) -> APIBlueprint:
    """The route of the audit log."""
    blueprint = APIBlueprint("audit", __name__, tag="Audit", url_prefix="/v1/audit")

    @blueprint.get("")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.input(AuditQuery, location="query", arg_name="query")
    @blueprint.output(AuditList)
    def list_audit(query: AuditQuery) -> Response:
        """Who did what, when, to which record, from where: at one's own site, or everywhere for operators."""
        scope = EVERY_SITE if g.principal.is_operator else str(own_site())
        with database.transaction(scope) as session:
            found, following = list_entries(session, query)
            items = [AuditAnswer.model_validate(one) for one in found]
        return answered(AuditList(items=items), following=following)

    return blueprint
