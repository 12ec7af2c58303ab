"""Routes: what was sent to whom (by id), and another try for what failed."""

from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g

from services.common.auth import Caller, allow
from services.common.conventions import answered
from services.common.database import Database
from services.notifications.operations.messages import get_message, list_messages, retry_failed, retry_message
from services.notifications.schemas.messages import (
    MessageAnswer,
    MessageList,
    MessageQuery,
    MessageWithDeliveries,
    RetriedAnswer,
    RetryBody,
)


def messages_blueprint(database: Database) -> APIBlueprint:
    """The routes of messages."""
    blueprint = APIBlueprint("messages", __name__, tag="Messages", url_prefix="/v1")

    @blueprint.get("/messages")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.input(MessageQuery, location="query", arg_name="query")
    @blueprint.output(MessageList)
    def show_messages(query: MessageQuery) -> Response:
        """Messages, newest first. A site sees its own."""
        found, following = list_messages(database, g.principal.scope, query)
        return answered(MessageList(items=[MessageAnswer.model_validate(one) for one in found]), following=following)

    @blueprint.get("/messages/<uuid:message_id>")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.output(MessageWithDeliveries)
    def show_message(message_id: UUID) -> Response:
        """One message with every attempt to send it."""
        return _one(database, g.principal.scope, message_id)

    @blueprint.post("/messages/<uuid:message_id>/retry")
    @allow(Caller.OPERATOR)
    @blueprint.output(MessageWithDeliveries)
    def retry(message_id: UUID) -> Response:
        """Put back a message that failed or had no address, so that it is sent again under the same Message-ID.

        409 when what it tells is no longer so.
        """
        retry_message(database, g.principal.scope, message_id)
        return _one(database, g.principal.scope, message_id)

    @blueprint.post("/messages/retry")
    @allow(Caller.OPERATOR)
    @blueprint.input(RetryBody, arg_name="body")
    @blueprint.output(RetriedAnswer)
    def retry_all(body: RetryBody) -> Response:
        """Put back what failed or expired, of one reason or of any, oldest first and at most a thousand. An SMS of
        which nobody knows whether it arrived goes again for its own reason only.

        What tells what is no longer so stays as it is.
        """
        return answered(RetriedAnswer(retried=retry_failed(database, body.reason)))

    return blueprint


def _one(database: Database, scope: str, message_id: UUID) -> Response:
    return answered(MessageWithDeliveries.model_validate(get_message(database, scope, message_id)))
