"""A site's sign-up within its own web page: the same pages in a frame, for the origins that the site allows.

    <script src="https://…/registration/embed/embed.js" data-site="…" async></script>

or, without a script, `<iframe src="https://…/registration/embed/sites/…">`. No session is needed or opened in it.
"""

from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g, make_response, send_from_directory

from services.common.auth import Caller, allow
from services.common.database import EVERY_SITE
from services.common.pages import Answer, Form, page_blueprint, render
from services.common.web import PAGE_POLICY
from services.registration.operations.sites.origins import allowed_origins
from services.registration.operations.sites.public import site_of_shift
from services.registration.pages.public import site_context
from services.registration.pages.sign_up import (
    Desk,
    Redirect,
    Steps,
    answer_form,
    begin_form,
    form_page,
    leave_form,
    result_page,
)

SCRIPTS = Path(__file__).parent.parent / "static"
SCRIPT_SECONDS = 3600
FRAMED = Steps(
    "embed.html", "embed_pages.show_form", "embed_pages.begin", "embed_pages.leave", "embed_pages.show_result"
)


def embed_pages(desk: Desk) -> APIBlueprint:
    """The pages in a frame, and the two scripts."""
    blueprint = page_blueprint("embed_pages", __name__, url_prefix="/embed")
    _add_pages(blueprint, desk)
    _add_scripts(blueprint)

    @blueprint.after_request
    def let_frame(response: Response) -> Response:
        """Only pages of these origins may show this one."""
        ancestors = " ".join(g.get("framed_by", ())) or "'none'"
        policy = PAGE_POLICY.replace("frame-ancestors 'none'", f"frame-ancestors {ancestors}")
        response.headers["Content-Security-Policy"] = policy
        return response

    return blueprint


def _add_pages(blueprint: APIBlueprint, desk: Desk) -> None:
    @blueprint.get("/sites/<uuid:site_id>")
    @allow(Caller.ANYONE)
    def show_site(site_id: UUID) -> str:
        """What takes place at the site."""
        _frame(desk, site_id)
        with desk.database.transaction(site_id) as session:
            return render("embed/site.html", **site_context(session, site_id))

    @blueprint.get("/shifts/<uuid:shift_id>")
    @allow(Caller.ANYONE)
    def show_form(shift_id: UUID) -> str:
        """What it is about, and once begun the form."""
        _frame(desk, site_of_shift(desk.database, shift_id))
        return form_page(desk, shift_id, Form(), FRAMED)

    @blueprint.post("/shifts/<uuid:shift_id>")
    @allow(Caller.ANYONE)
    def send_form(shift_id: UUID) -> Answer | Redirect:
        """Sign up."""
        _frame(desk, site_of_shift(desk.database, shift_id))
        return answer_form(desk, shift_id, FRAMED)

    @blueprint.post("/shifts/<uuid:shift_id>/begin")
    @allow(Caller.ANYONE)
    def begin(shift_id: UUID) -> Redirect:
        """Have places held, and go on to the form."""
        return begin_form(desk, shift_id, FRAMED)

    @blueprint.post("/shifts/<uuid:shift_id>/leave")
    @allow(Caller.ANYONE)
    def leave(shift_id: UUID) -> Redirect:
        """Give them back."""
        return leave_form(desk, shift_id, FRAMED)

    @blueprint.get("/links/done/<token>")
    @allow(Caller.LINK)
    def show_result(token: str) -> str:
        """What became of it."""
        _frame(desk, desk.site_of_result(token))
        return result_page(desk, token, "embed/result.html")


def _add_scripts(blueprint: APIBlueprint) -> None:
    def script(name: str) -> Response:
        return make_response(send_from_directory(SCRIPTS, name, mimetype="text/javascript", max_age=SCRIPT_SECONDS))

    @blueprint.get("/embed.js")
    @allow(Caller.ANYONE)
    def embed_script() -> Response:
        """For the page around: makes the frame."""
        return script("embed.js")

    @blueprint.get("/frame.js")
    @allow(Caller.ANYONE)
    def frame_script() -> Response:
        """For the page in the frame: tells its height."""
        return script("frame.js")


def _frame(desk: Desk, site_id: UUID) -> None:
    with desk.database.transaction(EVERY_SITE) as session:
        origins: Sequence[str] = allowed_origins(session, site_id)
    g.framed_by = origins
