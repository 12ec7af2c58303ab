"""The public's sign-up form and what it says afterwards; the same within a site's own web page (`embed.py`).

The page says what it is about; its button begins, which holds places while the form is filled in. Opening a page holds
nothing, so that no crawler does. Where no place is free, the page is the form of the waitlist at once.

The form carries a signed ticket. It is the idempotency key, so that a double click or a reload never makes two
registrations, it names the hold, and it shows that the page was opened before the form was sent. The field that people
do not see is for programs that fill in everything.
"""

import math
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID, uuid4

from apiflask import APIBlueprint
from flask import redirect, request, url_for
from itsdangerous import BadSignature, URLSafeTimedSerializer
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Redirect

from services.common.auth import Caller, allow
from services.common.database import EVERY_SITE, Database
from services.common.errors import MALFORMED, Problem, Words, language, not_found, speak_usually
from services.common.pages import Answer, Form, page_blueprint, render
from services.registration.models import Activity, PersonSite, Registration, Shift, Site
from services.registration.operations.people.identity import person_now
from services.registration.operations.seats.holds import find_hold
from services.registration.operations.seats.public_sign_up import PublicSignUps, needs_birth_date, terms
from services.registration.operations.seats.registrations import describe_registration
from services.registration.operations.sites.public import OpenActivity, open_shift, site_of_shift
from services.registration.pages.resident import check_own_page
from services.registration.personal_data import PersonalData
from services.registration.schemas.public import PublicSignUp

TICKET_SECONDS = 24 * 3600
TRAP = "homepage"

EMPTY = {
    "name": Words("请填写姓名。", "Please give the name."),
    "contact": Words("请填写手机号或电子邮箱。", "Please give a mobile number or an e-mail."),
}
STALE = Words("页面打开太久了，请再点一次报名。", "This page was open for too long. Please press the button again.")
NOT_HELD = Words(
    "现在没有为您保留名额，请直接填写。提交时还有名额就是您的，否则列入候补。",
    "No place is held for you. Fill in the form: you get one if any is free then; if not, you wait for one.",
)
TRAPPED = Words("请清空不该填写的一栏再试。", "Please empty the field that is not meant to be filled in.")


@dataclass(frozen=True)
class Desk:
    """What the sign-up pages need."""

    database: Database
    data: PersonalData
    sign_ups: PublicSignUps
    tickets: URLSafeTimedSerializer
    results: URLSafeTimedSerializer

    @classmethod
    def of(cls, database: Database, data: PersonalData, sign_ups: PublicSignUps) -> "Desk":
        """With keys of their own for both kinds of token."""
        keys = (URLSafeTimedSerializer(data.key_for(f"sign-up {what}")) for what in ("ticket", "result"))
        return cls(database, data, sign_ups, *keys)

    def ticket(self, shift_id: UUID) -> str:
        """For a form that is opened now."""
        return str(self.tickets.dumps([shift_id.hex, uuid4().hex]))

    def form_id(self, shift_id: UUID, ticket: str) -> UUID | None:
        """Which form of this shift a ticket is for; None for one that is forged, another shift's, or of yesterday."""
        try:
            of, key = self.tickets.loads(ticket, max_age=TICKET_SECONDS)
        except BadSignature:
            return None
        return UUID(key) if of == shift_id.hex else None

    def result(self, shift_id: UUID, registration_id: UUID | None, body: PublicSignUp) -> str:
        """The token of a result. Of the contact it has a piece of the keyed hash: addresses end up in logs."""
        kind: Literal["phone", "email"] = "phone" if body.phone else "email"
        about = registration_id.hex if registration_id else ""
        return str(
            self.results.dumps([shift_id.hex, about, kind, self._piece(self.data.contact_index(kind, body.contact))])
        )

    def opened(self, token: str) -> "Result":
        """What a result's token is about. Raises 404."""
        try:
            shift_id, about, kind, piece = self.results.loads(token, max_age=TICKET_SECONDS)
        except (BadSignature, ValueError):
            raise not_found("这个页面", "page") from None
        return Result(UUID(shift_id), UUID(about) if about else None, kind, piece)

    def contact(self, session: Session, result: "Result", registration: Registration) -> str | None:
        """The contact that was typed, where it is what the site has on record: whoever knows a neighbour's number reads
        no other that the site was told."""
        told = session.get(PersonSite, (person_now(session, registration.person_id), registration.site_id))
        index = getattr(told, f"{result.kind}_index", None)
        return self.data.readable(getattr(told, result.kind)) if index and self._piece(index) == result.piece else None

    @staticmethod
    def _piece(index: bytes) -> str:
        return bytes(index).hex()[:16]

    def site_of_result(self, token: str) -> UUID:
        """At which site it was. Raises 404."""
        with self.database.transaction(EVERY_SITE) as session:
            return session.get_one(Shift, self.opened(token).shift_id).site_id


@dataclass(frozen=True)
class Result:
    """A sign-up that was sent: for which shift, what came of it, by which kind of contact."""

    shift_id: UUID
    registration_id: UUID | None
    kind: str
    piece: str


@dataclass(frozen=True)
class Steps:
    """Where the steps of a sign-up are: here, or in a frame. The template around them, and endpoints."""

    around: str
    form: str
    begin: str
    leave: str
    result: str

    def back(self, found: OpenActivity) -> str:
        """Where whoever leaves goes."""
        if self.form.startswith("embed_pages"):
            return url_for("embed_pages.show_site", site_id=found.site.id)
        return url_for("public_pages.show_activity", activity_id=found.activity.id)


HERE = Steps(
    "resident.html",
    "sign_up_pages.show_form",
    "sign_up_pages.begin",
    "sign_up_pages.leave",
    "sign_up_pages.show_result",
)


def sign_up_pages(desk: Desk) -> APIBlueprint:
    """The form and the page after it."""
    blueprint = page_blueprint("sign_up_pages", __name__)

    @blueprint.get("/shifts/<uuid:shift_id>/sign-up")
    @allow(Caller.ANYONE)
    def show_form(shift_id: UUID) -> str:
        """What it is about, and once begun the form."""
        return form_page(desk, shift_id, Form(), HERE)

    @blueprint.post("/shifts/<uuid:shift_id>/sign-up")
    @allow(Caller.ANYONE)
    def send_form(shift_id: UUID) -> Answer | Redirect:
        """Sign up."""
        return answer_form(desk, shift_id, HERE)

    @blueprint.post("/shifts/<uuid:shift_id>/sign-up/begin")
    @allow(Caller.ANYONE)
    def begin(shift_id: UUID) -> Redirect:
        """Have places held, and go on to the form."""
        return begin_form(desk, shift_id, HERE)

    @blueprint.post("/shifts/<uuid:shift_id>/sign-up/leave")
    @allow(Caller.ANYONE)
    def leave(shift_id: UUID) -> Redirect:
        """Give them back."""
        return leave_form(desk, shift_id, HERE)

    @blueprint.get("/links/done/<token>")
    @allow(Caller.LINK)
    def show_result(token: str) -> str:
        """What became of it."""
        return result_page(desk, token, "public/result.html")

    return blueprint


def form_page(desk: Desk, shift_id: UUID, form: Form[PublicSignUp], steps: Steps) -> str:
    """The first page, or the form: empty or with what is wrong in it."""
    ticket = form.value("ticket") or request.args.get("ticket", "")
    form_id = desk.form_id(shift_id, ticket)
    with desk.database.transaction(site_of_shift(desk.database, shift_id)) as session:
        found, shift = open_shift(session, shift_id)
        speak_usually(found.site.language)
        kept = find_hold(session, form_id) if form_id else None
        if kept:  # to them it is a free one
            shift = replace(shift, free=shift.free + kept[0].places)
        ticket = ticket if form_id else desk.ticket(shift_id)
        # With the ticket, so that in another language it is the same form with the same places.
        again = {"here": url_for(steps.form, shift_id=shift_id, ticket=ticket)} if form.values else {}
        return render(
            "public/sign_up.html",
            around=steps.around,
            form=form,
            found=found,
            one=shift,
            begun=bool(form_id or form.values) or not shift.free,
            hold=kept[0] if kept else None,
            minutes=math.ceil(kept[1] / timedelta(minutes=1)) if kept else 0,
            not_held=NOT_HELD if form_id and not kept and shift.free else None,
            terms=terms(session),
            asks_age=needs_birth_date(found, shift),
            ticket=ticket,
            trap=TRAP,
            begin=url_for(steps.begin, shift_id=shift_id),
            send=url_for(steps.form, shift_id=shift_id),
            leave=url_for(steps.leave, shift_id=shift_id),
            back=steps.back(found),
            **again,
        )


def begin_form(desk: Desk, shift_id: UUID, steps: Steps) -> Redirect:
    """Have places held for the form, where that can be, and go on to it."""
    check_own_page()
    form_id = desk.form_id(shift_id, request.form.get("ticket", ""))
    if form_id is None:
        return redirect(url_for(steps.form, shift_id=shift_id), 303)
    wanted = request.form.get("party_size", "1")
    places = int(wanted) if wanted.isdecimal() and len(wanted) < 3 else 1
    with suppress(Problem):
        desk.sign_ups.hold(form_id, shift_id, max(1, places), request.remote_addr)
    form = {"shift_id": str(shift_id), "ticket": request.form["ticket"], "party_size": str(places)}
    return redirect(url_for(steps.form, **form), 303)  # type: ignore[arg-type]


def leave_form(desk: Desk, shift_id: UUID, steps: Steps) -> Redirect:
    """Give back what is held for the form."""
    check_own_page()
    form_id = desk.form_id(shift_id, request.form.get("ticket", ""))
    if form_id is not None:
        desk.sign_ups.leave(form_id)
    with desk.database.transaction(site_of_shift(desk.database, shift_id)) as session:
        return redirect(steps.back(open_shift(session, shift_id)[0]), 303)


def answer_form(desk: Desk, shift_id: UUID, steps: Steps) -> Answer | Redirect:
    """Sign up what was posted; the result is a page to be redirected to, so that reloading repeats nothing."""
    check_own_page()
    form = _read()
    with form.catching():
        form_id = _ticket(desk, shift_id, form)
        made = desk.sign_ups.sign_up(shift_id, form.body, form_id.hex, request.remote_addr, form_id)
        token = desk.result(shift_id, made.registration_id, form.body)
        return redirect(url_for(steps.result, token=token), 303)
    return form_page(desk, shift_id, form, steps), 422


def result_page(desk: Desk, token: str, template: str) -> str:
    """What became of a sign-up, and how they hear of changes. It names the activity and nobody."""
    result = desk.opened(token)
    with desk.database.transaction(EVERY_SITE) as session:
        shift = session.get_one(Shift, result.shift_id)
        context: dict[str, Any] = {
            "shift": shift,
            "activity": session.get_one(Activity, shift.activity_id),
            "site": session.get_one(Site, shift.site_id),
            "registration": None,
            "result": result,
            "contact": None,
        }
        registration = session.get(Registration, result.registration_id) if result.registration_id else None
        if registration is not None:
            context["contact"] = desk.contact(session, result, registration)
            context["registration"] = describe_registration(session, registration)
        return render(template, **context)


def _read() -> Form[PublicSignUp]:
    """The posted form. One field takes a phone or an e-mail; a guardian is there where one of its fields is."""
    form: Form[PublicSignUp] = Form(request.form)
    contact = form.value("contact").strip()
    data: dict[str, Any] = {
        "name": form.value("name"),
        "language": "zh-CN" if language() == "zh" else "en",
        ("email" if "@" in contact else "phone"): contact or None,
    }
    if form.value("birth_date"):
        data["birth_date"] = form.value("birth_date")
    if form.value("party_size"):
        data["party_size"] = form.value("party_size")
    guardian = {name: form.value(f"guardian.{name}").strip() for name in ("name", "email")}
    if any(guardian.values()):
        data["guardian"] = guardian
    helper = {name: form.value(f"helper.{name}").strip() for name in ("name", "relation", "phone")}
    if any(helper.values()):
        data["helper"] = helper | ({"agreed": True} if form.value("helper.agreed") == "on" else {})
    if form.value("agreed") == "on":
        data["agreed"] = True
    form.read(PublicSignUp, data)
    _at_our_fields(form)
    return form


def _at_our_fields(form: Form[PublicSignUp]) -> None:
    at_contact(form)
    if "helper.agreed" in form.errors:
        form.errors["helper.agreed"] = Words("请先征得本人同意。", "Please ask the person first.")
    if "agreed" in form.errors:
        form.errors["agreed"] = Words("请先阅读并同意。", "Please read and agree first.")
    if form.value(TRAP):
        form.problem = TRAPPED


def at_contact(form: Form[Any]) -> None:
    """The model speaks of phone and e-mail, the form of a contact; what is empty is said in plain words, at once."""
    for name in ("phone", "email", "body"):
        if name in form.errors:
            form.errors["contact"] = form.errors.pop(name)
    for name, words in EMPTY.items():
        if not form.value(name).strip():
            form.errors[name] = words


def _ticket(desk: Desk, shift_id: UUID, form: Form[PublicSignUp]) -> UUID:
    """Which form this is. Raises what to do where it was never opened, or yesterday."""
    if form.problem is not None:
        raise Problem(MALFORMED, form.problem)
    form_id = desk.form_id(shift_id, form.value("ticket"))
    if form_id is None:
        form.values = form.values.copy()
        form.values["ticket"] = desk.ticket(shift_id)
        raise Problem(MALFORMED, STALE)
    return form_id
