"""The api process: `python -m services.notifications.app`."""

from pathlib import Path

from apiflask import APIFlask

from services.common.auth import Keys
from services.common.database import Database
from services.common.queue import make_celery
from services.common.sessions import SessionsElsewhere
from services.common.status import Health
from services.common.web import create_app, lasting, serve
from services.notifications.api import blueprints
from services.notifications.api.mail_receipts import mail_receipts_blueprint
from services.notifications.api.receipts import receipts_blueprint
from services.notifications.contacts import ContactBook
from services.notifications.handlers import make_subscriber
from services.notifications.operations.announcements.office import make_office
from services.notifications.operations.calendar_feeds import make_calendar_feeds
from services.notifications.operations.previews import make_showroom
from services.notifications.operations.upkeep import gauges
from services.notifications.pages import pages
from services.notifications.settings import Settings

MIGRATIONS = Path(__file__).parent / "migrations"


def make_app(settings: Settings) -> APIFlask:
    """The HTTP application for these settings."""
    database = Database(settings.database_dsn)
    health = Health(settings.service, database, make_celery(settings), MIGRATIONS, subscribes=True, gauges=gauges)
    book = ContactBook(settings.registration_url, settings.notifications_token.get_secret_value())
    showroom = make_showroom(settings, database)
    subscriber = make_subscriber(settings, database)
    office = make_office(settings, database)
    feeds = make_calendar_feeds(settings, database, book)
    return create_app(
        settings,
        Keys(database, settings.operator_key.get_secret_value(), {}),
        health,
        blueprints=[
            *blueprints(settings, database, showroom, book, office, feeds),
            mail_receipts_blueprint(database, settings.box(), settings.signing_secrets, settings.mail_domain),
            receipts_blueprint(settings, database),
            *pages(settings, database, showroom, book, office, subscriber, feeds),
        ],
        subscriber=subscriber,
        sessions=SessionsElsewhere(settings.registration_url, settings.notifications_token.get_secret_value()),
    )


def application() -> APIFlask:
    """The application for the environment's settings; what the server loads."""
    return lasting(make_app(Settings()))


if __name__ == "__main__":
    serve("services.notifications.app:application", Settings())
