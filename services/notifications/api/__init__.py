"""The routes, one file per subject."""

from apiflask import APIBlueprint

from services.common.database import Database
from services.notifications.api.erasures import erasures_blueprint
from services.notifications.api.messages import messages_blueprint


def blueprints(database: Database) -> list[APIBlueprint]:
    """All routes but those that every service has."""
    return [messages_blueprint(database), erasures_blueprint(database)]
