"""The page behind a guardian's link: what they are asked, what they agreed to, what withdrawing it would lead to."""

from typing import Any

from flask import Response, request, url_for
from sqlalchemy.orm import Session

from services.common.errors import INVALID, Problem
from services.common.pages import Answer, Form, render
from services.registration.codes import CONSENT_KINDS
from services.registration.models import Link
from services.registration.operations.people.guardian_link import (
    Asked,
    agree,
    asked_by,
    given,
    places,
    take_back,
    to_agree,
)
from services.registration.operations.people.representatives import CONSENT_PURPOSE
from services.registration.pages.data_words import CODES, actor
from services.registration.pages.links import PURPOSES, Purpose
from services.registration.personal_data import PersonalData


def add_guardian_page(data: PersonalData) -> None:
    """Open links of this purpose."""

    def show(session: Session, link: Link) -> dict[str, Any]:
        asked = asked_by(session, link)
        known = given(session, data, asked)
        return {
            "child": data.shown(asked.child.name),
            "guardian": data.shown(asked.guardian.name),
            "site": asked.site,
            "activity": asked.activity,
            "page": _page(asked),
            "known": known,
            "texts": to_agree(session, known),
            "form": Form(),
            **WORDS,
        }

    def act(session: Session, link: Link) -> Response | Answer:
        kind = request.form.get("withdraw")
        if kind is not None:
            led_to = take_back(session, data, link, kind)
            ended = places(session, led_to.cancelled)
            return Response(render("links/guardian_withdrawn.html", kind=kind, ended=ended, **_facts(session, link)))
        form: Form[Any] = Form(request.form)
        try:
            agree(session, link, request.form.getlist("consent"))
        except Problem as problem:
            if problem.kind is not INVALID:
                raise
            form.errors = {error.field: error.message for error in problem.errors}
            return render("links/guardian_consent.html", link=link, **show(session, link) | {"form": form}), 422
        return Response(render("links/guardian_thanks.html", **_facts(session, link)))

    def _facts(session: Session, link: Link) -> dict[str, Any]:
        asked = asked_by(session, link)
        about = {"site": asked.site, "activity": asked.activity, "page": _page(asked)}
        return {"child": data.shown(asked.child.name), **about, **WORDS}

    PURPOSES[CONSENT_PURPOSE] = Purpose(show, act)


def _page(asked: Asked) -> str:
    """Where one signs up: the activity's page while everybody may see it, else the site's."""
    activity = asked.activity
    if activity is not None and activity.public and activity.status == "published":
        return url_for("public_pages.show_activity", activity_id=activity.id)
    return url_for("public_pages.show_site", site_id=asked.site.id)


WORDS = {"kinds": CONSENT_KINDS, "hows": CODES["how"], "actor": actor}
