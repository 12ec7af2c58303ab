"""Routes: what was sent to whom (by id), and another try for what failed; who was erased."""

from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g, make_response

from services.common.auth import Caller, allow
from services.common.database import Database
from services.common.web import link_next
from services.notifications.operations.erasures import list_erasures
from services.notifications.operations.messages import get_message, list_messages, retry_message
from services.notifications.schemas import (
    ErasureAnswer,
    ErasureList,
    ErasuresQuery,
    MessageAnswer,
    MessageList,
    MessageQuery,
    MessageWithDeliveries,
)


def messages_blueprint(database: Database) -> APIBlueprint:
    """The routes of messages."""
    messages = APIBlueprint("messages", __name__, tag="Messages", url_prefix="/v1")

    @messages.get("/messages")
    @allow(Caller.SITE, Caller.OPERATOR)
    @messages.input(MessageQuery, location="query", arg_name="query")
    @messages.output(MessageList)
    def show_messages(query: MessageQuery) -> Response:
        """Messages, newest first. A site sees its own."""
        found, following = list_messages(database, g.principal.scope, query)
        answer = MessageList(items=[MessageAnswer.model_validate(one) for one in found])
        response = _json(answer.model_dump_json())
        if following:
            link_next(response, following)
        return response

    @messages.get("/messages/<uuid:message_id>")
    @allow(Caller.SITE, Caller.OPERATOR)
    @messages.output(MessageWithDeliveries)
    def show_message(message_id: UUID) -> Response:
        """One message with every attempt to send it."""
        return _one(database, g.principal.scope, message_id)

    @messages.post("/messages/<uuid:message_id>/retry")
    @allow(Caller.OPERATOR)
    @messages.output(MessageWithDeliveries)
    def retry(message_id: UUID) -> Response:
        """Put back a message that failed or had no address, so that it is sent again under the same Message-ID.

        409 when what it tells is no longer so.
        """
        retry_message(database, g.principal.scope, message_id)
        return _one(database, g.principal.scope, message_id)

    @messages.get("/erasures")
    @allow(Caller.OPERATOR)
    @messages.input(ErasuresQuery, location="query", arg_name="query")
    @messages.output(ErasureList)
    def show_erasures(query: ErasuresQuery) -> Response:
        """Who was erased, by ids, oldest first: to be kept with the backups (`hesheng erasures`)."""
        found, following = list_erasures(database, query)
        answer = ErasureList(items=[ErasureAnswer.model_validate(one) for one in found])
        response = _json(answer.model_dump_json())
        if following:
            link_next(response, following)
        return response

    return messages


def _one(database: Database, scope: str, message_id: UUID) -> Response:
    found = get_message(database, scope, message_id)
    return _json(MessageWithDeliveries.model_validate(found).model_dump_json())


def _json(body: str) -> Response:
    return make_response(body, 200, {"Content-Type": "application/json"})
