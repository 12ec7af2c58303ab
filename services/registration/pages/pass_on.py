"""At the desk: a place that goes to somebody else, or two that are exchanged. Both people say so, here or by phone."""

from uuid import UUID

from apiflask import APIBlueprint
from flask import g, request, url_for
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.conventions import own_site
from services.common.database import Database
from services.common.errors import Words, invalid
from services.common.pages import Answer, Form, done, read_form
from services.common.schemas import Body
from services.registration.models import Registration, Shift, Transfer
from services.registration.operations.people.people_search import search_for, search_people
from services.registration.operations.seats import transfers
from services.registration.operations.seats.sign_up import SignUps
from services.registration.pages.registration import own_registration, registration_page
from services.registration.personal_data import PersonalData
from services.registration.schemas.people import SearchBody

MOST_OTHERS = 200
NOT_SAID = Words("请先征得对方同意。", "Ask the other person first.")


class PassOn(Body):
    """To whom a place goes, or for which other one it is exchanged; with the other person's word."""

    to_person_id: UUID | None = None
    other_registration_id: UUID | None = None
    agreed: bool = False
    guardian_consent: bool = False


def add_passing_on(blueprint: APIBlueprint, database: Database, data: PersonalData, sign_ups: SignUps) -> None:
    """Finding the other person, and the exchange; beside the pages of the roster."""

    @blueprint.post("/registrations/<uuid:registration_id>/find")
    @allow(Caller.STAFF)
    def find_taker(registration_id: UUID) -> Answer:
        """Whom the site knows by that, and with which places of theirs this one could be exchanged."""
        form: Form[SearchBody] = Form(request.form)
        form.read(SearchBody, search_for(form.value("value")))
        form.errors = {"value": next(iter(form.errors.values()))} if form.errors else {}
        found, others = None, None
        with database.transaction(g.principal.scope) as session:
            registration = own_registration(session, registration_id)
            with form.catching():
                listed = search_people(session, data, own_site(), form.body)
                found = [one for one in listed if one.id != registration.person_id]
                others = _exchangeable(session, registration, [one.id for one in found])
            page = registration_page(session, data, registration_id, form, found=found, others=others)
            return (page, 422) if form.failed else page

    @blueprint.post("/registrations/<uuid:registration_id>/pass-on")
    @allow(Caller.STAFF)
    def pass_on(registration_id: UUID) -> Answer:
        """Hand the place over, or exchange it."""
        form = read_form(PassOn)
        with database.transaction(g.principal.scope) as session:
            shift_id = own_registration(session, registration_id).shift_id
            with form.catching(), session.begin_nested():
                _pass_on(session, sign_ups, registration_id, form.body)
            if form.failed:
                return registration_page(session, data, registration_id, form), 422
        return done(url_for(".show_roster", shift_id=shift_id), "名额已转给对方。", "The place was passed on.")

    @blueprint.post("/registrations/<uuid:registration_id>/withdraw")
    @allow(Caller.STAFF)
    def withdraw(registration_id: UUID) -> Answer:
        """Take back what somebody was asked by mail, so that it can be settled here."""
        with database.transaction(g.principal.scope) as session:
            own_registration(session, registration_id)
            for transfer_id in session.scalars(_asked(registration_id)):
                transfers.withdraw(session, transfer_id, g.principal.actor)
        address = url_for(".show_registration", registration_id=registration_id)
        return done(address, "请求已撤回。", "What was asked was taken back.")


def _pass_on(session: Session, sign_ups: SignUps, registration_id: UUID, body: PassOn) -> None:
    if not body.agreed:
        raise invalid("agreed", NOT_SAID)
    by = g.principal.actor
    if body.other_registration_id is not None:
        asked = transfers.ask_swap(session, registration_id, body.other_registration_id, by, by_mail=False)
    elif body.to_person_id is not None:
        asked = transfers.ask_hand_over(session, registration_id, body.to_person_id, by, by_mail=False)
    else:
        raise invalid("value", Words("请先找到对方。", "Find the other person first."))
    transfers.decide(session, sign_ups, asked.id, True, by, consent=body.guardian_consent)


def _asked(registration_id: UUID) -> Select[UUID]:
    return select(Transfer.id).where(Transfer.registration_id == registration_id, Transfer.status == "asked")


def _exchangeable(
    session: Session, registration: Registration, people: list[UUID]
) -> dict[UUID, list[tuple[Registration, Shift]]]:
    """Places of these people at the site on other shifts that lie ahead, as many as this one's, by person."""
    query = (
        select(Registration, Shift)
        .join(Shift, Shift.id == Registration.shift_id)
        .where(
            Registration.person_id.in_(people),
            Registration.site_id == registration.site_id,
            Registration.status == "confirmed",
            Registration.outcome.is_(None),
            Registration.party_size == registration.party_size,
            Shift.id != registration.shift_id,
            Shift.status == "open",
        )
        .order_by(Shift.starts_at)
        .limit(MOST_OTHERS)
    )
    found: dict[UUID, list[tuple[Registration, Shift]]] = {}
    for other, shift in session.execute(query) if people else ():
        found.setdefault(other.person_id, []).append((other, shift))
    return found
