"""What the leader of a team sees and asks."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

from services.common.events import TeamRole
from services.common.schemas import Answer, Body, Query
from services.registration.schemas import Time
from services.registration.schemas.hours import RollEntry

MOST_AT_ONCE = 200
"""How many of a team are signed up in one request."""


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


class FreeTime(Answer):
    """A time in which nobody has the room and the site is open."""

    starts_at: datetime
    ends_at: datetime


class FreeDay(Answer):
    """When a room is free on a day of the site."""

    day: date
    free: list[FreeTime]


class LedRoom(Answer):
    """A room for teams, and when it is free."""

    room_id: UUID
    name_zh: str
    name_en: str
    capacity: int
    equipment: list[str]
    days: list[FreeDay]


class LedRoomsAnswer(Answer):
    """The rooms that the team may ask for, with the set-up that they need taken off."""

    items: list[LedRoom]


class LedRoomsQuery(Query):
    """Which days."""

    first: date | None = Field(default=None, alias="from", description="the first of seven days; the site's today")


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
        Field(min_length=1, max_length=MOST_AT_ONCE, description="memberships as in the roster; none: everybody"),
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
