"""A team signs up, as a whole or in part: members are ticked, and each has a verdict in words."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import g, request
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.conventions import own_site
from services.common.database import Database
from services.common.errors import Words
from services.common.pages import Answer, Form, page_blueprint, render
from services.registration.models import Activity, Shift, Site, Team
from services.registration.operations.seats.sign_up import SignUps
from services.registration.operations.teams.team_roster import TeamLine, team_lines
from services.registration.operations.teams.team_sign_up import sign_up_team
from services.registration.operations.teams.teams import find_team
from services.registration.pages.registration import own_shift, shift_facts
from services.registration.personal_data import PersonalData
from services.registration.schemas.seats import TeamSignUpBody

MOST = 200

NOBODY = Words("不是每位队员都有名额，没有人被报名。", "Not every member gets a place, so nobody was signed up.")
VERDICTS = {
    "confirmed": ("已报名，有名额", "has a place"),
    "waitlisted": ("已满，列入候补", "full: they wait"),
    "already-registered": ("已经报了这一场", "on the shift already"),
    "overlap": ("同一时间已有别的名额", "has another place at these hours"),
    "guardian-missing": (
        "未报名：还没有登记监护人，请先登记",
        "not signed up: no guardian is on file; enter the guardian first",
    ),
    "invalid": ("未报名：缺监护人同意或出生日期", "not signed up: a guardian's consent or the birth date is missing"),
}
"""In plain words, where the API names a registration by its number or a field; others are told as they are."""


def team_sign_up_pages(database: Database, data: PersonalData, sign_ups: SignUps) -> APIBlueprint:
    """The pages of a team's sign-up."""
    blueprint = page_blueprint("team_sign_up_pages", __name__, url_prefix="/staff")
    _add_choosing(blueprint, database)
    _add_form(blueprint, database, data, sign_ups)
    return blueprint


def _add_choosing(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.get("/teams/<uuid:team_id>/shifts")
    @allow(Caller.STAFF)
    def choose_shift(team_id: UUID) -> Answer:
        """For which shift the team signs up."""
        with database.transaction(g.principal.scope) as session:
            query = select(Shift, Activity).join(Activity, Activity.id == Shift.activity_id)
            open_ones = Shift.ends_at > datetime.now(UTC), Shift.status == "open", Activity.status == "published"
            query = query.where(Shift.site_id == own_site(), *open_ones).order_by(Shift.starts_at, Shift.position)
            found = session.execute(query.limit(MOST)).all()
            zone = session.get_one(Site, own_site()).time_zone
            return render("teams/shifts.html", team=find_team(session, team_id), shifts=found, zone=zone)

    @blueprint.get("/shifts/<uuid:shift_id>/teams")
    @allow(Caller.STAFF)
    def choose_team(shift_id: UUID) -> Answer:
        """Which team signs up for the shift."""
        with database.transaction(g.principal.scope) as session:
            facts = shift_facts(session, own_shift(session, shift_id))
            query = select(Team).where(Team.site_id == own_site()).order_by(Team.position).limit(MOST)
            return render("shifts/teams.html", teams=session.scalars(query).all(), **facts)


def _add_form(blueprint: APIBlueprint, database: Database, data: PersonalData, sign_ups: SignUps) -> None:
    @blueprint.get("/shifts/<uuid:shift_id>/teams/<uuid:team_id>")
    @allow(Caller.STAFF)
    def show_team(shift_id: UUID, team_id: UUID) -> Answer:
        """The members, to be ticked."""
        with database.transaction(g.principal.scope) as session:
            return _page(session, data, shift_id, team_id, Form())

    @blueprint.post("/shifts/<uuid:shift_id>/teams/<uuid:team_id>")
    @allow(Caller.STAFF)
    def sign_up(shift_id: UUID, team_id: UUID) -> Answer:
        """Sign the ticked ones up; what became of each is said below their names."""
        form: Form[TeamSignUpBody] = Form(request.form)
        ticked = {name: request.form.getlist(name) for name in ("person_ids", "guardians_agreed")}
        whole = "all_or_nothing" in request.form
        form.read(TeamSignUpBody, {"team_id": str(team_id), "all_or_nothing": whole} | ticked)
        readable = not form.failed
        with database.transaction(g.principal.scope) as session:
            own_shift(session, shift_id)
            made = None
            with form.catching(), session.begin_nested():
                made = sign_up_team(session, sign_ups, own_site(), shift_id, form.body)
            verdicts = {line.person_id: _said(line.verdict, line.detail) for line in made.members} if made else {}
            if readable:
                verdicts |= _refused(form, ticked["person_ids"])
            page = _page(session, data, shift_id, team_id, form, verdicts)
            return (page, 422) if form.failed else page


def _refused(form: Form[Any], people: list[str]) -> dict[UUID, tuple[str, str]]:
    """Who kept the others from being signed up, and why: said below their names, not at the number in the list."""
    found = {}
    for field in [name for name in form.errors if name.startswith("person_ids.")]:
        words = form.errors.pop(field)
        found[UUID(people[int(field.partition(".")[2])])] = (words.zh, words.en)
    if found and not form.failed:
        form.problem = NOBODY
    return found


def _said(verdict: str, detail: str) -> tuple[str, str]:
    return VERDICTS.get(verdict, (detail, detail))


def _page(
    session: Session,
    data: PersonalData,
    shift_id: UUID,
    team_id: UUID,
    form: Form[Any],
    verdicts: dict[UUID, tuple[str, str]] | None = None,
) -> str:
    shift, team = own_shift(session, shift_id), find_team(session, team_id)
    lines: list[TeamLine] = team_lines(session, data, shift, team)
    ticked = set(form.values.getlist("person_ids")) if form.values else {str(line.person_id) for line in lines}
    return render(
        "shifts/team.html",
        team=team,
        lines=lines,
        form=form,
        ticked=ticked,
        agreed=set(form.values.getlist("guardians_agreed")) if form.values else set(),
        verdicts=verdicts or {},
        **shift_facts(session, shift),
    )
