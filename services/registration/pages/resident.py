"""What residents' pages have in common: the menu, the session's cookie, the boxes that other subjects add to `/my`.

    in_resident_menu("hours_pages.my_hours", "我的时长", "My hours")       # shown to whoever is logged in
    add_box("mine/hours.html", lambda session, resident: {"hours": ...})  # a box on /my, with what it shows

Blueprints of such pages are made by `resident_blueprint`, their templates extend `resident.html`.
"""

from collections.abc import Callable
from typing import Any, cast

from apiflask import APIBlueprint
from flask import Response, redirect, request, url_for
from sqlalchemy.orm import Session

from services.common.auth import RESIDENT_COOKIE, from_elsewhere
from services.common.errors import FORBIDDEN, LINK_NEEDED, UNAUTHENTICATED, Problem, Words, problem_response
from services.common.pages import page_blueprint, problem_page, render, wants_page
from services.registration.operations.people.proven_sites import Resident
from services.registration.operations.staff.sessions import RESIDENT_SECONDS

RESIDENT_NAV: list[tuple[str, str, str]] = []
"""What the menu shows to a resident who is logged in: (endpoint, Chinese, English)."""

BOXES: dict[str, Callable[[Session, Resident], dict[str, Any]]] = {}
"""Boxes on a resident's own page: a template, and what gives its context. The newest app's, as with links: it reads
with its own keys."""


def in_resident_menu(endpoint: str, zh: str, en: str) -> None:
    """Show a page in the menu of whoever is logged in."""
    if (endpoint, zh, en) not in RESIDENT_NAV:
        RESIDENT_NAV.append((endpoint, zh, en))


def add_box(template: str, context: Callable[[Session, Resident], dict[str, Any]]) -> None:
    """Show a box on a resident's own page."""
    BOXES[template] = context


def resident_blueprint(name: str, import_name: str, url_prefix: str | None = None) -> APIBlueprint:
    """A blueprint of residents' pages: whoever is not logged in is led to where they can."""
    blueprint = page_blueprint(name, import_name, url_prefix)

    @blueprint.errorhandler(Problem)
    def lead_in(problem: Problem) -> Response:
        if not wants_page():
            return problem_response(problem)
        if problem.kind is UNAUTHENTICATED:
            return cast(Response, redirect(url_for("my_log_in_pages.ask_for_link")))
        if problem.kind is LINK_NEEDED:
            return Response(render("mine/link_needed.html", problem=problem), status=problem.kind.status)
        return problem_page(problem)

    return blueprint


def check_own_page() -> None:
    """Raise 403 when another site's page sends this: it would log its visitor in as somebody else."""
    if from_elsewhere():
        raise Problem(FORBIDDEN, Words("请从本站的页面操作。", "Do this on our own page."))


def let_in(response: Response, cookie: str) -> Response:
    """Give the browser a resident's session. Only TLS carries it where the page came by TLS."""
    response.set_cookie(
        RESIDENT_COOKIE,
        cookie,
        max_age=RESIDENT_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=request.is_secure,
        path="/",  # for the other services too
    )
    return response


def let_out(response: Response) -> Response:
    """Take it back."""
    response.delete_cookie(RESIDENT_COOKIE, path="/")
    return response


def home() -> str:
    """The resident's own page."""
    return url_for("my_pages.show_mine")
