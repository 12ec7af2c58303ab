"""Routes: what staff are told each evening of the day to come, when, and whether one wants it."""

from apiflask import APIBlueprint
from flask import Response, g
from sqlalchemy import select

from services.common.auth import Caller, allow
from services.common.conventions import answered, own_site, page
from services.common.database import Database
from services.common.errors import FORBIDDEN, Problem, Words
from services.notifications.models import Digest
from services.notifications.operations import digests
from services.notifications.schemas.digests import (
    DigestAnswer,
    DigestList,
    DigestQuery,
    DigestSettingsAnswer,
    DigestSettingsBody,
)

NOBODY = Words(
    "密钥不代表任何人，请由工作人员本人登录后设置。", "A key is nobody in particular: whoever it is about sets it."
)


def digests_blueprint(database: Database) -> APIBlueprint:
    """The routes of digests."""
    blueprint = APIBlueprint("digests", __name__, tag="Digests", url_prefix="/v1/digests")

    @blueprint.get("")
    @allow(Caller.SITE, Caller.STAFF, Caller.OPERATOR)
    @blueprint.input(DigestQuery, location="query", arg_name="query")
    @blueprint.output(DigestList)
    def list_digests(query: DigestQuery) -> Response:
        """The site's digests and what became of each; an operator sees every site's."""
        with database.transaction(g.principal.scope) as session:
            return page(
                session, select(Digest), Digest.id, query, lambda f: [DigestAnswer.model_validate(one) for one in f]
            )

    @blueprint.get("/settings")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.output(DigestSettingsAnswer)
    def show_digest_settings() -> Response:
        """When they come, and whether the caller gets them."""
        return _settings(database)

    @blueprint.patch("/settings")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(DigestSettingsBody, arg_name="body")
    @blueprint.output(DigestSettingsAnswer)
    def change_digest_settings(body: DigestSettingsBody) -> Response:
        """Another time for the site, or whether the caller gets them. 403 for a key that says what somebody wants."""
        site_id, scope = own_site(), g.principal.scope
        if body.wanted is not None:
            if g.principal.caller is not Caller.STAFF:
                raise Problem(FORBIDDEN, NOBODY)
            digests.want(database, scope, site_id, g.principal.name, body.wanted)
        if body.at is not None:
            digests.set_time(database, scope, site_id, body.at)
        return _settings(database)

    return blueprint


def _settings(database: Database) -> Response:
    staff = g.principal.name if g.principal.caller is Caller.STAFF else None
    found = digests.settings_of(database, g.principal.scope, own_site(), staff)
    return answered(DigestSettingsAnswer(at=found.at, wanted=found.wanted if staff else None))
