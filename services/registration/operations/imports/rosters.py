"""Rosters: rows that also make people members of the site's teams, by the operations of teams and with their events."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.registration.models import Import, PersonSite, Team, TeamMember
from services.registration.operations.teams.teams import PRESENT, add_member, hand_over, lock_team
from services.registration.personal_data import plain_name
from services.registration.spreadsheets.columns import letter
from services.registration.spreadsheets.faults import Fault
from services.registration.spreadsheets.rows import Row


def teams_by_name(session: Session, site_id: UUID) -> dict[str, UUID]:
    """The site's teams, by either of their names; the older one where two share a name."""
    named: dict[str, UUID] = {}
    for team in session.scalars(
        select(Team).where(Team.site_id == site_id, Team.ended_at.is_(None)).order_by(Team.position)
    ):
        for name in (team.name_zh, team.name_en):
            named.setdefault(plain_name(name), team.id)
    return named


class RosterRules:
    """What a row of a roster must keep to besides: its team exists, and has no other leader."""

    def __init__(self, session: Session, site_id: UUID) -> None:
        self._teams = teams_by_name(session, site_id)
        leaders = (
            select(TeamMember.team_id, PersonSite.phone_hash, PersonSite.email_hash)
            .join(
                PersonSite,
                (PersonSite.person_id == TeamMember.person_id) & (PersonSite.site_id == TeamMember.site_id),
            )
            .where(TeamMember.site_id == site_id, TeamMember.role == "leader", TeamMember.status == "member")
        )
        self._leaders = {row.team_id: {row.phone_hash, row.email_hash} - {None} for row in session.execute(leaders)}

    def check(self, row: Row, fields: Sequence[str | None], identity: Mapping[str, bytes | None]) -> None:
        """Add to the row's faults."""
        if "team" not in row.values:
            return
        team = self._teams.get(plain_name(row.values["team"]))
        if team is None:
            row.faults.append(Fault(row.number, f"{letter(fields.index('team'))} team", "team"))
        elif row.values.get("role") == "leader" and not self._leaders.get(team, set(identity.values())) & set(
            identity.values()
        ):
            row.faults.append(Fault(row.number, f"{letter(fields.index('role'))} role", "leader"))


def join_teams(session: Session, found: Import, rows: Sequence[Row], people: Mapping[int, UUID]) -> int:
    """Make the people of these rows members; who is one already stays as they are. Returns rows whose team is gone."""
    named = teams_by_name(session, found.site_id)
    wanted = [(team, row) for row in rows if (team := named.get(plain_name(row.values["team"])))]
    for team_id in sorted({team for team, _ in wanted}):
        lock_team(session, team_id)
    members = _members(session, {team for team, _ in wanted})
    led = {team_id for (team_id, _), role in members.items() if role == "leader"}
    for team_id, row in wanted:
        person_id = people[row.number]
        if (team_id, person_id) not in members:
            add_member(session, team_id, person_id, found.agreed)
            members[team_id, person_id] = "member"
        if row.values.get("role") == "leader" and team_id not in led:
            hand_over(session, team_id, person_id)
            led.add(team_id)
    return len(rows) - len(wanted)


def _members(session: Session, teams: set[UUID]) -> dict[tuple[UUID, UUID], str]:
    query = select(TeamMember).where(TeamMember.team_id.in_(teams), TeamMember.status.in_(PRESENT))
    return {(one.team_id, one.person_id): one.role for one in session.scalars(query) if one.status == "member"}
