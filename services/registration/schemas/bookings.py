"""Bookings of rooms, one by one or recurring."""

from datetime import date, datetime, time, timedelta
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from services.common.errors import Words
from services.common.events import BookingPurpose
from services.common.schemas import Answer, Body, ListQuery, Text
from services.registration.schemas import UNSET, Time
from services.registration.schemas.site_settings import Clock

BookingStatus = Literal["requested", "confirmed", "declined", "cancelled"]
Title = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]


def _fault(kind: str, words: Words) -> PydanticCustomError:
    return PydanticCustomError(kind, "is not possible", {"zh": words.zh, "en": words.en})


class BookingBody(Body):
    """A new booking: for a team, a shift, anything else (with a title), or a block that keeps a room free."""

    room_id: UUID | None = Field(default=None, description="may be left out for a shift whose activity has a room")
    starts_at: Time | None = Field(default=None, description="may be left out for a shift: then when it starts")
    ends_at: Time | None = Field(default=None, description="may be left out for a shift: then when it ends")
    team_id: UUID | None = None
    shift_id: UUID | None = None
    block: bool = Field(default=False, description="nobody may use the room: repairs, a holiday")
    title: Title = Field(default="", description="what for; the team's or activity's name where nothing is said")
    approved: bool = Field(default=False, description="where the room needs approval: that it is given already")

    @model_validator(mode="after")
    def _for_one_thing(self) -> "BookingBody":
        if sum((self.team_id is not None, self.shift_id is not None, self.block)) > 1:
            raise _fault(
                "for_two_things",
                Words("team_id、shift_id、block 只能填一项。", "only one of team_id, shift_id and block can be given."),
            )
        if self.shift_id is None and None in (self.room_id, self.starts_at, self.ends_at):
            raise _fault(
                "when_and_where",
                Words("请填写 room_id、starts_at、ends_at。", "room_id, starts_at and ends_at are needed."),
            )
        if not self.title and self.team_id is None and self.shift_id is None:
            raise _fault("what_for", Words("请填写用途（title）。", "a title that says what for is needed."))
        return self


class BookingEdit(Body):
    """Where and when a booking shall be instead."""

    room_id: UUID = UNSET
    starts_at: Time = UNSET
    ends_at: Time = UNSET
    title: Annotated[Title, Field(min_length=1)] = UNSET
    approved: bool = Field(default=False, description="where the room needs approval: that it is given already")


class ReasonBody(Body):
    """Why; whoever booked is told this."""

    reason: Text = ""


class BookingSeriesBody(Body):
    """A recurring booking, by the clock on the wall: 19:00 stays 19:00 when clocks change."""

    room_id: UUID
    first_day: date
    from_time: Clock
    to_time: Clock = Field(description="later on the same day")
    rrule: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)] = Field(
        description="RFC 5545, as for the shifts of an activity: FREQ=WEEKLY;BYDAY=TU,TH;COUNT=20, with COUNT or UNTIL"
    )
    except_days: Annotated[list[date], Field(max_length=200)] = Field(default_factory=list)
    team_id: UUID | None = None
    block: bool = Field(default=False, description="nobody may use the room then: cleaning, repairs")
    title: Title = ""
    approved: bool = False

    @property
    def lasts(self) -> timedelta:
        """How long each is, by the wall's clock on a day without a change of clocks."""
        begins, ends = (datetime.combine(self.first_day, time.fromisoformat(c)) for c in (self.from_time, self.to_time))
        return ends - begins

    @model_validator(mode="after")
    def _sound(self) -> "BookingSeriesBody":
        if self.to_time <= self.from_time:
            raise _fault(
                "ends_before_it_begins", Words("to_time 应晚于 from_time。", "to_time must be later than from_time.")
            )
        if self.block and self.team_id is not None:
            raise _fault(
                "for_two_things", Words("team_id、block 只能填一项。", "only one of team_id and block can be given.")
            )
        if not self.title and self.team_id is None:
            raise _fault("what_for", Words("请填写用途（title）。", "a title that says what for is needed."))
        return self


class SaveSeriesBody(BookingSeriesBody):
    """A recurring booking to be saved."""

    take: Literal["all", "free"] = Field(
        default="all", description="all: nothing is saved if one date is not free; free: the others are saved"
    )


class BookingQuery(ListQuery):
    """Which bookings: those that touch the time asked for."""

    starts_at: Time | None = Field(default=None, alias="from")
    ends_at: Time | None = Field(default=None, alias="to")
    room_id: UUID | None = None
    team_id: UUID | None = None
    series_id: UUID | None = None
    status: BookingStatus | None = None


class BookingAnswer(Answer):
    """A booking. `setup_minutes` are kept free before and after it."""

    id: UUID
    site_id: UUID
    room_id: UUID
    purpose: BookingPurpose
    shift_id: UUID | None
    team_id: UUID | None
    series_id: UUID | None
    title: str
    starts_at: datetime
    ends_at: datetime
    local_day: date
    setup_minutes: int
    status: BookingStatus
    reason: str
    version: int


class BookingsAnswer(Answer):
    """Bookings, the earliest first."""

    items: list[BookingAnswer]


class Reason(Answer):
    """Why a time cannot be booked."""

    zh: str
    en: str


class Occurrence(Answer):
    """One date of a recurring booking, and why it is not free if it is not."""

    local_day: date
    starts_at: datetime
    ends_at: datetime
    free: bool
    reasons: list[Reason]


class PreviewAnswer(Answer):
    """Every date of a recurring booking; nothing was saved."""

    occurrences: list[Occurrence]
    free: int


class BookingSeriesAnswer(Answer):
    """A recurring booking as it was saved, and the dates that were left out."""

    series_id: UUID
    saved: list[BookingAnswer]
    left_out: list[Occurrence]


class CancelledAnswer(Answer):
    """How many bookings were given up."""

    cancelled: int
