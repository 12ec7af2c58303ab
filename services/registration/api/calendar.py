"""A site's public calendar, for programs and for calendar apps. Anybody may read it."""

from typing import cast
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, request

from services.common.auth import Caller, allow
from services.common.conventions import answered
from services.common.database import Database
from services.registration.operations.sites.calendar import public_calendar
from services.registration.operations.sites.calendar_feed import Feeds
from services.registration.schemas.calendar import CalendarAnswer, CalendarQuery

FRESH_SECONDS = 300


def calendar_blueprint(database: Database) -> APIBlueprint:
    """The routes of public calendars."""
    blueprint = APIBlueprint("calendar", __name__, tag="Public calendar", url_prefix="/v1")
    feeds = Feeds(database)

    @blueprint.get("/sites/<uuid:site_id>/calendar")
    @allow(Caller.ANYONE)
    @blueprint.input(CalendarQuery, location="query", arg_name="query")
    @blueprint.output(CalendarAnswer)
    def show_calendar(site_id: UUID, query: CalendarQuery) -> Response:
        """The public activities of a site on these days, with the free places of each shift."""
        # The site's own scope: no more than its public calendar is read.
        with database.transaction(site_id) as session:
            return answered(public_calendar(session, site_id, query.from_, query.to))

    @blueprint.get("/sites/<uuid:site_id>/calendar.ics")
    @allow(Caller.ANYONE)
    def show_calendar_feed(site_id: UUID) -> Response:
        """The public calendar as an iCalendar feed (RFC 5545), to subscribe to from a phone."""
        feed = feeds.read(site_id)
        response = Response(feed.text, mimetype="text/calendar")
        response.set_etag(feed.tag)
        response.cache_control.public = True
        response.cache_control.max_age = FRESH_SECONDS
        return cast(Response, response.make_conditional(request))

    return blueprint
