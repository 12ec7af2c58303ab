"""The desk's sign-up: three taps for somebody whom the site knows. Choose the shift, find them, press the button.

The shift stays chosen, so that the next in the queue takes two. Whoever comes for somebody else is entered as their
helper, with the person's word.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.conventions import own_site
from services.common.database import Database
from services.common.errors import Problem, Words
from services.common.pages import Answer, Form, done, in_menu, page_blueprint, read_form, render
from services.registration.models import Activity, Registration, Shift, Site
from services.registration.operations.hours import attendance
from services.registration.operations.people import people
from services.registration.operations.people.minors_shown import is_minor
from services.registration.operations.people.people_search import search_for, search_people
from services.registration.operations.people.representatives import describe_representative, representative_or_none
from services.registration.operations.seats.ages import asks_age
from services.registration.operations.seats.desk import DeskSignUps
from services.registration.operations.seats.public_sign_up import terms
from services.registration.operations.seats.sign_up import SignUps
from services.registration.operations.seats.verdicts import ALREADY, OVERLAP
from services.registration.operations.sites.calendar import places_of_next, sign_up_state
from services.registration.personal_data import PersonalData
from services.registration.schemas.desk import DeskKnown, DeskNew
from services.registration.schemas.people import SearchBody
from services.registration.schemas.registrations import RegistrationAnswer

AHEAD = timedelta(days=14)
"""How far shifts lie ahead that the desk lists."""

PLAIN = {
    ALREADY: Words("此人已经报了这一场。", "This person is on the shift already."),
    OVERLAP: Words(
        "此人在同一时间已有别的名额，请先取消那一个。",
        "This person has another place at these hours. Cancel that one first.",
    ),
}
"""Refusals that name a registration by its number, in words for somebody at a desk."""

NOT_AGREED = Words("须本人同意由此人代办。", "The person must agree to this helper.")


def desk_pages(database: Database, data: PersonalData, sign_ups: SignUps) -> APIBlueprint:
    """The pages of the desk's sign-up."""
    blueprint = page_blueprint("desk_pages", __name__, url_prefix="/staff/desk")
    in_menu("desk_pages.list_shifts", "报名台", "Sign-up desk", 3)
    _add_finding(blueprint, database, data)
    _add_known(blueprint, database, data, DeskSignUps(database, data, sign_ups))
    _add_new(blueprint, database, DeskSignUps(database, data, sign_ups))
    return blueprint


def _add_finding(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.get("/")
    @allow(Caller.STAFF)
    def list_shifts() -> Answer:
        """The shifts that one can sign up for."""
        now = datetime.now(UTC)
        near = (Shift.ends_at > now, Shift.starts_at < now + AHEAD, Shift.status == "open")
        query = select(Shift, Activity).join(Activity, Activity.id == Shift.activity_id)
        query = query.where(Shift.site_id == own_site(), Activity.status == "published", *near)
        with database.transaction(g.principal.scope) as session:
            found = session.execute(query.order_by(Shift.starts_at, Shift.position).limit(200)).all()
            site = session.get_one(Site, own_site())
            return render("desk/list.html", shifts=found, zone=site.time_zone)

    @blueprint.get("/<uuid:shift_id>")
    @allow(Caller.STAFF)
    def show_shift(shift_id: UUID) -> Answer:
        """Where the next one in the queue is looked for."""
        with database.transaction(g.principal.scope) as session:
            return render("desk/shift.html", form=Form(), found=None, **_shift(session, shift_id))

    @blueprint.post("/<uuid:shift_id>")
    @allow(Caller.STAFF)
    def find(shift_id: UUID) -> Answer:
        """Whom the site knows by that. Posted, because addresses of pages end up in logs."""
        form: Form[SearchBody] = Form(request.form)
        wanted = search_for(form.value("value"))
        form.read(SearchBody, wanted)
        form.errors = {"value": next(iter(form.errors.values()))} if form.errors else {}
        found = None
        with database.transaction(g.principal.scope) as session:
            context = _shift(session, shift_id)
            with form.catching():
                listed = search_people(session, data, own_site(), form.body)
                found = [_known(session, data, shift_id, one.id) | {"number": one.volunteer_number} for one in listed]
            fresh: Form[DeskNew] = Form(wanted)
            return render(
                "desk/shift.html", form=form, found=found, fresh=fresh, **context
            ), 422 if form.failed else 200


def _add_known(blueprint: APIBlueprint, database: Database, data: PersonalData, desk: DeskSignUps) -> None:
    def page(shift_id: UUID, person_id: UUID, form: Form[Any]) -> str:
        with database.transaction(g.principal.scope) as session:
            known = _known(session, data, shift_id, person_id)
            return render("desk/known.html", form=form, known=known, **_shift(session, shift_id))

    @blueprint.get("/<uuid:shift_id>/people/<uuid:person_id>")
    @allow(Caller.STAFF)
    def show_known(shift_id: UUID, person_id: UUID) -> Answer:
        """Somebody whom the site knows: with company, through a helper, with a guardian's word."""
        return page(shift_id, person_id, Form())

    @blueprint.post("/<uuid:shift_id>/people/<uuid:person_id>")
    @allow(Caller.STAFF)
    def sign_up_known(shift_id: UUID, person_id: UUID) -> Answer:
        """Sign them up."""
        with database.transaction(g.principal.scope) as session:
            _shift(session, shift_id)
            person_id = people.told_by(session, own_site(), person_id).person_id
        form = read_form(DeskKnown, person_id=str(person_id))
        _at_fields(form)
        with _plainly(form):
            made = desk.known(own_site(), shift_id, form.body, g.principal.actor)
            return _signed_up(shift_id, made)
        return page(shift_id, person_id, form), 422


def _add_new(blueprint: APIBlueprint, database: Database, desk: DeskSignUps) -> None:
    def page(shift_id: UUID, form: Form[Any]) -> str:
        with database.transaction(g.principal.scope) as session:
            return render("desk/new.html", fresh=form, **_shift(session, shift_id))

    @blueprint.get("/<uuid:shift_id>/new")
    @allow(Caller.STAFF)
    def show_new(shift_id: UUID) -> Answer:
        """The form of somebody new."""
        return page(shift_id, Form())

    @blueprint.post("/<uuid:shift_id>/new")
    @allow(Caller.STAFF)
    def sign_up_new(shift_id: UUID) -> Answer:
        """Enter somebody and sign them up. Whoever has no phone is known by the helper's."""
        with database.transaction(g.principal.scope) as session:
            _shift(session, shift_id)
        own = {name: request.form.get(name) for name in ("phone", "email")}
        of_helper = {name: request.form.get(f"helper.{name}") for name in own}
        borrowed = {} if any(own.values()) else {name: value for name, value in of_helper.items() if value}
        form = read_form(DeskNew, **borrowed)
        _at_fields(form)
        with _plainly(form):
            made = desk.new(own_site(), shift_id, form.body, g.principal.actor)
            return _signed_up(shift_id, made)
        return page(shift_id, form), 422


def _at_fields(form: Form[Any]) -> None:
    """What the model finds wrong with the whole stands at the field that mends it."""
    whole = form.errors.pop("body", None) or form.errors.pop("", None)
    if whole is None:
        return
    if form.value("helper.name") and form.value("helper_agreed") != "on":
        form.errors.setdefault("helper_agreed", NOT_AGREED)
    else:
        form.errors.setdefault("phone", whole)


@contextmanager
def _plainly(form: Form[Any]) -> Iterator[None]:
    """Catch like a form does, with refusals in words for the desk."""
    with form.catching():
        try:
            yield
        except Problem as problem:
            raise Problem(problem.kind, PLAIN.get(problem.kind, problem.detail), problem.errors) from None


def _signed_up(shift_id: UUID, made: RegistrationAnswer) -> Response:
    words = ("已报名，名额已保留。", "Signed up: the place is kept.")
    if made.status == "waitlisted":
        words = (f"已满，列入候补第 {made.waitlist_position} 位。", f"Full: number {made.waitlist_position} to wait.")
    elif made.status == "offered":
        words = ("有一个名额等本人确认。", "A place is offered, for the person to confirm.")
    return done(url_for("desk_pages.show_shift", shift_id=shift_id), *words)


def _shift(session: Session, shift_id: UUID) -> dict[str, Any]:
    """What every page says of the shift. Raises 404."""
    shift = attendance.find_shift(session, shift_id)
    activity, site = session.get_one(Activity, shift.activity_id), session.get_one(Site, shift.site_id)
    query = select(places_of_next(), sign_up_state(by_staff=True)).select_from(Shift).where(Shift.id == shift_id)
    free, state = session.execute(query.join(Activity, Activity.id == Shift.activity_id)).one()
    full = state == "open" and not free and shift.starts_at <= datetime.now(UTC)
    return {
        "shift": shift,
        "activity": activity,
        "zone": site.time_zone,
        "asks_age": asks_age(site, activity, shift),
        "free": free,
        "state": "full" if full else state,
        "terms": terms(session),
    }


def _known(session: Session, data: PersonalData, shift_id: UUID, person_id: UUID) -> dict[str, Any]:
    """What the desk must know of somebody: who they are, whether they are on the shift, who acts for them."""
    person = people.find_person(session, data, own_site(), person_id)
    on_it = select(Registration.status).where(
        Registration.shift_id == shift_id, Registration.person_id == person.id, Registration.status != "cancelled"
    )
    helper = representative_or_none(session, own_site(), person.id, "helper")
    return {
        "person": person,
        "minor": is_minor(person.birth_date),
        "status": session.scalar(on_it),
        "helper": helper and describe_representative(data, helper),
    }
