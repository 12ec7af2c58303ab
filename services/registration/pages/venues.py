"""Staff's pages of venues: what takes place in each, how many it holds, and who would move before a cap is applied."""

from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import g, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.conventions import own_site
from services.common.database import Database
from services.common.errors import not_found
from services.common.pages import Answer, Form, done, in_menu, page_blueprint, read_form, render, typed_version
from services.registration.models import Site, Venue
from services.registration.operations.activities.concerned import concerned
from services.registration.operations.seats import venues
from services.registration.operations.seats.venues import Plan
from services.registration.personal_data import PersonalData
from services.registration.schemas.venues import CapApplyBody, CapBody, VenueBody, VenueEdit


def venues_pages(database: Database, data: PersonalData) -> APIBlueprint:
    """The pages of venues."""
    blueprint = page_blueprint("venues_pages", __name__, url_prefix="/staff/venues")
    in_menu("venues_pages.list_venues", "场馆", "Venues", 11)
    _add_list(blueprint, database)
    _add_one(blueprint, database)
    _add_cap(blueprint, database, data)
    return blueprint


def _add_list(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.get("/")
    @allow(Caller.STAFF)
    def list_venues() -> Answer:
        """The site's venues."""
        with database.transaction(g.principal.scope) as session:
            query = select(Venue).where(Venue.site_id == own_site()).order_by(Venue.position)
            return render("venues/list.html", venues=session.scalars(query.limit(100)).all())

    @blueprint.get("/new")
    @allow(Caller.STAFF)
    def new_venue() -> Answer:
        """The form of a new venue."""
        return render("venues/new.html", form=Form())

    @blueprint.post("/new")
    @allow(Caller.STAFF)
    def create_venue() -> Answer:
        """Add a venue."""
        form = read_form(VenueBody)
        with form.catching(), database.transaction(g.principal.scope) as session:
            venues.create_venue(session, own_site(), form.body)
        if form.failed:
            return render("venues/new.html", form=form), 422
        return done(
            url_for("venues_pages.list_venues"),
            "场馆已添加。请在活动中选择它。",
            "The venue was added. Choose it in the activities that are there.",
        )


def _add_one(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.get("/<uuid:venue_id>")
    @allow(Caller.STAFF)
    def show_venue(venue_id: UUID) -> Answer:
        """A venue with all that takes place in it, and the form of its cap."""
        with database.transaction(g.principal.scope) as session:
            return _venue_page(session, _find(session, venue_id), Form())

    @blueprint.post("/<uuid:venue_id>")
    @allow(Caller.STAFF)
    def rename_venue(venue_id: UUID) -> Answer:
        """Give the venue another name."""
        form = read_form(VenueEdit, left_out=("version",))
        with database.transaction(g.principal.scope) as session:
            venue = _find(session, venue_id)
            with form.catching(), session.begin_nested():
                venues.edit_venue(session, venue_id, form.body, typed_version())
            if form.failed:
                return _venue_page(session, venue, form), 422
        return done(url_for("venues_pages.show_venue", venue_id=venue_id), "已保存。", "Saved.")


def _add_cap(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.post("/<uuid:venue_id>/cap")
    @allow(Caller.STAFF)
    def set_cap(venue_id: UUID) -> Answer:
        """Show who would move to the waitlist, or move exactly those who were shown and set the cap."""
        applies = bool(request.form.get("token"))
        form: Form[Any] = read_form(CapApplyBody if applies else CapBody)
        with database.transaction(g.principal.scope) as session:
            venue = _find(session, venue_id)
            with form.catching(), session.begin_nested():
                if applies:
                    venues.apply_cap(session, venue_id, **form.body.model_dump())
                else:
                    plan = venues.preview_cap(session, venue_id, **form.body.model_dump())
                    return _venue_page(session, venue, form, plan, data)
            if form.failed:
                return _venue_page(session, venue, form), 422
        return done(
            url_for("venues_pages.show_venue", venue_id=venue_id),
            "新的上限已生效，受影响的人会收到通知。",
            "The cap is in force; whoever it concerns is told.",
        )


def _find(session: Session, venue_id: UUID) -> Venue:
    venue = session.get(Venue, venue_id)
    if venue is None or venue.site_id != own_site():
        raise not_found("这个场馆", "venue")
    return venue


def _venue_page(
    session: Session, venue: Venue, form: Form[Any], plan: Plan | None = None, data: PersonalData | None = None
) -> str:
    return render(
        "venues/venue.html",
        venue=venue,
        form=form,
        uses=venues.uses(session, venue.id),
        zone=session.get_one(Site, venue.site_id).time_zone,
        plan=plan,
        moves=concerned(session, data, [move.id for move in plan.moves]) if plan and data else [],
    )
