"""The public API: for a site's own web page, where scripts show activities and sign people up.

Scripts of the origins that a site allows may read the answers (CORS); no cookie goes along. The rules are those of the
sign-up page.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g, request

from services.common.auth import Caller, allow
from services.common.conventions import answered, idempotency_key, json_body, own_site
from services.common.database import EVERY_SITE, Database
from services.common.errors import NOT_JSON, Problem, Words
from services.registration.operations.seats.public_sign_up import PublicSignUps, terms
from services.registration.operations.sites.calendar import public_calendar
from services.registration.operations.sites.origins import allow_origins, allowed_origins
from services.registration.operations.sites.public import open_activity, site_of_activity, site_of_shift
from services.registration.schemas.calendar import CalendarAnswer, CalendarQuery
from services.registration.schemas.public import (
    OriginsAnswer,
    OriginsBody,
    PublicActivity,
    PublicShift,
    PublicSignUp,
    PublicSignUpAnswer,
    TermsAnswer,
)

PREFLIGHT_SECONDS = 600
ALLOWED_HEADERS = "Content-Type, Idempotency-Key, Accept-Language"


def public_blueprint(database: Database, sign_ups: PublicSignUps) -> APIBlueprint:
    """The routes that scripts of other pages may use."""
    blueprint = APIBlueprint("public", __name__, tag="Public", url_prefix="/v1/public")
    _add_reading(blueprint, database)
    _add_sign_up(blueprint, sign_ups)

    @blueprint.after_request
    def share(response: Response) -> Response:
        """Let scripts of the site's own web pages read the answer."""
        response.vary.add("Origin")
        origin = request.headers.get("Origin", "")
        if origin and _is_allowed(database, origin, request.view_args or {}):
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Allow-Methods"] = "GET, POST"
            response.headers["Access-Control-Allow-Headers"] = ALLOWED_HEADERS
            response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
        return response

    return blueprint


def _add_reading(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.get("/sites/<uuid:site_id>/calendar")
    @allow(Caller.ANYONE)
    @blueprint.input(CalendarQuery, location="query", arg_name="query")
    @blueprint.output(CalendarAnswer)
    def show_calendar(site_id: UUID, query: CalendarQuery) -> Response:
        """The public activities of a site on these days, with the free places of each shift."""
        with database.transaction(site_id) as session:
            return answered(public_calendar(session, site_id, query.from_, query.to))

    @blueprint.get("/sites/<uuid:site_id>/terms")
    @allow(Caller.ANYONE)
    @blueprint.output(TermsAnswer)
    def show_terms(site_id: UUID) -> Response:
        """What whoever signs up agrees to: to be shown beside the form."""
        with database.transaction(site_id) as session:
            return answered(TermsAnswer.model_validate(terms(session)))

    @blueprint.get("/activities/<uuid:activity_id>")
    @allow(Caller.ANYONE)
    @blueprint.output(PublicActivity)
    def show_activity(activity_id: UUID) -> Response:
        """A public activity with the shifts that are not over."""
        with database.transaction(site_of_activity(database, activity_id)) as session:
            found = open_activity(session, activity_id)
            shifts = [
                PublicShift.model_validate(
                    {**vars(one.shift), "free": one.free, "waiting": one.waiting, "sign_up": one.sign_up}
                )
                for one in found.shifts
            ]
            return answered(PublicActivity.model_validate({**vars(found.activity), "shifts": shifts}))


def _add_sign_up(blueprint: APIBlueprint, sign_ups: PublicSignUps) -> None:
    @blueprint.post("/shifts/<uuid:shift_id>/registrations")
    @allow(Caller.ANYONE)
    @json_body(PublicSignUp)
    @blueprint.output(PublicSignUpAnswer, status_code=201)
    def sign_up(shift_id: UUID, body: PublicSignUp) -> Response:
        """Sign oneself up. Whoever is on the shift already gets the same answer again."""
        check_json()
        made = sign_ups.sign_up(shift_id, body, idempotency_key(), request.remote_addr)
        answer = PublicSignUpAnswer.model_validate(
            {"shift_id": shift_id, "status": made.status, "waitlist_position": made.waitlist_position}
        )
        return answered(answer, 201)


def check_json() -> None:
    """Raise 415 unless the body says that it is JSON: a page of an origin that is not allowed cannot send that."""
    if request.mimetype != "application/json":
        raise Problem(NOT_JSON, Words("请以 application/json 发送。", "Send it as application/json."))


def _is_allowed(database: Database, origin: str, asked: Mapping[str, Any]) -> bool:
    """Whether the site that is asked about trusts this origin."""
    try:
        if "site_id" in asked:
            site_id = asked["site_id"]
        elif "activity_id" in asked:
            site_id = site_of_activity(database, asked["activity_id"])
        elif "shift_id" in asked:
            site_id = site_of_shift(database, asked["shift_id"])
        else:
            return False
    except Problem:
        return False
    with database.transaction(EVERY_SITE) as session:
        return origin in allowed_origins(session, site_id)


def origins_blueprint(database: Database) -> APIBlueprint:
    """Which origins these are: for the site to say."""
    blueprint = APIBlueprint("origins", __name__, tag="Public", url_prefix="/v1/embed-origins")

    @blueprint.get("")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.output(OriginsAnswer)
    def show_origins() -> Response:
        """The origins whose pages may show the site's sign-up and ask its public API."""
        with database.transaction(g.principal.scope) as session:
            return answered(OriginsAnswer(origins=list(allowed_origins(session, own_site()))))

    @blueprint.put("")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(OriginsBody, arg_name="body")
    @blueprint.output(OriginsAnswer)
    def save_origins(body: OriginsBody) -> Response:
        """These and no others."""
        with database.transaction(g.principal.scope) as session:
            return answered(OriginsAnswer(origins=list(allow_origins(session, own_site(), body.origins))))

    return blueprint
