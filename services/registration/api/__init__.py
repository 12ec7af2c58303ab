"""The routes, one file per subject: a few lines around an operation, each saying who may call it."""

from apiflask import APIBlueprint

from services.common.database import Database
from services.common.feed import feed_blueprint
from services.registration.api.activities import activities_blueprint
from services.registration.api.areas import areas_blueprint
from services.registration.api.bookings import bookings_blueprint
from services.registration.api.organisations import organisations_blueprint
from services.registration.api.people import contacts_blueprint, people_blueprint
from services.registration.api.places import places_blueprint
from services.registration.api.registrations import registrations_blueprint
from services.registration.api.rooms import rooms_blueprint
from services.registration.api.teams import teams_blueprint
from services.registration.operations.sign_up import SignUps
from services.registration.personal_data import PersonalData

__all__ = ["blueprints"]


def blueprints(database: Database, data: PersonalData) -> list[APIBlueprint]:
    """All routes of the service."""
    return [
        areas_blueprint(database),
        places_blueprint(database, data),
        organisations_blueprint(database, data),
        teams_blueprint(database, data),
        rooms_blueprint(database, data),
        bookings_blueprint(database, data),
        activities_blueprint(database, data),
        registrations_blueprint(database, data, SignUps(database, data)),
        people_blueprint(database, data),
        contacts_blueprint(database, data),
        feed_blueprint(database, "registration"),
    ]
