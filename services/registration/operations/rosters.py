"""From a team's roster to volunteers in one step: each member who agreed is registered, the others stay as they are."""

from uuid import UUID

from pydantic import ValidationError
from sqlalchemy.orm import Session

from services.common.errors import Problem, Words, invalid_fields
from services.registration.models import Volunteer, VolunteerSite
from services.registration.operations.people import find_person
from services.registration.operations.representatives import describe_representative, representative_or_none
from services.registration.operations.shown import is_minor
from services.registration.operations.teams import find_team, lock_team, roster
from services.registration.operations.volunteers import register_volunteer
from services.registration.personal_data import PersonalData
from services.registration.schemas.teams import RosterAnswer, RosterBody, RosterLine, RosterMember, ToVolunteer
from services.registration.schemas.volunteers import NewVolunteer

LACKING = {
    "sex": Words("性别", "sex"),
    "birth_date": Words("出生日期", "birth date"),
    "guardian": Words("监护人", "guardian"),
    "guardian_consent": Words("监护人同意", "guardian's consent"),
    "id_number": Words("身份证号码（可不填）", "ID number (may be left out)"),
    "area": Words("居住区划", "area of residence"),
    "skills": Words("技能", "skills"),
    "categories": Words("服务类别", "service categories"),
}
"""What a volunteer's data consists of, beyond name and contact, in words."""

NOT_A_MEMBER = Words("不是本队成员。", "is not in the team.")
ALREADY = Words("已是本站志愿者。", "is a volunteer of this site already.")


def roster_members(session: Session, data: PersonalData, team_id: UUID) -> list[RosterMember]:
    """Who of a team is a volunteer, and what of a volunteer's data (Order 67) the site lacks of each. Raises 404."""
    team = find_team(session, team_id)
    return [_member(session, data, team.site_id, member.person_id) for member in roster(session, team_id)]


def _member(session: Session, data: PersonalData, site_id: UUID, person_id: UUID) -> RosterMember:
    person = find_person(session, data, site_id, person_id)
    here = session.get(VolunteerSite, (person.id, site_id))
    minor = is_minor(person.birth_date)
    guardian = representative_or_none(session, site_id, person.id, "guardian") if minor else None
    there = {
        "sex": here,
        "birth_date": person.birth_date,
        "guardian": guardian or not minor,
        "id_number": here and here.id_number,
        "area": here and here.area,
        "skills": here and here.skills,
        "categories": here and here.categories,
    }
    return RosterMember.model_validate(
        {
            "person_id": person.id,
            "name": person.name,
            "volunteer_number": session.get_one(Volunteer, person.id).volunteer_number if here else None,
            "lacks": [name for name, value in there.items() if not value],
            "minor": minor,
        }
    )


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
            lines.append(_register(session, data, team.site_id, wanted, wanted.how or body.how, made_by))
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
        told = _reasons(problem)
        return _line(wanted, "refused", told)
    return _line(wanted, "registered", Words("已登记。", "was registered."), made.volunteer_number)


def _reasons(problem: Problem) -> Words:
    """Why somebody was refused, each reason with the name of what it is about."""
    told = []
    for error in problem.errors:
        about = LACKING.get(error.field)
        told.append(
            Words(f"{about.zh}：{error.message.zh}", f"{about.en} {error.message.en}") if about else error.message
        )
    told = told or [problem.detail]
    return Words(" ".join(one.zh for one in told), " ".join(one.en for one in told))


def _as_volunteer(session: Session, data: PersonalData, site_id: UUID, wanted: ToVolunteer, how: str) -> NewVolunteer:
    """What the site knows of the member together with what was sent. Raises a Problem with all that is missing."""
    known = find_person(session, data, site_id, wanted.person_id)
    told = wanted.model_dump(exclude={"person_id", "how"}, exclude_none=True)
    told |= {"name": known.name, "phone": known.phone, "email": known.email, "language": known.language, "how": how}
    told["birth_date"] = known.birth_date or wanted.birth_date
    if wanted.guardian is None and (guardian := representative_or_none(session, site_id, known.id, "guardian")):
        told["guardian"] = describe_representative(data, guardian).model_dump(exclude={"kind", "version"})
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
