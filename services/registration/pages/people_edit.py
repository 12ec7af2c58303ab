"""What a site was told of somebody, corrected by staff: name and contact, and of a volunteer the rest."""

from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import g, request, url_for
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from services.common.auth import Caller, allow
from services.common.conventions import own_site
from services.common.database import Database
from services.common.pages import Answer, Form, done, render, typed_version
from services.registration.codes import CATEGORIES, PROFESSIONS, SKILLS
from services.registration.models import VolunteerSite
from services.registration.operations.people import people, volunteers
from services.registration.operations.people.identity import person_now
from services.registration.personal_data import PersonalData
from services.registration.schemas.people import PersonEdit
from services.registration.schemas.volunteers import VolunteerEdit

LISTS = {"skills": SKILLS, "professions": PROFESSIONS, "categories": CATEGORIES}
OF_PERSON = ("name", "phone", "email", "birth_date")


def add_editing(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    """The page of corrections, beside those of people."""

    @blueprint.get("/<uuid:person_id>/edit")
    @allow(Caller.STAFF)
    def show_edit(person_id: UUID) -> Answer:
        """The form, with what the site was told."""
        with database.transaction(g.principal.scope) as session:
            form: Form[Any] = Form(_present(session, data, person_id))
            return _page(session, form, person_id)

    @blueprint.post("/<uuid:person_id>/edit")
    @allow(Caller.STAFF)
    def edit(person_id: UUID) -> Answer:
        """Correct it."""
        with database.transaction(g.principal.scope) as session:
            person_id = people.told_by(session, own_site(), person_id).person_id
            is_volunteer = _is_volunteer(session, person_id)
        person: Form[PersonEdit] = Form(request.form)
        volunteer: Form[VolunteerEdit] = Form(request.form)
        person.read(PersonEdit, {name: person.value(name).strip() or None for name in OF_PERSON})
        volunteer.read(VolunteerEdit, _of_volunteer(volunteer))
        person.errors |= volunteer.errors if is_volunteer else {}
        with person.catching(), database.transaction(g.principal.scope) as session:
            people.edit_person(session, data, own_site(), person_id, person.body, typed_version())
            if is_volunteer:
                read, actor = typed_version("volunteer_version"), g.principal.actor
                volunteers.edit_volunteer(session, data, own_site(), person_id, volunteer.body, read, actor)
        if person.failed:
            with database.transaction(g.principal.scope) as session:
                return _page(session, person, person_id), 422
        return done(
            url_for("people_pages.show_person", person_id=person_id), "资料已更正。", "The details are corrected."
        )


def _page(session: Session, form: Form[Any], person_id: UUID) -> str:
    volunteer = _is_volunteer(session, person_id)
    return render("people/edit.html", form=form, person_id=person_id, volunteer=volunteer, lists=LISTS)


def _of_volunteer(form: Form[VolunteerEdit]) -> dict[str, Any]:
    """What the form says of a volunteer. An ID number that is left empty stays as it is: it is never shown in full."""
    told: dict[str, Any] = {name: request.form.getlist(name) for name in LISTS}
    told |= {"area": form.value("area").strip() or None}
    told |= {name: value for name in ("sex", "id_number") if (value := form.value(name).strip())}
    return told | ({"id_number_consent": True} if form.value("id_number_consent") == "on" else {})


def _is_volunteer(session: Session, person_id: UUID) -> bool:
    return session.get(VolunteerSite, (person_now(session, person_id), own_site())) is not None


def _present(session: Session, data: PersonalData, person_id: UUID) -> MultiDict[str, str]:
    person = people.find_person(session, data, own_site(), person_id)
    told = {name: str(getattr(person, name) or "") for name in (*OF_PERSON, "version")}
    values: MultiDict[str, str] = MultiDict(told)
    if _is_volunteer(session, person_id):
        here = volunteers.find_volunteer(session, data, own_site(), person_id)
        values["area"], values["sex"], values["volunteer_version"] = here.area or "", here.sex or "", str(here.version)
        for name in LISTS:
            values.setlist(name, getattr(here, name))
    return values
