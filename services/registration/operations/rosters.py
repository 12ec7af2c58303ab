"""From a team's roster to volunteers in one step: each member who agreed is registered, the others stay as they are."""

from uuid import UUID

from pydantic import ValidationError
from sqlalchemy.orm import Session

from services.common.errors import Problem, Words, invalid_fields
from services.registration.models import VolunteerSite
from services.registration.operations.people import find_person
from services.registration.operations.teams import lock_team, roster
from services.registration.operations.volunteers import register_volunteer
from services.registration.personal_data import PersonalData
from services.registration.schemas.teams import RosterAnswer, RosterBody, RosterLine, ToVolunteer
from services.registration.schemas.volunteers import NewVolunteer

NOT_A_MEMBER = Words("不是本队成员。", "is not in the team.")
ALREADY = Words("已是本站志愿者。", "is a volunteer of this site already.")


def make_roster_volunteers(
    session: Session, data: PersonalData, team_id: UUID, body: RosterBody, made_by: str
) -> RosterAnswer:
    """Register the members that are named; one who cannot be does not keep the others from it."""
    team = lock_team(session, team_id)
    present = {member.person_id for member in roster(session, team_id)}
    lines = []
    for wanted in body.members:
        if wanted.person_id not in present:
            lines.append(_line(wanted, "refused", NOT_A_MEMBER))
        elif session.get(VolunteerSite, (wanted.person_id, team.site_id)) is not None:
            lines.append(_line(wanted, "volunteer_already", ALREADY))
        else:
            lines.append(_register(session, data, team.site_id, wanted, body.how, made_by))
    return RosterAnswer(items=lines)


def _register(
    session: Session, data: PersonalData, site_id: UUID, wanted: ToVolunteer, how: str, made_by: str
) -> RosterLine:
    """Try one within a savepoint: what is half done for somebody who is refused is undone."""
    try:
        with session.begin_nested():
            made = register_volunteer(
                session, data, site_id, _as_volunteer(session, data, site_id, wanted, how), made_by
            )
    except Problem as problem:
        words = [error.message for error in problem.errors] or [problem.detail]
        told = Words(" ".join(one.zh for one in words), " ".join(one.en for one in words))
        return _line(wanted, "refused", told)
    return _line(wanted, "registered", Words("已登记。", "was registered."), made.volunteer_number)


def _as_volunteer(session: Session, data: PersonalData, site_id: UUID, wanted: ToVolunteer, how: str) -> NewVolunteer:
    """What the site knows of the member together with what was sent. Raises a Problem with all that is missing."""
    known = find_person(session, data, site_id, wanted.person_id)
    told = wanted.model_dump(exclude={"person_id"}, exclude_none=True)
    told |= {"name": known.name, "phone": known.phone, "email": known.email, "language": known.language, "how": how}
    told["birth_date"] = known.birth_date or wanted.birth_date
    try:
        return NewVolunteer.model_validate({name: value for name, value in told.items() if value is not None})
    except ValidationError as error:
        raise invalid_fields(error) from error


def _line(wanted: ToVolunteer, outcome: str, words: Words, number: str | None = None) -> RosterLine:
    return RosterLine.model_validate(
        {
            "person_id": wanted.person_id,
            "outcome": outcome,
            "volunteer_number": number,
            "zh": words.zh,
            "en": words.en,
        }
    )
