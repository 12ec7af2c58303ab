"""Logging in with the account of one's organisation: there, and back."""

from dataclasses import asdict
from typing import Any, cast

from apiflask import APIBlueprint
from flask import Response, g, redirect, request
from itsdangerous import BadSignature, URLSafeTimedSerializer

from services.common.auth import Caller, allow
from services.common.errors import UNAUTHENTICATED, Problem
from services.common.pages import Answer, Form, page_blueprint, render
from services.common.pages.addresses import way_back
from services.registration.api.me import cookie_settings, let_in, visitor
from services.registration.operations.staff.log_in import LogIns
from services.registration.operations.staff.oidc import REFUSED, Begun, Identity, Provider
from services.registration.personal_data import PersonalData

COOKIE = "hesheng_oidc"
SECONDS = 600
"""How long somebody may take at their provider."""


def oidc_pages(data: PersonalData, log_ins: LogIns, provider: Provider) -> APIBlueprint:
    """The two ends of the way to the provider."""
    blueprint = page_blueprint("oidc_pages", __name__, url_prefix="/staff/oidc")
    signer = URLSafeTimedSerializer(data.key_for("oidc log-in"))

    def failed(problem: Problem) -> Answer:
        form: Form[Any] = Form()
        form.problem = problem.detail
        return render("account/log_in.html", form=form, sso=True), problem.kind.status

    @blueprint.get("")
    @allow(Caller.ANYONE)
    def begin() -> Answer:
        """Go to the provider. What its answer must agree with stays in this browser, and nothing changes here."""
        try:
            begun = provider.begin()
        except Problem as problem:
            return failed(problem)
        response = cast(Response, redirect(begun.url, 303))
        wanted = way_back(request.args.get("next", ""))
        response.set_cookie(COOKIE, signer.dumps([asdict(begun), wanted]), max_age=SECONDS, **cookie_settings())
        return response

    @blueprint.get("/callback")
    @allow(Caller.ANYONE)
    def come_back() -> Answer:
        """The provider's answer: it opens the account that its subject is bound to."""
        try:
            begun, wanted = signer.loads(request.cookies.get(COOKIE, ""), max_age=SECONDS)
            identity: Identity = provider.finish(Begun(**begun), request.args)
            opened = log_ins.log_in_by_provider(provider.issuer, identity, visitor(), replaced=g.principal.session)
        except BadSignature:
            return failed(Problem(UNAUTHENTICATED, REFUSED))
        except Problem as problem:
            return failed(problem)
        response = let_in(cast(Response, redirect(wanted, 303)), opened)
        response.delete_cookie(COOKIE, path=request.root_path or "/")
        return response

    return blueprint
