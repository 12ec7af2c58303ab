"""Events of areas, sites and their keys."""

from datetime import date
from uuid import UUID

from pydantic import Field

from services.common.events.envelope import Event


class AreaSaved(Event):
    """An area of the administrative tree was added or changed (code by GB/T 2260 where there is one)."""

    type = "hesheng.area.saved.v1"
    code: str
    parent: str | None
    level: str = Field(description="province, city, district, subdistrict or community")
    name_zh: str
    name_en: str
    valid_from: date | None = Field(default=None, description="first day of the code; null where nobody said")
    valid_until: date | None = Field(default=None, description="first day on which the code is no longer in use")
    successor: str | None = Field(default=None, description="code that took its place")

    @property
    def aggregate(self) -> str:
        return self.code


class SiteSaved(Event):
    """A site was added or changed."""

    type = "hesheng.site.saved.v1"
    site_id: UUID
    area: str = Field(description="code of the area that the site lies in")
    name_zh: str
    name_en: str
    time_zone: str = Field(description="IANA name")
    area_since: date | None = Field(default=None, description="first day in this area")
    site_language: str = Field(default="zh-CN", description="in which the site writes to whoever chose none")
    quiet_from: str = Field(default="21:00", description="local time from which people are left in peace")
    quiet_until: str = Field(default="08:00", description="local time until which they are")
    short_name_zh: str = Field(default="", description="for narrow places; empty for the full name")
    short_name_en: str = ""
    colour: str = Field(default="", description="#RRGGBB that white text can be read on, or empty")
    public_phone: str = Field(default="", description="the office's, shown to people")
    public_email: str = Field(default="", description="the office's, shown to people")
    status: str = Field(default="open", description="open, or closed: nothing new takes place there")

    @property
    def aggregate(self) -> str:
        return str(self.site_id)


class SiteKeyIssued(Event):
    """A site got a key. Only the SHA-256 of the 256-bit secret travels, so that each service can check it alone."""

    type = "hesheng.site_key.issued.v1"
    key_id: UUID
    site_id: UUID
    sha256: str = Field(description="hex")

    @property
    def aggregate(self) -> str:
        return str(self.site_id)


class SiteKeyRevoked(Event):
    """A site's key no longer opens anything."""

    type = "hesheng.site_key.revoked.v1"
    key_id: UUID
    site_id: UUID

    @property
    def aggregate(self) -> str:
        return str(self.site_id)
