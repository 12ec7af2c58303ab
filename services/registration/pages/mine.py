"""A resident's own registrations: in by a link from a mail, seen, given back; without an account or a password."""

import time
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, redirect, request, url_for
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.database import EVERY_SITE, Database
from services.common.pages import Answer, Form, done, page_blueprint, render
from services.registration.models import Link, Site
from services.registration.operations import mine
from services.registration.operations.links import Links, over, use
from services.registration.operations.sessions import Sessions
from services.registration.operations.throttle import LOG_INS, Throttle
from services.registration.pages.links import PURPOSES, Purpose
from services.registration.pages.resident import (
    BOXES,
    check_own_page,
    home,
    let_in,
    let_out,
    resident_blueprint,
    resident_id,
)
from services.registration.pages.sign_up import at_contact
from services.registration.personal_data import PersonalData
from services.registration.schemas.public import LinkRequest

ANSWERED_AFTER = 0.3
"""Seconds after which a request for a link is answered, whether or not there was one to be mailed."""


def my_pages(database: Database) -> APIBlueprint:
    """What a resident sees once they are in."""
    blueprint = resident_blueprint("my_pages", __name__, url_prefix="/my")

    @blueprint.get("")
    @allow(Caller.PERSON)
    def show_mine() -> str:
        """All of a person's registrations, and the boxes of other subjects."""
        with database.transaction(EVERY_SITE) as session:
            ahead, past = mine.own_registrations(session, resident_id())
            boxes = [(template, context(session, resident_id())) for template, context in BOXES]
            return render("mine/list.html", ahead=ahead, past=past, boxes=boxes)

    @blueprint.get("/registrations/<uuid:registration_id>")
    @allow(Caller.PERSON)
    def show_one(registration_id: UUID) -> str:
        """One registration, and what can be done with it."""
        with database.transaction(EVERY_SITE) as session:
            return render("mine/one.html", own=mine.own_registration(session, resident_id(), registration_id))

    @blueprint.post("/registrations/<uuid:registration_id>/cancel")
    @allow(Caller.PERSON)
    def cancel(registration_id: UUID) -> Response:
        """Give the place back."""
        with database.transaction(EVERY_SITE) as session:
            mine.cancel_own(session, resident_id(), registration_id)
        return done(home(), "已取消报名,名额已让出。", "Cancelled. Your place is given to the next.")

    return blueprint


def log_in_pages(database: Database, data: PersonalData, sessions: Sessions, links: Links) -> APIBlueprint:
    """How a resident gets in and out."""
    blueprint = page_blueprint("my_log_in_pages", __name__)
    throttle = Throttle(LOG_INS)

    @blueprint.get("/my/log-in")
    @allow(Caller.ANYONE)
    def ask_for_link() -> str:
        """Ask for a link."""
        return render("mine/log_in.html", form=Form())

    @blueprint.post("/my/log-in")
    @allow(Caller.ANYONE)
    def send_link() -> Answer:
        """Mail a link to whoever is known. What is answered tells nobody whether somebody is."""
        began = time.monotonic()
        check_own_page()
        form = _read()
        with form.catching():
            body = form.body
            throttle.take(data.fingerprint("contact", body.contact.lower()).hex(), request.remote_addr)
            with database.transaction(EVERY_SITE) as session:
                mine.mail_link(session, data, body)
        if form.failed:
            return render("mine/log_in.html", form=form), 422
        time.sleep(max(0.0, ANSWERED_AFTER - (time.monotonic() - began)))
        return render("mine/sent.html")

    @blueprint.post("/my/log-out")
    @allow(Caller.ANYONE)
    def log_out() -> Response:
        """Forget the session."""
        return let_out(done(url_for("public_pages.start"), "已退出。", "You are logged out."))

    _add_manage_link(blueprint, database, sessions, links)
    PURPOSES[mine.PURPOSE] = Purpose(show=_show_site, act=_open_with(sessions))
    return blueprint


def _add_manage_link(blueprint: APIBlueprint, database: Database, sessions: Sessions, links: Links) -> None:
    @blueprint.get("/links/mine/<token>")
    @allow(Caller.LINK)
    def show_manage(token: str) -> str:
        """What the link in a mail leads to: a button."""
        with database.transaction(EVERY_SITE) as session:
            known = links.open_manage(session, token)
            return render("links/my_registrations.html", site=session.get(Site, known.site_id))

    @blueprint.post("/links/mine/<token>")
    @allow(Caller.LINK)
    def open_manage(token: str) -> Response:
        """Let the person in, to the registration that the mail is about."""
        check_own_page()
        with database.transaction(EVERY_SITE) as session:
            known = links.open_manage(session, token)
        return _in(sessions, known.person_id, known.site_id, request.args.get("registration", ""))


def _show_site(session: Session, link: Link) -> dict[str, Any]:
    return {"site": session.get(Site, link.site_id)}


def _open_with(sessions: Sessions) -> Any:
    def act(session: Session, link: Link) -> Response:
        check_own_page()
        if link.person_id is None:
            raise over()
        use(link)
        return _in(sessions, link.person_id, link.site_id)

    return act


def _in(sessions: Sessions, person_id: UUID, site_id: UUID | None, registration: str = "") -> Response:
    """A session, and on to the registration that was asked for; whose it is is checked there."""
    try:
        address = url_for("my_pages.show_one", registration_id=UUID(registration)) if registration else home()
    except ValueError:
        address = home()
    return let_in(redirect(address, 303), sessions.resident_cookie(person_id, site_id))  # type: ignore[arg-type]


def _read() -> Form[LinkRequest]:
    form: Form[LinkRequest] = Form(request.form)
    contact = form.value("contact").strip()
    form.read(LinkRequest, {"name": form.value("name"), ("email" if "@" in contact else "phone"): contact or None})
    at_contact(form)
    return form
