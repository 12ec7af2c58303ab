"""Staff's pages of teams."""

from typing import Annotated, Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g, url_for
from pydantic import StringConstraints, ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.conventions import own_site
from services.common.database import Database
from services.common.errors import Words, field_error, invalid, not_found
from services.common.pages import Answer, Form, done, in_menu, page_blueprint, read_form, render, typed_version
from services.common.schemas import Body
from services.registration.api.teams import describe_members
from services.registration.models import Site, Team, TeamMember
from services.registration.operations.people.people_search import search_for, search_people
from services.registration.operations.teams import teams
from services.registration.operations.teams.rosters import roster_lines
from services.registration.personal_data import PersonalData, plain_name
from services.registration.schemas.people import PersonName, SearchBody
from services.registration.schemas.teams import TeamBody, TeamEdit


class NewMember(Body):
    """Whom the form names, by what the person told the site."""

    person_name: PersonName
    contact: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
    agreement: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)] = ""


def teams_pages(database: Database, data: PersonalData) -> APIBlueprint:
    """The pages of teams."""
    blueprint = page_blueprint("teams_pages", __name__, url_prefix="/staff/teams")
    in_menu("teams_pages.list_teams", "队伍", "Teams", 12)
    _add_teams(blueprint, database)
    _add_members(blueprint, database, data)
    return blueprint


def _add_teams(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.get("/")
    @allow(Caller.STAFF)
    def list_teams() -> Answer:
        """The site's teams."""
        with database.transaction(g.principal.scope) as session:
            query = select(Team).where(Team.site_id == own_site()).order_by(Team.position).limit(500)
            counts = teams.members_of_teams(session, own_site())
            return render("teams/list.html", teams=session.scalars(query).all(), counts=counts)

    @blueprint.get("/new")
    @allow(Caller.STAFF)
    def new_team() -> Answer:
        """The form of a new team."""
        return render("teams/new.html", form=Form(), team=None)

    @blueprint.post("/new")
    @allow(Caller.STAFF)
    def create_team() -> Answer:
        """Add a team."""
        form = read_form(TeamBody)
        made = None
        with form.catching(), database.transaction(g.principal.scope) as session:
            made = teams.create_team(session, own_site(), form.body)
        if made is None:
            return render("teams/new.html", form=form, team=None), 422
        return done(url_for("teams_pages.show_team", team_id=made.id), "队伍已添加。", "The team was added.")

    @blueprint.get("/<uuid:team_id>/edit")
    @allow(Caller.STAFF)
    def show_edit(team_id: UUID) -> Answer:
        """The form of a team."""
        with database.transaction(g.principal.scope) as session:
            team = teams.find_team(session, team_id)
            return render("teams/new.html", form=Form(vars(team)), team=team)

    @blueprint.post("/<uuid:team_id>/edit")
    @allow(Caller.STAFF)
    def edit_team(team_id: UUID) -> Answer:
        """Change a team."""
        form = read_form(TeamEdit, left_out=("version",))
        with database.transaction(g.principal.scope) as session:
            team = teams.find_team(session, team_id)
        with form.catching(), database.transaction(g.principal.scope) as session:
            teams.edit_team(session, team_id, form.body, typed_version())
        if form.failed:
            return render("teams/new.html", form=form, team=team), 422
        return done(url_for("teams_pages.show_team", team_id=team_id), "队伍已保存。", "The team was saved.")

    @blueprint.post("/<uuid:team_id>/end")
    @allow(Caller.STAFF)
    def end_team(team_id: UUID) -> Answer | Response:
        """End a team."""
        form: Form[TeamEdit] = Form()
        with form.catching(), database.transaction(g.principal.scope) as session:
            teams.end_team(session, team_id)
        if form.failed:
            with database.transaction(g.principal.scope) as session:
                team = teams.find_team(session, team_id)
                return render("teams/new.html", form=form, team=team), 409
        return done(url_for("teams_pages.list_teams"), "队伍已解散。", "The team was ended.")


def _add_members(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    def show(team_id: UUID, form: Form[Any]) -> str:
        with database.transaction(g.principal.scope) as session:
            team = teams.find_team(session, team_id)
            query = select(TeamMember).where(TeamMember.team_id == team_id, TeamMember.status.in_(teams.PRESENT))
            members = session.scalars(query.order_by(TeamMember.position).limit(1000)).all()
            listed = describe_members(session, data, members)
            zone = session.get_one(Site, team.site_id).time_zone
            return render("teams/team.html", team=team, members=listed, form=form, zone=zone)

    @blueprint.get("/<uuid:team_id>")
    @allow(Caller.STAFF)
    def show_team(team_id: UUID) -> Answer:
        """A team and its members."""
        return show(team_id, Form())

    @blueprint.get("/<uuid:team_id>/roster")
    @allow(Caller.STAFF)
    def print_roster(team_id: UUID) -> Answer:
        """The members with their phones, to be printed; that it was opened is on record."""
        with database.transaction(g.principal.scope) as session:
            team = teams.find_team(session, team_id)
            lines = roster_lines(session, data, team)
            return render("teams/print.html", team=team, lines=lines)

    @blueprint.post("/<uuid:team_id>")
    @allow(Caller.STAFF)
    def add_member(team_id: UUID) -> Answer:
        """Invite somebody, or add them where it is on record how they agreed."""
        form = read_form(NewMember)
        with form.catching(), database.transaction(g.principal.scope) as session:
            person_id = _known(session, data, form.body)
            if form.body.agreement:
                teams.add_member(session, team_id, person_id, form.body.agreement)
            else:
                teams.invite(session, team_id, person_id)
        if form.failed:
            return show(team_id, form), 422
        words = ("已加入。", "Added.") if form.body.agreement else ("邀请已发出。", "The invitation was sent.")
        return done(url_for("teams_pages.show_team", team_id=team_id), *words)

    @blueprint.post("/members/<uuid:member_id>/<step>")
    @allow(Caller.STAFF)
    def change_member(member_id: UUID, step: str) -> Answer:
        """Make a member the leader, or end a membership or invitation."""
        if step not in ("lead", "end"):
            raise not_found("这个操作", "step")
        with database.transaction(g.principal.scope) as session:
            member = teams.find_membership(session, member_id)
            if step == "lead":
                teams.hand_over(session, member.team_id, member.person_id)
            else:
                teams.leave(session, member_id)
        return done(url_for("teams_pages.show_team", team_id=member.team_id), "已保存。", "Saved.")


def _known(session: Session, data: PersonalData, wanted: NewMember) -> UUID:
    """The person whom the site knows by this name and phone, e-mail or volunteer number. Raises 422 for nobody."""
    try:
        asked = SearchBody.model_validate(search_for(wanted.contact))
    except ValidationError as error:
        raise invalid("contact", field_error(error.errors(include_url=False)[0]).message) from error
    for found in search_people(session, data, own_site(), asked):
        if plain_name(found.name) == plain_name(wanted.person_name):
            return found.id
    words = Words(
        "本站没有这个姓名和联系方式的居民；请先登记或报名一次。",
        "The site knows nobody of this name and contact; register them or sign them up first.",
    )
    raise invalid("person_name", words)
