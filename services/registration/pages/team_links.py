"""What links about a team open: an invitation is answered, and what became of a request for a room is shown with the
team's times. They last for days and mails are passed on, so neither lets anybody in: whoever wants more asks for a link
that opens once."""

from typing import Any
from uuid import UUID

from flask import request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.pages import Answer, done
from services.registration.models import Booking, Link, Room, Site, TeamMember
from services.registration.operations.bookings.answers import ANSWER
from services.registration.operations.people.identity import person_now
from services.registration.operations.staff.links import over, use
from services.registration.operations.teams import teams
from services.registration.operations.teams.own_teams import rehearsals
from services.registration.pages.links import PURPOSES, Purpose, only_told
from services.registration.pages.resident import check_own_page


def add_team_links() -> None:
    """Open links of these purposes."""
    PURPOSES[teams.INVITATION] = Purpose(_show_invitation, _answer_invitation)
    PURPOSES[ANSWER] = Purpose(_show_answer, only_told)


def _answer_invitation(session: Session, link: Link) -> Answer:
    check_own_page()
    member, accept = _invited(session, link, "invited"), request.form.get("answer") == "accept"
    teams.answer_invitation(session, member.id, accept)
    if not accept:
        use(link)
        return done(url_for("public_pages.start"), "已回复。", "Your answer was noted.")
    # The link goes on showing the team's times, to which the page leads back in another language and when reloaded.
    return done(f"{request.root_path}{request.path}", "已加入。", "You joined.")


def _team(session: Session, team_id: UUID) -> dict[str, Any]:
    team = teams.find_team(session, team_id)
    return {
        "team": team,
        "site": session.get_one(Site, team.site_id),
        "rehearsals": rehearsals(session, [team_id])[team_id],
    }


def _invited(session: Session, link: Link, *statuses: str) -> TeamMember:
    member = teams.invitation_of(session, link.subject, link.person_id) if link.subject and link.person_id else None
    if member is None or member.status not in statuses:
        raise over()
    return member


def _show_invitation(session: Session, link: Link) -> dict[str, Any]:
    member = _invited(session, link, "invited", "member")
    return {"joined": member.status == "member", **_team(session, member.team_id)}


def _leading(session: Session, link: Link) -> TeamMember:
    """The membership by which they lead the team now. Raises 410 where they do no more."""
    booking = session.get(Booking, link.subject) if link.subject else None
    if booking is None or link.person_id is None:
        raise over()
    leads = TeamMember.team_id == booking.team_id, TeamMember.role == "leader", TeamMember.status == "member"
    whose = TeamMember.person_id == person_now(session, link.person_id)
    member = session.scalars(select(TeamMember).where(*leads, whose)).one_or_none()
    if member is None:
        raise over()
    return member


def _show_answer(session: Session, link: Link) -> dict[str, Any]:
    member = _leading(session, link)
    booking = session.get_one(Booking, link.subject)
    room = session.get_one(Room, booking.room_id)
    return {"booking": booking, "room": room, "member": member, **_team(session, member.team_id)}
