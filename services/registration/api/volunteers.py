"""Volunteers and what they were taught, given and told of their work."""

from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g
from pydantic import BaseModel
from sqlalchemy import select

from services.common.audit import record
from services.common.auth import Caller, allow
from services.common.conventions import answered, create, expected_versions, own_site, page
from services.common.database import Database
from services.common.errors import CONFLICT, Problem
from services.common.schemas import ListQuery
from services.registration.codes import CATEGORIES, PROFESSIONS, SKILLS
from services.registration.models import Award, Evaluation, Training, VolunteerSite
from services.registration.operations.people import volunteers
from services.registration.operations.people.people import told_by
from services.registration.operations.people.trainings import add_trainings, expiring_trainings
from services.registration.operations.people.volunteer_records import Record, add_record, remove_record
from services.registration.operations.people.volunteer_search import matching
from services.registration.personal_data import PersonalData
from services.registration.schemas import page_of
from services.registration.schemas.volunteers import (
    AwardAnswer,
    EvaluationAnswer,
    ExpiringQuery,
    ExpiringTrainings,
    NewAward,
    NewEvaluation,
    NewTraining,
    NewVolunteer,
    RevealAnswer,
    RevealBody,
    TrainingAnswer,
    TrainingLines,
    TrainingOfMany,
    VolunteerAnswer,
    VolunteerEdit,
    VolunteerListed,
    VolunteerMade,
    VolunteersQuery,
)

RECORDS = (
    ("trainings", Training, NewTraining, TrainingAnswer),
    ("awards", Award, NewAward, AwardAnswer),
    ("evaluations", Evaluation, NewEvaluation, EvaluationAnswer),
)


def volunteers_blueprint(database: Database, data: PersonalData) -> APIBlueprint:
    """The routes of volunteers."""
    blueprint = APIBlueprint("volunteers", __name__, tag="Volunteers", url_prefix="/v1/volunteers")
    _add_volunteers(blueprint, database, data)
    _add_codes(blueprint)
    _add_trainings(blueprint, database, data)
    for name, table, new, answer in RECORDS:
        _add_records(blueprint, database, data, name, table, new, answer)
    return blueprint


def _add_volunteers(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.post("")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(NewVolunteer, arg_name="body")
    @blueprint.output(VolunteerMade, status_code=201)
    def register(body: NewVolunteer) -> Response:
        """Register a person as a volunteer of the site. The number that they get holds at every site."""
        site_id, actor = own_site(), g.principal.actor
        try:
            return create(
                database, data, body, lambda session: volunteers.register_volunteer(session, data, site_id, body, actor)
            )
        except Problem as problem:
            if body.id_number is not None and problem.kind is CONFLICT:
                # The refusal tells that the number is registered, so that who asks is on record.
                with database.transaction(g.principal.scope) as session:
                    record(session, "try_id_number", "volunteers", site_id, site_id)
            raise

    @blueprint.get("")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(VolunteersQuery, location="query", arg_name="query")
    @blueprint.output(page_of(VolunteerListed))
    def list_volunteers(query: VolunteersQuery) -> Response:
        """The site's volunteers, by skill, profession, service category, area and words where asked."""
        rows = matching(own_site(), query)
        with database.transaction(g.principal.scope) as session:
            return page(
                session, rows, VolunteerSite.row, query, lambda found: volunteers.list_volunteers(session, data, found)
            )

    @blueprint.get("/<uuid:person_id>")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.output(VolunteerAnswer)
    def show_volunteer(person_id: UUID) -> Response:
        """A volunteer as the site knows them; of the ID number the last four."""
        with database.transaction(g.principal.scope) as session:
            return answered(volunteers.find_volunteer(session, data, own_site(), person_id))

    @blueprint.patch("/<uuid:person_id>")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(VolunteerEdit, arg_name="body")
    @blueprint.output(VolunteerAnswer)
    def edit_volunteer(person_id: UUID, body: VolunteerEdit) -> Response:
        """Correct what a volunteer told the site. `id_number: null` deletes the number."""
        versions, actor = expected_versions(), g.principal.actor
        with database.transaction(g.principal.scope) as session:
            return answered(volunteers.edit_volunteer(session, data, own_site(), person_id, body, versions, actor))

    @blueprint.post("/<uuid:person_id>/id-number")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(RevealBody, arg_name="body")
    @blueprint.output(RevealAnswer)
    def reveal(person_id: UUID, body: RevealBody) -> Response:
        """The whole ID number, for a reason. Who read it and why is on record."""
        with database.transaction(g.principal.scope) as session:
            number = volunteers.reveal_id_number(session, data, own_site(), person_id, body.reason)
            return answered(RevealAnswer(id_number=number))

    @blueprint.post("/<uuid:person_id>/id-number/checked")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.output(VolunteerAnswer)
    def check_id_number(person_id: UUID) -> Response:
        """Say that the site saw the document whose number the volunteer told online."""
        with database.transaction(g.principal.scope) as session:
            return answered(volunteers.check_id_number(session, data, own_site(), person_id))


def _add_trainings(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.post("/trainings")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(TrainingOfMany, arg_name="body")
    @blueprint.output(TrainingLines, status_code=201)
    def add_training_of_many(body: TrainingOfMany) -> Response:
        """Put one course on record for many volunteers at once."""
        site_id, actor = own_site(), g.principal.actor
        return create(database, data, body, lambda session: add_trainings(session, site_id, body, actor))

    @blueprint.get("/trainings/expiring")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(ExpiringQuery, location="query", arg_name="query")
    @blueprint.output(ExpiringTrainings)
    def list_expiring(query: ExpiringQuery) -> Response:
        """Trainings that expired or will soon, and were not renewed, the soonest first; at most 500."""
        with database.transaction(g.principal.scope) as session:
            return answered(ExpiringTrainings(items=expiring_trainings(session, data, own_site(), query.days)))


def _add_codes(blueprint: APIBlueprint) -> None:
    @blueprint.get("/codes")
    @allow(Caller.ANYONE)
    def codes() -> dict[str, list[dict[str, str]]]:
        """The skills, professions and service categories that volunteers choose from."""
        lists = {"skills": SKILLS, "professions": PROFESSIONS, "categories": CATEGORIES}
        return {
            name: [{"code": code, "name_zh": words.zh, "name_en": words.en} for code, words in listed.items()]
            for name, listed in lists.items()
        }


def _add_records(
    blueprint: APIBlueprint,
    database: Database,
    data: PersonalData,
    name: str,
    table: type[Record],
    new: type[BaseModel],
    answer: type[BaseModel],
) -> None:
    """Adding, listing and removing one kind of record."""

    def add(person_id: UUID, body: NewTraining) -> Response:
        site_id, actor = own_site(), g.principal.actor
        return create(
            database,
            data,
            body,
            lambda session: answer.model_validate(add_record(session, site_id, person_id, body, actor)),
        )

    def show(person_id: UUID, query: ListQuery) -> Response:
        with database.transaction(g.principal.scope) as session:
            person_id = told_by(session, own_site(), person_id).person_id
            rows = select(table).where(table.person_id == person_id, table.site_id == own_site())
            return page(
                session, rows, table.position, query, lambda found: [answer.model_validate(one) for one in found]
            )

    def remove(person_id: UUID, record_id: UUID) -> tuple[str, int]:
        with database.transaction(g.principal.scope) as session:
            remove_record(session, table, own_site(), person_id, record_id)
        return "", 204

    add.__doc__ = f"Put one of a volunteer's {name} on record."
    show.__doc__ = f"A volunteer's {name}, as the site recorded them."
    remove.__doc__ = f"Take back one of a volunteer's {name} that was entered wrongly."
    who = allow(Caller.SITE, Caller.STAFF)
    path = f"/<uuid:person_id>/{name}"
    add = who(blueprint.input(new, arg_name="body")(blueprint.output(answer, status_code=201)(add)))
    show = who(blueprint.input(ListQuery, location="query", arg_name="query")(blueprint.output(page_of(answer))(show)))
    blueprint.post(path, endpoint=f"add_{name}")(add)
    blueprint.get(path, endpoint=f"list_{name}")(show)
    blueprint.delete(f"{path}/<uuid:record_id>", endpoint=f"remove_{name}")(who(remove))
