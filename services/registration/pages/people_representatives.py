"""Who speaks for a person, kept by staff: a minor's guardian, who can be asked again, and an elder's helper."""

from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g, url_for
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.conventions import own_site
from services.common.database import Database
from services.common.pages import Answer, Form, done, read_form, render
from services.registration.operations.people import people
from services.registration.operations.people.guardian_claims import (
    children_claimed,
    confirm_guardian,
    count_claims,
    find_claim,
)
from services.registration.operations.people.representatives import (
    Kind,
    ask_guardian,
    describe_representative,
    representative_or_none,
    save_representative,
)
from services.registration.operations.people.residents import name_helper
from services.registration.pages.home import Box, Line, box
from services.registration.personal_data import PersonalData
from services.registration.schemas.people import ConfirmBody, HelperBody, RepresentativeBody

AT_ONCE = 50


def add_representatives(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    """The pages of guardian and helper, beside those of people."""
    box(guardians_claimed)

    def page(person_id: UUID, kind: Kind, form: Form[Any] | None = None) -> str:
        with database.transaction(g.principal.scope) as session:
            person = people.find_person(session, data, own_site(), person_id)
            found = representative_or_none(session, own_site(), person.id, kind)
            known = describe_representative(data, found) if found else None
            claim = find_claim(session, own_site(), person.id) if kind == "guardian" else None
            other = {"name": data.shown(claim.name), "email": data.readable(claim.email)} if claim else None
            shown = form or Form(known.model_dump() if known else None)
            return render("people/representative.html", person=person, kind=kind, known=known, other=other, form=shown)

    @blueprint.get("/guardians")
    @allow(Caller.STAFF)
    def list_claims() -> Answer:
        """Children of whom two guardians were named online."""
        with database.transaction(g.principal.scope) as session:
            children = children_claimed(session, own_site(), AT_ONCE)
            names = people.told_names(session, data, [(one.person_id, one.site_id) for one in children])
            return render("people/claims.html", names=names)

    @blueprint.get("/<uuid:person_id>/guardian")
    @allow(Caller.STAFF)
    def show_guardian(person_id: UUID) -> Answer:
        """Who the guardian is, to be corrected or asked again."""
        return page(person_id, "guardian")

    @blueprint.post("/<uuid:person_id>/guardian")
    @allow(Caller.STAFF)
    def save_guardian(person_id: UUID) -> Answer:
        """Who speaks for the minor from now on."""
        form = read_form(RepresentativeBody)
        with form.catching(), database.transaction(g.principal.scope) as session:
            save_representative(session, data, own_site(), person_id, "guardian", form.body)
        if form.failed:
            return page(person_id, "guardian", _at_field(form)), 422
        return done(
            url_for("people_pages.show_guardian", person_id=person_id), "监护人已保存。", "The guardian is saved."
        )

    @blueprint.post("/<uuid:person_id>/guardian/confirm")
    @allow(Caller.STAFF)
    def confirm(person_id: UUID) -> Answer:
        """Staff made sure who the guardian is."""
        form = read_form(ConfirmBody)
        with form.catching(), database.transaction(g.principal.scope) as session:
            confirm_guardian(session, own_site(), person_id, form.body.rightful, g.principal.actor)
        if form.failed:
            return page(person_id, "guardian", form), 422
        address = url_for("people_pages.show_guardian", person_id=person_id)
        return done(address, "监护人已核实。", "The guardian is confirmed.")

    @blueprint.post("/<uuid:person_id>/guardian/ask")
    @allow(Caller.STAFF)
    def ask(person_id: UUID) -> Answer | Response:
        """Mail the guardian a link once more."""
        form: Form[RepresentativeBody] = Form()
        with form.catching(), database.transaction(g.principal.scope) as session:
            ask_guardian(session, data, own_site(), person_id)
        if form.failed:
            return page(person_id, "guardian", form), 409
        address = url_for("people_pages.show_person", person_id=person_id)
        return done(
            address, "已向监护人发送确认链接，14 天内有效。", "A link was mailed to the guardian; it holds for 14 days."
        )

    @blueprint.get("/<uuid:person_id>/helper")
    @allow(Caller.STAFF)
    def show_helper(person_id: UUID) -> Answer:
        """Who acts for the person."""
        return page(person_id, "helper")

    @blueprint.post("/<uuid:person_id>/helper")
    @allow(Caller.STAFF)
    def save_helper(person_id: UUID) -> Answer:
        """Who acts for the person from now on, on the person's own word."""
        form = read_form(HelperBody)
        with form.catching(), database.transaction(g.principal.scope) as session:
            person = people.find_person(session, data, own_site(), person_id)
            name_helper(session, data, own_site(), person.id, form.body.helper(), form.body.how, g.principal.actor)
        if form.failed:
            return page(person_id, "helper", _at_field(form)), 422
        return done(url_for("people_pages.show_person", person_id=person_id), "代办人已保存。", "The helper is saved.")


def guardians_claimed(session: Session, site_id: UUID) -> Box | None:
    """Of how many children staff must say who the guardian is."""
    waiting = count_claims(session, site_id)
    if not waiting:
        return None
    words = f"要核实谁是监护人：{waiting} 个孩子", f"Say who the guardian is: {waiting} children"
    return Box("监护人", "Guardians", [Line(*words, url_for("people_pages.list_claims"))])


def _at_field(form: Form[Any]) -> Form[Any]:
    """What is wrong with the whole, that nothing reaches them, stands at the phone."""
    whole = form.errors.pop("body", None) or form.errors.pop("", None)
    if whole is not None:
        form.errors.setdefault("phone", whole)
    return form
