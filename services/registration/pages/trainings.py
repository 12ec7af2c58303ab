"""Trainings: a course entered for a whole roster at once, and what expires."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import g, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from services.common.auth import Caller, allow
from services.common.conventions import own_site
from services.common.database import Database
from services.common.pages import Answer, Form, done, in_menu, page_blueprint, read_form, render
from services.registration.codes import SKILLS
from services.registration.models import Activity, PersonSite, Registration, Shift, Site, Team, VolunteerSite
from services.registration.operations.hours import attendance
from services.registration.operations.people.minors_shown import all_shown, birth_date
from services.registration.operations.people.trainings import add_trainings, expiring_trainings
from services.registration.operations.teams import teams
from services.registration.personal_data import PersonalData
from services.registration.schemas.volunteers import TrainingOfMany

BACK = timedelta(days=30)
"""How far back shifts lie that a course may have been."""
AHEAD_DAYS = 60


def trainings_pages(database: Database, data: PersonalData) -> APIBlueprint:
    """The pages of trainings."""
    blueprint = page_blueprint("trainings_pages", __name__, url_prefix="/staff/trainings")
    in_menu("trainings_pages.show_trainings", "培训", "Trainings", 14)

    def page(form: Form[Any], team_id: UUID | None, shift_id: UUID | None) -> str:
        with database.transaction(g.principal.scope) as session:
            title, ids = _roster(session, team_id, shift_id)
            listed = _described(session, data, ids)
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
                teams=session.scalars(
                    select(Team).where(Team.site_id == own_site(), Team.ended_at.is_(None)).order_by(Team.position)
                ).all(),
                shifts=session.execute(shifts.order_by(Shift.starts_at.desc()).limit(30)).all(),
                zone=session.get_one(Site, own_site()).time_zone,
            )

    @blueprint.get("/teams/<uuid:team_id>")
    @blueprint.get("/shifts/<uuid:shift_id>")
    @allow(Caller.STAFF)
    def new_training(team_id: UUID | None = None, shift_id: UUID | None = None) -> Answer:
        """The form: the course, and who of the roster took part."""
        return page(Form(MultiDict()), team_id, shift_id)

    @blueprint.post("/teams/<uuid:team_id>")
    @blueprint.post("/shifts/<uuid:shift_id>")
    @allow(Caller.STAFF)
    def enter(team_id: UUID | None = None, shift_id: UUID | None = None) -> Answer:
        """Put it on record for all who are ticked."""
        form = read_form(TrainingOfMany, lists=("people",))
        made = 0
        with database.transaction(g.principal.scope) as session:
            _roster(session, team_id, shift_id)
        with form.catching(), database.transaction(g.principal.scope) as session:
            lines = add_trainings(session, own_site(), form.body, g.principal.actor).items
            made = sum(line.outcome == "recorded" for line in lines)
        if form.failed:
            return page(form, team_id, shift_id), 422
        address = url_for("trainings_pages.show_trainings")
        return done(address, f"已为 {made} 人登记培训。", f"The training is on record for {made} people.")

    return blueprint


def _roster(session: Session, team_id: UUID | None, shift_id: UUID | None) -> tuple[Any, list[UUID]]:
    """Of what the roster is, and who is on it. Raises 404 for another site's."""
    return _of_team(session, team_id) if team_id else _of_shift(session, shift_id)


def _of_team(session: Session, team_id: UUID) -> tuple[Any, list[UUID]]:
    """A team and who is in it. Raises 404."""
    return teams.find_team(session, team_id), [member.person_id for member in teams.roster(session, team_id)]


def _of_shift(session: Session, shift_id: UUID | None) -> tuple[Any, list[UUID]]:
    """A shift's activity, and who had a place. Raises 404."""
    shift = attendance.find_shift(session, shift_id or UUID(int=0))
    there = select(Registration.person_id).where(Registration.shift_id == shift.id, Registration.status == "confirmed")
    return session.get_one(Activity, shift.activity_id), list(session.scalars(there))


def _described(session: Session, data: PersonalData, ids: list[UUID]) -> list[dict[str, Any]]:
    """Their names, and who can be ticked: volunteers of the site. Whoever was erased is left out."""
    told = select(PersonSite).where(PersonSite.person_id.in_(ids), PersonSite.site_id == own_site())
    known = {one.person_id: one for one in session.scalars(told)}
    all_shown(session, own_site(), [(who, birth_date(data, one.birth_date)) for who, one in known.items()])
    here = select(VolunteerSite.person_id).where(VolunteerSite.person_id.in_(ids), VolunteerSite.site_id == own_site())
    volunteers = set(session.scalars(here))
    listed = [{"id": who, "name": data.shown(one.name), "volunteer": who in volunteers} for who, one in known.items()]
    return sorted(listed, key=lambda one: str(one["name"]))
