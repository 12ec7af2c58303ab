"""Organisations, their parts in activities, and plaques."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError
from stdnum.cn import uscc
from stdnum.exceptions import ValidationError as NotANumber

from services.common.events import OrganisationRole
from services.common.schemas import Answer, Body, ListQuery, Name, Text
from services.registration.schemas import UNSET

OrganisationKind = Literal["government", "association", "enterprise", "school", "hospital", "media", "other"]


def _valid_code(written: str) -> str:
    try:
        return str(uscc.validate(written))
    except NotANumber:
        raise PydanticCustomError(
            "not_a_credit_code",
            "is no unified social credit code",
            {
                "zh": "不是有效的统一社会信用代码（18 位，末位为校验码）。",
                "en": "is no unified social credit code (18 characters, of which the last checks the others).",
            },
        ) from None


CreditCode = Annotated[str, Field(max_length=40), AfterValidator(_valid_code)]


class OrganisationBody(Body):
    """A new organisation."""

    name_zh: Name
    name_en: Annotated[str, Field(max_length=200)] = ""
    kind: OrganisationKind = "other"
    credit_code: CreditCode | None = None
    local: bool | None = Field(
        default=None,
        description="known to this site only; false for everybody, which area admins and operators may. Left out: true,"
        " but false by the operator's key, which is no site's",
    )


class OrganisationEdit(Body):
    """What of an organisation shall change."""

    name_zh: Name = UNSET
    name_en: Annotated[str, Field(max_length=200)] = UNSET
    kind: OrganisationKind = UNSET
    credit_code: CreditCode | None = None


class OrganisationAnswer(Answer):
    """An organisation; one without a site is known to everybody."""

    id: UUID
    site_id: UUID | None
    name_zh: str
    name_en: str
    kind: OrganisationKind
    credit_code: str | None
    version: int


class OrganisationQuery(ListQuery):
    """Which organisations."""

    q: Annotated[str, Field(max_length=100)] | None = Field(default=None, description="part of the name")


class Part(Body):
    """An organisation's part in an activity."""

    organisation_id: UUID
    role: OrganisationRole


class PartsBody(Body):
    """Who takes part in an activity, in the order in which they are named."""

    organisations: Annotated[list[Part], Field(max_length=50)]


class PartAnswer(Answer):
    """An organisation's part in an activity."""

    organisation_id: UUID
    role: OrganisationRole
    name_zh: str
    name_en: str


class PartsAnswer(Answer):
    """Who takes part in an activity; the version is the activity's."""

    activity_id: UUID
    organisations: list[PartAnswer]
    version: int


class DesignationBody(Body):
    """A new plaque, of the site or of one of its teams."""

    name_zh: Name
    name_en: Annotated[str, Field(max_length=200)] = ""
    team_id: UUID | None = None
    organisation_id: UUID | None = Field(default=None, description="who granted it, where the directory has them")
    granted_by: Annotated[str, Field(max_length=200)] = Field(
        default="", description="who granted it, in words; the organisation's name where nothing is said"
    )
    valid_from: date
    valid_until: date | None = Field(default=None, description="first day on which it no longer holds")


class DesignationEdit(Body):
    """What of a plaque shall change."""

    name_zh: Name = UNSET
    name_en: Annotated[str, Field(max_length=200)] = UNSET
    organisation_id: UUID | None = Field(default=None, description="who granted it, where the directory has them")
    granted_by: Name = UNSET
    valid_from: date = UNSET
    valid_until: date | None = None


class RevokeBody(Body):
    """Why a plaque was taken away, and from which day on."""

    reason: Annotated[Text, Field(min_length=1)]
    on: date | None = Field(default=None, description="first day without it; today where nothing is said")


class DesignationAnswer(Answer):
    """A plaque. `holds` says whether it does today."""

    id: UUID
    site_id: UUID
    team_id: UUID | None
    name_zh: str
    name_en: str
    organisation_id: UUID | None
    granted_by: str
    valid_from: date
    valid_until: date | None
    revoked_on: date | None
    revoke_reason: str | None
    holds: bool
    version: int
