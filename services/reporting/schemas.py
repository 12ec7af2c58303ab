"""What the reporting API accepts and answers."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, Field, StringConstraints, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from services.common.schemas import Answer, AreaCode, Query
from services.reporting.labels import DIMENSIONS

MOST_DIMENSIONS = 3
MOST_YEARS = 10


def _only_a_date(value: Any) -> Any:
    """`2026-12-01` and nothing else: pydantic would also take `20261201`, as seconds since 1970."""
    if isinstance(value, str) and (len(value) != 10 or value[4] != "-" or value[7] != "-"):
        raise PydanticCustomError(
            "day", "date", {"zh": "应为日期，如 2026-12-01。", "en": "must be a date, such as 2026-12-01."}
        )
    return value


Day = Annotated[date, BeforeValidator(_only_a_date)]


class ParticipationQuery(Query):
    """Which figures of what."""

    area: AreaCode | None = Field(default=None, description="code of an area: it and everything under it")
    site: UUID | None = Field(default=None, description="a site; a site's key may leave it out")
    first: Day = Field(alias="from", description="first day of the shifts counted, in the site's time zone")
    last: Day = Field(alias="to", description=f"last day, inclusive; at most {MOST_YEARS} years after the first")
    by: Annotated[str, StringConstraints(max_length=200)] = Field(
        default="",
        description=f"up to {MOST_DIMENSIONS} of {', '.join(DIMENSIONS)}, separated by commas; none: only the total",
    )
    format: Literal["json", "csv"] = "json"

    @field_validator("last")
    @classmethod
    def _check_range(cls, last: date, info: ValidationInfo) -> date:
        first = info.data.get("first")
        if first and last < first:
            raise PydanticCustomError(
                "range", "range", {"zh": "不能早于起始日期（from）。", "en": "must not be before `from`."}
            )
        if first and (last.year - MOST_YEARS, last.month, last.day) >= (first.year, first.month, first.day):
            raise PydanticCustomError(
                "range", "range", {"zh": f"期间最长 {MOST_YEARS} 年。", "en": f"spans more than {MOST_YEARS} years."}
            )
        return last

    @field_validator("by")
    @classmethod
    def _check_dimensions(cls, by: str) -> str:
        names = [name.strip() for name in by.split(",")] if by.strip() else []
        unknown = [name for name in names if name not in DIMENSIONS]
        if unknown:
            known = ", ".join(DIMENSIONS)
            raise PydanticCustomError(
                "dimension",
                "dimension",
                {
                    "zh": f"没有维度 {unknown[0]!r}；可用：{known}。",
                    "en": f"{unknown[0]!r} is not a dimension; there are {known}.",
                },
            )
        if len(names) > MOST_DIMENSIONS or len(set(names)) < len(names):
            raise PydanticCustomError(
                "dimension",
                "dimension",
                {
                    "zh": f"最多 {MOST_DIMENSIONS} 个维度，不可重复。",
                    "en": f"takes at most {MOST_DIMENSIONS} dimensions, each once.",
                },
            )
        return ",".join(names)

    @property
    def dimensions(self) -> list[str]:
        """`by` as a list."""
        return self.by.split(",") if self.by else []


class ScopeAnswer(Answer):
    """What was counted."""

    area: str | None = Field(description="code; this area and everything under it")
    site: UUID | None
    name: str = Field(description="in the caller's language")
    first: date = Field(serialization_alias="from")
    last: date = Field(serialization_alias="to")


class LogAnswer(Answer):
    """How far the log of registrations was applied when the figures were read."""

    epoch: UUID | None
    positions: dict[int, int] = Field(description="by partition, sequence of the last event")
    parked: int = Field(description="events held back by an error, and therefore not counted; normally 0")


class Figures(Answer):
    """The measures of one row."""

    activities: int | None = Field(description="activities with a shift that was not cancelled; null by age band")
    shifts: int | None = Field(description="shifts not cancelled; null by age band")
    seats: int | None = Field(description="capacity of these shifts; null by age band")
    registrations: int = Field(description="all sign-ups")
    confirmed: int = Field(description="sign-ups that hold a place now")
    waitlisted: int = Field(description="sign-ups that wait, or waited until the shift began")
    promotions: int = Field(description="sign-ups that came up from the waitlist")
    cancellations: int = Field(description="sign-ups cancelled, by whomever; not those whose turn did not come")
    attended: int = Field(description="sign-ups whose person came")
    no_shows: int = Field(description="sign-ups whose person did not come")
    service_minutes: int = Field(description="minutes of volunteer service earned")
    offered: int = Field(description="sign-ups that are offered a place and have not answered")
    places: int = Field(description="places that confirmed sign-ups take, parties with all who come along")
    service_hours: float = Field(description="the same in hours, with two digits, cut")
    people: int = Field(description="distinct persons with a sign-up that is not cancelled; never a sum of rows")
    people_attended: int = Field(description="distinct persons who came; never a sum of rows")


class Row(Figures):
    """One row: the code of each dimension asked for, and their names in the caller's language."""

    name: str = Field(description="names of all dimensions of the row")
    day: str | None = Field(default=None, description="YYYY-MM-DD")
    week: str | None = Field(default=None, description="YYYY-Wnn, from Monday, by ISO 8601")
    month: str | None = Field(default=None, description="YYYY-MM")
    quarter: str | None = Field(default=None, description="YYYY-Qn")
    year: str | None = Field(default=None, description="YYYY")
    academic_year: str | None = Field(default=None, description="YYYY-YYYY, from September")
    site: UUID | None = None
    site_name: str | None = None
    area: str | None = Field(default=None, description="the child of the scope's area that the site lies under")
    area_name: str | None = None
    kind: str | None = None
    kind_name: str | None = None
    age_band: str | None = None
    age_band_name: str | None = None


class ParticipationAnswer(BaseModel):
    """The participation report. `rows` hold only the dimensions that were asked for."""

    as_of: datetime = Field(description="everything that was in the log by then is counted; later events may be")
    log: LogAnswer
    scope: ScopeAnswer
    rows: list[Row]
    total: Figures
