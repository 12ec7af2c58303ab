"""Volunteers (Order 67) and what they were taught, given and told of their work."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from services.common.errors import Words
from services.common.schemas import Answer, AreaCode, Body, ListQuery, Name, Query, Text
from services.registration.codes import CATEGORIES, PROFESSIONS, SKILLS
from services.registration.id_numbers import fault, normal_id_number
from services.registration.schemas import UNSET
from services.registration.schemas.people import (
    BirthDate,
    Email,
    Language,
    OtherEmail,
    PersonName,
    Phone,
    ReplaceEmail,
    RepresentativeBody,
    not_replaced_online,
    reachable,
)

Sex = Literal["female", "male"]


def _known(codes: dict[str, Words]) -> AfterValidator:
    def check(chosen: list[str]) -> list[str]:
        unknown = [code for code in chosen if code not in codes]
        if unknown:
            listed = ", ".join(codes)
            raise PydanticCustomError(
                "unknown_code",
                "has unknown codes",
                {"zh": f"应为以下之一：{listed}。", "en": f"must be among {listed}."},
            )
        return sorted(set(chosen))

    return AfterValidator(check)


def _id_number(written: str) -> str:
    number = normal_id_number(written)
    if number is None:
        raise PydanticCustomError(
            "not_an_id_number",
            "is not a valid ID number",
            {
                "zh": "不是有效的居民身份证号码，请核对 18 位号码。",
                "en": "is not a valid Chinese ID number; check its 18 characters.",
            },
        )
    return number


def _past(day: date) -> date:
    # Tomorrow in UTC is today somewhere.
    if not date(1950, 1, 1) <= day <= datetime.now(UTC).date() + timedelta(days=1):
        raise PydanticCustomError(
            "implausible_day",
            "must lie between 1950 and today",
            {"zh": "应在 1950 年至今天之间。", "en": "must lie between 1950 and today."},
        )
    return day


IdNumber = Annotated[str, Field(max_length=40), AfterValidator(_id_number)]
Skills = Annotated[list[str], Field(max_length=40), _known(SKILLS)]
Professions = Annotated[list[str], Field(max_length=20), _known(PROFESSIONS)]
Categories = Annotated[list[str], Field(max_length=20), _known(CATEGORIES)]
PastDay = Annotated[date, AfterValidator(_past)]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{0,40}$")]


class NewVolunteer(Body):
    """Who becomes a volunteer of the site. The ID number is asked for separately, and never required."""

    name: PersonName
    sex: Sex
    birth_date: BirthDate
    phone: Phone | None = None
    email: Email | None = None
    language: Language | None = Field(default=None, description="of messages; the site's when left out")
    area: AreaCode | None = Field(default=None, description="code of the area of residence")
    skills: Skills = Field(default_factory=list)
    professions: Professions = Field(default_factory=list)
    categories: Categories = Field(default_factory=list)
    id_number: IdNumber | None = None
    id_number_consent: bool = Field(
        default=False, validate_default=True, description="the separate consent that an ID number needs"
    )
    terms_consent: Literal[True] = Field(description="the person agreed to the terms")
    guardian: RepresentativeBody | None = Field(default=None, description="needed under 18")
    guardian_consent: bool = Field(default=False, description="the guardian agreed, before the site; needed under 14")
    replace_email: ReplaceEmail = False
    how: Literal["online", "desk", "phone", "paper", "site"] = Field(
        default="site",
        description="how the person's word came; told online, an ID number counts once staff saw the document",
    )

    @field_validator("id_number")
    @classmethod
    def _agrees(cls, number: str | None, info: ValidationInfo) -> str | None:
        born, sex = info.data.get("birth_date"), info.data.get("sex")
        wrong = fault(number, born, sex) if number and born and sex else None
        if wrong:
            raise PydanticCustomError("id_number_fault", "does not agree", {"zh": wrong.zh, "en": wrong.en})
        return number

    @field_validator("id_number_consent")
    @classmethod
    def _separately(cls, given: bool, info: ValidationInfo) -> bool:
        if info.data.get("id_number") and not given:
            raise PydanticCustomError(
                "separate_consent",
                "is needed for an ID number",
                {"zh": "登记身份证号码须另行同意。", "en": "is needed for an ID number."},
            )
        return given

    _reachable = model_validator(mode="after")(reachable)
    _not_replaced_online = model_validator(mode="after")(not_replaced_online)


class VolunteerEdit(Body):
    """What of a volunteer's data shall change; name, contact and birth date are the person's (`/v1/people`)."""

    sex: Sex = UNSET
    area: AreaCode | None = None
    skills: Skills = UNSET
    professions: Professions = UNSET
    categories: Categories = UNSET
    id_number: IdNumber | None = None
    id_number_consent: bool = False


class VolunteerMade(Answer):
    """A new volunteer of the site. Without personal data: this is kept with the Idempotency-Key."""

    person_id: UUID
    volunteer_number: str
    is_new_person: bool = Field(description="to this site")
    guardian_asked: bool = Field(description="whether a link was sent to the guardian")
    other_email: OtherEmail = False
    version: int


class VolunteerAnswer(Answer):
    """A volunteer as the site knows them. Of the ID number, the last four."""

    person_id: UUID
    volunteer_number: str
    name: str
    sex: Sex | None = Field(description="null where it cannot be read")
    birth_date: date | None
    phone: str | None
    email: str | None
    area: str | None
    skills: list[str]
    professions: list[str]
    categories: list[str]
    id_number: str | None = Field(description="masked: ****…1234")
    id_number_checked: bool = Field(description="whether staff saw the document; told online, it ties nobody to it")
    version: int


class VolunteerListed(Answer):
    """A volunteer in a list: no personal data but the name."""

    person_id: UUID
    volunteer_number: str
    name: str
    skills: list[str]
    professions: list[str]
    categories: list[str]
    area: str | None


class VolunteersFilter(Query):
    """Which volunteers of the site: those of whom all of this is true."""

    skill: Annotated[str, Field(max_length=40)] | None = None
    profession: Annotated[str, Field(max_length=40)] | None = None
    category: Annotated[str, Field(max_length=40)] | None = None
    area: AreaCode | None = Field(default=None, description="who lives in this area, or in one within it")
    q: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)] | None = Field(
        default=None, description="words in the name of a skill, profession, category or training; never of a person"
    )


class VolunteersQuery(VolunteersFilter, ListQuery):
    """Which volunteers of the site."""


class RevealBody(Body):
    """Why the whole ID number is needed. Chosen from a list, because what is typed freely may hold personal data."""

    reason: Literal["certificate", "insurance", "verification", "authority", "correction"]


class RevealAnswer(Answer):
    """The whole ID number. That it was read, by whom and why, is on record."""

    id_number: str


class NewTraining(Body):
    """A course that a volunteer took part in."""

    code: Code = Field(default="", description="what shifts may require, such as first_aid")
    name: Name
    content: Text = ""
    minutes: int = Field(ge=1, le=60_000)
    provider: Name
    day: PastDay
    valid_until: date | None = Field(default=None, description="the last day on which it counts for shifts that ask it")

    @field_validator("valid_until")
    @classmethod
    def _after_it(cls, until: date | None, info: ValidationInfo) -> date | None:
        day = info.data.get("day")
        if until is not None and day is not None and until < day:
            raise PydanticCustomError(
                "ends_before", "ends before", {"zh": "不能早于培训日期。", "en": "must not be before the training."}
            )
        return until


class TrainingOfMany(NewTraining):
    """A course that several volunteers took part in."""

    people: list[UUID] = Field(min_length=1, max_length=500)


class TrainingLine(Answer):
    """What became of one person's record: `known` where the same course of the same day was on record already."""

    person_id: UUID
    outcome: Literal["recorded", "known", "no_volunteer"]


class TrainingLines(Answer):
    """What became of each, in the order in which they were sent."""

    items: list[TrainingLine]


class ExpiringTraining(Answer):
    """A training that counts no longer, or not for long, and was not renewed."""

    person_id: UUID
    name: str = Field(description="of the volunteer")
    training: str
    code: str
    valid_until: date
    expired: bool


class ExpiringTrainings(Answer):
    """The soonest first."""

    items: list[ExpiringTraining]


class ExpiringQuery(Body):
    """How far to look ahead."""

    days: int = Field(default=60, ge=0, le=730)


class TrainingAnswer(Answer):
    """A training on record."""

    id: UUID
    person_id: UUID
    code: str
    name: str
    content: str
    minutes: int
    provider: str
    day: date
    valid_until: date | None


class NewAward(Body):
    """A distinction."""

    name: Name
    grantor: Name
    day: PastDay


class AwardAnswer(Answer):
    """An award on record."""

    id: UUID
    person_id: UUID
    name: str
    grantor: str
    day: date


class NewEvaluation(Body):
    """How well a volunteer served."""

    quality: Literal["excellent", "good", "fair", "poor"]
    evaluator: Name = Field(description="the organisation or function that judged, not a private name")
    day: PastDay


class EvaluationAnswer(Answer):
    """An evaluation on record."""

    id: UUID
    person_id: UUID
    quality: str
    evaluator: str
    day: date
