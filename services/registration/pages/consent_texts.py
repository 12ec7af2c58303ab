"""The texts that people agree to, for operators: what counts now, what is to come, what was before, a new version."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from apiflask import APIBlueprint
from flask import request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.auth import OPERATORS, Caller, allow
from services.common.database import EVERY_SITE, Database
from services.common.pages import Answer, Form, done, in_menu, page_blueprint, read_form, render
from services.common.pages.times import clock, day
from services.registration.codes import CONSENT_KINDS
from services.registration.models import ConsentText
from services.registration.operations.people import consent_texts
from services.registration.pages.hours import local_moment
from services.registration.schemas.consents import NewConsentText

ZONE = "Asia/Shanghai"
"""In which operators say from when a text counts: it counts everywhere at one moment."""


def consent_texts_pages(database: Database) -> APIBlueprint:
    """The pages of the texts."""
    blueprint = page_blueprint("consent_texts_pages", __name__, url_prefix="/staff/consent-texts")
    in_menu("consent_texts_pages.list_texts", "同意书文本", "Consent texts", 26, without_site=OPERATORS, only=OPERATORS)

    @blueprint.get("")
    @allow(Caller.OPERATOR)
    def list_texts() -> Answer:
        """Every text as it counts now, with the versions to come and the earlier ones."""
        with database.transaction(EVERY_SITE) as session:
            texts, now = _by_kind(session), datetime.now(UTC)
            current = {kind: next(one for one in those if one.effective_from <= now) for kind, those in texts.items()}
            return render("consent_texts/list.html", texts=texts, current=current, kinds=CONSENT_KINDS, zone=ZONE)

    @blueprint.get("/<string:kind>")
    @allow(Caller.OPERATOR)
    def show_form(kind: str) -> Answer:
        """The form of a new version, filled in with the one that was published last."""
        with database.transaction(EVERY_SITE) as session:
            newest = _by_kind(session).get(kind, [None])[0]
        start = {"kind": kind, "zh": newest.zh, "en": newest.en} if newest else {}
        return _form_page(Form(start))

    @blueprint.post("")
    @allow(Caller.OPERATOR)
    def publish_text() -> Answer:
        """Publish a new version: from when it counts, and whether people must agree again."""
        written = request.form.get("effective_from", "")
        moment = {"effective_from": local_moment(written, ZoneInfo(ZONE))} if written else {}
        form = read_form(NewConsentText, left_out=("effective_from",), **moment)
        with form.catching(), database.transaction(EVERY_SITE) as session:
            made = consent_texts.publish_text(session, form.body)
        if form.failed:
            return _form_page(form), 422
        since = f"{day(made.effective_from, ZONE)} {clock(made.effective_from, ZONE)}"
        words = (
            f"第 {made.number} 版已发布，自 {since} 起有效。",
            f"Version {made.number} is published and counts from {since}.",
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
