"""Teams and their members."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from services.common.events import TeamKind, TeamRole
from services.common.schemas import Answer, Body, ListQuery, Name
from services.registration.schemas import UNSET

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
