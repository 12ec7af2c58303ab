"""Trainings, awards and evaluations of one volunteer, for staff: listed, entered, taken back where they are wrong."""

from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.conventions import own_site
from services.common.database import Database
from services.common.errors import Words, not_found
from services.common.pages import Answer, Form, done, read_form, render
from services.registration.api.volunteers import RECORDS
from services.registration.codes import SKILLS
from services.registration.operations.people import volunteers
from services.registration.operations.people.volunteer_records import add_record, remove_record
from services.registration.pages.data_words import CODES
from services.registration.personal_data import PersonalData

KINDS = {name: (table, new) for name, table, new, _ in RECORDS}
TITLES = {
    "trainings": Words("培训", "Trainings"),
    "awards": Words("表彰", "Awards"),
    "evaluations": Words("评价", "Evaluations"),
}


def add_records(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    """The pages of a volunteer's records, beside those of people."""

    def form_page(person_id: UUID, kind: str, form: Form[Any]) -> str:
        with database.transaction(g.principal.scope) as session:
            volunteer = volunteers.find_volunteer(session, data, own_site(), person_id)
            words = {"skills": SKILLS, "qualities": CODES["quality"]}
            return render("people/record.html", volunteer=volunteer, kind=kind, title=TITLES[kind], form=form, **words)

    @blueprint.get("/<uuid:person_id>/records")
    @allow(Caller.STAFF)
    def show_records(person_id: UUID) -> Answer:
        """All of them, as this site entered them."""
        with database.transaction(g.principal.scope) as session:
            volunteer = volunteers.find_volunteer(session, data, own_site(), person_id)
            listed = records_of(session, volunteer.person_id)
            words = {"titles": TITLES, "qualities": CODES["quality"], "skills": SKILLS}
            return render("people/records.html", volunteer=volunteer, records=listed, **words)

    @blueprint.get("/<uuid:person_id>/records/<kind>")
    @allow(Caller.STAFF)
    def new_record(person_id: UUID, kind: str) -> Answer:
        """The form of one more."""
        _table(kind)
        return form_page(person_id, kind, Form())

    @blueprint.post("/<uuid:person_id>/records/<kind>")
    @allow(Caller.STAFF)
    def enter_record(person_id: UUID, kind: str) -> Answer:
        """Put it on record."""
        _table(kind)
        form: Form[Any] = read_form(KINDS[kind][1])
        with form.catching(), database.transaction(g.principal.scope) as session:
            add_record(session, own_site(), person_id, form.body, g.principal.actor)
        if form.failed:
            return form_page(person_id, kind, form), 422
        return done(url_for("people_pages.show_records", person_id=person_id), "已登记。", "It is on record.")

    @blueprint.post("/<uuid:person_id>/records/<kind>/<uuid:record_id>/remove")
    @allow(Caller.STAFF)
    def remove(person_id: UUID, kind: str, record_id: UUID) -> Response:
        """Take back what was entered wrongly."""
        with database.transaction(g.principal.scope) as session:
            remove_record(session, _table(kind), own_site(), person_id, record_id)
        address = url_for("people_pages.show_records", person_id=person_id)
        return done(address, "已删除；删除本身有记录。", "Removed; the removal itself is on record.")


def records_of(session: Session, person_id: UUID) -> dict[str, Any]:
    """By kind, what this site entered of the person, oldest first."""
    return {
        kind: session.scalars(
            select(table).where(table.person_id == person_id, table.site_id == own_site()).order_by(table.day)
        ).all()
        for kind, (table, _) in KINDS.items()
    }


def _table(kind: str) -> Any:
    if kind not in KINDS:
        raise not_found("这类记录", "kind of record")
    return KINDS[kind][0]
