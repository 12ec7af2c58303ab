"""The roster of a shift: who comes, who was offered a place, who waits; and what staff do for one of them.

Elders who gave a phone number alone cannot cancel or answer by a link: they call, and staff do it here.
"""

from uuid import UUID

from apiflask import APIBlueprint
from flask import g, request, url_for

from services.common.auth import Caller, allow
from services.common.conventions import own_site
from services.common.database import Database
from services.common.pages import Answer, done, page_blueprint, render
from services.registration.models import Site
from services.registration.operations.people.people import find_person
from services.registration.operations.seats.registrations import cancel_from_one_address
from services.registration.operations.seats.shift_roster import PAGE, registrations_of, roster
from services.registration.operations.seats.sign_up import SignUps
from services.registration.pages.pass_on import add_passing_on
from services.registration.pages.registration import WORDS, add_registration_pages, own_shift, shift_facts
from services.registration.personal_data import PersonalData

LAST_PAGE = 1000
MOST_PRINTED = 2000


def shift_roster_pages(database: Database, data: PersonalData, sign_ups: SignUps) -> APIBlueprint:
    """The pages of rosters."""
    blueprint = page_blueprint("shift_roster_pages", __name__, url_prefix="/staff/shifts")
    _add_roster(blueprint, database, data)
    _add_of_person(blueprint, database, data)
    _add_of_address(blueprint, database, data)
    add_registration_pages(blueprint, database, data)
    add_passing_on(blueprint, database, data, sign_ups)
    return blueprint


def _add_roster(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.get("/<uuid:shift_id>")
    @allow(Caller.STAFF)
    def show_roster(shift_id: UUID) -> Answer:
        """Everybody on the shift, by where they stand."""
        page = min(max(request.args.get("page", 0, type=int), 0), LAST_PAGE)
        with database.transaction(g.principal.scope) as session:
            shift = own_shift(session, shift_id)
            lines = roster(session, data, shift, page, PAGE)
            more = url_for(".show_roster", shift_id=shift_id, page=page + 1) if len(lines) > PAGE else ""
            return render(
                "shifts/roster.html", lines=lines[:PAGE], more=more, page=page, **shift_facts(session, shift), **WORDS
            )

    @blueprint.get("/<uuid:shift_id>/print")
    @allow(Caller.STAFF)
    def print_roster(shift_id: UUID) -> Answer:
        """The list for paper: who comes, with a place to sign."""
        with database.transaction(g.principal.scope) as session:
            shift = own_shift(session, shift_id)
            lines = roster(session, data, shift, size=MOST_PRINTED)
            return render("shifts/print.html", lines=lines, **shift_facts(session, shift), **WORDS)


def _add_of_address(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.get("/<uuid:shift_id>/from/<came_from>")
    @allow(Caller.STAFF)
    def show_address(shift_id: UUID, came_from: str) -> Answer:
        """Who signed up online from one address: a family, a centre's own guests, or people whom nobody has met."""
        with database.transaction(g.principal.scope) as session:
            shift = own_shift(session, shift_id)
            lines = roster(session, data, shift, size=MOST_PRINTED, came_from=came_from)
            return render("shifts/address.html", lines=lines, **shift_facts(session, shift), **WORDS)

    @blueprint.post("/<uuid:shift_id>/from/<came_from>")
    @allow(Caller.STAFF)
    def cancel_address(shift_id: UUID, came_from: str) -> Answer:
        """Cancel all of them at once."""
        with database.transaction(g.principal.scope) as session:
            own_shift(session, shift_id)
            gone = cancel_from_one_address(session, shift_id, came_from)
        address = url_for(".show_roster", shift_id=shift_id)
        return done(address, f"已取消 {gone} 个报名。", f"{gone} registrations were cancelled.")


def _add_of_person(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.get("/people/<uuid:person_id>")
    @allow(Caller.STAFF)
    def show_person(person_id: UUID) -> Answer:
        """What somebody signed up for: whoever calls the site to cancel is found by their number."""
        with database.transaction(g.principal.scope) as session:
            person = find_person(session, data, own_site(), person_id)
            found = registrations_of(session, own_site(), person.id)
            zone = session.get_one(Site, own_site()).time_zone
            return render("shifts/person.html", person=person, found=found, zone=zone, **WORDS)
