"""Venues, and what a lower or higher cap would do."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from services.common.schemas import Answer, Body, Name
from services.registration.schemas import UNSET, Count

Percent = Annotated[int, Field(ge=0, le=100, description="how much of the capacity is allowed at present")]
Title = Annotated[str, Field(max_length=200)]


class VenueBody(Body):
    """A new venue."""

    name_zh: Name
    name_en: Title = ""
    capacity: Count
    percent: Percent = 100


class VenueEdit(Body):
    """What of a venue shall change. The cap has a route of its own."""

    name_zh: Name = UNSET
    name_en: Title = UNSET


class VenueAnswer(Answer):
    """A venue."""

    id: UUID
    site_id: UUID
    name_zh: str
    name_en: str
    capacity: int
    percent: int
    version: int


class CapBody(Body):
    """How many the venue shall hold at one time: capacity times percent, rounded down."""

    capacity: Count
    percent: Percent


class CapApplyBody(CapBody):
    """The same, as it was previewed."""

    token: str = Field(max_length=100, description="of the preview")


class CapacityBody(Body):
    """How many places the shift shall have."""

    capacity: Count


class CapacityApplyBody(CapacityBody):
    """The same, as it was previewed."""

    token: str = Field(max_length=100, description="of the preview")


class Move(Answer):
    """Who would go from a place, or the offer of one, to the head of the waitlist."""

    registration_id: UUID
    person_id: UUID
    shift_id: UUID
    party_size: int
    status: Literal["confirmed", "offered"]


class PlanAnswer(Answer):
    """What a cap would do; `token` applies exactly this."""

    moves: list[Move] = Field(description="in order: who came last moves first")
    token: str


class ActivityVenueBody(Body):
    """Where an activity is; `null` for nowhere with a cap."""

    venue_id: UUID | None


class ActivityVenueAnswer(Answer):
    """Where an activity is."""

    id: UUID
    venue_id: UUID | None
    version: int
