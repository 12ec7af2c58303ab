"""The registration service over HTTP: `python -m services.registration.app`."""

from pathlib import Path

from apiflask import APIFlask

from services.common.auth import Keys
from services.common.database import Database
from services.common.status import Health
from services.common.web import create_app, lasting, serve
from services.registration.api import blueprints
from services.registration.api.certificates import Tries
from services.registration.api.residents import PERSONAL_DATA
from services.registration.hours_check import figures
from services.registration.operations.seats.public_sign_up import PublicSignUps
from services.registration.operations.seats.sign_up import SignUps
from services.registration.operations.sites.sites import note_use
from services.registration.operations.staff.links import Links
from services.registration.operations.staff.log_in import LogIns
from services.registration.operations.staff.oidc import Provider
from services.registration.operations.staff.sessions import Sessions
from services.registration.pages import pages
from services.registration.settings import SUBSCRIBERS, Settings
from services.registration.tasks import make_celery_app

MIGRATIONS = Path(__file__).parent / "migrations"


def make_app(settings: Settings) -> APIFlask:
    """The service's HTTP application."""
    database = Database(settings.database_dsn)
    keys = Keys(database, settings.operator_key.get_secret_value(), settings.service_tokens, note_use)
    health = Health(
        "registration", database, make_celery_app(settings), MIGRATIONS, subscribers=SUBSCRIBERS, gauges=figures
    )
    data = settings.personal_data()
    sessions, log_ins = Sessions(database, data), LogIns(database, data)
    links = Links(data, settings.public_url or settings.registration_url)
    sign_ups = SignUps(database, data)
    public = PublicSignUps(database, data, sign_ups)
    tries = Tries()
    routes = [
        *blueprints(database, data, sessions, log_ins, links, sign_ups, public, tries),
        *pages(database, data, sessions, links, log_ins, public, sign_ups, tries, _provider(settings)),
    ]
    app = create_app(settings, keys, health, routes, sessions=sessions)
    app.extensions[PERSONAL_DATA] = data
    return app


def _provider(settings: Settings) -> Provider | None:
    """The OpenID provider by which staff may log in, None where there is none."""
    if settings.oidc_issuer is None:
        return None
    back = (settings.public_url or settings.registration_url).rstrip("/") + "/staff/oidc/callback"
    return Provider(settings.oidc_issuer, settings.oidc_client_id, settings.oidc_client_secret.get_secret_value(), back)


def application() -> APIFlask:
    """The same with settings from the environment, for the server."""
    return lasting(make_app(Settings()))


if __name__ == "__main__":
    serve("services.registration.app:application", Settings())
