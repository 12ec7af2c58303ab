"""What the leader of a team sees and asks."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from services.common.events import TeamRole
from services.common.schemas import Answer, Body
from services.registration.schemas import Time
from services.registration.schemas.hours import RollEntry


class LedMember(Answer):
    """Somebody who joined the team."""

    member_id: UUID
    name: str
    role: TeamRole
    joined_at: datetime | None


class LedRosterAnswer(Answer):
    """The team as its leader sees it: who joined, and how many have not answered yet."""

    items: list[LedMember]
    open_invitations: int


class InvitedAnswer(Answer):
    """The same whether or not the site knows somebody by this name and contact."""

    asked: bool = True


class RoomRequestBody(Body):
    """When the team would have which room. Staff decide."""

    room_id: UUID
    starts_at: Time
    ends_at: Time
    title: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] = ""


class TeamCalled(Answer):
    """Somebody of the team on a shift's roll."""

    registration_id: UUID
    name: str
    outcome: str | None


class TeamRollAnswer(Answer):
    """Who of the team has a place on the shift, but for the leader."""

    items: list[TeamCalled]


class TeamRollBody(Body):
    """Who came."""

    entries: list[RollEntry] = Field(min_length=1, max_length=200)
