"""A resident's shifts in the calendar of their phone: the address made, exchanged, ended, and read."""

import hashlib
from typing import cast

from apiflask import APIBlueprint
from flask import Response, g, request, url_for

from services.common.auth import Caller, allow
from services.common.errors import language
from services.common.pages import Answer, done, page_blueprint, render
from services.notifications.contacts import ContactBook
from services.notifications.operations.calendar_feeds import CalendarFeeds, FeedState
from services.notifications.pages.resident import reach_of, resident_blueprint

FRESH_SECONDS = 900

ADDRESS_COOKIE = "hesheng_calendar"
SHOWN_SECONDS = 600
"""So long the page shows an address that was just made, however often it is asked for: the browser keeps it, sealed."""


def calendar_feed_pages(feeds: CalendarFeeds, book: ContactBook) -> list[APIBlueprint]:
    """The page about it, and the calendar."""
    return [_own(feeds, book), _feed(feeds)]


def _own(feeds: CalendarFeeds, book: ContactBook) -> APIBlueprint:
    blueprint = resident_blueprint("calendar_feed_pages", __name__, url_prefix="/my/messages/calendar")

    @blueprint.get("")
    @allow(Caller.PERSON)
    def show_own_feed() -> Answer:
        """Whether there is an address, itself while it is new, and buttons."""
        reach_of(book)
        state = feeds.state(g.principal)
        kept = request.cookies.get(ADDRESS_COOKIE, "") if state == FeedState.WORKS else ""
        return render("inbox/calendar.html", url=feeds.kept(g.principal, kept), state=state)

    @blueprint.post("")
    @allow(Caller.PERSON)
    def renew_own_feed() -> Answer:
        """Another address, which the page shows for some minutes."""
        reach_of(book)
        sealed, page = feeds.sealed(feeds.renew(g.principal, language())), url_for(".show_own_feed")
        response = done(page, "日历地址已生成。", "The calendar's address was made.")
        response.set_cookie(
            ADDRESS_COOKIE, sealed, max_age=SHOWN_SECONDS, path=page, httponly=True, samesite="Lax",
            secure=request.is_secure,
        )  # fmt: skip
        return response

    @blueprint.post("/stop")
    @allow(Caller.PERSON)
    def stop_own_feed() -> Answer:
        """End it."""
        feeds.stop(g.principal)
        return done(url_for(".show_own_feed"), "日历地址已停用。", "The calendar's address is over.")

    return blueprint


def _feed(feeds: CalendarFeeds) -> APIBlueprint:
    blueprint = page_blueprint("calendar_feed", __name__, url_prefix="/calendar")

    @blueprint.get("/<string:secret>.ics")
    @allow(Caller.LINK)
    def show_feed(secret: str) -> Answer:
        """The shifts of whoever made this address."""
        text = feeds.read(secret)
        response = Response(text, mimetype="text/calendar")
        response.set_etag(hashlib.sha256(text).hexdigest()[:32])
        response.cache_control.private = True
        response.cache_control.max_age = FRESH_SECONDS
        return cast(Response, response.make_conditional(request))

    return blueprint
