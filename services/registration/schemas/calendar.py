"""A site's public calendar."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from services.common.events import ActivityKind
from services.common.schemas import Answer, Query

Day = Annotated[date, Field(ge=date(2000, 1, 1), lt=date(2100, 1, 1), description="by the site's own calendar")]
SignUp = Literal["not_yet", "open", "closed"]


class CalendarQuery(Query):
    """Which days, by the site's own calendar."""

    from_: Day | None = Field(default=None, alias="from", description="first day; today unless said otherwise")
    to: Day | None = Field(default=None, description="last day; at most 92 days after the first")


class CalendarShift(Answer):
    """A shift, as everybody may know of it."""

    id: UUID
    starts_at: datetime
    ends_at: datetime
    local_day: date
    role_zh: str
    role_en: str
    capacity: int
    free: int = Field(description="places that the next sign-up gets; 0 while somebody waits")
    waitlist: bool = Field(description="whether a sign-up now would go to the waitlist")
    sign_up: SignUp


class CalendarActivity(Answer):
    """A public activity with its shifts in these days."""

    id: UUID
    kind: ActivityKind
    title_zh: str
    title_en: str
    place: str
    volunteering: bool
    registration_opens_at: datetime | None
    registration_closes_at: datetime | None
    shifts: list[CalendarShift]


class CalendarAnswer(Answer):
    """What takes place at a site, by the time of each activity's first shift in these days."""

    site_id: UUID
    time_zone: str
    first_day: date
    last_day: date
    activities: list[CalendarActivity]
