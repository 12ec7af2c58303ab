"""Who registers themselves as a volunteer."""

from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from services.common.schemas import Answer, AreaCode, Body
from services.registration.schemas.people import BirthDate
from services.registration.schemas.public import PublicGuardian
from services.registration.schemas.volunteers import Categories, IdNumber, Professions, Sex, Skills


class OwnVolunteerBody(Body):
    """What a volunteer tells a site that knows their name and contact already (Order 67)."""

    sex: Sex
    birth_date: BirthDate | None = Field(
        default=None, description="needed where the site was told none; one that it was told stays"
    )
    area: AreaCode | None = Field(default=None, description="code of the area of residence")
    skills: Skills = Field(default_factory=list)
    professions: Professions = Field(default_factory=list)
    categories: Categories = Field(default_factory=list)
    id_number: IdNumber | None = Field(default=None, description="sensitive; never required")
    id_number_consent: bool = Field(default=False, description="the separate consent that an ID number needs")
    guardian: PublicGuardian | None = Field(
        default=None, description="needed under 18, where the site knows none; asked by mail"
    )
    terms_consent: Literal[True] = Field(description="agreed to the terms")

    @model_validator(mode="after")
    def _separately(self) -> "OwnVolunteerBody":
        if self.id_number and not self.id_number_consent:
            raise PydanticCustomError(
                "separate_consent",
                "is needed for an ID number",
                {
                    "zh": "登记身份证号码须另行勾选同意；也可以不填号码。",
                    "en": "An ID number needs a consent of its own: tick it, or leave the number out.",
                },
            )
        return self


class OwnVolunteerMade(Answer):
    """What became of it. `guardian_first`: under 14 nothing is recorded before the guardian agreed; they were asked."""

    outcome: Literal["registered", "guardian_first"]
    volunteer_number: str | None
    guardian_asked: bool = Field(description="whether a link was sent to the guardian")


class OwnVolunteer(Answer):
    """What a site knows of a resident as a volunteer."""

    site_id: UUID
    volunteer_number: str | None = Field(description="null where they are no volunteer of this site")
    birth_date: date | None
    has_guardian: bool
    guardian_agreed: bool = Field(description="to volunteering; also true where none is needed")
    minor: bool
