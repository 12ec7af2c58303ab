"""What the reporting API accepts and answers."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal, LiteralString
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, Field, StringConstraints, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from services.common.schemas import Answer, AreaCode, ListQuery, Query
from services.reporting.labels import AGE_BANDS, DIMENSIONS, KINDS
from services.reporting.operations.facts import BEHIND, Behind
from services.reporting.operations.periods import calendar_of, end_of_month
from services.reporting.operations.query import FIGURES, Ask, Compare

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


class _About(Query):
    """Of what, and when."""

    area: AreaCode | None = Field(default=None, description="code of an area: it and everything under it")
    site: UUID | None = Field(default=None, description="a site; a site's key may leave it out")
    first: Day = Field(alias="from", description="first day of the shifts counted, in the site's time zone")
    last: Day = Field(alias="to", description=f"last day, inclusive; at most {MOST_YEARS} years after the first")

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


class _Question(_About):
    """By which dimensions, besides."""

    by: Annotated[str, StringConstraints(max_length=200)] = Field(
        default="",
        description=f"up to {MOST_DIMENSIONS} of {', '.join(DIMENSIONS)}, separated by commas; none: only the total",
    )

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


class ParticipationQuery(_Question):
    """Which figures of what."""

    format: Literal["json", "csv"] = "json"


class ReportQuery(_Question):
    """The grammar of reports: `measure`, `by`, `where`, `from`, `to`, `compare`."""

    measure: Annotated[str, StringConstraints(max_length=500)] = Field(
        default="registrations,attended,people",
        description=f"any of {', '.join(FIGURES)}, separated by commas; a share goes from 0 to 1",
    )
    where: Annotated[str, StringConstraints(max_length=500)] = Field(
        default="",
        description="what alone is counted: `kind:class|visit;age_band:60_plus`",
    )
    compare: Compare | None = Field(
        default=None,
        description="`previous`: as long a time right before; `last_year`: the same a year earlier. Each figure then"
        " has another one with `_before` after its name",
    )
    format: Literal["json", "csv", "xlsx"] = "json"

    @field_validator("measure")
    @classmethod
    def _check_measures(cls, measure: str) -> str:
        names = _listed(measure)
        unknown = next((name for name in names if name not in FIGURES), None)
        if unknown is not None or not names or len(set(names)) < len(names):
            raise _unknown("measure", unknown or measure, FIGURES)
        return ",".join(names)

    @field_validator("where")
    @classmethod
    def _check_limits(cls, where: str) -> str:
        for name, codes in _limits(where):
            known: Sequence[str] = list(LIMITED.get(name, ()))
            if not known:
                raise _unknown("where", name, list(LIMITED))
            unknown = next((code for code in codes if code not in known), None)
            if unknown is not None or not codes:
                raise _unknown("where", unknown or name, known)
        return where

    @property
    def asked(self) -> Ask:
        """As the question that is answered."""
        only = {name: sorted(set(codes)) for name, codes in _limits(self.where)}
        return Ask(self.first, self.last, _listed(self.measure), self.dimensions, only, self.compare)


class FactsQuery(_About, ListQuery):
    """Behind which figure of the participation report."""

    figure: Annotated[str, StringConstraints(max_length=50)] = Field(description=f"one of {', '.join(BEHIND)}")
    kind: Annotated[str, StringConstraints(max_length=50)] | None = Field(default=None, description="of this one alone")
    age_band: Annotated[str, StringConstraints(max_length=50)] | None = Field(default=None, description="likewise")
    month: Annotated[str, StringConstraints(max_length=50)] | None = Field(
        default=None, description="YYYY-MM; of the days from `from` to `to` those in this month"
    )

    @field_validator("figure", "kind", "age_band")
    @classmethod
    def _check_names(cls, name: str | None, info: ValidationInfo) -> str | None:
        known = {"figure": BEHIND, **LIMITED}[str(info.field_name)]
        if name is not None and name not in known:
            raise _unknown("name", name, known)
        return name

    @field_validator("month")
    @classmethod
    def _check_month(cls, month: str | None, info: ValidationInfo) -> str | None:
        first, last = info.data.get("first"), info.data.get("last")
        if month is not None and first and last:
            months = [code for _, code in calendar_of("month", first, last)]
            if month not in months:
                raise _unknown("month", month, [*months[:1], "…", *months[-1:]])
        return month

    @property
    def behind(self) -> Behind:
        """As the figure that is asked about."""
        first, last = self.first, self.last
        if self.month:
            begin = date.fromisoformat(f"{self.month}-01")
            first, last = max(first, begin), min(last, end_of_month(begin))
        only = {"kind": self.kind, "age_band": self.age_band}
        return Behind(self.figure, first, last, {name: code for name, code in only.items() if code})


LIMITED: dict[str, Mapping[str, Any]] = {"kind": KINDS, "age_band": AGE_BANDS}


def _listed(written: str, sign: str = ",") -> list[str]:
    return [part.strip() for part in written.split(sign) if part.strip()]


def _limits(where: str) -> list[tuple[str, list[str]]]:
    parts = [part.partition(":") for part in _listed(where, ";")]
    return [(name.strip(), _listed(codes, "|")) for name, _, codes in parts]


def _unknown(kind: LiteralString, what: str, known: Iterable[str]) -> PydanticCustomError:
    there = ", ".join(known)
    told = {
        "zh": f"没有 {what!r}，或重复；可用：{there}。",
        "en": f"{what!r} is not known, or named twice; there are {there}.",
    }
    return PydanticCustomError(kind, kind, told)


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


class ColumnAnswer(BaseModel):
    """A column of the rows. `kind`: `code` or `label` say of what a row is; `count`, `people`, `minutes` and `share`
    are figures."""

    name: str
    title: str = Field(description="in the caller's language")
    kind: str


class ReportAnswer(BaseModel):
    """The answer. A figure that is null is withheld, because the group is small; one that a row does not have means
    nothing there, such as seats of an age band."""

    as_of: datetime = Field(description="everything that was in the log by then is counted; later events may be")
    log: LogAnswer
    scope: ScopeAnswer
    columns: list[ColumnAnswer]
    rows: list[dict[str, Any]] = Field(description="values by the columns' names")
    total: dict[str, Any] = Field(description="figures of all together; people are counted once")
    notes: list[str]


class FactAnswer(Answer):
    """One registration, without whose it is."""

    registration_id: UUID
    site: UUID
    shift: UUID
    activity: UUID
    day: date
    kind: str
    age_band: str
    status: str = Field(description="confirmed, waitlisted, offered or cancelled")
    promoted: bool = Field(description="came up from the waitlist")
    outcome: str | None = Field(description="present, attended or no_show; null where nobody has said")
    service_minutes: int
    places: int
    person: str = Field(description="the same for the same person, in this list alone; another one in the next")
    adds: int | None = Field(description="what it adds to the figure; null for people, who are counted once")


class FactsAnswer(BaseModel):
    """The facts behind a figure. `value` is the figure: the sum of what all of them add, or of people how many there
    are. Pages that are read later may be of a later state of the log: each says of which."""

    as_of: datetime = Field(description="everything that was in the log by then is counted; later events may be")
    log: LogAnswer
    scope: ScopeAnswer
    figure: str
    value: int
    items: list[FactAnswer]


class DifferenceAnswer(Answer):
    """A figure of a cell that is not what it should be."""

    what: str = Field(description="`site` or `area`")
    node: str = Field(description="the site's id, or the area's code")
    month: date
    kind: str = Field(description="`*` is every kind")
    age_band: str = Field(description="`*` is every age band")
    figure: str = Field(description="`cell`: one is there that should not be, or the other way round")
    stored: int | None = Field(description="null where it cannot be read")
    counted: int
    missing: int | None = Field(description="of sets: how many should be in it and are not")
    surplus: int | None = Field(description="of sets: how many are in it and should not be")


class RecountAnswer(Answer):
    """A recount."""

    id: int
    started_at: datetime
    finished_at: datetime | None = Field(description="null while it goes on")
    months: int = Field(description="months of sites and of areas that were compared, with all their cells")
    left_out: int = Field(description="months that were marked to be computed anew, and so said that they are behind")
    differences: int
    found: list[DifferenceAnswer] = Field(description="the first hundred")


class RecountsAnswer(Answer):
    """The two latest, newest first."""

    items: list[RecountAnswer]
