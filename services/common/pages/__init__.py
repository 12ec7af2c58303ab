"""Pages: what all of them share. Server-rendered, whole without JavaScript, phone first, Chinese and English.

    rooms_pages = page_blueprint("rooms_pages", __name__, url_prefix="/staff/rooms")

    @rooms_pages.get("/new")
    @allow(Caller.STAFF)
    def new_room() -> str:
        return render("rooms/new.html", form=Form())

    @rooms_pages.post("/new")
    @allow(Caller.STAFF)
    def create_room() -> Answer:
        form = read_form(RoomBody)
        with form.catching():                       # pydantic's findings and Problems go to their fields
            with database.transaction(g.principal.scope) as session:
                room = rooms.create_room(session, own_site(), form.body)
        if form.failed:
            return render("rooms/new.html", form=form), 422
        return done(url_for("rooms_pages.list_rooms"), "房间已添加。", "The room was added.")

Templates extend `base.html` (staff: `staff.html`) and fill the blocks `title`, `main`; `forms.html` has the macros:
`field`, `choice`, `checkbox`, `buttons`, `errors`, `csrf`. In every template there are

    say("中文", "English")             the words in the reader's language
    name(row, "title")                row.title_zh or row.title_en, whichever the reader reads and is there
    day(moment, zone), times(start, end, zone), clock(moment, zone), dated(date), number(n), lasting(minutes)
    static("style.css")               the address of a static file, which changes with its content
    principal                         who reads; csrf_token()

Where a form names a row or the version it was made from, `typed_id("room_id")` and `typed_version()` read it;
`asked_position("after")` reads where in a list an address goes on.

A page never holds an inline script, style or event handler: the content security policy forbids them. In another
language or size of type a page is asked for anew; `keep-typed.js` carries along what stands in its forms. Forms are
posted, answers to a POST that changed something are a redirect (`done`), so that reloading repeats nothing. GET
changes nothing. Mail scanners follow links: a link from a message shows a page with a button, and the button acts.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Generic, TypeVar, cast
from urllib.parse import quote, unquote
from uuid import UUID

from apiflask import APIBlueprint
from flask import Flask, Response, current_app, g, redirect, render_template, request, url_for
from pydantic import BaseModel, ValidationError
from werkzeug.datastructures import MultiDict

from services.common.auth import Caller, Principal, Role, allow, csrf_token
from services.common.errors import (
    LANGUAGE_COOKIE,
    SITE_NEEDED,
    UNAUTHENTICATED,
    Problem,
    Words,
    called,
    field_error,
    invalid,
    language,
)
from services.common.pages.addresses import local_address, pages_of_app
from services.common.pages.times import clock, dated, day, lasting, number, times

STATIC = Path(__file__).parent.parent / "static"
NOTICE_COOKIE = "hesheng_notice"
TYPE_COOKIE = "hesheng_type"
YEAR = 365 * 24 * 3600

Answer = str | Response | tuple[str, int]
Model = TypeVar("Model", bound=BaseModel)

Roles = tuple[Role | None, ...]

STAFF_NAV: list[tuple[int, str, str, str, Roles, Roles]] = []
"""The staff's menu in order: (place, endpoint, Chinese, English, who needs no site there, whom it is for alone), added
by each blueprint where it is made."""

EVERYBODY: Roles = (None, *Role)

AT_HAND = 10
"""Pages with a smaller place are always in sight; the others are behind `more`, which a phone is thankful for."""


def page_blueprint(name: str, import_name: str, url_prefix: str | None = None) -> APIBlueprint:
    """A blueprint of pages in a service's `pages/`, whose templates are in `templates/` beside that folder."""
    return APIBlueprint(name, import_name, url_prefix=url_prefix, template_folder="../templates", enable_openapi=False)


def in_menu(endpoint: str, zh: str, en: str, place: int, without_site: Roles = (), only: Roles = EVERYBODY) -> None:
    """Show a page in the staff's menu: where somebody works at a site, and without one to these roles. A page of
    another service is named by it and the path (`notifications:/staff/messages`)."""
    entry = (place, endpoint, zh, en, without_site, only)
    if entry not in STAFF_NAV:
        STAFF_NAV.append(entry)
        STAFF_NAV.sort(key=lambda one: one[:4])


class Form(Generic[Model]):
    """What somebody typed, and what is wrong with it."""

    def __init__(self, values: "MultiDict[str, str] | dict[str, Any] | None" = None) -> None:
        self.values: Any = values if values is not None else {}
        self.errors: dict[str, Words] = {}
        self.problem: Words | None = None
        self._body: Model | None = None

    @property
    def body(self) -> Model:
        """What was typed, as the model. Only where nothing is wrong with it."""
        if self._body is None:
            raise _Unreadable
        return self._body

    @property
    def failed(self) -> bool:
        """Whether the page must be shown again, with what is wrong."""
        return bool(self.errors) or self.problem is not None

    def value(self, name: str) -> str:
        """What stands in a field."""
        found = self.values.get(name, "")
        return "" if found is None else str(found)

    def read(self, model: type[Model], data: dict[str, Any]) -> None:
        """Check the data by the model; the findings go to their fields."""
        try:
            self._body = model.model_validate(data)
        except ValidationError as error:
            for details in error.errors(include_url=False, include_input=False):
                found = field_error(details)
                self.errors.setdefault(found.field, found.message)

    @contextmanager
    def catching(self) -> Iterator[None]:
        """A `Problem` in the block goes to the fields it names, or above the form. Asking for an unreadable body ends
        the block as well: its findings are at their fields already."""
        try:
            yield
        except _Unreadable:
            pass
        except Problem as problem:
            for error in problem.errors:
                self.errors.setdefault(error.field, error.message)
            if not problem.errors:
                self.problem = problem.detail


class _Unreadable(Exception):
    """The form does not fit its model."""


def read_form(model: type[Model], lists: Sequence[str] = (), left_out: Sequence[str] = (), **fixed: Any) -> Form[Model]:
    """The posted form, checked by the model. An empty field counts as left out, a checkbox `on` is true, and a name
    such as `person.phone` lies within `person`. `lists` names fields with several values, `left_out` those that are
    the page's own (which button), `fixed` is what the page itself adds."""
    form: Form[Model] = Form(request.form)
    data: dict[str, Any] = {}
    for name, value in request.form.items():
        if name in ("csrf_token", *left_out) or value == "":
            continue
        _put(data, name, request.form.getlist(name) if name in lists else True if value == "on" else value)
    form.read(model, data | fixed)
    return form


def typed_id(name: str) -> UUID:
    """The id that a field of the posted form holds. Raises 422, at the field, where it holds none."""
    try:
        return UUID(request.form.get(name, ""))
    except ValueError:
        raise invalid(name, Words("请从列表中选择。", "must be one of those listed.")) from None


def typed_version(name: str = "version") -> set[int]:
    """The version that a posted form was made from, as an edit expects it; none where the field holds no number, so
    that the edit is refused as one of another version is."""
    written = request.form.get(name, "")
    return {int(written)} if _VERSION.fullmatch(written) else set()


_VERSION = re.compile("[0-9]{1,9}")


def asked_position(name: str) -> int:
    """Where in a list the query asks to go on; its beginning where it says no such thing."""
    written = request.args.get(name, "")
    return int(written) if _POSITION.fullmatch(written) else 0


_POSITION = re.compile("[0-9]{1,18}")


def _put(data: dict[str, Any], name: str, value: Any) -> None:
    """Set `person.phone` within `person`. If `person` itself is there as well, it stands, for the model to refuse."""
    *outer, last = name.split(".")
    for part in outer:
        data = data.setdefault(part, {})
        if not isinstance(data, dict):
            return
    data[last] = value


def render(template: str, **context: Any) -> str:
    """The page. Findings above a form say at which field: a label is known once the field is written."""
    page = render_template(template, **context)
    return _FINDING.sub(lambda finding: finding[0] + _label(page, finding[1]), page)


_FINDING = re.compile('<a class="finding" href="#([^"]+)">')


def _label(page: str, field: str) -> str:
    written = re.escape(field)
    label = re.search(
        rf'<label[^>]* for="{written}"[^>]*>([^<]+)|<fieldset[^>]* id="{written}"[^>]*>\s*<legend[^>]*>([^<]+)', page
    )
    return f"{(label[1] or label[2]).strip()}{Words('：', ': ')}" if label else ""


def done(address: str, zh: str, en: str) -> Response:
    """After a POST that changed something: go to the page and say there what was done."""
    response = cast(Response, redirect(address, 303))
    words = quote(zh if language() == "zh" else en)
    response.set_cookie(NOTICE_COOKIE, words, max_age=60, httponly=True, samesite="Lax", secure=request.is_secure)
    return response


WAYS_ON: list[tuple[str, str, str]] = []
"""Where whoever met a problem may go on: (endpoint, Chinese, English), added by each service's pages."""


def way_on(endpoint: str, zh: str, en: str) -> None:
    """Offer a page on every page of a problem."""
    if (endpoint, zh, en) not in WAYS_ON:
        WAYS_ON.append((endpoint, zh, en))


_DOORS = {UNAUTHENTICATED: "/staff/log-in", SITE_NEEDED: "/staff/sites"}


def wants_page() -> bool:
    """Whether the caller is somebody with a browser, outside the API."""
    inside = request.path.startswith(("/v1", "/internal", "/events", "/openapi", "/metrics", "/healthz", "/readyz"))
    return not inside and "text/html" in request.headers.get("Accept", "")


def problem_page(problem: Problem) -> Response:
    """The problem, as a page; or the page where what is missing can be had."""
    door = _DOORS.get(problem.kind)
    if door and request.method == "GET" and request.path.startswith("/staff/"):
        pages = pages_of_app()
        return cast(Response, redirect(f"{pages.base}{door}?next={quote(pages.here, safe='')}", 303))
    ways = [way for way in WAYS_ON if way[0] in current_app.view_functions]
    response = Response(render("problem.html", problem=problem, ways=ways), status=problem.kind.status)
    response.headers["Content-Type"] = "text/html; charset=utf-8"
    return response


def add_pages(app: Flask) -> None:
    """Give the app what templates need, and the page that keeps a reader's preferences."""
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = YEAR
    app.jinja_env.globals.update(
        say=lambda zh, en: zh if language() == "zh" else en,
        name=_name,
        short=_short,
        times=times,
        day=day,
        clock=clock,
        dated=dated,
        number=number,
        lasting=lasting,
        static=_static,
        csrf_token=lambda: csrf_token(g.principal),
        at_hand=AT_HAND,
        menu_address=_menu_address,
        language=language,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.context_processor(_context)
    app.after_request(_forget_notice)
    preferences = page_blueprint("preferences", __name__)

    @preferences.post("/preferences")
    @allow(Caller.ANYONE)
    def keep() -> Response:
        """Keep the language and the size of type that a reader wants, in cookies."""
        back = local_address(request.form.get("back", ""), f"{request.root_path}/")
        response = cast(Response, redirect(back, 303))
        for cookie, field, allowed in ((LANGUAGE_COOKIE, "language", ("zh", "en")), (TYPE_COOKIE, "type", _TYPES)):
            if request.form.get(field) in allowed:
                response.set_cookie(
                    cookie, request.form[field], max_age=YEAR, httponly=True, samesite="Lax", secure=request.is_secure
                )
        return response

    app.register_blueprint(preferences)


_TYPES = ("normal", "large")


def _context() -> dict[str, Any]:
    principal = g.get("principal") or Principal(Caller.ANYONE, "anyone")
    notice = unquote(request.cookies.get(NOTICE_COOKIE, ""))[:500]
    type_size = request.cookies.get(TYPE_COOKIE)
    return {
        "principal": principal,
        "notice": notice,
        "large_type": type_size == "large",
        "here": request.root_path + _here(),
        "staff_nav": [entry for entry in STAFF_NAV if _is_of_app(entry[1])],
        "people_base": pages_of_app().base,
    }


def _is_of_app(endpoint: str) -> bool:
    """Whether the menu of this app's staff has the entry: one of its pages, or of another service's."""
    service, colon, _ = endpoint.partition(":")
    return service != pages_of_app().service if colon else endpoint in current_app.view_functions


def _menu_address(endpoint: str) -> str:
    service, colon, path = endpoint.partition(":")
    return f"{pages_of_app().addresses[service]}{path}" if colon else url_for(endpoint)


def _here() -> str:
    """The address at which this page can be asked for again; where it answers a form, the nearest above that is one."""
    if request.method in ("GET", "HEAD"):
        return request.full_path.rstrip("?")
    if request.routing_exception is not None:
        return "/"  # nobody's address may be as long as they like: each step up costs as much as it is long
    adapter = current_app.create_url_adapter(request)
    path = request.path
    while adapter and len(path) > 1 and not adapter.test(path, "GET"):
        path = path.rpartition("/")[0] or "/"
    return path


def _forget_notice(response: Response) -> Response:
    if NOTICE_COOKIE in request.cookies and response.mimetype == "text/html" and response.status_code < 300:
        response.delete_cookie(NOTICE_COOKIE)
    return response


def _name(row: Any, field: str = "name") -> str:
    """A row's text in the reader's language, in the other where that is missing."""
    return str(called(row, field))


def _short(site: Any) -> str:
    """A site's name for a narrow place: its short one in the reader's language, where it has one."""
    return getattr(site, f"short_name_{language()}", "") or _name(site)


def _static(file: str) -> str:
    return url_for("static", filename=file, v=_version(file))


@cache
def _version(file: str) -> str:
    return hashlib.sha256((STATIC / file).read_bytes()).hexdigest()[:10]
