"""A resident's teams: what they are in or invited to, and when and where it rehearses.

for one in own_teams(session, resident): ...       # each with its team and site, in one statement
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.common.errors import not_found
from services.registration.models import Booking, Room, Site, Team, TeamMember
from services.registration.operations.bookings.rooms import TAKEN
from services.registration.operations.people.proven_sites import Resident, theirs
from services.registration.operations.teams.teams import PRESENT

MOST_REHEARSALS = 100


@dataclass(frozen=True)
class Membership:
    """A membership or an open invitation, with what it is of."""

    member: TeamMember
    team: Team
    site: Site


@dataclass(frozen=True)
class Rehearsal:
    """A time that a team has a room, or asked for one."""

    booking: Booking
    room: Room


def own_teams(session: Session, resident: Resident) -> list[Membership]:
    """A resident's memberships and open invitations, in the order in which they came."""
    query = (
        select(TeamMember, Team, Site)
        .join(Team, Team.id == TeamMember.team_id)
        .join(Site, Site.id == TeamMember.site_id)
        .where(theirs(session, resident, TeamMember), TeamMember.status.in_(PRESENT))
        .order_by(TeamMember.position)
    )
    return [Membership(*row) for row in session.execute(query)]


def own_membership(session: Session, resident: Resident, member_id: UUID) -> Membership:
    """One of them. Raises 404 for anybody else's, and for one that is over."""
    found = [one for one in own_teams(session, resident) if one.member.id == member_id]
    if not found:
        raise not_found("这个队伍", "team of yours")
    return found[0]


def rehearsals(session: Session, teams: Sequence[UUID]) -> dict[UUID, list[Rehearsal]]:
    """When and where these teams have rooms from now on, the soonest first, by team."""
    query = (
        select(Booking.team_id, Booking, Room)
        .join(Room, Room.id == Booking.room_id)
        .where(Booking.team_id.in_(teams), Booking.status.in_(TAKEN), Booking.ends_at > func.now())
        .order_by(Booking.starts_at, Booking.position)
        .limit(MOST_REHEARSALS)
    )
    found: dict[UUID, list[Rehearsal]] = {team: [] for team in teams}
    for team, booking, room in session.execute(query):
        found[team].append(Rehearsal(booking, room))  # type: ignore[index]
    return found
