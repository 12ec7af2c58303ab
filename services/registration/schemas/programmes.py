"""Programmes: templates of activities with relative days, their clones, and changes offered to clones."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from services.common.events import ActivityKind
from services.common.schemas import Answer, AreaCode, Body, ListQuery, Name, Text
from services.registration.schemas import UNSET
from services.registration.schemas.activities import (
    OfferMinutes,
    PartyLimit,
    PersonLimit,
    Promotion,
    Reminders,
    Risks,
    RoleBody,
    Rules,
    Title,
    WaitlistOrder,
)
from services.registration.schemas.calendar import Day
from services.registration.schemas.requirements import Code
from services.registration.schemas.series import ShiftMinutes, WallClock

MOST_ACTIVITIES, MOST_SHIFTS, MOST_SITES = 50, 400, 1000

Key = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$"), Field(description="names it through all versions")
]
OrganisationRole = Literal["guiding_unit", "host", "organiser", "co_organiser", "partner"]
Weekday = Annotated[int, Field(ge=1, le=7, description="1 is Monday")]


class ShiftTemplate(RoleBody):
    """A shift: on which day of the programme (0 is the first), at what local time, for how long."""

    key: Key
    day: int = Field(ge=0, le=366)
    time: WallClock
    minutes: ShiftMinutes


class OrganisationWish(Body):
    """An organisation and its part in the activity."""

    organisation_id: UUID
    role: OrganisationRole


class Window(Body):
    """When registration opens and closes, before the activity's first shift."""

    opens_days_before: int | None = Field(default=None, ge=0, le=366)
    closes_hours_before: int | None = Field(default=None, ge=0, le=8784)


class ActivityTemplate(Body):
    """An activity as each site shall get it."""

    key: Key
    kind: ActivityKind
    title_zh: Name
    title_en: Title = ""
    place: Title = Field(default="", description="a place that all sites share; empty: the site itself")
    volunteering: bool = False
    service_category: Code | None = None
    reminder_minutes: Reminders = Field(default_factory=lambda: [1440, 120])
    reminder_rules: Rules = Field(default_factory=list)
    description_zh: Text = ""
    description_en: Text = ""
    risks_zh: Risks = ""
    risks_en: Risks = ""
    public: bool = True
    per_person_limit: PersonLimit | None = None
    party_limit: PartyLimit = 1
    waitlist_order: WaitlistOrder = "order"
    promotion: Promotion = "direct"
    offer_minutes: OfferMinutes = 1440
    window: Window = Field(default_factory=Window)
    organisations: list[OrganisationWish] = Field(default_factory=list, max_length=20)
    room_wish: Title = Field(default="", description="what room is needed; empty: none")
    team_wish: Title = Field(default="", description="what team is wanted; empty: none")
    shifts: list[ShiftTemplate] = Field(default_factory=list, max_length=MOST_SHIFTS)


Template = Annotated[list[ActivityTemplate], Field(max_length=MOST_ACTIVITIES)]


def check_template(activities: list[ActivityTemplate]) -> None:
    """Raise when two things of a template have one key, or when it is too large."""
    keys = [[activity.key for activity in activities], *([s.key for s in activity.shifts] for activity in activities)]
    if any(len(set(found)) < len(found) for found in keys):
        raise PydanticCustomError(
            "key_twice", "has a key twice", {"zh": "同一个 key 不能用两次。", "en": "has a key twice."}
        )
    if sum(len(activity.shifts) for activity in activities) > MOST_SHIFTS:
        raise PydanticCustomError(
            "too_many_shifts",
            "has too many shifts",
            {"zh": f"最多 {MOST_SHIFTS} 个场次。", "en": f"must have at most {MOST_SHIFTS} shifts."},
        )


class ProgrammeBody(Body):
    """A new programme, kept by an area or by the site that calls: its activities, or those to make it from."""

    area: AreaCode | None = Field(default=None, description="for area admins and operators: the area that keeps it")
    title_zh: Name
    title_en: Title = ""
    description_zh: Text = ""
    description_en: Text = ""
    first_weekday: Weekday | None = Field(
        default=None, description="clones begin on this day of the week, on or after the day asked for"
    )
    activities: Template = Field(default_factory=list)
    from_activities: list[UUID] = Field(default_factory=list, max_length=MOST_ACTIVITIES)

    @model_validator(mode="after")
    def _one_source(self) -> "ProgrammeBody":
        check_template(self.activities)
        if bool(self.activities) == bool(self.from_activities):
            raise PydanticCustomError(
                "one_source",
                "needs either activities or from_activities",
                {
                    "zh": "请填写 activities 或 from_activities 之一。",
                    "en": "needs either activities or from_activities.",
                },
            )
        return self


class ProgrammeEdit(Body):
    """What of a programme shall change; `activities` replaces the template as a whole."""

    title_zh: Name = UNSET
    title_en: Title = UNSET
    description_zh: Text = UNSET
    description_en: Text = UNSET
    first_weekday: Weekday | None = None
    activities: Annotated[Template, Field(min_length=1)] = UNSET

    @model_validator(mode="after")
    def _keys_once(self) -> "ProgrammeEdit":
        check_template(self.activities or [])
        return self


class ProgrammeAnswer(Answer):
    """A programme."""

    id: UUID
    site_id: UUID | None
    area: str | None
    title_zh: str
    title_en: str
    description_zh: str
    description_en: str
    first_weekday: int | None
    activities: list[ActivityTemplate]
    version: int


class ProgrammeQuery(ListQuery):
    """Which programmes: all that the caller may clone, or has."""


class MissingQuery(ListQuery):
    """Which sites without the programme."""

    area: AreaCode | None = Field(default=None, description="only in this area, and everything under it")


class CloneBody(Body):
    """Where a programme shall be cloned to, and when it begins there."""

    sites: list[UUID] = Field(min_length=1, max_length=MOST_SITES)
    starts_on: Day
    starts_on_at: dict[UUID, Day] = Field(default_factory=dict, description="another day for some of the sites")


class CloneResult(Answer):
    """What became of one site: `already` where it had the programme before."""

    site_id: UUID
    result: Literal["cloned", "already", "refused"]
    first_day: date | None = None
    activities: int = 0
    problem: str = ""


class ClonesAnswer(Answer):
    """What became of each site, in the order in which they were asked for."""

    results: list[CloneResult]
    cloned: int


class ReadinessItem(Answer):
    """One thing to do at a site, as it stands in the data: done for how many of how many."""

    name: Literal["place", "room", "organiser", "risks", "staff", "published", "first_sign_up"]
    done: int
    of: int
    ready: bool


class CloneAnswer(Answer):
    """A programme at a site, and how far it is."""

    id: UUID
    programme_id: UUID
    site_id: UUID
    site_name_zh: str
    site_name_en: str
    starts_on: date
    first_day: date
    activities: int = Field(description="those of its activities that were not called off")
    offered: int = Field(description="changes of the template that the site has not decided on")
    readiness: list[ReadinessItem]
    ready: bool


class OfferedChange(Answer):
    """A later change of the template. `conflict`: the site has changed the same thing itself."""

    path: str
    what: Literal["activity", "shift", "field"]
    change: Literal["added", "removed", "changed"]
    title_zh: str = Field(description="of the activity")
    title_en: str
    before: Any = Field(description="as the site took it")
    after: Any = Field(description="as the template has it now")
    yours: Any = Field(description="as it is at the site")
    conflict: bool


class OfferAnswer(Answer):
    """What a site is offered, and from which version of the programme."""

    programme_id: UUID
    programme_version: int
    changes: list[OfferedChange]


class OfferDecisionBody(Body):
    """Which of the offered changes a site accepts, and which it declines. Those not named stay offered."""

    programme_version: int = Field(description="the version that was looked at")
    accept: list[str] = Field(default_factory=list, max_length=1000)
    decline: list[str] = Field(default_factory=list, max_length=1000)
