"""What the leader of a team sees and asks."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

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


class LedSignUpBody(Body):
    """Who of the team would come to a shift."""

    member_ids: Annotated[
        list[UUID] | None,
        Field(min_length=1, max_length=200, description="memberships as in the roster; none: everybody"),
        AfterValidator(lambda ids: ids and list(dict.fromkeys(ids))),
    ] = None
    all_or_nothing: bool = Field(default=False, description="nobody, unless there is a place for each")


class LedSignUp(LedSignUpBody):
    """Who of the team is signed up."""

    agreed: Literal[True] = Field(description="each of them was asked, wants to come, and was told of the risks")


class LedVerdict(Answer):
    """What becomes of one member."""

    member_id: UUID
    name: str
    verdict: Literal["confirmed", "waitlisted", "already", "refused"] = Field(
        description="a place, a place in the queue, on the shift as one of the team already, or not by the leader"
    )
    detail: str = Field(description="what to do where it is refused; why, the leader is not told")


class LedVerdicts(Answer):
    """What becomes of the members, in the order of the request."""

    members: list[LedVerdict]
