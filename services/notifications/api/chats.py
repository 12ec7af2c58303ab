"""Routes: groups of a site that bots write to."""

from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g
from sqlalchemy import select

from services.common.auth import Caller, allow
from services.common.conventions import answered, create, expected_versions, json_body, own_site, page
from services.common.database import Database
from services.common.sealing import Box
from services.notifications.models import Chat
from services.notifications.operations import chats
from services.notifications.schemas.chats import (
    ChatAnswer,
    ChatBody,
    ChatEdit,
    ChatList,
    ChatQuery,
    ChatTest,
    ChatTestAnswer,
)


def chats_blueprint(database: Database, box: Box) -> APIBlueprint:
    """The routes of groups."""
    blueprint = APIBlueprint("chats", __name__, tag="Chat groups", url_prefix="/v1/chats")

    @blueprint.get("")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.input(ChatQuery, location="query", arg_name="query")
    @blueprint.output(ChatList)
    def list_chats(query: ChatQuery) -> Response:
        """The site's groups; an operator sees every site's, and the operators' own."""
        rows = select(Chat).where(Chat.removed_at.is_(None))
        with database.transaction(g.principal.scope) as session:
            return page(session, rows, Chat.number, query, lambda f: [ChatAnswer.model_validate(one) for one in f])

    @blueprint.get("/<uuid:chat_id>")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.output(ChatAnswer)
    def show_chat(chat_id: UUID) -> Response:
        """One group."""
        with database.transaction(g.principal.scope) as session:
            return answered(ChatAnswer.model_validate(chats.find_chat(session, chat_id)))

    _add_changing(blueprint, database, box)
    return blueprint


def _add_changing(blueprint: APIBlueprint, database: Database, box: Box) -> None:
    @blueprint.post("")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(ChatBody, arg_name="body")
    @blueprint.output(ChatAnswer, status_code=201)
    def create_chat(body: ChatBody) -> Response:
        """Have a group told from now on. At most ten; what its bot is called by is never shown again."""
        return create(
            database, box, body, lambda s: ChatAnswer.model_validate(chats.create_chat(s, box, own_site(), body))
        )

    @blueprint.patch("/<uuid:chat_id>")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(ChatEdit, arg_name="body")
    @blueprint.output(ChatAnswer)
    def edit_chat(chat_id: UUID, body: ChatEdit) -> Response:
        """Change what it is told, its name, language or address."""
        with database.transaction(g.principal.scope) as session:
            return answered(
                ChatAnswer.model_validate(chats.edit_chat(session, box, chat_id, body, expected_versions()))
            )

    @blueprint.delete("/<uuid:chat_id>")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.output({}, status_code=204)
    def remove_chat(chat_id: UUID) -> Response:
        """Tell it nothing more, and forget its address."""
        with database.transaction(g.principal.scope) as session:
            chats.remove_chat(session, chat_id)
        return Response(status=204)

    @blueprint.post("/<uuid:chat_id>/test")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @json_body(ChatTest, optional=True)
    @blueprint.output(ChatTestAnswer, status_code=201)
    def test_chat(chat_id: UUID, body: ChatTest) -> Response:
        """Send a message that tells nothing. At most ten an hour; what came of it is at `GET /v1/messages/{id}`."""
        return create(database, box, body, lambda s: ChatTestAnswer(message_id=chats.send_test(s, chat_id)))
