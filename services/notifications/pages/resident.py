"""What residents' pages about messages have in common: who reads, and how far their session reaches.

Registration says so at each page: a grown-up's address that was corrected, or a guardian's that is none any more, opens
nothing from that moment on. Blueprints of such pages are made by `resident_blueprint`, their templates extend
`resident.html`.
"""

from typing import cast

from apiflask import APIBlueprint
from flask import Response, g, redirect

from services.common.errors import (
    FORBIDDEN,
    LINK_NEEDED,
    UNAUTHENTICATED,
    UNAVAILABLE,
    Problem,
    Words,
    problem_response,
)
from services.common.pages import page_blueprint, problem_page, render, wants_page
from services.common.pages.addresses import pages_of_app
from services.notifications.contacts import ContactBook, ContactsUnavailable, Reach
from services.notifications.operations.calendar_feeds import BY_ONE_TIME_LINK


def resident_blueprint(name: str, import_name: str, url_prefix: str | None = None) -> APIBlueprint:
    """A blueprint of residents' pages: whoever is not logged in is led to where they can."""
    blueprint = page_blueprint(name, import_name, url_prefix)

    @blueprint.errorhandler(Problem)
    def lead_in(problem: Problem) -> Response:
        if not wants_page():
            return problem_response(problem)
        if problem.kind is UNAUTHENTICATED:
            return cast(Response, redirect(f"{pages_of_app().base}/my/log-in"))
        if problem.kind is LINK_NEEDED:
            return Response(render("link_needed.html", problem=problem), status=problem.kind.status)
        return problem_page(problem)

    return blueprint


def reach_of(book: ContactBook) -> Reach:
    """How far the session of the resident who calls reaches. Raises 403 where no site is open to it and for who came by
    the link of a mail, 503 while registration does not answer."""
    if g.principal.mailed_by is not None:
        raise Problem(LINK_NEEDED, BY_ONE_TIME_LINK)
    try:
        reach = book.reach(g.principal)
    except ContactsUnavailable:
        raise Problem(UNAVAILABLE, NOT_NOW) from None
    if not reach.sites:
        raise Problem(FORBIDDEN, COME_IN_AGAIN)
    return reach


NOT_NOW = Words(
    "暂时无法读取您的资料，请稍后重试。", "Your details cannot be read at the moment. Please try again shortly."
)
COME_IN_AGAIN = Words("请通过站点发来的链接重新进入。", "Please come in again by a link that the site sent you.")
