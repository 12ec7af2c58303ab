"""Activities and their shifts."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, PlainSerializer, model_validator
from pydantic_core import PydanticCustomError

from services.common.events import ActivityKind, ReminderRule
from services.common.schemas import Answer, Body, ListQuery, Name, Text
from services.registration.schemas import UNSET, Count, Time
from services.registration.schemas.requirements import Code, Requirements

ActivityStatus = Literal["draft", "published", "completed", "cancelled"]
WaitlistOrder = Literal["order", "priority"]
Promotion = Literal["direct", "offer"]

Title = Annotated[str, Field(max_length=200)]
Minutes = Annotated[int, Field(ge=1, le=43_200)]
Reminders = Annotated[
    list[Minutes],
    Field(max_length=5, description="minutes before the start of a shift"),
    AfterValidator(lambda minutes: sorted(set(minutes), reverse=True)),
]
MOST_RULES = 6


class Rule(ReminderRule):
    """A rule of reminding as it is asked for."""

    model_config = ConfigDict(extra="forbid")


def _one_each(rules: list[Rule]) -> list[Rule]:
    if len({(rule.to, rule.name) for rule in rules}) < len(rules):
        raise PydanticCustomError(
            "rule_twice",
            "has a rule twice",
            {"zh": "同一条提醒规则不能写两次。", "en": "has a rule twice."},
        )
    return rules


Rules = Annotated[
    list[Rule],
    Field(max_length=MOST_RULES, description="by the clock, to leaders and staff, only to who has not confirmed"),
    AfterValidator(_one_each),
    PlainSerializer(lambda rules: [rule.stored() for rule in rules], return_type=list[dict[str, Any]]),
]
PersonLimit = Annotated[int, Field(ge=1, le=1000, description="shifts of this activity that one person may have")]
PartyLimit = Annotated[int, Field(ge=1, le=20, description="people whom one sign-up may bring, the person included")]
OfferMinutes = Annotated[int, Field(ge=1, le=20_160, description="how long an offered place is kept")]
Risks = Annotated[Text, Field(description="must be disclosed before a volunteering activity is published")]


def check_window(opens: datetime | None, closes: datetime | None) -> None:
    """Raise when the registration closes before it opens."""
    if opens is not None and closes is not None and closes <= opens:
        raise PydanticCustomError(
            "window_in_order",
            "registration_closes_at must be later than registration_opens_at",
            {
                "zh": "报名截止应晚于报名开始。",
                "en": "registration_closes_at must be later than registration_opens_at.",
            },
        )


class ActivityBody(Body):
    """A new activity; it starts as a draft."""

    kind: ActivityKind
    title_zh: Name
    title_en: Title = ""
    place: Name
    volunteering: bool = Field(default=False, description="whether attendance earns service hours")
    responsible: Title = Field(
        default="", description="the person in charge, as records and certificates name them; else who publishes it"
    )
    service_category: Code | None = Field(default=None, description="what kind of volunteer service it is")
    reminder_minutes: Reminders = Field(default_factory=lambda: [1440, 120])
    reminder_rules: Rules = Field(default_factory=list)
    description_zh: Text = ""
    description_en: Text = ""
    risks_zh: Risks = ""
    risks_en: Risks = ""
    public: bool = Field(default=True, description="whether the site's public calendar shows it")
    registration_opens_at: Time | None = Field(default=None, description="none: as soon as it is published")
    registration_closes_at: Time | None = Field(default=None, description="none: until the shift ends")
    per_person_limit: PersonLimit | None = None
    party_limit: PartyLimit = 1
    waitlist_order: WaitlistOrder = "order"
    promotion: Promotion = Field(default="direct", description="whether a free place is given, or offered first")
    offer_minutes: OfferMinutes = 1440
    room_id: UUID | None = None
    team_id: UUID | None = None

    @model_validator(mode="after")
    def _window_in_order(self) -> "ActivityBody":
        check_window(self.registration_opens_at, self.registration_closes_at)
        return self


class ActivityEdit(Body):
    """What of an activity shall change."""

    kind: ActivityKind = UNSET
    title_zh: Name = UNSET
    title_en: Title = UNSET
    place: Name = UNSET
    volunteering: bool = UNSET
    responsible: Title = UNSET
    service_category: Code | None = None
    reminder_minutes: Reminders = UNSET
    reminder_rules: Rules = UNSET
    description_zh: Text = UNSET
    description_en: Text = UNSET
    risks_zh: Risks = UNSET
    risks_en: Risks = UNSET
    public: bool = UNSET
    registration_opens_at: Time | None = None
    registration_closes_at: Time | None = None
    per_person_limit: PersonLimit | None = None
    party_limit: PartyLimit = UNSET
    waitlist_order: WaitlistOrder = UNSET
    promotion: Promotion = UNSET
    offer_minutes: OfferMinutes = UNSET
    room_id: UUID | None = None
    team_id: UUID | None = None


class ActivityAnswer(Answer):
    """An activity."""

    id: UUID
    number: int
    site_id: UUID
    kind: ActivityKind
    title_zh: str
    title_en: str
    place: str
    volunteering: bool
    responsible: str
    service_category: str | None
    reminder_minutes: list[int]
    reminder_rules: list[ReminderRule]
    description_zh: str
    description_en: str
    risks_zh: str
    risks_en: str
    public: bool
    registration_opens_at: datetime | None
    registration_closes_at: datetime | None
    per_person_limit: int | None
    party_limit: int
    waitlist_order: WaitlistOrder
    promotion: Promotion
    offer_minutes: int
    room_id: UUID | None
    team_id: UUID | None
    programme_id: UUID | None
    status: ActivityStatus
    version: int


class ActivityQuery(ListQuery):
    """Which activities."""

    status: ActivityStatus | None = None


class AudienceAnswer(Answer):
    """How many people a change of the activity, or its cancellation, would be told to."""

    people: int = Field(description="different people with a place or in a waitlist of a shift that is not over")
    confirmed: int = Field(description="registrations with a place")
    waiting: int = Field(description="registrations in a waitlist, or with an offer")


class RoleBody(Body):
    """One role of a shift, with its places."""

    capacity: Count
    role_zh: Name = "参与者"
    role_en: Title = Field(default="", description="empty: in English the Chinese name is said")
    requirements: Requirements = Field(default_factory=Requirements)

    @model_validator(mode="after")
    def _usual(self) -> "RoleBody":
        """The usual role has an English name. Any other that was given none is not called a participant."""
        if self.role_zh == "参与者" and not self.role_en:
            self.role_en = "participant"
        return self

    def columns(self) -> dict[str, Any]:
        """As the shift has them."""
        return {
            "role_zh": self.role_zh,
            "role_en": self.role_en,
            "capacity": self.capacity,
            "requirements": self.requirements.stored(),
        }


Roles = Annotated[list[RoleBody], Field(min_length=1, max_length=20)]


class ShiftBody(RoleBody):
    """A new shift."""

    starts_at: Time
    ends_at: Time


class SlotBody(Body):
    """Several shifts at one time: one for each role."""

    starts_at: Time
    ends_at: Time
    roles: Roles


class ShiftEdit(Body):
    """What of a shift shall change."""

    starts_at: Time = UNSET
    ends_at: Time = UNSET
    capacity: Count = UNSET
    role_zh: Name = UNSET
    role_en: Title = UNSET
    requirements: Requirements = UNSET

    def changes(self) -> dict[str, Any]:
        """What was sent, as the shift has it."""
        sent = self.model_dump(exclude_unset=True)
        return sent | ({"requirements": self.requirements.stored()} if "requirements" in sent else {})


class ShiftAnswer(Answer):
    """A shift."""

    id: UUID
    activity_id: UUID
    site_id: UUID
    starts_at: datetime
    ends_at: datetime
    local_day: date
    capacity: int
    confirmed: int
    waitlisted: int
    offered: int
    role_zh: str
    role_en: str
    requirements: Requirements
    series_id: UUID | None = Field(description="of a series: the series")
    detached: bool = Field(description="of a series, and changed by itself: changes of the series leave it alone")
    status: Literal["open", "cancelled"]
    version: int


class ShiftsAnswer(Answer):
    """Shifts that belong together."""

    items: list[ShiftAnswer]
