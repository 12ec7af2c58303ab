"""Teams and their members."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from services.common.events import TeamKind, TeamRole
from services.common.schemas import Answer, Body, ListQuery, Name
from services.registration.schemas import UNSET
from services.registration.schemas.people import BirthDate, RepresentativeBody
from services.registration.schemas.volunteers import Categories, Sex, Skills

MemberStatus = Literal["invited", "member", "declined", "left"]


class TeamBody(Body):
    """A new team."""

    name_zh: Name
    name_en: Name
    kind: TeamKind


class TeamEdit(Body):
    """What of a team shall change."""

    name_zh: Name = UNSET
    name_en: Name = UNSET
    kind: TeamKind = UNSET


class TeamAnswer(Answer):
    """A team."""

    id: UUID
    site_id: UUID
    name_zh: str
    name_en: str
    kind: TeamKind
    ended_at: datetime | None = Field(description="since when there is no such team any more")
    version: int


class MemberBody(Body):
    """Who shall be in the team: invited by a link, or added at once where they agreed."""

    person_id: UUID
    agreement: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)] = Field(
        default="",
        description="how the person agreed, such as `signed the team's list on 1 June`; empty to send an invitation",
    )


class LeaderBody(Body):
    """Who shall lead the team."""

    person_id: UUID


class MemberAnswer(Answer):
    """A person in a team, or invited to it."""

    id: UUID
    team_id: UUID
    person_id: UUID
    name: str
    role: TeamRole
    status: MemberStatus
    agreed: str
    invited_at: datetime
    joined_at: datetime | None
    left_at: datetime | None
    version: int


class MemberQuery(ListQuery):
    """Which members."""

    status: MemberStatus | None = None


class MyTeamAnswer(Answer):
    """A team that the person is in, or invited to."""

    member_id: UUID
    team: TeamAnswer
    role: TeamRole
    status: MemberStatus


class MyTeamsAnswer(Answer):
    """The person's teams."""

    items: list[MyTeamAnswer]


Word = Literal["online", "desk", "phone", "paper", "site"]
Lacking = Literal["sex", "birth_date", "guardian", "id_number", "area", "skills", "categories"]


class ToVolunteer(Body):
    """A member who agreed to become a volunteer. Name, contact and birth date are those that the site knows."""

    person_id: UUID
    terms_consent: Literal[True] = Field(description="the person agreed to the volunteers' terms")
    sex: Sex
    birth_date: BirthDate | None = Field(default=None, description="needed where the site does not know it")
    skills: Skills = Field(default_factory=list)
    categories: Categories = Field(default_factory=list)
    guardian: RepresentativeBody | None = Field(
        default=None, description="needed under 18 where the site does not know them"
    )
    guardian_consent: bool = Field(default=False, description="the guardian agreed, before the site; needed under 14")
    how: Word | None = Field(default=None, description="how this member's word came, where not like the others'")


class RosterBody(Body):
    """Which members become volunteers, and how their word came."""

    members: Annotated[list[ToVolunteer], Field(min_length=1, max_length=200)]
    how: Word = "paper"


class RosterMember(Answer):
    """A member, and what of a volunteer's data (Order 67) the site does not have. Under 18 also the guardian."""

    person_id: UUID
    name: str
    volunteer_number: str | None
    lacks: list[Lacking]
    minor: bool


class RosterMembers(Answer):
    """The members of a team, in the order in which they came."""

    items: list[RosterMember]


class RosterLine(Answer):
    """What became of a member. Without personal data: this is kept with the Idempotency-Key."""

    person_id: UUID
    outcome: Literal["registered", "volunteer_already", "refused"]
    volunteer_number: str | None
    zh: str
    en: str


class RosterAnswer(Answer):
    """What became of each member, in the order in which they were sent."""

    items: list[RosterLine]
