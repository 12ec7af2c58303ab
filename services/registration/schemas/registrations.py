"""Registrations and attendance."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from services.common.events import CancelReason
from services.common.schemas import Answer, Body, ListQuery
from services.registration.schemas import Time
from services.registration.schemas.people import NewPerson, OtherEmail

RegistrationStatus = Literal["confirmed", "waitlisted", "offered", "cancelled"]
Channel = Literal["site", "web", "desk", "phone", "proxy", "team", "import"]
PartySize = Annotated[int, Field(ge=1, le=20, description="places taken: the person and unnamed companions")]
Priority = Annotated[
    int, Field(ge=0, le=100, description="the higher, the earlier in a waitlist that goes by priority")
]


class SignUpBody(Body):
    """Who signs up: a `person`, or the `person_id` of one that the site knows."""

    person: NewPerson | None = None
    person_id: UUID | None = None
    guardian_consent: bool = Field(default=False, description="with `person_id`: see there")
    party_size: PartySize = 1
    priority: Priority = 0
    hold_id: UUID | None = Field(
        default=None, description="places held for this sign-up; one that ran out counts for nothing"
    )
    channel: Channel | None = Field(
        default=None, description="how the sign-up came; by default desk for staff, else site"
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> "SignUpBody":
        if (self.person is None) == (self.person_id is None):
            raise PydanticCustomError(
                "person_or_id",
                "needs either person or person_id",
                {"zh": "请填写 person 或 person_id 之一。", "en": "needs either person or person_id."},
            )
        return self


class RegistrationAnswer(Answer):
    """A registration."""

    id: UUID
    shift_id: UUID
    activity_id: UUID
    site_id: UUID
    person_id: UUID
    status: RegistrationStatus
    party_size: int = Field(description="places taken: the person and unnamed companions")
    priority: int
    waitlist_position: int | None = Field(description="1 is the next to get a place")
    offer_expires_at: datetime | None = Field(description="until when an offered place can be accepted")
    coming_at: datetime | None = Field(default=None, description="when the person said that they will come")
    team_id: UUID | None
    group_id: UUID | None = Field(description="the same for all who were signed up together")
    channel: Channel
    cancel_reason: CancelReason | None
    outcome: Literal["present", "attended", "no_show"] | None
    checked_in_at: datetime | None
    checked_out_at: datetime | None
    service_minutes: int
    version: int
    created_at: datetime


class SignedUp(RegistrationAnswer):
    """A registration that was just made."""

    other_email: OtherEmail = False


class RegistrationQuery(ListQuery):
    """Which registrations."""

    status: RegistrationStatus | None = None


class CancelBody(Body):
    """Who cancels."""

    reason: Literal["person", "site"] = "person"


class MomentBody(Body):
    """When it was; now unless said otherwise."""

    at: Time | None = None
