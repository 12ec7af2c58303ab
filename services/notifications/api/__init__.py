"""The routes, one file per subject."""

from apiflask import APIBlueprint

from services.common.database import Database
from services.notifications.api.announcements import announcements_blueprint
from services.notifications.api.audit import audit_blueprint
from services.notifications.api.calendar import calendar_blueprint
from services.notifications.api.chats import chats_blueprint
from services.notifications.api.digests import digests_blueprint
from services.notifications.api.erasures import erasures_blueprint
from services.notifications.api.inbox import inbox_blueprint
from services.notifications.api.messages import messages_blueprint
from services.notifications.api.preferences import preferences_blueprint
from services.notifications.api.reminders import reminders_blueprint
from services.notifications.api.suppressions import suppressions_blueprint
from services.notifications.api.templates import templates_blueprint
from services.notifications.api.webhooks import webhooks_blueprint
from services.notifications.contacts import ContactBook
from services.notifications.operations.announcements.office import Office
from services.notifications.operations.calendar_feeds import CalendarFeeds
from services.notifications.operations.previews import Showroom
from services.notifications.operations.webhooks.endpoints import Rules
from services.notifications.settings import Settings


def blueprints(
    settings: Settings,
    database: Database,
    showroom: Showroom,
    book: ContactBook,
    office: Office,
    feeds: CalendarFeeds,
) -> list[APIBlueprint]:
    """All routes but those that every service has."""
    rules = Rules(settings.box(), settings.webhooks_loopback)
    return [
        messages_blueprint(database),
        suppressions_blueprint(database),
        reminders_blueprint(database),
        webhooks_blueprint(database, rules),
        erasures_blueprint(database),
        digests_blueprint(database),
        chats_blueprint(database, settings.box()),
        templates_blueprint(database, showroom),
        announcements_blueprint(database, settings.box(), office),
        preferences_blueprint(database, book),
        inbox_blueprint(database, book),
        calendar_blueprint(feeds),
        audit_blueprint(database),
    ]
