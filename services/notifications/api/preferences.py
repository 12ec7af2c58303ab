"""Routes: what people want to be told, by themselves and by their site."""

from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g

from services.common.auth import Caller, allow
from services.common.conventions import answered, expected_versions, own_site
from services.common.database import EVERY_SITE, Database
from services.common.errors import not_found
from services.notifications.contacts import ContactBook
from services.notifications.operations.preferences import must_be_known, preferences_at, save_preferences
from services.notifications.pages.resident import reach_of
from services.notifications.schemas.preferences import PreferencesAnswer, PreferencesBody, PreferencesList


def preferences_blueprint(database: Database, book: ContactBook) -> APIBlueprint:
    """The routes of preferences."""
    blueprint = APIBlueprint("preferences_api", __name__, tag="Preferences", url_prefix="/v1")

    @blueprint.get("/my/preferences")
    @allow(Caller.PERSON)
    @blueprint.output(PreferencesList)
    def list_own_preferences() -> Response:
        """What the resident told each site that the session reaches."""
        reach = reach_of(book)
        with database.transaction(EVERY_SITE) as session:
            items = [preferences_at(session, reach.person_id, site_id) for site_id in reach.sites]
        return answered(PreferencesList(items=items))

    @blueprint.put("/my/preferences/<uuid:site_id>")
    @allow(Caller.PERSON)
    @blueprint.input(PreferencesBody, arg_name="body")
    @blueprint.output(PreferencesAnswer)
    def save_own_preferences(site_id: UUID, body: PreferencesBody) -> Response:
        """Tell a site, with If-Match: what is left out is as usual."""
        reach = reach_of(book)
        if site_id not in reach.sites:
            raise not_found("这个站点", "site")
        with database.transaction(EVERY_SITE) as session:
            return answered(save_preferences(session, reach.person_id, site_id, body, expected_versions()))

    @blueprint.get("/people/<uuid:person_id>/preferences")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.output(PreferencesAnswer)
    def show_preferences(person_id: UUID) -> Response:
        """What somebody told this site."""
        with database.transaction(g.principal.scope) as session:
            must_be_known(session, person_id, own_site())
            return answered(preferences_at(session, person_id, own_site()))

    @blueprint.put("/people/<uuid:person_id>/preferences")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(PreferencesBody, arg_name="body")
    @blueprint.output(PreferencesAnswer)
    def save_preferences_of(person_id: UUID, body: PreferencesBody) -> Response:
        """Keep what somebody told this site, with If-Match."""
        with database.transaction(g.principal.scope) as session:
            must_be_known(session, person_id, own_site())
            return answered(save_preferences(session, person_id, own_site(), body, expected_versions()))

    return blueprint
