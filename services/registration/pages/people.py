"""People, for staff: found by one thing known in full, seen as the site was told, registered, erased."""

from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.conventions import own_site
from services.common.database import Database
from services.common.errors import Problem, invalid
from services.common.pages import Answer, Form, done, in_menu, page_blueprint, read_form, render
from services.registration.codes import CATEGORIES, CONSENT_KINDS, PROFESSIONS, SKILLS
from services.registration.models import Consent, Site
from services.registration.operations.activities.concerned import own_without_guardian
from services.registration.operations.people import consents, people, volunteers
from services.registration.operations.people.consents_shown import show_consents
from services.registration.operations.people.erasure import erase, plan_erasure
from services.registration.operations.people.people_search import search_people
from services.registration.operations.people.representatives import describe_representative, find_representative
from services.registration.operations.seats.desk import OTHER_EMAIL
from services.registration.operations.staff.audit_log import actor_names
from services.registration.pages.data_words import CODES, actor
from services.registration.pages.people_edit import add_editing
from services.registration.pages.people_records import add_records, records_of
from services.registration.pages.people_representatives import add_representatives
from services.registration.personal_data import PersonalData
from services.registration.schemas.consents import NewConsent
from services.registration.schemas.erasure import EraseBody
from services.registration.schemas.people import SearchBody
from services.registration.schemas.volunteers import NewVolunteer, RevealBody

CHOSEN = ("skills", "professions", "categories")


def people_pages(database: Database, data: PersonalData) -> APIBlueprint:
    """The pages of people."""
    blueprint = page_blueprint("people_pages", __name__, url_prefix="/staff/people")
    in_menu("people_pages.search", "人员", "People", 5)
    _add_search(blueprint, database, data)
    _add_person(blueprint, database, data)
    add_editing(blueprint, database, data)
    add_records(blueprint, database, data)
    add_representatives(blueprint, database, data)
    _add_consents(blueprint, database, data)
    _add_registering(blueprint, database, data)
    _add_erasing(blueprint, database)
    return blueprint


def _add_search(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.get("/")
    @allow(Caller.STAFF)
    def search() -> Answer:
        """Where a person is looked for."""
        return render("people/search.html", form=Form(), found=None)

    @blueprint.post("/")
    @allow(Caller.STAFF)
    def find() -> Answer:
        """Whom the site knows by that. Posted, because addresses of pages end up in logs."""
        form: Form[SearchBody] = Form(request.form)
        form.read(SearchBody, {form.value("by"): form.value("value").strip()})
        found = None
        with form.catching(), database.transaction(g.principal.scope) as session:
            found = search_people(session, data, own_site(), form.body)
        form.errors = {"value" if name == form.value("by") else name: words for name, words in form.errors.items()}
        return render("people/search.html", form=form, found=found), 422 if form.failed else 200


def _add_person(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    def page(session: Session, person_id: UUID, **more: Any) -> str:
        return render("people/person.html", **(_person(session, data, own_site(), person_id) | more))

    @blueprint.get("/<uuid:person_id>")
    @allow(Caller.STAFF)
    def show_person(person_id: UUID) -> Answer:
        """A person as the site knows them."""
        with database.transaction(g.principal.scope) as session:
            return page(session, person_id)

    @blueprint.post("/<uuid:person_id>/id-number")
    @allow(Caller.STAFF)
    def reveal(person_id: UUID) -> Answer:
        """The whole ID number, this once; who read it and why is on record."""
        form = read_form(RevealBody)
        number = None
        with database.transaction(g.principal.scope) as session:
            with form.catching():
                number = volunteers.reveal_id_number(session, data, own_site(), person_id, form.body.reason)
            return page(session, person_id, revealed=number), 422 if form.failed else 200

    @blueprint.post("/<uuid:person_id>/id-number/checked")
    @allow(Caller.STAFF)
    def check_id_number(person_id: UUID) -> Answer:
        """Staff saw the document whose number the volunteer told online."""
        form: Form[RevealBody] = Form()
        with form.catching(), database.transaction(g.principal.scope) as session:
            volunteers.check_id_number(session, data, own_site(), person_id)
        if form.failed:
            with database.transaction(g.principal.scope) as session:
                return page(session, person_id, form=form), 409
        address = url_for("people_pages.show_person", person_id=person_id)
        return done(address, "已记为核对过证件。", "Noted: the document was seen.")


def _person(session: Session, data: PersonalData, site_id: UUID, person_id: UUID) -> dict[str, Any]:
    """All that the person's page shows."""
    person = people.find_person(session, data, site_id, person_id)
    given = select(Consent).where(Consent.person_id == person.id, Consent.site_id == site_id)
    rows = session.scalars(given.order_by(Consent.position)).all()
    actors = {who for one in rows for who in (one.made_by, one.withdrawn_by) if who}
    return {
        "person": person,
        "without_guardian": own_without_guardian(session, site_id, person.id, person.birth_date),
        "zone": session.get_one(Site, site_id).time_zone,
        "volunteer": _or_none(lambda: volunteers.find_volunteer(session, data, site_id, person.id)),
        "representatives": [
            found
            for kind in ("guardian", "helper")
            if (
                found := _or_none(
                    lambda kind=kind: describe_representative(
                        data, find_representative(session, site_id, person.id, kind)
                    )
                )
            )
        ],
        "consents": show_consents(session, data, rows),
        "actor": actor,
        "actor_names": actor_names(session, data, actors, {site_id}),
        "records": records_of(session, person.id),
        "codes": SKILLS | PROFESSIONS | CATEGORIES,
        "kinds": CONSENT_KINDS,
        "hows": CODES["how"],
        "qualities": CODES["quality"],
        "form": Form(),
        "revealed": None,
    }


def _or_none(look: Any) -> Any:
    try:
        return look()
    except Problem:
        return None


def _add_consents(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.post("/<uuid:person_id>/consents")
    @allow(Caller.STAFF)
    def give(person_id: UUID) -> Answer:
        """Put on record what the person or the guardian said."""
        kind = request.form.get("kind", "")
        by = "guardian" if kind.startswith("guardian") else "person"
        form = read_form(NewConsent, given_by=by)
        with form.catching(), database.transaction(g.principal.scope) as session:
            consents.give_consent(session, own_site(), person_id, form.body, g.principal.actor)
        if form.failed:
            form.errors = {"kind" if name == "given_by" else name: said for name, said in form.errors.items()}
            with database.transaction(g.principal.scope) as session:
                context = _person(session, data, own_site(), person_id) | {"form": form}
                return render("people/person.html", **context), 422
        return done(
            url_for("people_pages.show_person", person_id=person_id), "同意已登记。", "The consent is on record."
        )

    @blueprint.post("/<uuid:person_id>/consents/<uuid:consent_id>/withdraw")
    @allow(Caller.STAFF)
    def withdraw(person_id: UUID, consent_id: UUID) -> Response:
        """Withdraw it on the person's word."""
        with database.transaction(g.principal.scope) as session:
            led_to = consents.withdraw_consent(session, consent_id, g.principal.actor)
        ended = len(led_to.cancelled)
        return done(
            url_for("people_pages.show_person", person_id=person_id),
            f"已撤回同意；取消了 {ended} 个报名。",
            f"The consent was withdrawn; {ended} registrations were cancelled.",
        )


def _add_registering(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    lists = {"skills": SKILLS, "professions": PROFESSIONS, "categories": CATEGORIES}

    @blueprint.get("/new")
    @allow(Caller.STAFF)
    def new_volunteer() -> Answer:
        """The form by which somebody becomes a volunteer; of a `person` whom the site knows it holds what is known."""
        known, form = request.args.get("person", type=UUID), Form[NewVolunteer]()
        if known is not None:
            with database.transaction(g.principal.scope) as session:
                form = Form(people.find_person(session, data, own_site(), known).model_dump(mode="json"))
        return render("people/volunteer.html", form=form, lists=lists)

    @blueprint.post("/new")
    @allow(Caller.STAFF)
    def register() -> Answer:
        """Register them, and go to their page."""
        form = read_form(NewVolunteer, lists=CHOSEN, how="desk")
        with form.catching(), database.transaction(g.principal.scope) as session:
            made = volunteers.register_volunteer(session, data, own_site(), form.body, g.principal.actor)
            if made.other_email:
                raise invalid("replace_email", OTHER_EMAIL)
        if form.failed:
            return render("people/volunteer.html", form=form, lists=lists), 422
        return done(
            url_for("people_pages.show_person", person_id=made.person_id),
            f"已登记，志愿者编号 {made.volunteer_number}。",
            f"Registered. The volunteer number is {made.volunteer_number}.",
        )


def _add_erasing(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.get("/<uuid:person_id>/erase")
    @allow(Caller.STAFF)
    def show_erasing(person_id: UUID) -> Answer:
        """What erasing would do."""
        with database.transaction(g.principal.scope) as session:
            plan = plan_erasure(session, person_id, own_site())
            return render("people/erase.html", plan=plan, person_id=person_id, form=Form())

    @blueprint.post("/<uuid:person_id>/erase")
    @allow(Caller.STAFF)
    def erase_person(person_id: UUID) -> Answer:
        """Erase what the site was told."""
        form = read_form(EraseBody)
        with form.catching(), database.transaction(g.principal.scope) as session:
            erase(session, person_id, own_site(), form.body.reason, g.principal.actor)
        if form.failed:
            with database.transaction(g.principal.scope) as session:
                plan = plan_erasure(session, person_id, own_site())
                return render("people/erase.html", plan=plan, person_id=person_id, form=form), 422
        return done(url_for("people_pages.search"), "个人信息已删除。", "The person's details were erased.")
