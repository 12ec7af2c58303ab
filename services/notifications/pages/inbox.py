"""All messages to a resident, on one page; each opened with its words."""

from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import request, url_for

from services.common.auth import Caller, allow
from services.common.database import Database
from services.common.errors import Words
from services.common.pages import Answer, render
from services.notifications.contacts import ContactBook
from services.notifications.operations.inbox import Fate, list_own, open_own
from services.notifications.pages.resident import reach_of, resident_blueprint
from services.notifications.pages.words import CHANNELS
from services.notifications.schemas.inbox import InboxQuery
from services.notifications.wording.names import KIND_NAMES, PURPOSE_NAMES

A_PAGE = 20

FATES = {
    Fate.WAITING: Words("还没有发出", "Not sent yet"),
    Fate.SENT: Words("已发出", "Sent"),
    Fate.DELIVERED: Words("已送达", "Delivered"),
    Fate.FAILED: Words("没能送达，请核对您的联系方式", "It could not be delivered: check your contact details"),
    Fate.EXPIRED: Words("来不及发出，已作罢", "It could not be sent in time"),
    Fate.REFUSED: Words("您设置了不收这类消息", "You chose not to get these"),
    Fate.SUPPRESSED: Words("没有发出", "Not sent"),
    Fate.NO_CONTACT: Words("没有可用的联系方式，没有发出", "Not sent: there is no address or number for it"),
}


def inbox_pages(database: Database, book: ContactBook) -> APIBlueprint:
    """The list, and one message."""
    blueprint = resident_blueprint("inbox_pages", __name__, url_prefix="/my/messages")
    words: dict[str, Any] = {"kinds": KIND_NAMES, "purposes": PURPOSE_NAMES, "channels": CHANNELS, "fates": FATES}

    @blueprint.get("")
    @allow(Caller.PERSON)
    def show_inbox() -> Answer:
        """The newest first."""
        # Whatever stands in the address is judged as a cursor there.
        query = InboxQuery.model_construct(cursor=request.args.get("cursor") or None, limit=A_PAGE)
        messages, following = list_own(database, reach_of(book), query)
        more = url_for(".show_inbox", cursor=following) if following else ""
        return render("inbox/list.html", messages=messages, more=more, **words)

    @blueprint.get("/<uuid:message_id>")
    @allow(Caller.PERSON)
    def show_own_message(message_id: UUID) -> Answer:
        """One, with its words."""
        return render("inbox/one.html", opened=open_own(database, book, reach_of(book), message_id), **words)

    return blueprint
