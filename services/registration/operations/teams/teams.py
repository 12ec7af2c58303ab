"""Teams: named, joined by who agrees, led by one of them, left at will.

Every change of a team's members holds the team's lock, within which its events are ordered.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from services.common.errors import Words, invalid, not_found
from services.common.events import TeamKind, TeamMemberEvent, TeamMemberJoined, TeamMemberLeft, TeamRole, TeamSaved
from services.common.outbox import add_events
from services.registration.models import Booking, Person, PersonSite, Representative, Team, TeamMember
from services.registration.operations import Versions, assign, check_version, conflict, locked
from services.registration.operations.people.identity import person_now
from services.registration.operations.people.proven_sites import Resident, theirs
from services.registration.operations.staff.links import issue_link
from services.registration.schemas.teams import TeamBody, TeamEdit

INVITATION = "team_invitation"
INVITATION_HOURS = 14 * 24
PRESENT = ("invited", "member")
BY_LINK = "link"
IN_PERSON = "session"


def create_team(session: Session, site_id: UUID, body: TeamBody) -> Team:
    """Add a team to a site."""
    team = Team(site_id=site_id, **body.model_dump())
    session.add(team)
    session.flush()
    session.refresh(team)
    add_events(session, [_saved(team)])
    return team


def edit_team(session: Session, team_id: UUID, body: TeamEdit, expected: Versions) -> Team:
    """Change a team's name or kind."""
    team = lock_team(session, team_id)
    check_version(team.version, expected)
    if assign(team, body.model_dump(exclude_unset=True)):
        session.flush()
        add_events(session, [_saved(team)])
    return team


def end_team(session: Session, team_id: UUID) -> Team:
    """End a team: everybody leaves it, invitations are over, and nobody joins any more. Ending twice changes nothing.

    Raises 404; 409 while it has a room ahead, which somebody else may want.
    """
    team = lock_team(session, team_id)
    if team.ended_at is not None:
        return team
    ahead = select(func.count()).where(
        Booking.team_id == team_id, Booking.status.in_(("requested", "confirmed")), Booking.starts_at > func.now()
    )
    if count := session.scalar(ahead):
        raise conflict(
            f"队伍还有 {count} 个场地预约，请先取消。",
            f"The team has {count} room booking(s) ahead. Cancel them first.",
        )
    query = select(TeamMember.id).where(TeamMember.team_id == team_id, TeamMember.status.in_(PRESENT))
    for member_id in session.scalars(query.order_by(TeamMember.position)).all():
        leave(session, member_id)
    assign(team, {"ended_at": session.scalar(select(func.now()))})
    session.flush()
    add_events(session, [_saved(team)])
    return team


def members_of_teams(session: Session, site_id: UUID) -> dict[UUID, int]:
    """How many members each team of the site has, where it has any."""
    query = select(TeamMember.team_id, func.count()).where(TeamMember.site_id == site_id, TeamMember.status == "member")
    return dict(session.execute(query.group_by(TeamMember.team_id)).all())


def find_team(session: Session, team_id: UUID) -> Team:
    """The team. Raises 404."""
    team = session.get(Team, team_id)
    if team is None:
        raise not_found("这个队伍", "team")
    return team


def lock_team(session: Session, team_id: UUID) -> Team:
    """The team, locked. Raises 404."""
    team = session.scalars(locked(select(Team).where(Team.id == team_id))).one_or_none()
    if team is None:
        raise not_found("这个队伍", "team")
    return team


def roster(session: Session, team_id: UUID) -> Sequence[TeamMember]:
    """Who is in the team now, in the order in which they came; whoever is only invited is not."""
    query = select(TeamMember).where(TeamMember.team_id == team_id, TeamMember.status == "member")
    return session.scalars(query.order_by(TeamMember.position)).all()


def invite(session: Session, team_id: UUID, person_id: UUID) -> TeamMember:
    """Ask a person whom the site knows to join, by a link in a mail. They are no member until they accept.

    Raises 409 where no mail can go to them, nor to who speaks for them.
    """
    team = lock_team(session, team_id)
    person_id = person_now(session, person_id)
    _check_may_join(session, team, person_id)
    _check_mail_can_go(session, team, person_id)
    issue_link(session, INVITATION, team.site_id, person_id=person_id, subject=team_id, hours=INVITATION_HOURS)
    return _add(session, TeamMember(team_id=team_id, site_id=team.site_id, person_id=person_id, status="invited"))


def add_member(session: Session, team_id: UUID, person_id: UUID, agreement: str) -> TeamMember:
    """Add a person who agreed; `agreement` says how, and stays on record. An open invitation ends with it."""
    team = lock_team(session, team_id)
    person_id = person_now(session, person_id)
    present = _present(session, team_id, person_id)
    if present is not None and present.status == "invited":
        return _join(session, present, agreement)
    _check_may_join(session, team, person_id)
    made = TeamMember(team_id=team_id, site_id=team.site_id, person_id=person_id, status="invited")
    return _join(session, _add(session, made), agreement)


def answer_invitation(session: Session, member_id: UUID, accept: bool, agreed: str = BY_LINK) -> TeamMember:
    """What a person says to their invitation. To say the same again changes nothing."""
    member = _lock_member(session, member_id)
    if member.status == ("member" if accept else "declined"):
        return member
    if member.status != "invited":
        raise conflict("此邀请已失效。", "This invitation is no longer open.")
    if accept:
        return _join(session, member, agreed)
    assign(member, {"status": "declined"})
    session.flush()
    return member


def invitation_of(session: Session, team_id: UUID, person_id: UUID) -> TeamMember | None:
    """The person's open invitation to the team, or their membership, if there is either."""
    return _present(session, team_id, person_now(session, person_id))


def leave(session: Session, member_id: UUID) -> TeamMember:
    """End a membership or an open invitation. A team whose leader leaves has none until one is named."""
    member = _lock_member(session, member_id)
    was_member = member.status == "member"
    if member.status not in PRESENT:
        return member
    assign(member, {"status": "left", "role": "member", "left_at": session.scalar(select(func.now()))})
    session.flush()
    if was_member:
        add_events(session, [_event(session, TeamMemberLeft, member)])
    return member


def rejoin(session: Session, member_id: UUID) -> TeamMember:
    """Take back that somebody left: with the agreement that they gave."""
    member = _lock_member(session, member_id)
    assign(member, {"status": "member", "left_at": None})
    session.flush()
    add_events(session, [_event(session, TeamMemberJoined, member, role=TeamRole(member.role))])
    return member


def hand_over(session: Session, team_id: UUID, person_id: UUID) -> TeamMember:
    """Make a member the leader, in place of whoever was. Doing so twice changes nothing."""
    lock_team(session, team_id)
    member = _present(session, team_id, person_now(session, person_id))
    if member is None or member.status != "member":
        raise invalid(
            "person_id", Words("不是本队成员；队长须先入队。", "is not in the team; a leader has to be a member.")
        )
    if member.role == "leader":
        return member
    events = []
    for earlier in roster(session, team_id):
        if earlier.role == "leader":
            assign(earlier, {"role": "member"})
            session.flush()
            events.append(_event(session, TeamMemberJoined, earlier, role=TeamRole.MEMBER))
    assign(member, {"role": "leader"})
    session.flush()
    add_events(session, [*events, _event(session, TeamMemberJoined, member, role=TeamRole.LEADER)])
    return member


def answer_own(session: Session, resident: Resident, member_id: UUID, accept: bool) -> TeamMember:
    """What a resident says to an invitation of theirs. Raises 404."""
    _check_own(session, resident, member_id)
    return answer_invitation(session, member_id, accept, IN_PERSON)


def leave_own(session: Session, resident: Resident, member_id: UUID) -> TeamMember:
    """End one's own membership or open invitation. Raises 404."""
    _check_own(session, resident, member_id)
    return leave(session, member_id)


def find_membership(session: Session, member_id: UUID) -> TeamMember:
    """A membership. Raises 404."""
    member = session.get(TeamMember, member_id)
    if member is None:
        raise not_found("这个成员", "member")
    return member


def _check_own(session: Session, resident: Resident, member_id: UUID) -> None:
    own = theirs(session, resident, TeamMember)
    if session.scalar(select(TeamMember.id).where(own, TeamMember.id == member_id)) is None:
        raise not_found("这个成员", "member")


def _lock_member(session: Session, member_id: UUID) -> TeamMember:
    """The membership, its team locked. Raises 404."""
    lock_team(session, find_membership(session, member_id).team_id)
    return session.scalars(locked(select(TeamMember).where(TeamMember.id == member_id))).one()


def _present(session: Session, team_id: UUID, person_id: UUID) -> TeamMember | None:
    query = select(TeamMember).where(
        TeamMember.team_id == team_id, TeamMember.person_id == person_id, TeamMember.status.in_(PRESENT)
    )
    return session.scalars(locked(query)).one_or_none()


def _check_mail_can_go(session: Session, team: Team, person_id: UUID) -> None:
    whose = (person_id, team.site_id)
    speaks = select(Representative.id).where(
        tuple_(Representative.person_id, Representative.site_id) == whose,
        Representative.email.is_not(None),
        Representative.confirmed,
    )
    if session.get_one(PersonSite, whose).email is None and session.scalars(speaks.limit(1)).first() is None:
        raise conflict(
            "此人没有电子邮件，邀请无法送达。请当面、电话或书面征得同意，写明怎样同意的，直接加入。",
            "No invitation can reach this person, who has no e-mail. Ask them in person, by phone or on paper, say how"
            " they agreed, and add them at once.",
        )


def _check_may_join(session: Session, team: Team, person_id: UUID) -> None:
    if team.ended_at is not None:
        raise conflict("这个队伍已解散。", "This team has ended.")
    if session.get(PersonSite, (person_id, team.site_id)) is None:
        raise invalid("person_id", Words("本站没有这个人。", "is nobody whom this site knows."))
    present = _present(session, team.id, person_id)
    if present is not None:
        raise conflict("此人已在队中或已被邀请。", "This person is in the team or was invited already.")


def _add(session: Session, member: TeamMember) -> TeamMember:
    session.add(member)
    session.flush()
    session.refresh(member)
    return member


def _join(session: Session, member: TeamMember, agreed: str) -> TeamMember:
    assign(member, {"status": "member", "agreed": agreed, "joined_at": session.scalar(select(func.now()))})
    session.flush()
    add_events(session, [_event(session, TeamMemberJoined, member, role=TeamRole(member.role))])
    return member


def _event(session: Session, model: type[TeamMemberEvent], member: TeamMember, **facts: object) -> TeamMemberEvent:
    number = session.scalars(select(Person.number).where(Person.id == member.person_id)).one()
    told = {"team_id": member.team_id, "site_id": member.site_id, "person_id": member.person_id}
    return model.model_validate(told | {"person_number": number} | facts)


def _saved(team: Team) -> TeamSaved:
    return TeamSaved(
        team_id=team.id,
        site_id=team.site_id,
        name_zh=team.name_zh,
        name_en=team.name_en,
        kind=TeamKind(team.kind),
        ended=team.ended_at is not None,
    )
