"""From a team's roster to volunteers in one step: each member who agreed is registered, the others stay as they are."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.audit import record
from services.common.errors import Problem, Words, invalid_fields
from services.registration.models import PersonSite, Representative, Team, Volunteer, VolunteerSite
from services.registration.operations.people.identity import day_at_site
from services.registration.operations.people.minors_shown import ADULT, all_shown, birth_date
from services.registration.operations.people.people import find_person
from services.registration.operations.people.representatives import describe_representative, representative_or_none
from services.registration.operations.people.volunteers import register_volunteer
from services.registration.operations.teams.teams import find_team, lock_team, roster
from services.registration.personal_data import PersonalData, age_on
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
    people = [member.person_id for member in roster(session, team_id)]
    told = _told(session, team.site_id, people)
    here = {one.person_id: one for one in _of(session, VolunteerSite, team.site_id, people)}
    guardians = {one.person_id for one in _of(session, Representative, team.site_id, people) if one.kind == "guardian"}
    held = select(Volunteer).where(Volunteer.person_id.in_(people))
    numbers = {one.person_id: one.volunteer_number for one in session.scalars(held)}
    born = {person_id: birth_date(data, one.birth_date) for person_id, one in told.items()}
    all_shown(session, team.site_id, born.items())
    today = day_at_site(session, team.site_id)
    return [
        _member(
            person_id,
            data.shown(told[person_id].name),
            born[person_id],
            today,
            here.get(person_id),
            person_id in guardians,
            numbers.get(person_id),
        )
        for person_id in people
        if person_id in told
    ]


def _told(session: Session, site_id: UUID, people: Sequence[UUID]) -> dict[UUID, PersonSite]:
    """What the site was told by each; who was erased is left out."""
    return {one.person_id: one for one in _of(session, PersonSite, site_id, people)}


def _of(session: Session, table: Any, site_id: UUID, people: Sequence[UUID]) -> Sequence[Any]:
    return session.scalars(select(table).where(table.person_id.in_(people), table.site_id == site_id)).all()


def _member(
    person_id: UUID,
    name: str,
    born: date | None,
    today: date,
    here: VolunteerSite | None,
    has_guardian: bool,
    number: str | None,
) -> RosterMember:
    minor = born is not None and age_on(born, today) < ADULT
    there = {
        "sex": here,
        "birth_date": born,
        "guardian": has_guardian or not minor,
        "id_number": here and here.id_number,
        "area": here and here.area,
        "skills": here and here.skills,
        "categories": here and here.categories,
    }
    return RosterMember.model_validate(
        {
            "person_id": person_id,
            "name": name,
            "volunteer_number": number if here else None,
            "lacks": [name for name, value in there.items() if not value],
            "minor": minor,
        }
    )


def roster_lines(session: Session, data: PersonalData, team: Team) -> list[dict[str, Any]]:
    """Each member with name, phone, role and since when, to be printed; that it was read is on record."""
    members = roster(session, team.id)
    told = _told(session, team.site_id, [member.person_id for member in members])
    all_shown(session, team.site_id, [(who, birth_date(data, one.birth_date)) for who, one in told.items()])
    record(session, "download", "teams", team.id, team.site_id, what="roster", rows=len(told))
    return [
        {
            "name": data.shown(told[member.person_id].name),
            "phone": data.readable(told[member.person_id].phone) or "",
            "role": member.role,
            "joined_at": member.joined_at,
        }
        for member in members
        if member.person_id in told
    ]


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
        told["guardian"] = describe_representative(data, guardian).model_dump(exclude={"kind", "confirmed", "version"})
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
