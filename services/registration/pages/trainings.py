"""Trainings: a course entered for a whole roster at once, and what expires."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import g, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from services.common.auth import Caller, allow
from services.common.database import Database
from services.common.pages import Answer, Form, done, in_menu, page_blueprint, read_form, render
from services.registration.api.conventions import own_site
from services.registration.codes import SKILLS
from services.registration.models import Activity, Registration, Shift, Site, Team, VolunteerSite
from services.registration.operations import attendance, people, teams
from services.registration.operations.trainings import add_trainings, expiring_trainings
from services.registration.personal_data import PersonalData
from services.registration.schemas.volunteers import TrainingOfMany

BACK = timedelta(days=30)
"""How far back shifts lie that a course may have been."""
AHEAD_DAYS = 60


def trainings_pages(database: Database, data: PersonalData) -> APIBlueprint:
    """The pages of trainings."""
    blueprint = page_blueprint("trainings_pages", __name__, url_prefix="/staff/trainings")
    in_menu("trainings_pages.show_trainings", "培训", "Trainings", 14)

    def page(form: Form[Any]) -> str:
        with database.transaction(g.principal.scope) as session:
            title, listed = _roster(session, data)
            return render("people/training.html", form=form, title=title, people=listed, skills=SKILLS)

    @blueprint.get("/")
    @allow(Caller.STAFF)
    def show_trainings() -> Answer:
        """What expires, and of which roster a course can be entered."""
        now = datetime.now(UTC)
        shifts = (
            select(Shift, Activity)
            .join(Activity, Activity.id == Shift.activity_id)
            .where(Shift.site_id == own_site(), Shift.starts_at.between(now - BACK, now), Shift.confirmed > 0)
        )
        with database.transaction(g.principal.scope) as session:
            return render(
                "people/trainings.html",
                expiring=expiring_trainings(session, data, own_site(), AHEAD_DAYS),
                teams=session.scalars(select(Team).where(Team.site_id == own_site()).order_by(Team.position)).all(),
                shifts=session.execute(shifts.order_by(Shift.starts_at.desc()).limit(30)).all(),
                zone=session.get_one(Site, own_site()).time_zone,
            )

    @blueprint.get("/new")
    @allow(Caller.STAFF)
    def new_training() -> Answer:
        """The form: the course, and who of the roster took part."""
        return page(Form(MultiDict()))

    @blueprint.post("/new")
    @allow(Caller.STAFF)
    def enter() -> Answer:
        """Put it on record for all who are ticked."""
        form = read_form(TrainingOfMany, lists=("people",))
        made = 0
        with form.catching(), database.transaction(g.principal.scope) as session:
            lines = add_trainings(session, own_site(), form.body, g.principal.actor).items
            made = sum(line.outcome == "recorded" for line in lines)
        if form.failed:
            return page(form), 422
        address = url_for("trainings_pages.show_trainings")
        return done(address, f"已为 {made} 人登记培训。", f"The training is on record for {made} people.")

    return blueprint


def _roster(session: Session, data: PersonalData) -> tuple[Any, list[dict[str, Any]]]:
    """Of what the query names, a team or a shift: its title, and who was there; volunteers can be ticked."""
    if "shift" in request.args:
        shift = attendance.find_shift(session, request.args.get("shift", type=UUID) or UUID(int=0))
        found = select(Registration.person_id).where(
            Registration.shift_id == shift.id, Registration.status == "confirmed"
        )
        ids, title = list(session.scalars(found)), session.get_one(Activity, shift.activity_id)
    else:
        team = teams.find_team(session, request.args.get("team", type=UUID) or UUID(int=0))
        ids, title = [member.person_id for member in teams.roster(session, team.id)], team
    known = [people.find_person(session, data, own_site(), person_id) for person_id in ids]
    return title, [
        {"id": one.id, "name": one.name, "volunteer": session.get(VolunteerSite, (one.id, own_site())) is not None}
        for one in known
    ]
