"""Areas, sites and their keys, teams, rooms."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from services.common.schemas import Answer, AreaCode, Body, ListQuery, Name, Text
from services.registration.schemas import UNSET, Count

Level = Literal["province", "city", "district", "subdistrict", "community"]
LEVELS: tuple[Level, ...] = ("province", "city", "district", "subdistrict", "community")
"""From the widest to the narrowest."""

_ZONES = available_timezones()


def _known_zone(name: str) -> str:
    if name not in _ZONES:
        raise PydanticCustomError(
            "unknown_time_zone",
            "is no IANA time zone",
            {
                "zh": "不是 IANA 时区名,如 Asia/Shanghai。",
                "en": "is not the name of an IANA time zone, such as Asia/Shanghai.",
            },
        )
    return name


TimeZone = Annotated[str, AfterValidator(_known_zone)]


class AreaBody(Body):
    """An area as it shall be."""

    parent: AreaCode | None = Field(default=None, description="code of the next wider area; none for a province")
    level: Level
    name_zh: Name
    name_en: Name


class AreaAnswer(Answer):
    """An area."""

    code: str
    parent: str | None
    level: Level
    name_zh: str
    name_en: str
    version: int


class AreaQuery(ListQuery):
    """Which areas."""

    parent: AreaCode | None = None


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
    name_zh: Name = UNSET
    name_en: Name = UNSET
    time_zone: TimeZone = UNSET
    address: Text = UNSET


class SiteAnswer(Answer):
    """A site."""

    id: UUID
    area: str
    name_zh: str
    name_en: str
    time_zone: str
    address: str
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
    revoked_at: datetime | None


class NewKeyAnswer(KeyAnswer):
    """A new key. It is shown this once."""

    key: str


class TeamBody(Body):
    """A new team."""

    name_zh: Name
    name_en: Name
    kind: Literal["choir", "volunteers"]


class TeamAnswer(Answer):
    """A team."""

    id: UUID
    site_id: UUID
    name_zh: str
    name_en: str
    kind: str
    version: int


class RoomBody(Body):
    """A new room."""

    name_zh: Name
    name_en: Name
    capacity: Count


class RoomAnswer(Answer):
    """A room."""

    id: UUID
    site_id: UUID
    name_zh: str
    name_en: str
    capacity: int
    version: int
