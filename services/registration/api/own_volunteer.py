"""Becoming a volunteer by oneself."""

from uuid import UUID

from apiflask import APIBlueprint
from flask import Response

from services.common.auth import Caller, allow
from services.common.conventions import answered, create
from services.common.database import EVERY_SITE, Database
from services.registration.api.residents import resident
from services.registration.operations.people import own_volunteer
from services.registration.personal_data import PersonalData
from services.registration.schemas.own_volunteer import OwnVolunteer, OwnVolunteerBody, OwnVolunteerMade


def own_volunteer_blueprint(database: Database, data: PersonalData) -> APIBlueprint:
    """The routes of one's own registration as a volunteer."""
    blueprint = APIBlueprint("own_volunteer", __name__, tag="Volunteers", url_prefix="/v1/my/volunteer")

    @blueprint.get("/<uuid:site_id>")
    @allow(Caller.PERSON)
    @blueprint.output(OwnVolunteer)
    def show_own_volunteer(site_id: UUID) -> Response:
        """What the site knows of the resident as a volunteer."""
        with database.transaction(EVERY_SITE) as session:
            return answered(own_volunteer.own_volunteer(session, data, resident(), site_id))

    @blueprint.post("/<uuid:site_id>")
    @allow(Caller.PERSON)
    @blueprint.input(OwnVolunteerBody, arg_name="body")
    @blueprint.output(OwnVolunteerMade, status_code=201)
    def register_own_volunteer(site_id: UUID, body: OwnVolunteerBody) -> Response:
        """Become a volunteer of a site that one signed up with. Under 18 the guardian is asked by mail."""
        return create(
            database,
            data,
            body,
            lambda session: own_volunteer.register_own(session, data, resident(), site_id, body),
            EVERY_SITE,
        )

    return blueprint
