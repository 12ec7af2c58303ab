"""What staff answered to a team's request for a room: mailed to whoever leads the team, and kept on their page."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.registration.models import Booking, Room, TeamMember
from services.registration.operations.staff.links import issue_link

ANSWER = "room_answer"
HOURS = 7 * 24
SHOWN = timedelta(days=30)


def tell_leader(session: Session, booking: Booking) -> None:
    """Mail whoever leads the team a link to what was decided; nobody where it is no team's."""
    leads = TeamMember.team_id == booking.team_id, TeamMember.role == "leader", TeamMember.status == "member"
    for leader in session.scalars(select(TeamMember.person_id).where(*leads)):
        issue_link(session, ANSWER, booking.site_id, person_id=leader, subject=booking.id, hours=HOURS)


def turned_down(session: Session, team_id: UUID) -> Sequence[tuple[Booking, Room]]:
    """Times that the team asked for and was not given, with the reason, the latest first; until a month after."""
    query = (
        select(Booking, Room)
        .join(Room, Room.id == Booking.room_id)
        .where(
            Booking.team_id == team_id,
            Booking.status == "declined",
            Booking.starts_at > func.now() - SHOWN,
        )
        .order_by(Booking.starts_at.desc(), Booking.position)
        .limit(20)
    )
    return [(booking, room) for booking, room in session.execute(query)]
