"""The members of a team before a shift: who is on it already, and for whom a guardian must still agree."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.registration.models import Activity, PersonSite, Registration, Shift, Site, Team
from services.registration.operations.people.minors_shown import all_shown
from services.registration.operations.seats.ages import guardian_below
from services.registration.operations.seats.shift_roster import born_on
from services.registration.operations.teams.team_sign_up import members_of
from services.registration.personal_data import PersonalData, age_on


@dataclass(frozen=True)
class TeamLine:
    """A member. `guardian` is None where nobody need agree, else whether somebody did; `status` that on the shift."""

    person_id: UUID
    name: str
    guardian: bool | None
    status: str | None


def team_lines(session: Session, data: PersonalData, shift: Shift, team: Team) -> list[TeamLine]:
    """The members in the order in which they joined; minors are put on record as shown."""
    site, activity = session.get_one(Site, shift.site_id), session.get_one(Activity, shift.activity_id)
    people = members_of(session, team.id)
    query = select(PersonSite).where(PersonSite.person_id.in_(people), PersonSite.site_id == site.id)
    told = {row.person_id: row for row in session.scalars(query)}
    born = {person_id: born_on(data, row) for person_id, row in told.items()}
    all_shown(session, site.id, born.items())
    on_it = select(Registration.person_id, Registration.status).where(
        Registration.shift_id == shift.id, Registration.person_id.in_(people), Registration.status != "cancelled"
    )
    statuses = {row.person_id: row.status for row in session.execute(on_it)}
    agreed = _agreed(session, site.id, people, activity.volunteering)
    limit, today = guardian_below(site, activity), datetime.now(ZoneInfo(site.time_zone)).date()
    lines = []
    for person_id in people:
        day = born.get(person_id)
        needed = day is not None and age_on(day, today) < limit
        name = data.shown(told[person_id].name) if person_id in told else ""
        lines.append(TeamLine(person_id, name, person_id in agreed if needed else None, statuses.get(person_id)))
    return lines


def _agreed(session: Session, site_id: UUID, people: Sequence[UUID], volunteering: bool) -> set[UUID]:
    """Whose guardian has agreed to whatever they sign up for: what was said with one sign-up covers no other."""
    agreed = func.guardian_agreed(PersonSite.person_id, site_id, volunteering)
    query = select(PersonSite.person_id).where(PersonSite.site_id == site_id, PersonSite.person_id.in_(people), agreed)
    return set(session.scalars(query))
