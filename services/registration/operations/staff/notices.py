"""Whom something of a shift concerns at the moment of telling it: who leads its team, who works at its site.

An answer is ids; how to reach them is asked apart, and kept nowhere else. Of hours the answer says besides whether
there are any that nobody recorded: what is done is not reminded of.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from services.registration.models import Activity, Shift, Site, Staff, StaffGrant, Team, TeamMember
from services.registration.operations.hours.open_attendance import are_open
from services.registration.personal_data import PersonalData
from services.registration.schemas.notices import NoticeAnswer, NoticeQuestion, StaffContact

HOURS = ("hours_due", "hours_over")


def who_has(session: Session, questions: Sequence[NoticeQuestion]) -> list[NoticeAnswer]:
    """An answer to each question, whatever became of the shift."""
    found = _shifts(session, {one.shift_id for one in questions})
    still_open = are_open(session, [one.shift_id for one in questions if one.kind in HOURS])
    sites = {shift.site_id for shift, _ in found.values()}
    teams = {activity.team_id for _, activity in found.values() if activity.team_id}
    staff, leaders = staff_of(session, sites), _leaders_of(session, teams)
    answers = []
    for one in questions:
        shift, activity = found.get(one.shift_id, (None, None))
        takes_place = shift is not None and activity is not None and activity.status == "published"
        needed = one.shift_id in still_open if one.kind in HOURS else takes_place
        to_leaders = one.kind == "leaders"
        answers.append(
            NoticeAnswer(
                shift_id=one.shift_id,
                kind=one.kind,
                needed=needed,
                people=leaders.get(activity.team_id, []) if activity and activity.team_id and to_leaders else [],
                staff=staff.get(shift.site_id, []) if shift and not to_leaders else [],
            )
        )
    return answers


def staff_contacts(session: Session, data: PersonalData, ids: Collection[UUID], public_url: str) -> list[StaffContact]:
    """How to reach these members of staff. Left out are those whose account is closed or cannot be read any more."""
    rows = session.scalars(select(Staff).where(Staff.id.in_(ids), Staff.disabled_at.is_(None)).order_by(Staff.position))
    readable = [(row, data.readable(row.email)) for row in rows]
    return [
        StaffContact(
            staff_id=row.id,
            name=data.shown(row.name),
            email=email,
            language=row.language,
            shifts_url=f"{public_url}/staff/shifts/",
            hours_url=f"{public_url}/staff/hours",
        )
        for row, email in readable
        if email
    ]


def staff_of(session: Session, sites: Collection[UUID]) -> dict[UUID, list[UUID]]:
    """Who works at each site and has come in at least once. Whoever looks after an area is not at work there."""
    has_come = or_(Staff.password.is_not(None), Staff.oidc_subject.is_not(None))
    query = (
        select(StaffGrant.site_id, Staff.id)
        .join(Staff, Staff.id == StaffGrant.staff_id)
        .join(Site, Site.id == StaffGrant.site_id)
        .where(StaffGrant.site_id.in_(sites), Staff.disabled_at.is_(None), has_come)
    )
    return _grouped(session.execute(query.distinct().order_by(Staff.id)).all())


def _shifts(session: Session, ids: Collection[UUID]) -> dict[UUID, tuple[Shift, Activity]]:
    query = select(Shift, Activity).join(Activity, Activity.id == Shift.activity_id)
    rows = session.execute(query.where(Shift.id.in_(ids), Shift.status == "open"))
    return {shift.id: (shift, activity) for shift, activity in rows}


def _leaders_of(session: Session, teams: Collection[UUID]) -> dict[UUID, list[UUID]]:
    query = (
        select(TeamMember.team_id, TeamMember.person_id)
        .join(Team, Team.id == TeamMember.team_id)
        .where(
            TeamMember.team_id.in_(teams),
            Team.ended_at.is_(None),
            TeamMember.role == "leader",
            TeamMember.status == "member",
        )
    )
    return _grouped(session.execute(query.order_by(TeamMember.position)).all())


def _grouped(rows: Iterable[Any]) -> dict[UUID, list[UUID]]:
    found: dict[UUID, list[UUID]] = {}
    for key, one in rows:
        found.setdefault(key, []).append(one)
    return found
