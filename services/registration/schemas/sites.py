"""Sites and their keys."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from services.common.schemas import Answer, AreaCode, Body, Name, Text
from services.registration.schemas import UNSET

_ZONES = available_timezones()


def _known_zone(name: str) -> str:
    if name not in _ZONES:
        raise PydanticCustomError(
            "unknown_time_zone",
            "is no IANA time zone",
            {
                "zh": "不是 IANA 时区名，如 Asia/Shanghai。",
                "en": "is not the name of an IANA time zone, such as Asia/Shanghai.",
            },
        )
    return name


SiteStatus = Literal["open", "closed"]
TimeZone = Annotated[str, AfterValidator(_known_zone)]


class SiteBody(Body):
    """A new site."""

    area: AreaCode
    name_zh: Name
    name_en: Name
    time_zone: TimeZone = "Asia/Shanghai"
    address: Text = ""


class SiteEdit(Body):
    """What of a site shall change."""

    area: AreaCode = UNSET
    area_since: date = Field(default=UNSET, description="first day in a new area; today where nothing is said")
    name_zh: Name = UNSET
    name_en: Name = UNSET
    time_zone: TimeZone = UNSET
    address: Text = UNSET
    status: SiteStatus = Field(default=UNSET, description="a closed site keeps what it has, and holds nothing new")


class SiteAnswer(Answer):
    """A site."""

    id: UUID
    area: str
    name_zh: str
    name_en: str
    time_zone: str
    address: str
    status: SiteStatus
    version: int


class KeyBody(Body):
    """A new key of a site."""

    label: Name = Field(description="who will use it")


class KeyAnswer(Answer):
    """A key of a site, without the key."""

    id: UUID
    site_id: UUID
    prefix: str
    label: str
    created_at: datetime
    used_at: datetime | None = Field(description="when it was last used, give or take an hour; null for never")
    revoked_at: datetime | None


class NewKeyAnswer(KeyAnswer):
    """A new key. It is shown this once."""

    key: str
