"""People whom a site knows, and contact details for the service that sends mail."""

from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g

from services.common.auth import Caller, allow
from services.common.database import Database
from services.common.errors import FORBIDDEN, Problem, Words
from services.registration.api.conventions import answered, expected_versions, own_site
from services.registration.operations import people
from services.registration.personal_data import PersonalData
from services.registration.schemas.people import ContactsAnswer, ContactsBody, PersonAnswer, PersonEdit


def people_blueprint(database: Database, data: PersonalData) -> APIBlueprint:
    """The routes of people."""
    blueprint = APIBlueprint("people", __name__, tag="People", url_prefix="/v1/people")

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
            return answered(edited)

    return blueprint


def contacts_blueprint(database: Database, data: PersonalData) -> APIBlueprint:
    """The one route by which contact details leave this service."""
    blueprint = APIBlueprint("contacts", __name__, tag="Services", url_prefix="/internal")

    @blueprint.post("/contacts")
    @allow(Caller.SERVICE)
    @blueprint.input(ContactsBody, arg_name="body")
    @blueprint.output(ContactsAnswer)
    def read_contacts(body: ContactsBody) -> Response:
        """Contact details at the moment of sending. For the notifications service alone."""
        if g.principal.name != "notifications":
            raise Problem(FORBIDDEN, Words("此服务无权读取联系方式。", "This service may not read contact details."))
        with database.transaction(g.principal.scope) as session:
            return answered(ContactsAnswer(contacts=people.contacts(session, data, body.people)))

    return blueprint
