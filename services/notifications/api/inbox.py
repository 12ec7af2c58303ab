"""Routes: a person's own messages, for a site's own app."""

from uuid import UUID

from apiflask import APIBlueprint
from flask import Response

from services.common.auth import Caller, allow
from services.common.conventions import answered
from services.common.database import Database
from services.notifications.contacts import ContactBook
from services.notifications.operations.inbox import list_own, open_own
from services.notifications.pages.resident import reach_of
from services.notifications.schemas.inbox import InboxList, InboxQuery, OwnMessageWithWords


def inbox_blueprint(database: Database, book: ContactBook) -> APIBlueprint:
    """The routes of one's own messages."""
    blueprint = APIBlueprint("inbox_api", __name__, tag="Messages", url_prefix="/v1/my/messages")

    @blueprint.get("")
    @allow(Caller.PERSON)
    @blueprint.input(InboxQuery, location="query", arg_name="query")
    @blueprint.output(InboxList)
    def list_own_messages(query: InboxQuery) -> Response:
        """Messages to the resident from the sites that the session reaches, newest first."""
        found, following = list_own(database, reach_of(book), query)
        return answered(InboxList(items=list(found)), following=following)

    @blueprint.get("/<uuid:message_id>")
    @allow(Caller.PERSON)
    @blueprint.output(OwnMessageWithWords)
    def show_own_message(message_id: UUID) -> Response:
        """One message with its words."""
        return answered(open_own(database, book, reach_of(book), message_id).answer)

    return blueprint
