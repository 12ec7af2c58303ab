"""A team signs up: each member has a registration of their own, and a verdict."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.errors import CONFLICT, FieldError, Kind, Problem, Words, invalid, not_found
from services.registration.models import Shift, Team, TeamMember
from services.registration.operations.seats.sign_up import SignUps
from services.registration.operations.seats.sign_up_several import Verdict, new_group, sign_up_within
from services.registration.schemas.registrations import RegistrationAnswer, SignUpBody
from services.registration.schemas.seats import TeamSignUpAnswer, TeamSignUpBody, TeamSignUpLine

NOT_A_MEMBER = Kind("not-a-member", 409, Words("不是队员", "Not a member"))
STRANGER = Words("此人不在这个队伍里。", "This person is not in the team.")


def sign_up_team(
    session: Session, sign_ups: SignUps, site_id: UUID, shift_id: UUID, body: TeamSignUpBody
) -> TeamSignUpAnswer:
    """Sign members up for a shift, in the order given. Where it is all or nothing, 409 unless each gets a place."""
    if session.get(Shift, shift_id) is None:
        raise not_found("这个场次", "shift")
    if session.get(Team, body.team_id) is None:
        raise invalid("team_id", Words("没有这个队伍。", "is no team of this site."))
    members = members_of(session, body.team_id)
    people = members if body.person_ids is None else body.person_ids
    if not people:
        raise invalid("person_ids", Words("队伍没有队员。", "must name somebody: the team has no members."))
    if len(set(people)) < len(people):
        raise invalid("person_ids", Words("不能重复。", "must name each person once."))
    group_id = new_group()
    bodies = [
        SignUpBody(person_id=one, guardian_consent=one in body.guardians_agreed, channel="team") for one in people
    ]
    wanted = [(shift_id, one) for one in bodies if one.person_id in members]
    made = sign_up_within(session, sign_ups, site_id, wanted, team_id=str(body.team_id), group_id=group_id)
    by_person = {verdict.body.person_id: verdict for verdict in made}
    verdicts = [by_person.get(one.person_id) or Verdict(one, None, Problem(NOT_A_MEMBER, STRANGER)) for one in bodies]
    if body.all_or_nothing:
        _check_all(verdicts)
    return TeamSignUpAnswer(group_id=UUID(group_id), members=[_member(verdict) for verdict in verdicts])


def members_of(session: Session, team_id: UUID) -> list[UUID]:
    """Who is in the team, in the order in which they joined."""
    members = select(TeamMember.person_id).where(TeamMember.team_id == team_id, TeamMember.status == "member")
    return list(session.scalars(members.order_by(TeamMember.position)))


def _check_all(verdicts: list[Verdict]) -> None:
    full = Words("名额不足。", "There is no place left.")
    errors = [
        FieldError(f"person_ids.{n}", verdict.problem.detail if verdict.problem else full)
        for n, verdict in enumerate(verdicts)
        if verdict.answer is None or verdict.answer["status"] != "confirmed"
    ]
    if errors:
        words = Words("不是每位队员都有名额，没有人被报名。", "Not every member gets a place, so nobody was signed up.")
        raise Problem(CONFLICT, words, errors)


def _member(verdict: Verdict) -> TeamSignUpLine:
    made = RegistrationAnswer.model_validate(verdict.answer) if verdict.answer else None
    problem = verdict.problem
    return TeamSignUpLine(
        person_id=verdict.body.person_id,
        verdict=made.status if made else problem.kind.slug if problem else "",
        detail=str(problem.detail) if problem else "",
        registration=made,
    )
