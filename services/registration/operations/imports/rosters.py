"""Rosters: rows that also make people members of the site's teams, by the operations of teams and with their events.

A `roster` is of teams that there are; `teams` brings its own.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.events import TeamKind
from services.registration.models import Import, PersonSite, Team, TeamMember
from services.registration.operations import alone
from services.registration.operations.imports.repeats import find_earlier
from services.registration.operations.imports.volunteers import Identity
from services.registration.operations.teams.teams import PRESENT, add_member, create_team, hand_over, lock_team
from services.registration.personal_data import PersonalData, plain_name
from services.registration.schemas.teams import TeamBody
from services.registration.spreadsheets.columns import Headings
from services.registration.spreadsheets.rows import Row

WITH_TEAM = ("roster", "teams")


def _teams_by_name(session: Session, site_id: UUID) -> dict[str, Team]:
    """The site's teams, by either of their names; the older one where two share a name."""
    named: dict[str, Team] = {}
    for team in session.scalars(
        select(Team).where(Team.site_id == site_id, Team.ended_at.is_(None)).order_by(Team.position)
    ):
        for name in (team.name_zh, team.name_en):
            named.setdefault(plain_name(name), team)
    return named


def check_teams(
    session: Session, data: PersonalData, found: Import, rows: Sequence[Row], identities: Mapping[int, Identity]
) -> None:
    """Add to the faults of the rows: a roster's team exists, a team has one leader and is of one kind."""
    headings = Headings(0, list(found.fields or []))
    teams = _teams_by_name(session, found.site_id)
    leaders = _leaders(session, found.site_id)
    new: list[Row] = []
    for row in rows:
        if "team" not in row.values:
            continue
        team = teams.get(plain_name(row.values["team"]))
        if team is None and found.kind == "roster":
            row.blame(headings, "team", "team")
        elif team is None:
            new.append(row)
        else:
            _check_against(row, headings, team, leaders.get(team.id), identities.get(row.number, {}))
    _check_kinds(session, data, found, headings, [row for row in new if not row.faults])


def _check_against(
    row: Row, headings: Headings, team: Team, leader: set[bytes] | None, identity: Mapping[str, bytes | None]
) -> None:
    """What a row says against the team that there is."""
    if row.values.get("role") == "leader" and leader is not None and not leader & set(identity.values()):
        row.blame(headings, "role", "leader")
    if row.values.get("team_kind", team.kind) != team.kind:
        row.blame(headings, "team_kind", "another_kind")


def _check_kinds(session: Session, data: PersonalData, found: Import, headings: Headings, rows: Sequence[Row]) -> None:
    """The rows of a new team agree on what it is: the first says it."""

    def key(*of: str) -> UUID:
        return UUID(bytes=data.fingerprint("import team", *of)[:16])

    named = [(plain_name(row.values["team"]), row.values["team_kind"], row.number) for row in rows]
    first = find_earlier(session, found, [(key(team), number) for team, _, number in named])
    alike = find_earlier(session, found, [(key(team, kind), number) for team, kind, number in named])
    for row in rows:
        if row.number in first and first[row.number][1] != alike.get(row.number, (None, None))[1]:
            row.blame(headings, "team_kind", "two_kinds", other=first[row.number][1])


def _leaders(session: Session, site_id: UUID) -> dict[UUID, set[bytes]]:
    """By what the leader of each team is found, where it has one."""
    query = (
        select(TeamMember.team_id, PersonSite.phone_hash, PersonSite.email_hash)
        .join(
            PersonSite,
            (PersonSite.person_id == TeamMember.person_id) & (PersonSite.site_id == TeamMember.site_id),
        )
        .where(TeamMember.site_id == site_id, TeamMember.role == "leader", TeamMember.status == "member")
    )
    return {row.team_id: {one for one in (row.phone_hash, row.email_hash) if one} for row in session.execute(query)}


def join_teams(session: Session, found: Import, rows: Sequence[Row], people: Mapping[int, UUID]) -> int:
    """Make the people of these rows members; who is one already stays as they are. Returns rows whose team is gone."""
    named = _teams_by_name(session, found.site_id)
    if found.kind == "teams":
        _make_teams(session, found.site_id, rows, named)
    wanted = [(team.id, row) for row in rows if (team := named.get(plain_name(row.values["team"])))]
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


def _make_teams(session: Session, site_id: UUID, rows: Sequence[Row], named: dict[str, Team]) -> None:
    """Add the teams that there are not yet. Two files at once do not make one twice."""
    if all(plain_name(row.values["team"]) in named for row in rows):
        return
    alone(session, f"teams by file {site_id}")
    named.update(_teams_by_name(session, site_id))
    for row in rows:
        said = row.values
        if plain_name(said["team"]) not in named:
            made = TeamBody(
                name_zh=said["team"], name_en=said.get("team_en", said["team"]), kind=TeamKind(said["team_kind"])
            )
            named[plain_name(said["team"])] = create_team(session, site_id, made)


def _members(session: Session, teams: set[UUID]) -> dict[tuple[UUID, UUID], str]:
    query = select(TeamMember).where(TeamMember.team_id.in_(teams), TeamMember.status.in_(PRESENT))
    return {(one.team_id, one.person_id): one.role for one in session.scalars(query) if one.status == "member"}
