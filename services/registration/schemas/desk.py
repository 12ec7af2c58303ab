"""Sign-up at the desk: of somebody whom the site knows, or of somebody new, by themselves or through a helper."""

from typing import Literal
from uuid import UUID

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from services.common.schemas import Body
from services.registration.schemas.people import InsteadOf, NewResident, RepresentativeBody
from services.registration.schemas.registrations import PartySize, Priority

DeskChannel = Literal["desk", "phone", "proxy"]


class DeskKnown(Body):
    """A person whom the site knows, and who came for them."""

    person_id: UUID
    helper: RepresentativeBody | None = Field(default=None, description="who acts for the person, from now on")
    helper_agreed: bool = Field(default=False, description="the person agreed to the helper")
    guardian_consent: bool = False
    party_size: PartySize = 1
    priority: Priority = 0
    by_phone: bool = False
    instead_of: InsteadOf = False

    @model_validator(mode="after")
    def _helper_is_wanted(self) -> "DeskKnown":
        if self.helper is not None and not self.helper_agreed:
            raise helper_not_agreed()
        return self


class DeskNew(NewResident):
    """Somebody new to the site."""

    party_size: PartySize = 1
    priority: Priority = 0
    by_phone: bool = False
    instead_of: InsteadOf = False


def helper_not_agreed() -> PydanticCustomError:
    """Nobody is signed up against their will."""
    return PydanticCustomError(
        "helper_not_agreed",
        "helper needs the person's agreement",
        {"zh": "须本人同意代办。", "en": "helper needs the person's agreement."},
    )
