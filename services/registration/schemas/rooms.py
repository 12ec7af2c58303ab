"""Rooms: what is in them, and which are free."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

from services.common.schemas import Answer, Body, Name, Query
from services.registration.schemas import UNSET, Count, Time

Item = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50)]
Equipment = Annotated[
    list[Item],
    Field(max_length=30, description="what is in the room"),
    AfterValidator(lambda i: list(dict.fromkeys(i))),
]
SetUp = Annotated[int, Field(ge=0, le=240, description="minutes kept free before and after every booking")]


class RoomBody(Body):
    """A new room."""

    name_zh: Name
    name_en: Name
    capacity: Count
    equipment: Equipment = Field(default_factory=list)
    setup_minutes: SetUp = 0
    approval: bool = Field(default=False, description="whether a booking is a request until the site confirms it")
    for_teams: bool = Field(default=True, description="whether teams may book it")


class RoomEdit(Body):
    """What of a room shall change. Bookings that were made keep their set-up time."""

    name_zh: Name = UNSET
    name_en: Name = UNSET
    capacity: Count = UNSET
    equipment: Equipment = UNSET
    setup_minutes: SetUp = UNSET
    approval: bool = UNSET
    for_teams: bool = UNSET
    retired: bool = Field(default=UNSET, description="takes no new bookings; those that were made stay")


class RoomAnswer(Answer):
    """A room."""

    id: UUID
    site_id: UUID
    name_zh: str
    name_en: str
    capacity: int
    equipment: list[str]
    setup_minutes: int
    approval: bool
    for_teams: bool
    retired: bool
    version: int


class FreeQuery(Query):
    """When a room is needed, and what for."""

    starts_at: Time = Field(alias="from")
    ends_at: Time = Field(alias="to")
    capacity: Count = 1
    equipment: Item | None = None


class FreeAnswer(Answer):
    """Rooms that are free all the time asked for, set-up included, the smallest first."""

    open: bool = Field(description="whether the site is open all that time; if not, no room is free")
    rooms: list[RoomAnswer]


class SharesQuery(Query):
    """Which week."""

    week: date | None = Field(default=None, description="any day of it; this week where nothing is said")


class ShareAnswer(Answer):
    """How long a team has rooms in a week."""

    team_id: UUID
    name_zh: str
    name_en: str
    minutes: int


class SharesAnswer(Answer):
    """How the rooms are shared among the teams in a week, whoever uses them most first."""

    monday: date
    team_minutes_per_week: int | None
    teams: list[ShareAnswer]
