"""Bodies and answers of staff: accounts, grants, log-ins."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from services.common.auth import Role
from services.common.schemas import Answer, AreaCode, Body
from services.registration.schemas import UNSET
from services.registration.schemas.people import Email, Language, PersonName

Secret = Annotated[str, Field(max_length=1000)]


class GrantBody(Body):
    """A role: `site_staff` of a site, `area_admin` over an area and everything in it, or `operator`."""

    role: Role
    site_id: UUID | None = None
    area: AreaCode | None = None

    @model_validator(mode="after")
    def _over_what(self) -> Self:
        given = (self.site_id is not None, self.area is not None)
        if given != (self.role is Role.SITE_STAFF, self.role is Role.AREA_ADMIN):
            raise PydanticCustomError(
                "over_what",
                "site_staff needs site_id, area_admin needs area, operator neither",
                {
                    "zh": "site_staff 需要 site_id，area_admin 需要 area，operator 两者都不要。",
                    "en": "site_staff needs site_id, area_admin needs area, operator neither.",
                },
            )
        return self


class StaffBody(Body):
    """Somebody to invite. Where there is an account with this e-mail already, it gets the grants."""

    email: Email
    name: PersonName
    language: Language = "zh-CN"
    grants: list[GrantBody] = Field(min_length=1, max_length=20)


class StaffEdit(Body):
    """A disabled account has no session and gets none."""

    disabled: bool


class GrantAnswer(Answer):
    """A role over something."""

    id: UUID
    role: Role
    site_id: UUID | None
    area: str | None
    granted_at: datetime


class StaffAnswer(Answer):
    """An account, with those of its grants that the reader may manage."""

    id: UUID
    email: str = Field(description="empty where it cannot be read")
    name: str
    readable: bool = Field(
        description="false where the key that encrypted name and address is missing: put it back at the end of"
        " PERSONAL_DATA_KEYS, or invite the same address again"
    )
    language: str
    disabled: bool
    invited: bool = Field(description="has not yet set a password or come by single sign-on")
    grants: list[GrantAnswer]
    version: int


class LogInBody(Body):
    """What somebody types at the door."""

    email: Secret
    password: Secret


class SessionAnswer(Answer):
    """A log-in of one's own."""

    id: UUID
    device: str
    came_by: str
    created_at: datetime
    used_at: datetime
    expires_at: datetime
    is_this: bool


class SessionsAnswer(Answer):
    """All log-ins of one's own that are good."""

    items: list[SessionAnswer]


class MeAnswer(Answer):
    """Who is logged in, where they work just now, and what a form must carry as `csrf_token`."""

    id: UUID
    name: str
    email: str
    language: str
    site_id: UUID | None
    role: Role | None
    grants: list[GrantAnswer]
    csrf_token: str


class MeEdit(Body):
    """What one may change of oneself."""

    name: PersonName = UNSET
    language: Language = UNSET


class PasswordBody(Body):
    """A new password; the present one shows that it is not just anybody at an unlocked screen."""

    present: Secret
    password: Secret


class ResetBody(Body):
    """Where to send a link for a new password."""

    email: Secret


class SiteChoice(Body):
    """Where to work."""

    site_id: UUID


class AcceptedAnswer(Answer):
    """It was heard; nothing is told of whether there is such an account."""

    status: Literal["accepted"] = "accepted"
