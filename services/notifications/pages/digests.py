"""What staff are told each evening: tomorrow's as it would go out now, when it comes, and whether one gets it."""

from typing import Any

from apiflask import APIBlueprint
from flask import Response, g, make_response, request, url_for

from services.common.auth import Caller, allow
from services.common.conventions import own_site
from services.common.database import Database
from services.common.errors import language
from services.common.pages import Answer, Form, done, in_menu, page_blueprint, read_form, render
from services.notifications.contacts import ContactsUnavailable
from services.notifications.operations import digests
from services.notifications.operations.digest_previews import DigestPreview, Outlook
from services.notifications.pages.templates import IN_FRAME, SHOWS_FRAME
from services.notifications.schemas.digests import DigestSettingsBody
from services.notifications.wording.variables import Language

SHOWS_PICTURE = IN_FRAME.replace("style-src", "img-src data:; style-src", 1)


def digests_pages(database: Database, outlook: Outlook) -> APIBlueprint:
    """The page, its frame and its two buttons."""
    blueprint = page_blueprint("digests_pages", __name__, url_prefix="/staff/digests")
    in_menu("digests_pages.show_digest", "明日一览", "Tomorrow at a glance", 16)

    @blueprint.get("")
    @allow(Caller.STAFF)
    def show_digest() -> Answer:
        """What would go out now, and the settings."""
        return _page(database, outlook, Form())

    @blueprint.get("/preview")
    @allow(Caller.STAFF)
    def show_preview() -> Answer:
        """The mail, for the frame."""
        shown = _preview(outlook)
        response = make_response(shown.html if shown else "")
        response.headers["Content-Security-Policy"] = SHOWS_PICTURE
        return response

    @blueprint.post("/wanted")
    @allow(Caller.STAFF)
    def change_wish() -> Answer:
        """Get it, or not."""
        wanted = request.form.get("wanted") == "yes"
        digests.want(database, g.principal.scope, own_site(), g.principal.name, wanted)
        words = ("以后每天会发给您。", "You get it from now on.") if wanted else ("不再发给您。", "You get it no more.")
        return done(url_for(".show_digest"), *words)

    @blueprint.post("/time")
    @allow(Caller.STAFF)
    def change_time() -> Answer:
        """When the site's come."""
        form = read_form(DigestSettingsBody)
        with form.catching():
            digests.set_time(database, g.principal.scope, own_site(), form.body.at)
        if form.failed:
            return _page(database, outlook, form, 422)
        return done(url_for(".show_digest"), "时间已保存。", "The time was saved.")

    return blueprint


def _page(database: Database, outlook: Outlook, form: Form[Any], status: int = 200) -> Response:
    settings = digests.settings_of(database, g.principal.scope, own_site(), g.principal.name)
    page = render("digests/show.html", shown=_preview(outlook), settings=settings, form=form)
    response = make_response(page, status)
    response.headers["Content-Security-Policy"] = SHOWS_FRAME
    return response


def _preview(outlook: Outlook) -> DigestPreview | None:
    """None while registration does not say what tomorrow holds."""
    try:
        return outlook.preview(own_site(), Language(language()))
    except ContactsUnavailable:
        return None
