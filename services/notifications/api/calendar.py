"""Routes: the address at which a person's shifts are a calendar, for a site's own app."""

from apiflask import APIBlueprint
from flask import Response, g

from services.common.auth import Caller, allow
from services.common.conventions import answered
from services.common.errors import language
from services.notifications.operations.calendar_feeds import CalendarFeeds
from services.notifications.pages.resident import reach_of
from services.notifications.schemas.calendar import CalendarAnswer, NewCalendarAnswer


def calendar_blueprint(feeds: CalendarFeeds) -> APIBlueprint:
    """The routes of one's own calendar."""
    blueprint = APIBlueprint("calendar_api", __name__, tag="Messages", url_prefix="/v1/my/calendar")

    @blueprint.get("")
    @allow(Caller.PERSON)
    @blueprint.output(CalendarAnswer)
    def show_own_calendar() -> Response:
        """Whether the resident has an address, and whether it works. The address itself is shown but once."""
        reach_of(feeds.book)
        return answered(CalendarAnswer(state=feeds.state(g.principal)))

    @blueprint.post("")
    @allow(Caller.PERSON)
    @blueprint.output(NewCalendarAnswer, status_code=201)
    def renew_own_calendar() -> Response:
        """Another address; the one before ends. Whoever has it sees when and where the shifts are."""
        reach_of(feeds.book)
        return answered(NewCalendarAnswer(url=feeds.renew(g.principal, language())), 201)

    @blueprint.delete("")
    @allow(Caller.PERSON)
    @blueprint.output({}, status_code=204)
    def stop_own_calendar() -> Response:
        """End it."""
        feeds.stop(g.principal)
        return Response(status=204)

    return blueprint
