"""Routes: addresses to which no mail goes any more, and sending there again."""

from apiflask import APIBlueprint
from flask import Response, g

from services.common.auth import Caller, allow
from services.common.conventions import answered
from services.common.database import Database
from services.notifications.operations.messages import number_of
from services.notifications.operations.suppressions import find_suppression, lift_suppression, list_suppressions
from services.notifications.schemas.suppressions import (
    LiftBody,
    SuppressionAnswer,
    SuppressionList,
    SuppressionQuery,
)


def suppressions_blueprint(database: Database) -> APIBlueprint:
    """The routes of closed addresses."""
    blueprint = APIBlueprint("suppressions", __name__, tag="Closed addresses", url_prefix="/v1/suppressions")

    @blueprint.get("")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.input(SuppressionQuery, location="query", arg_name="query")
    @blueprint.output(SuppressionList)
    def show_suppressions(query: SuppressionQuery) -> Response:
        """Closed addresses, newest first. A site sees those that its own messages met."""
        before = number_of(query.cursor) if query.cursor is not None else None
        with database.transaction(g.principal.scope) as session:
            found, following = list_suppressions(session, query, before)
        return answered(
            SuppressionList(items=[SuppressionAnswer.model_validate(one) for one in found]), following=following
        )

    @blueprint.get("/<int:suppression_id>")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.output(SuppressionAnswer)
    def show_suppression(suppression_id: int) -> Response:
        """One of them."""
        with database.transaction(g.principal.scope) as session:
            return answered(SuppressionAnswer.model_validate(find_suppression(session, suppression_id)))

    @blueprint.post("/<int:suppression_id>/lift")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.input(LiftBody, arg_name="body")
    @blueprint.output(SuppressionAnswer)
    def lift(suppression_id: int, body: LiftBody) -> Response:
        """Send mails there again; who did so and why is in the audit log. 409 where it was lifted already."""
        with database.transaction(g.principal.scope) as session:
            lifted = lift_suppression(session, suppression_id, body.reason)
        return answered(SuppressionAnswer.model_validate(lifted))

    return blueprint
