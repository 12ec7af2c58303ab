"""Reminders of which no message came, for staff of the site; an operator sees every site's."""

from apiflask import APIBlueprint
from flask import g, request, url_for

from services.common.auth import Caller, allow
from services.common.database import Database
from services.common.pages import Answer, page_blueprint, render
from services.notifications.models import Kind
from services.notifications.operations.reminders import list_not_sent
from services.notifications.pages.site import zone
from services.notifications.pages.words import WHY_NOT_SENT
from services.notifications.schemas.reminders import NotSentQuery
from services.notifications.wording.names import KIND_NAMES

KIND = {"confirmed": KIND_NAMES[Kind.REMINDER], "waitlisted": KIND_NAMES[Kind.NO_PLACE]}


def reminders_pages(database: Database) -> APIBlueprint:
    """The list."""
    blueprint = page_blueprint("reminders_pages", __name__, url_prefix="/staff/reminders")

    @blueprint.get("")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    def show_not_sent() -> Answer:
        """Those due last first, each with what became of it and why."""
        # Whatever stands in the address is judged as a cursor there.
        query = NotSentQuery.model_construct(cursor=request.args.get("cursor") or None, limit=50)
        reminders, following = list_not_sent(database, g.principal.scope, query)
        more = url_for(".show_not_sent", cursor=following) if following else ""
        known = {"kinds": KIND, "why": WHY_NOT_SENT, "zone": zone(database)}
        return render("reminders/not_sent.html", reminders=reminders, more=more, **known)

    return blueprint
