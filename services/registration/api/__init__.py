"""The routes, one file per subject: a few lines around an operation, each saying who may call it."""

from apiflask import APIBlueprint

from services.common.database import Database
from services.common.feed import feed_blueprint
from services.registration.api.activities import activities_blueprint
from services.registration.api.areas import areas_blueprint
from services.registration.api.attendance import attendance_blueprint
from services.registration.api.audience import audience_blueprint
from services.registration.api.audit import audit_blueprint
from services.registration.api.bookings import bookings_blueprint
from services.registration.api.calendar import calendar_blueprint
from services.registration.api.calls import calls_blueprint
from services.registration.api.certificates import Tries, certificates_blueprint
from services.registration.api.consents import consents_blueprint
from services.registration.api.contacts import contacts_blueprint
from services.registration.api.erasure import erasure_blueprint
from services.registration.api.exchange import imports_blueprint
from services.registration.api.exports import exports_blueprint
from services.registration.api.hours import hours_blueprint
from services.registration.api.leading import leading_blueprint
from services.registration.api.me import me_blueprint
from services.registration.api.merges import merges_blueprint
from services.registration.api.organisations import organisations_blueprint
from services.registration.api.own_volunteer import own_volunteer_blueprint
from services.registration.api.people import people_blueprint
from services.registration.api.private_notes import private_notes_blueprint
from services.registration.api.programmes import programmes_blueprint
from services.registration.api.public import origins_blueprint, public_blueprint
from services.registration.api.registrations import registrations_blueprint
from services.registration.api.rooms import rooms_blueprint
from services.registration.api.seats import seats_blueprint
from services.registration.api.series import series_blueprint
from services.registration.api.sessions import sessions_blueprint
from services.registration.api.sites import sites_blueprint
from services.registration.api.staff import staff_blueprint
from services.registration.api.teams import teams_blueprint
from services.registration.api.venues import venues_blueprint
from services.registration.api.volunteers import volunteers_blueprint
from services.registration.operations.seats.public_sign_up import PublicSignUps
from services.registration.operations.seats.sign_up import SignUps
from services.registration.operations.staff.links import Links
from services.registration.operations.staff.log_in import LogIns
from services.registration.operations.staff.sessions import Sessions
from services.registration.personal_data import PersonalData

__all__ = ["blueprints"]


def blueprints(
    database: Database,
    data: PersonalData,
    sessions: Sessions,
    log_ins: LogIns,
    links: Links,
    sign_ups: SignUps,
    public: PublicSignUps,
    tries: Tries,
) -> list[APIBlueprint]:
    """All routes of the service."""
    return [
        areas_blueprint(database),
        private_notes_blueprint(database, data),
        sites_blueprint(database, data),
        organisations_blueprint(database, data),
        teams_blueprint(database, data),
        rooms_blueprint(database, data),
        bookings_blueprint(database, data),
        activities_blueprint(database, data),
        series_blueprint(database, data),
        calendar_blueprint(database),
        registrations_blueprint(database, data, sign_ups),
        seats_blueprint(database, data, sign_ups),
        calls_blueprint(database),
        venues_blueprint(database, data),
        programmes_blueprint(database, data),
        public_blueprint(database, public),
        origins_blueprint(database),
        attendance_blueprint(database, data, links.public_url),
        hours_blueprint(database, data),
        certificates_blueprint(database, data, links.public_url, tries),
        people_blueprint(database, data),
        contacts_blueprint(database, data, links),
        audience_blueprint(database, data),
        sessions_blueprint(sessions),
        volunteers_blueprint(database, data),
        own_volunteer_blueprint(database, data),
        leading_blueprint(database, data, sign_ups),
        consents_blueprint(database, data),
        merges_blueprint(database, data),
        erasure_blueprint(database, data),
        staff_blueprint(database, data),
        imports_blueprint(database, data),
        exports_blueprint(database, data),
        audit_blueprint(database, data),
        me_blueprint(database, data, log_ins, sessions),
        feed_blueprint(database, "registration"),
    ]
