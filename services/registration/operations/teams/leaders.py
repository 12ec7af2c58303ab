"""What the leader of a team does for it: sees who is in it, invites, calls the roll of its shifts; and asks for rooms
(`led_rooms.py`), signs it up (`led_sign_up.py`).

    led = find_led(session, resident, member_id)         # 404 unless the resident leads that team now

A leader sees the names of those who joined, and of nobody else. They say who of their team came; for themselves staff
do. What they ask of staff, staff decide.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from sqlalchemy.sql import ColumnElement

from services.common.errors import not_found
from services.registration.models import Activity, PersonSite, Registration, Shift, TeamMember
from services.registration.operations.hours.attendance import LATEST
from services.registration.operations.hours.roll_call import call_roll
from services.registration.operations.people.identity import person_now
from services.registration.operations.people.own_registrations import told_of
from services.registration.operations.people.people import told_names
from services.registration.operations.people.proven_sites import Resident, reaches
from services.registration.operations.teams import teams
from services.registration.operations.teams.own_teams import Membership, own_membership, own_teams
from services.registration.personal_data import PersonalData
from services.registration.schemas.hours import RollEntry
from services.registration.schemas.leading import LedMember
from services.registration.schemas.public import LinkRequest


@dataclass(frozen=True)
class Called:
    """Somebody of the team on a shift's roll."""

    registration: Registration
    name: str


def find_led(session: Session, resident: Resident, member_id: UUID) -> Membership:
    """The team that this membership leads. Raises 404 for whoever does not lead it."""
    led = own_membership(session, resident, member_id)
    if not _leads(led):
        raise not_found("您带的队伍", "team that you lead")
    return led


def led_at(session: Session, resident: Resident, site_id: UUID) -> list[Membership]:
    """The teams of a site that a resident leads; none where their session does not reach the site."""
    if not reaches(session, resident, site_id):
        return []
    return [one for one in own_teams(session, resident) if one.site.id == site_id and _leads(one)]


def _leads(one: Membership) -> bool:
    return one.member.role == "leader" and one.member.status == "member"


def led_roster(session: Session, data: PersonalData, led: Membership) -> list[LedMember]:
    """Who joined, by name, in the order in which they came; a minor's name leaves a line in the log."""
    members = teams.roster(session, led.team.id)
    names = _names(session, data, led.site.id, [member.person_id for member in members])
    return [
        LedMember(
            member_id=member.id, name=names.get(member.person_id, ""), role=member.role, joined_at=member.joined_at
        )
        for member in members
    ]


def open_invitations(session: Session, led: Membership) -> int:
    """How many were invited and have not answered. Who they are is theirs to tell."""
    invited = TeamMember.team_id == led.team.id, TeamMember.status == "invited"
    return session.scalars(select(func.count()).select_from(TeamMember).where(*invited)).one()


def invite_as_leader(session: Session, data: PersonalData, led: Membership, body: LinkRequest) -> None:
    """Mail an invitation to whoever the site knows by this name and contact. A leader learns of nobody."""
    told = told_of(session, data, body, PersonSite.site_id == led.site.id)
    if told is None or told.email is None:
        return
    person_id = person_now(session, told.person_id)
    if teams.invitation_of(session, led.team.id, person_id) is None:
        teams.invite(session, led.team.id, person_id)


def shifts_to_call(session: Session, led: Membership) -> list[tuple[Shift, Activity, int]]:
    """The shifts of which the leader may call the roll now, with how many of the team have a place."""
    query = (
        select(Shift, Activity, func.count(Registration.id))
        .join(Activity, Activity.id == Shift.activity_id)
        .join(Registration, Registration.shift_id == Shift.id)
        .where(_of_team(led), Shift.status == "open")
        .where(Shift.starts_at <= func.clock_timestamp(), Shift.ends_at + LATEST > func.clock_timestamp())
        .group_by(Shift.id, Activity.id)
        .order_by(Shift.starts_at)
    )
    return [(shift, activity, count) for shift, activity, count in session.execute(query)]


def team_on_shift(session: Session, data: PersonalData, led: Membership, shift_id: UUID) -> list[Called]:
    """Who of the team has a place on the shift, but for the leader. Raises 404 where nobody has."""
    query = select(Registration).where(_of_team(led), Registration.shift_id == shift_id)
    rows = session.scalars(query.order_by(Registration.position)).all()
    if not rows:
        raise not_found("本队报名的这个场次", "shift that your team signed up for")
    others = [row for row in rows if row.person_id != led.member.person_id]
    names = _names(session, data, led.site.id, [row.person_id for row in others])
    return [Called(row, names.get(row.person_id, "")) for row in others]


def call_team_roll(session: Session, led: Membership, shift_id: UUID, entries: Sequence[RollEntry]) -> None:
    """Record who of the team came: all of it or nothing, while the shift runs and a day after. Raises 404, 422."""
    theirs = select(Registration.id).where(
        _of_team(led), Registration.shift_id == shift_id, Registration.person_id != led.member.person_id
    )
    known = set(session.scalars(theirs))
    if not known or any(entry.registration_id not in known for entry in entries):
        raise not_found("本队在这个场次的报名", "registration of your team for this shift")
    call_roll(session, shift_id, entries)


def _of_team(led: Membership) -> ColumnElement[bool]:
    return (Registration.team_id == led.team.id) & (Registration.status == "confirmed")


def _names(session: Session, data: PersonalData, site_id: UUID, people: Sequence[UUID]) -> dict[UUID, str]:
    """What people are called at the site; of children it is put on record."""
    return told_names(session, data, [(person, site_id) for person in people])
