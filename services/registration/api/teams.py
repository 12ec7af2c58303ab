"""Teams and their members."""

from collections.abc import Sequence
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.auth import Caller, allow
from services.common.conventions import answered, create, expected_versions, own_site, page
from services.common.database import EVERY_SITE, Database
from services.common.schemas import ListQuery
from services.registration.api.residents import resident
from services.registration.models import Team, TeamMember
from services.registration.operations.people.people import told_names
from services.registration.operations.teams import teams
from services.registration.operations.teams.own_teams import own_teams
from services.registration.operations.teams.rosters import make_roster_volunteers, roster_members
from services.registration.personal_data import PersonalData
from services.registration.schemas import page_of
from services.registration.schemas.teams import (
    LeaderBody,
    MemberAnswer,
    MemberBody,
    MemberQuery,
    MyTeamAnswer,
    MyTeamsAnswer,
    RosterAnswer,
    RosterBody,
    RosterMembers,
    TeamAnswer,
    TeamBody,
    TeamEdit,
)


def teams_blueprint(database: Database, data: PersonalData) -> APIBlueprint:
    """The routes of teams."""
    blueprint = APIBlueprint("teams", __name__, tag="Teams", url_prefix="/v1")
    _add_teams(blueprint, database, data)
    _add_members(blueprint, database, data)
    _add_roster(blueprint, database, data)
    _add_own(blueprint, database)
    return blueprint


def _add_teams(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.post("/teams")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(TeamBody, arg_name="body")
    @blueprint.output(TeamAnswer, status_code=201)
    def create_team(body: TeamBody) -> Response:
        """Add a choir or a volunteer team."""
        return create(database, data, body, lambda s: TeamAnswer.model_validate(teams.create_team(s, own_site(), body)))

    @blueprint.get("/teams")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(ListQuery, location="query", arg_name="query")
    @blueprint.output(page_of(TeamAnswer))
    def list_teams(query: ListQuery) -> Response:
        """The site's teams."""
        rows = select(Team).where(Team.site_id == own_site())
        with database.transaction(g.principal.scope) as session:
            return page(
                session, rows, Team.position, query, lambda found: [TeamAnswer.model_validate(t) for t in found]
            )

    @blueprint.get("/teams/<uuid:team_id>")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.output(TeamAnswer)
    def show_team(team_id: UUID) -> Response:
        """A team."""
        with database.transaction(g.principal.scope) as session:
            return answered(TeamAnswer.model_validate(teams.find_team(session, team_id)))

    @blueprint.patch("/teams/<uuid:team_id>")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(TeamEdit, arg_name="body")
    @blueprint.output(TeamAnswer)
    def edit_team(team_id: UUID, body: TeamEdit) -> Response:
        """Change a team."""
        with database.transaction(g.principal.scope) as session:
            return answered(TeamAnswer.model_validate(teams.edit_team(session, team_id, body, expected_versions())))

    @blueprint.post("/teams/<uuid:team_id>/end")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.output(TeamAnswer)
    def end_team(team_id: UUID) -> Response:
        """End a team: everybody leaves it, and nobody joins any more. What it did stays on record."""
        with database.transaction(g.principal.scope) as session:
            return answered(TeamAnswer.model_validate(teams.end_team(session, team_id)))


def _add_members(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.post("/teams/<uuid:team_id>/members")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(MemberBody, arg_name="body")
    @blueprint.output(MemberAnswer, status_code=201)
    def add_member(team_id: UUID, body: MemberBody) -> Response:
        """Invite a person whom the site knows; or add them at once where it is on record how they agreed."""

        def make(session: Session) -> MemberAnswer:
            if body.agreement:
                member = teams.add_member(session, team_id, body.person_id, body.agreement)
            else:
                member = teams.invite(session, team_id, body.person_id)
            return describe_members(session, data, [member])[0]

        return create(database, data, body, make)

    @blueprint.get("/teams/<uuid:team_id>/members")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(MemberQuery, location="query", arg_name="query")
    @blueprint.output(page_of(MemberAnswer))
    def list_members(team_id: UUID, query: MemberQuery) -> Response:
        """Who is, was, or was asked to be in the team."""
        rows = select(TeamMember).where(TeamMember.team_id == team_id)
        if query.status:
            rows = rows.where(TeamMember.status == query.status)
        with database.transaction(g.principal.scope) as session:
            teams.find_team(session, team_id)
            return page(session, rows, TeamMember.position, query, lambda found: describe_members(session, data, found))

    @blueprint.put("/teams/<uuid:team_id>/leader")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(LeaderBody, arg_name="body")
    @blueprint.output(MemberAnswer)
    def hand_over(team_id: UUID, body: LeaderBody) -> Response:
        """Make a member the leader, in place of whoever was."""
        with database.transaction(g.principal.scope) as session:
            member = teams.hand_over(session, team_id, body.person_id)
            return answered(describe_members(session, data, [member])[0])

    @blueprint.delete("/team-members/<uuid:member_id>")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.output({}, status_code=204)
    def end_membership(member_id: UUID) -> tuple[str, int]:
        """End a membership or take back an invitation; it stays on record."""
        with database.transaction(g.principal.scope) as session:
            teams.leave(session, member_id)
        return "", 204


def _add_roster(blueprint: APIBlueprint, database: Database, data: PersonalData) -> None:
    @blueprint.get("/teams/<uuid:team_id>/volunteers")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.output(RosterMembers)
    def list_roster(team_id: UUID) -> Response:
        """Which members are volunteers, and what of a volunteer's data the site lacks of each."""
        with database.transaction(g.principal.scope) as session:
            return answered(RosterMembers(items=roster_members(session, data, team_id)))

    @blueprint.post("/teams/<uuid:team_id>/volunteers")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(RosterBody, arg_name="body")
    @blueprint.output(RosterAnswer, status_code=201)
    def make_volunteers(team_id: UUID, body: RosterBody) -> Response:
        """Register members as volunteers of the site, each who agreed; who cannot be is told apart, with why."""
        actor = g.principal.actor
        return create(database, data, body, lambda session: make_roster_volunteers(session, data, team_id, body, actor))


def _add_own(blueprint: APIBlueprint, database: Database) -> None:
    @blueprint.get("/my/teams")
    @allow(Caller.PERSON)
    @blueprint.output(MyTeamsAnswer)
    def list_my_teams() -> Response:
        """The teams that the resident is in, or invited to."""
        with database.transaction(EVERY_SITE) as session:
            items = [
                MyTeamAnswer(
                    member_id=one.member.id,
                    team=TeamAnswer.model_validate(one.team),
                    role=one.member.role,
                    status=one.member.status,
                )
                for one in own_teams(session, resident())
            ]
            return answered(MyTeamsAnswer(items=items))

    def answer(member_id: UUID, accept: bool) -> tuple[str, int]:
        with database.transaction(EVERY_SITE) as session:
            teams.answer_own(session, resident(), member_id, accept)
        return "", 204

    @blueprint.post("/my/teams/<uuid:member_id>/accept")
    @allow(Caller.PERSON)
    @blueprint.output({}, status_code=204)
    def accept(member_id: UUID) -> tuple[str, int]:
        """Join a team that invited the resident."""
        return answer(member_id, accept=True)

    @blueprint.post("/my/teams/<uuid:member_id>/decline")
    @allow(Caller.PERSON)
    @blueprint.output({}, status_code=204)
    def decline(member_id: UUID) -> tuple[str, int]:
        """Turn down an invitation."""
        return answer(member_id, accept=False)

    @blueprint.post("/my/teams/<uuid:member_id>/leave")
    @allow(Caller.PERSON)
    @blueprint.output({}, status_code=204)
    def leave(member_id: UUID) -> tuple[str, int]:
        """Leave a team."""
        with database.transaction(EVERY_SITE) as session:
            teams.leave_own(session, resident(), member_id)
        return "", 204


def describe_members(session: Session, data: PersonalData, found: Sequence[TeamMember]) -> list[MemberAnswer]:
    """Members with the names that they told the site."""
    names = told_names(session, data, [(member.person_id, member.site_id) for member in found])
    return [MemberAnswer.model_validate({**vars(member), "name": names.get(member.person_id, "")}) for member in found]
