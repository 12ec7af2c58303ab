"""Whose session a cookie is, for the services that know no people."""

from apiflask import APIBlueprint
from flask import Response

from services.common.auth import RESIDENT_COOKIE, STAFF_COOKIE, Caller, allow
from services.common.conventions import answered
from services.common.sessions import CookiesBody, WhoAnswer
from services.registration.operations.staff.sessions import Sessions


def sessions_blueprint(sessions: Sessions) -> APIBlueprint:
    """The route by which other services recognise staff and residents."""
    blueprint = APIBlueprint("sessions", __name__, tag="Services", url_prefix="/internal")

    @blueprint.post("/sessions")
    @allow(Caller.SERVICE)
    @blueprint.input(CookiesBody, arg_name="body")
    @blueprint.output(WhoAnswer)
    def look_up_session(body: CookiesBody) -> Response:
        """Whose these cookies are. The answer names them by ids, with the cookie itself for the token of forms."""
        cookies = {
            name: value for name, value in ((STAFF_COOKIE, body.staff), (RESIDENT_COOKIE, body.resident)) if value
        }
        return answered(WhoAnswer(principal=sessions.principal(cookies)))

    return blueprint
