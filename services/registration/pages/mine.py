"""A resident's own registrations: in by a link from a mail, seen, given back; without an account or a password."""

import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g, redirect, request, url_for
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.database import EVERY_SITE, Database
from services.common.pages import Answer, Form, done, page_blueprint, read_form, render
from services.registration.api.residents import resident
from services.registration.models import Activity, Link, Registration, Shift, Site
from services.registration.operations.activities.private_notes import note_for_volunteer
from services.registration.operations.people import own_registrations
from services.registration.operations.people.own_details import prove_address, prove_places
from services.registration.operations.people.proven_sites import Resident
from services.registration.operations.people.recipients import ADDRESS_CHANGED
from services.registration.operations.seats import own_transfers
from services.registration.operations.seats.coming import say_own_coming
from services.registration.operations.seats.throttle import LOG_INS, Throttle
from services.registration.operations.staff.links import Links, over, use
from services.registration.operations.staff.sessions import Sessions, end_resident, end_resident_everywhere
from services.registration.pages.links import PURPOSES, Purpose, only_told
from services.registration.pages.resident import (
    BOXES,
    check_own_page,
    home,
    let_in,
    let_out,
    resident_blueprint,
)
from services.registration.pages.sign_up import at_contact
from services.registration.pages.team_links import add_team_links
from services.registration.personal_data import PersonalData, mailbox
from services.registration.schemas.public import LinkRequest, PartyBody, SwapRequest

ANSWERED_AFTER = 0.3
"""Seconds after which a request for a link is answered, whether or not there was one to be mailed."""


Act = Callable[[Session, Resident, UUID], object]
Page = Callable[[Session, UUID, Form[Any]], str]


def my_pages(database: Database, data: PersonalData, links: Links) -> APIBlueprint:
    """What a resident sees once they are in."""
    blueprint = resident_blueprint("my_pages", __name__, url_prefix="/my")

    @blueprint.get("")
    @allow(Caller.PERSON)
    def show_mine() -> str:
        """All of a person's registrations, and the boxes of other subjects."""
        with database.transaction(EVERY_SITE) as session:
            ahead, past = own_registrations.own_registrations(session, resident(by_mail=True))
            others = {} if g.principal.mailed_by else BOXES
            boxes = [(template, context(session, resident())) for template, context in others.items()]
            return render("mine/list.html", ahead=ahead, past=past, boxes=boxes)

    @blueprint.get("/registrations/<uuid:registration_id>")
    @allow(Caller.PERSON)
    def show_one(registration_id: UUID) -> str:
        """One registration, and what can be done with it."""
        with database.transaction(EVERY_SITE) as session:
            return page(session, registration_id, Form())

    def page(session: Session, registration_id: UUID, form: Form[Any]) -> str:
        own = own_registrations.own_registration(session, resident(by_mail=True), registration_id)
        link = own_transfers.hand_on_link(session, registration_id)
        return render(
            "mine/one.html",
            own=own,
            note=None if g.principal.mailed_by else note_for_volunteer(session, data, registration_id),
            asked=own_transfers.pending_transfer(session, registration_id),
            refused=own_transfers.was_refused(session, registration_id),
            others=own_transfers.shifts_to_swap(session, own),
            hand_on=links.url(link.id) if link else None,
            form=form,
        )

    _add_actions(blueprint, database, data)
    _add_passing_on(blueprint, database, data, page)
    return blueprint


def _add_actions(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    def take_offer(session: Session, resident: Resident, registration_id: UUID) -> object:
        return own_registrations.accept_own(session, data, resident, registration_id)

    def acted(act: Act, registration_id: UUID, zh: str, en: str) -> Response:
        with database.transaction(EVERY_SITE) as session:
            act(session, resident(by_mail=True), registration_id)
        return done(home(), zh, en)

    @blueprint.get("/registrations/<uuid:registration_id>/cancel")
    @allow(Caller.PERSON)
    def show_cancelling(registration_id: UUID) -> str:
        """What cancelling leads to. Changes nothing."""
        with database.transaction(EVERY_SITE) as session:
            own = own_registrations.own_registration(session, resident(by_mail=True), registration_id)
            asked = own_transfers.pending_transfer(session, registration_id)
            return render("mine/cancel.html", own=own, asked=asked, waiting=own.shift.waitlisted)

    @blueprint.post("/registrations/<uuid:registration_id>/cancel")
    @allow(Caller.PERSON)
    def cancel(registration_id: UUID) -> Response:
        """Give the place back."""
        return acted(own_registrations.cancel_own, registration_id, "已取消报名。", "Your registration is cancelled.")

    @blueprint.post("/registrations/<uuid:registration_id>/coming")
    @allow(Caller.PERSON)
    def say_coming(registration_id: UUID) -> Response:
        """Say that one will come."""
        return acted(
            say_own_coming, registration_id, "谢谢，站点知道您会来了。", "Thank you: the site knows you will come."
        )

    @blueprint.post("/registrations/<uuid:registration_id>/accept")
    @allow(Caller.PERSON)
    def accept(registration_id: UUID) -> Response:
        """Take the place that is offered."""
        return acted(take_offer, registration_id, "已接受，名额是您的了。", "Accepted: the place is yours.")

    @blueprint.post("/registrations/<uuid:registration_id>/decline")
    @allow(Caller.PERSON)
    def decline(registration_id: UUID) -> Response:
        """Leave it to who is next."""
        return acted(
            own_registrations.decline_own, registration_id, "已放弃，名额给下一位。", "Declined: it goes to the next."
        )

    @blueprint.post("/registrations/<uuid:registration_id>/withdraw")
    @allow(Caller.PERSON)
    def withdraw(registration_id: UUID) -> Response:
        """Take back what was asked of somebody else."""
        return acted(
            own_transfers.withdraw_own, registration_id, "已收回，名额仍是您的。", "Taken back: the place stays yours."
        )


def _add_passing_on(blueprint: APIBlueprint, database: Database, data: PersonalData, page: Page) -> None:
    throttle = Throttle(LOG_INS)

    def again(registration_id: UUID, form: Form[Any]) -> Answer:
        with database.transaction(EVERY_SITE) as session:
            return page(session, registration_id, form), 422

    @blueprint.post("/registrations/<uuid:registration_id>/party")
    @allow(Caller.PERSON)
    def resize(registration_id: UUID) -> Answer:
        """Change how many come."""
        form = read_form(PartyBody)
        with form.catching(), database.transaction(EVERY_SITE) as session:
            own_registrations.resize_own(session, resident(by_mail=True), registration_id, form.body.party_size)
        if form.failed:
            return again(registration_id, form)
        return done(home(), "人数已更改。", "The number of people was changed.")

    @blueprint.post("/registrations/<uuid:registration_id>/hand-over")
    @allow(Caller.PERSON)
    def hand_over(registration_id: UUID) -> Answer:
        """Ask somebody else whether they take the place."""
        form, began = read_contact(), time.monotonic()
        with form.catching():
            take(form.body)
            with database.transaction(EVERY_SITE) as session:
                own_transfers.hand_over_own(session, data, resident(by_mail=True), registration_id, form.body)
        return again(registration_id, form) if form.failed else asked(began)

    @blueprint.post("/registrations/<uuid:registration_id>/swap")
    @allow(Caller.PERSON)
    def swap(registration_id: UUID) -> Answer:
        """Ask somebody else whether they exchange their place on another shift."""
        form, began = _read_swap(), time.monotonic()
        with form.catching():
            take(form.body)
            with database.transaction(EVERY_SITE) as session:
                own_transfers.swap_own(session, data, resident(by_mail=True), registration_id, form.body)
        return again(registration_id, form) if form.failed else asked(began)

    @blueprint.post("/registrations/<uuid:registration_id>/hand-on")
    @allow(Caller.PERSON)
    def hand_on(registration_id: UUID) -> Response:
        """Make a link to send to whoever shall have the place."""
        with database.transaction(EVERY_SITE) as session:
            own_transfers.make_hand_on(session, resident(by_mail=True), registration_id)
        address = url_for("my_pages.show_one", registration_id=registration_id)
        return done(address, "链接已做好，发给对方即可。", "The link is ready: send it to them.")

    def take(body: LinkRequest | SwapRequest) -> None:
        throttle.take(data.fingerprint("contact", mailbox(body.contact)).hex(), request.remote_addr)

    def asked(began: float) -> Response:
        time.sleep(max(0.0, ANSWERED_AFTER - (time.monotonic() - began)))
        return done(
            home(),
            "如果站点认识这位居民，对方会收到邮件。对方同意之前，名额仍是您的。",
            "If the site knows this person, they get a mail. Until they agree, the place stays yours.",
        )


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
        form = read_contact()
        with form.catching():
            body = form.body
            throttle.take(data.fingerprint("contact", mailbox(body.contact)).hex(), request.remote_addr)
            with database.transaction(EVERY_SITE) as session:
                own_registrations.mail_link(session, data, body)
        if form.failed:
            return render("mine/log_in.html", form=form), 422
        time.sleep(max(0.0, ANSWERED_AFTER - (time.monotonic() - began)))
        return render("mine/sent.html")

    @blueprint.post("/my/link")
    @allow(Caller.PERSON)
    def mail_own_link() -> Answer:
        """Mail whoever came by a mail a link that opens all that is theirs, once."""
        throttle.take(g.principal.address, request.remote_addr)
        with database.transaction(EVERY_SITE) as session:
            own_registrations.mail_own_link(session, resident(by_mail=True))
        return render("mine/sent.html")

    @blueprint.post("/my/log-out")
    @allow(Caller.ANYONE)
    def log_out() -> Response:
        """End the session: a copy of its cookie opens nothing either."""
        if g.principal.caller is Caller.PERSON:
            with database.transaction(EVERY_SITE) as session:
                end_resident(session, g.principal.session)
        return let_out(done(url_for("public_pages.start"), "已退出。", "You are logged out."))

    @blueprint.post("/my/log-out-everywhere")
    @allow(Caller.PERSON)
    def log_out_everywhere() -> Response:
        """End all of one's sessions, wherever they were begun."""
        with database.transaction(EVERY_SITE) as session:
            end_resident_everywhere(session, resident().person_id)
        address = url_for("public_pages.start")
        return let_out(done(address, "所有设备均已退出。", "You are logged out everywhere."))

    _add_manage_link(blueprint, database, sessions, links)
    PURPOSES[own_registrations.PURPOSE] = Purpose(show=_show_site, act=_open_with(data, sessions))
    add_team_links()
    PURPOSES[ADDRESS_CHANGED] = Purpose(show=_show_site, act=only_told)
    PURPOSES[own_transfers.HAND_ON] = Purpose(show=_show_place, act=_ask_by_link(data, throttle))
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
            person_id, address, site_id = links.enter_manage(session, token)
            prove_places(session, person_id, address)
        wanted, now = _wanted(request.args.get("registration", "")), g.principal
        if (now.name, now.address, now.mailed_by) == (str(person_id), address.hex(), None):
            return redirect(wanted, 303)  # type: ignore[return-value]
        return _in(sessions.resident_cookie(person_id, address, mailed_by=site_id), wanted)


def _show_site(session: Session, link: Link) -> dict[str, Any]:
    return {"site": session.get(Site, link.site_id)}


def _show_place(session: Session, link: Link) -> dict[str, Any]:
    registration = session.get(Registration, link.subject) if link.subject else None
    if registration is None or registration.status != "confirmed":
        raise over()
    shift = session.get_one(Shift, registration.shift_id)
    return {
        "form": Form(),
        "shift": shift,
        "activity": session.get_one(Activity, shift.activity_id),
        "site": session.get(Site, link.site_id),
        "places": registration.party_size,
    }


def _ask_by_link(data: PersonalData, throttle: Throttle) -> Any:
    def act(session: Session, link: Link) -> Answer:
        """Mail whoever they say they are the question. What is answered tells nobody whether somebody is known."""
        began = time.monotonic()
        check_own_page()
        form = read_contact()
        with form.catching():
            throttle.take(data.fingerprint("contact", mailbox(form.body.contact)).hex(), request.remote_addr)
            own_transfers.ask_by_link(session, data, link, form.body)
        if form.failed:
            return render("links/hand_on.html", link=link, **_show_place(session, link) | {"form": form}), 422
        time.sleep(max(0.0, ANSWERED_AFTER - (time.monotonic() - began)))
        return render("mine/asked.html")

    return act


def _open_with(data: PersonalData, sessions: Sessions) -> Any:
    def act(session: Session, link: Link) -> Response:
        check_own_page()
        if link.person_id is None or link.address_index is None:
            raise over()
        use(link)
        prove_address(session, data, link.person_id, link.address_index)
        prove_places(session, link.person_id, link.address_index)
        return _in(sessions.resident_cookie(link.person_id, link.address_index), home())

    return act


def _in(cookie: str, where: str) -> Response:
    return let_in(redirect(where, 303), cookie)  # type: ignore[arg-type]


def _wanted(registration: str) -> str:
    """The page of the registration that a mail is about; whose it is is checked there."""
    try:
        return url_for("my_pages.show_one", registration_id=UUID(registration)) if registration else home()
    except ValueError:
        return home()


def read_contact() -> Form[LinkRequest]:
    """Who is named in a form, by name and one contact."""
    form: Form[LinkRequest] = Form(request.form)
    form.read(LinkRequest, _named(form))
    at_contact(form)
    return form


def _read_swap() -> Form[SwapRequest]:
    form: Form[SwapRequest] = Form(request.form)
    form.read(SwapRequest, _named(form) | {"shift_id": form.value("shift_id")})
    at_contact(form)
    return form


def _named(form: Form[Any]) -> dict[str, Any]:
    contact = form.value("contact").strip()
    return {"name": form.value("name"), ("email" if "@" in contact else "phone"): contact or None}
