"""Events of teams and their members."""

from enum import StrEnum
from uuid import UUID

from pydantic import Field

from services.common.events.envelope import Event


class TeamKind(StrEnum):
    """What kind of team it is."""

    CHOIR = "choir"
    VOLUNTEERS = "volunteers"
    OTHER = "other"


class TeamRole(StrEnum):
    """What a member is in a team."""

    LEADER = "leader"
    MEMBER = "member"


class TeamSaved(Event):
    """A team was added or changed, or ended, after its members left."""

    type = "hesheng.team.saved.v1"
    team_id: UUID
    site_id: UUID
    name_zh: str
    name_en: str
    kind: TeamKind
    ended: bool = Field(default=False, description="there is no such team any more")

    @property
    def aggregate(self) -> str:
        return str(self.team_id)


class TeamMemberEvent(Event):
    """A person in a team."""

    team_id: UUID
    site_id: UUID
    person_id: UUID
    person_number: int = Field(description="dense number of the person, for compact sets")

    @property
    def aggregate(self) -> str:
        return str(self.team_id)


class TeamMemberJoined(TeamMemberEvent):
    """A person agreed to be in the team; or, in the team already, has another role now."""

    type = "hesheng.team.member_joined.v1"
    role: TeamRole


class TeamMemberLeft(TeamMemberEvent):
    """A person is no longer in the team."""

    type = "hesheng.team.member_left.v1"
