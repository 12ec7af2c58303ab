"""What links about a team open: an invitation, and the answer to a request for a room. Both lead on to the team, for
whoever reads the mail is let in by it."""

from typing import Any

from flask import Response, redirect, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.pages import done
from services.registration.models import Booking, Link, Room, Site, TeamMember
from services.registration.operations.bookings.answers import ANSWER
from services.registration.operations.people.identity import person_now
from services.registration.operations.staff.links import over, use
from services.registration.operations.staff.sessions import Sessions
from services.registration.operations.teams import teams
from services.registration.pages.links import PURPOSES, Purpose
from services.registration.pages.resident import check_own_page, let_in


def add_team_links(sessions: Sessions) -> None:
    """Open links of these purposes."""

    def answer_invitation(session: Session, link: Link) -> Response:
        check_own_page()
        accept = request.form.get("answer") == "accept"
        teams.answer_invitation(session, _invited(session, link).id, accept)
        use(link)
        if not accept:
            return done(url_for("public_pages.start"), "已回复。", "Your answer was noted.")
        to = url_for("own_teams_pages.show_teams" if link.address_index else "public_pages.start")
        return _let_in(sessions, link, done(to, "您已加入队伍。", "You are in the team now."))

    def open_team(session: Session, link: Link) -> Response:
        check_own_page()
        member = _leading(session, link)
        use(link)
        return _let_in(sessions, link, redirect(url_for("own_teams_pages.show_led", member_id=member.id), 303))  # type: ignore[arg-type]

    PURPOSES[teams.INVITATION] = Purpose(_show_invitation, answer_invitation)
    PURPOSES[ANSWER] = Purpose(_show_answer, open_team)


def _let_in(sessions: Sessions, link: Link, response: Response) -> Response:
    if link.person_id is None or link.address_index is None:
        return response
    return let_in(response, sessions.resident_cookie(link.person_id, link.address_index))


def _invited(session: Session, link: Link) -> TeamMember:
    member = teams.invitation_of(session, link.subject, link.person_id) if link.subject and link.person_id else None
    if member is None or member.status != "invited":
        raise over()
    return member


def _show_invitation(session: Session, link: Link) -> dict[str, Any]:
    return {"team": teams.find_team(session, _invited(session, link).team_id)}


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
    team_id = _leading(session, link).team_id
    booking = session.get_one(Booking, link.subject)
    return {
        "booking": booking,
        "team": teams.find_team(session, team_id),
        "room": session.get_one(Room, booking.room_id),
        "site": session.get_one(Site, booking.site_id),
    }
