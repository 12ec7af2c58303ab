"""The texts that people agree to, for operators: what counts now, what counted before, and a new version."""

from typing import Any

from apiflask import APIBlueprint
from flask import url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.database import EVERY_SITE, Database
from services.common.pages import Answer, Form, done, page_blueprint, read_form, render
from services.registration.codes import CONSENT_KINDS
from services.registration.models import ConsentText
from services.registration.operations.people import consents
from services.registration.schemas.consents import NewConsentText


def consent_texts_pages(database: Database) -> APIBlueprint:
    """The pages of the texts."""
    blueprint = page_blueprint("consent_texts_pages", __name__, url_prefix="/staff/consent-texts")

    @blueprint.get("")
    @allow(Caller.OPERATOR)
    def list_texts() -> Answer:
        """Every text as it counts now, with its earlier versions."""
        with database.transaction(EVERY_SITE) as session:
            return render("consent_texts/list.html", texts=_by_kind(session), kinds=CONSENT_KINDS)

    @blueprint.get("/<string:kind>")
    @allow(Caller.OPERATOR)
    def show_form(kind: str) -> Answer:
        """The form of a new version, filled in with the one that counts now."""
        with database.transaction(EVERY_SITE) as session:
            newest = _by_kind(session).get(kind, [None])[0]
        start = {"kind": kind, "zh": newest.zh, "en": newest.en} if newest else {}
        return _form_page(Form(start))

    @blueprint.post("")
    @allow(Caller.OPERATOR)
    def publish_text() -> Answer:
        """Publish a new version, which counts from now on."""
        form = read_form(NewConsentText)
        with form.catching(), database.transaction(EVERY_SITE) as session:
            made = consents.publish_text(session, form.body)
        if form.failed:
            return _form_page(form), 422
        words = (
            f"第 {made.number} 版已发布，从现在起有效。",
            f"Version {made.number} is published and counts from now on.",
        )
        return done(url_for(".list_texts"), *words)

    return blueprint


def _form_page(form: Form[Any]) -> str:
    return render("consent_texts/form.html", form=form, kinds=CONSENT_KINDS)


def _by_kind(session: Session) -> dict[str, list[ConsentText]]:
    """The versions of each kind's text, the newest first."""
    found: dict[str, list[ConsentText]] = {}
    for one in session.scalars(select(ConsentText).order_by(ConsentText.kind, ConsentText.number.desc())):
        found.setdefault(one.kind, []).append(one)
    return found
