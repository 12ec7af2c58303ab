"""Offers, holds, parties, teams, hand-overs and swaps."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, Field, model_validator
from pydantic_core import PydanticCustomError

from services.common.schemas import Answer, Body
from services.registration.schemas.registrations import PartySize, Priority, RegistrationAnswer


class AcceptBody(Body):
    """How an offer is accepted."""

    instead_of: bool = Field(default=False, description="give up another place at the same time, in the same moment")


class RegistrationEdit(Body):
    """How many come, and whose turn it is earlier."""

    party_size: PartySize | None = None
    priority: Priority | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "RegistrationEdit":
        if (self.party_size is None) == (self.priority is None):
            raise PydanticCustomError(
                "size_or_priority",
                "needs either party_size or priority",
                {"zh": "请填写 party_size 或 priority 之一。", "en": "needs either party_size or priority."},
            )
        return self


class HoldBody(Body):
    """How many places to keep."""

    places: PartySize = 1


class HoldAnswer(Answer):
    """Places kept while a form is filled in; give the id with the sign-up."""

    id: UUID
    shift_id: UUID
    places: int
    expires_at: datetime


class TeamSignUpBody(Body):
    """Which members of a team sign up."""

    team_id: UUID
    person_ids: list[UUID] | None = Field(default=None, min_length=1, max_length=200, description="none: all members")
    all_or_nothing: bool = Field(default=False, description="nobody, unless there is a place for each")
    guardians_agreed: list[UUID] = Field(
        default=[], max_length=200, description="the members under age whose guardian agreed, each asked for themselves"
    )


class TeamSignUpLine(Answer):
    """What became of one member."""

    person_id: UUID
    verdict: str = Field(
        description="confirmed, waitlisted, not-a-member, or the problem's type as at a single sign-up"
    )
    detail: str = Field(description="what is wrong, where something is")
    registration: RegistrationAnswer | None


class TeamSignUpAnswer(Answer):
    """What became of the members, in the order of the request."""

    group_id: UUID
    members: list[TeamSignUpLine]


class HandOverBody(Body):
    """To whom a place shall go."""

    to_person_id: UUID


class SwapBody(Body):
    """For which other registration a place shall be exchanged."""

    other_registration_id: UUID


class TransferDecisionBody(Body):
    """With the acceptance of a transfer."""

    guardian_consent: bool = Field(default=False, description="needed as at sign-up")


class TransferAnswer(Answer):
    """A hand-over or a swap."""

    id: UUID
    kind: Literal["hand_over", "swap"]
    registration_id: UUID
    to_person_id: UUID | None = Field(description="null where a resident asked somebody whom the site does not know")
    other_registration_id: UUID | None
    status: Literal["asked", "accepted", "declined", "withdrawn", "expired"]
    created_at: datetime
    decided_at: datetime | None
    version: int


class CallAnswer(Answer):
    """Somebody to be told by phone what became of their registration."""

    id: UUID
    registration_id: UUID
    news: Literal["place", "offer", "waits", "cancelled", "moved"] = Field(
        description="a place, the offer of one, back to the waitlist, cancelled, or another time or place"
    )
    made_at: datetime
    done_at: datetime | None


class OwnTransfers(Answer):
    """What the resident was asked and has not answered."""

    items: list[TransferAnswer]


class Told(Body):
    """Whether what happened to a registration at that moment has reached its person."""

    registration_id: UUID
    caused_at: AwareDatetime = Field(description="`time` of the event that it was about")
    reached: bool
    by_mail: bool = Field(default=False, description="a mail about it came back, and nothing else went out")


class ToldBody(Body):
    """What became of SMS, and of mails that reached nobody."""

    told: list[Told] = Field(max_length=1000)


class HeardAnswer(Answer):
    """How many were heard."""

    heard: int
