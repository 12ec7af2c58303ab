"""People whom a site knows, who speaks for them, finding them; contact details for the service that sends mail."""

from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g

from services.common.auth import Caller, allow
from services.common.conventions import answered, create, expected_versions, json_body, own_site
from services.common.database import Database
from services.registration.operations.people import people, representatives
from services.registration.operations.people.guardian_claims import confirm_guardian
from services.registration.operations.people.minors_shown import shown
from services.registration.operations.people.people_search import search_people
from services.registration.operations.people.residents import add_resident, name_helper
from services.registration.personal_data import PersonalData
from services.registration.schemas.people import (
    ConfirmBody,
    HelperBody,
    NewResident,
    PersonAnswer,
    PersonEdit,
    PersonMade,
    RepresentativeAnswer,
    RepresentativeBody,
    SearchAnswer,
    SearchBody,
)


def people_blueprint(database: Database, data: PersonalData) -> APIBlueprint:
    """The routes of people."""
    blueprint = APIBlueprint("people", __name__, tag="People", url_prefix="/v1/people")
    _add_people(blueprint, database, data)
    _add_representatives(blueprint, database, data)
    return blueprint


def _add_people(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.post("")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(NewResident, arg_name="body")
    @blueprint.output(PersonMade, status_code=201)
    def add_person(body: NewResident) -> Response:
        """Enter somebody without a sign-up: at the desk, by phone, with a helper or a guardian."""
        actor = g.principal.actor
        return create(database, data, body, lambda session: add_resident(session, data, own_site(), body, actor))

    @blueprint.post("/search")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(SearchBody, arg_name="body")
    @blueprint.output(SearchAnswer)
    def search(body: SearchBody) -> Response:
        """Find people of the site by a phone, an e-mail, a volunteer number or an ID number, each in full."""
        with database.transaction(g.principal.scope) as session:
            return answered(SearchAnswer(people=search_people(session, data, own_site(), body)))

    @blueprint.get("/<uuid:person_id>")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.output(PersonAnswer)
    def show_person(person_id: UUID) -> Response:
        """A person who signed up with the site, as they told it."""
        with database.transaction(g.principal.scope) as session:
            return answered(people.find_person(session, data, own_site(), person_id))

    @blueprint.patch("/<uuid:person_id>")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(PersonEdit, arg_name="body")
    @blueprint.output(PersonAnswer)
    def edit_person(person_id: UUID, body: PersonEdit) -> Response:
        """Correct what the site was told. What other sites were told stays as it is."""
        with database.transaction(g.principal.scope) as session:
            edited = people.edit_person(session, data, own_site(), person_id, body, expected_versions())
            shown(session, own_site(), edited.id, edited.birth_date)
            return answered(edited)


def _add_representatives(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    def show(person_id: UUID, kind: representatives.Kind) -> Response:
        with database.transaction(g.principal.scope) as session:
            found = representatives.find_representative(session, own_site(), person_id, kind)
            return answered(representatives.describe_representative(data, found))

    @blueprint.get("/<uuid:person_id>/guardian")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.output(RepresentativeAnswer)
    def show_guardian(person_id: UUID) -> Response:
        """A minor's guardian, as the site was told."""
        return show(person_id, "guardian")

    @blueprint.put("/<uuid:person_id>/guardian")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(RepresentativeBody, arg_name="body")
    @blueprint.output(RepresentativeAnswer)
    def save_guardian(person_id: UUID, body: RepresentativeBody) -> Response:
        """Who speaks for a minor from now on. Whom somebody named online is not confirmed by that."""
        with database.transaction(g.principal.scope) as session:
            saved = representatives.save_representative(session, data, own_site(), person_id, "guardian", body)
            return answered(representatives.describe_representative(data, saved))

    @blueprint.post("/<uuid:person_id>/guardian/confirm")
    @allow(Caller.SITE, Caller.STAFF)
    @json_body(ConfirmBody, optional=True)
    @blueprint.output(RepresentativeAnswer)
    def confirm(person_id: UUID, body: ConfirmBody) -> Response:
        """Say that the guardian whom somebody named online is the minor's; or who was named in another form."""
        with database.transaction(g.principal.scope) as session:
            found = confirm_guardian(session, own_site(), person_id, body.rightful, g.principal.actor)
            return answered(representatives.describe_representative(data, found))

    @blueprint.post("/<uuid:person_id>/guardian/ask")
    @allow(Caller.SITE, Caller.STAFF)
    def ask_guardian(person_id: UUID) -> tuple[dict[str, str], int]:
        """Mail the guardian a link under which to consent. It is good for 14 days."""
        with database.transaction(g.principal.scope) as session:
            representatives.ask_guardian(session, data, own_site(), person_id)
        return {"status": "asked"}, 202

    @blueprint.get("/<uuid:person_id>/helper")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.output(RepresentativeAnswer)
    def show_helper(person_id: UUID) -> Response:
        """Who acts for an elder, as the site was told."""
        return show(person_id, "helper")

    @blueprint.put("/<uuid:person_id>/helper")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(HelperBody, arg_name="body")
    @blueprint.output(RepresentativeAnswer)
    def save_helper(person_id: UUID, body: HelperBody) -> Response:
        """Who acts for an elder from now on. That the elder agreed goes on record with it, as a consent of its own."""
        actor = g.principal.actor
        with database.transaction(g.principal.scope) as session:
            known = people.told_by(session, own_site(), person_id).person_id
            name_helper(session, data, own_site(), known, body.helper(), body.how, actor)
            saved = representatives.find_representative(session, own_site(), known, "helper")
            return answered(representatives.describe_representative(data, saved))
