"""Events of programmes and their clones."""

from uuid import UUID

from pydantic import Field

from services.common.events.envelope import Event


class ProgrammeSaved(Event):
    """A programme was made, or its template changed. Sites that have it are offered the change."""

    type = "hesheng.programme.saved.v1"
    programme_id: UUID
    version: int = Field(description="rises with every change of the programme")
    site_id: UUID | None = Field(description="the site that keeps it")
    area: str | None = Field(description="or the area")
    title_zh: str
    title_en: str
    activities: int = Field(description="how many activities its template has")

    @property
    def aggregate(self) -> str:
        return str(self.programme_id)


class ProgrammeCloned(Event):
    """A site got a programme, as draft activities, which tell of themselves once they are published; or the programme
    was made of the site's activities, which belong to it from then on."""

    type = "hesheng.programme.cloned.v1"
    programme_id: UUID
    site_id: UUID
    version: int = Field(description="version of the programme that was cloned")
    first_day: str = Field(description="the programme's first day at this site, YYYY-MM-DD")
    activities: int = Field(description="how many of its activities belong to the programme")

    @property
    def aggregate(self) -> str:
        return str(self.programme_id)
