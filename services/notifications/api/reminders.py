"""Routes: when people are reminded, and what became of it where no message did."""

from apiflask import APIBlueprint
from flask import Response, g

from services.common.auth import Caller, allow
from services.common.conventions import answered
from services.common.database import Database
from services.common.web import link_next
from services.notifications.operations.reminders import list_not_sent, reminders_of
from services.notifications.schemas.reminders import (
    NotSentList,
    NotSentQuery,
    NotSentReminder,
    ReminderAnswer,
    ReminderList,
    ReminderQuery,
)


def reminders_blueprint(database: Database) -> APIBlueprint:
    """The routes of reminders."""
    blueprint = APIBlueprint("reminders", __name__, tag="Reminders", url_prefix="/v1")

    @blueprint.get("/reminders")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.input(ReminderQuery, location="query", arg_name="query")
    @blueprint.output(ReminderList)
    def show_reminders(query: ReminderQuery) -> Response:
        """The reminders of a registration, each with its state and the reason. A site sees its own."""
        found = reminders_of(database, g.principal.scope, query.registration_id)
        return answered(ReminderList(items=[ReminderAnswer.model_validate(one) for one in found]))

    @blueprint.get("/reminders/not-sent")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.input(NotSentQuery, location="query", arg_name="query")
    @blueprint.output(NotSentList)
    def show_not_sent(query: NotSentQuery) -> Response:
        """Reminders that were found too late, or gave way to a later one, those due last first. A site sees its own."""
        found, following = list_not_sent(database, g.principal.scope, query)
        response = answered(NotSentList(items=[NotSentReminder.model_validate(one) for one in found]))
        if following:
            link_next(response, following)
        return response

    return blueprint
