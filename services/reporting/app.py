"""The HTTP process: `python -m services.reporting.app`."""

from pathlib import Path

from apiflask import APIFlask
from sqlalchemy.orm import Session

from services.common.auth import Keys
from services.common.database import Database
from services.common.sessions import SessionsElsewhere
from services.common.status import Health
from services.common.web import create_app, lasting, serve
from services.reporting.api import blueprints
from services.reporting.handlers import make_subscriber
from services.reporting.operations import aggregation, recount
from services.reporting.pages import pages
from services.reporting.settings import Settings
from services.reporting.tasks import make_celery_app

MIGRATIONS = Path(__file__).parent / "migrations"


def gauges(session: Session) -> dict[str, float]:
    """Figures for `/metrics` and `hesheng status`."""
    return aggregation.gauges(session) | recount.gauges(session)


def make_app(settings: Settings) -> APIFlask:
    """The service's HTTP application."""
    database = Database(settings.database_dsn)
    token = settings.reporting_token.get_secret_value()
    keys = Keys(database, settings.operator_key.get_secret_value(), {})
    celery = make_celery_app(settings)
    health = Health(settings.service, database, celery, MIGRATIONS, subscribes=True, gauges=gauges)
    return create_app(
        settings,
        keys,
        health,
        blueprints=[*blueprints(database, secret=token), *pages(database)],
        subscriber=make_subscriber(settings, database),
        sessions=SessionsElsewhere(settings.registration_url, token),
    )


def application() -> APIFlask:
    """The application with its settings from the environment."""
    return lasting(make_app(Settings()))


if __name__ == "__main__":
    serve("services.reporting.app:application", Settings())
