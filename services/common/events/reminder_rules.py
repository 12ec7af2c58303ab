"""Rules by which an activity reminds: who, when, and what becomes of a reminder that comes late.

ReminderRule(to="participants", minutes_before=1440)
ReminderRule(to="leaders", days_before=1, at="19:00")                       # the evening before
ReminderRule(to="participants", days_before=2, at="09:00", only_unconfirmed=True)

One flat shape, so that a form has a field for each and an event carries it as it is. `reminder_minutes` of an activity
are its plainest rules: offsets, to whoever has a place.
"""

from enum import StrEnum
from typing import Any, LiteralString

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

CLOCK = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"


class ReminderTo(StrEnum):
    """Whom a rule reminds: who has a place, the leaders of the activity's team, the site's staff."""

    PARTICIPANTS = "participants"
    LEADERS = "leaders"
    STAFF = "staff"


class Late(StrEnum):
    """What becomes of a reminder that could not go out when it was due.

    `latest`: it goes out while the shift lies ahead, unless a later one of the same shift is due by now as well.
    `send`: it goes out all the same. `skip`: it is dropped when it is more than a quarter of an hour late.
    """

    LATEST = "latest"
    SEND = "send"
    SKIP = "skip"


class ReminderRule(BaseModel):
    """Either `minutes_before` the start of a shift, or `at` a time on the site's clocks, `days_before` its day. What
    goes to staff by the clock comes on the working day before where that day is none."""

    model_config = ConfigDict(frozen=True)
    to: ReminderTo = ReminderTo.PARTICIPANTS
    minutes_before: int | None = Field(default=None, ge=1, le=43_200)
    days_before: int | None = Field(default=None, ge=0, le=30)
    at: str | None = Field(default=None, pattern=CLOCK, description="HH:MM on the site's clocks")
    only_unconfirmed: bool = Field(default=False, description="only who has not said that they will come")
    late: Late = Late.LATEST

    @model_validator(mode="after")
    def _one_time(self) -> "ReminderRule":
        by_clock = self.days_before is not None and self.at is not None
        half = (self.days_before is None) != (self.at is None)
        if half or by_clock == (self.minutes_before is not None):
            raise _wrong(
                "reminder_time",
                "请填写提前几分钟，或者提前几天和几点，二者择一。",
                "needs either minutes_before, or days_before with at.",
            )
        if self.only_unconfirmed and self.to != ReminderTo.PARTICIPANTS:
            raise _wrong(
                "only_unconfirmed",
                "“只提醒未确认的”只适用于参与者。",
                "only_unconfirmed is for participants alone.",
            )
        return self

    @property
    def name(self) -> str:
        """What tells it from the other rules of the same shift and audience: `1440`, `1d19:00`, `120/unconfirmed`."""
        when = str(self.minutes_before) if self.minutes_before is not None else f"{self.days_before}d{self.at}"
        return f"{when}/unconfirmed" if self.only_unconfirmed else when

    def stored(self) -> dict[str, Any]:
        """As it is kept and sent, without what is not said."""
        return self.model_dump(mode="json", exclude_none=True)


def _wrong(kind: LiteralString, zh: str, en: LiteralString) -> PydanticCustomError:
    return PydanticCustomError(kind, en, {"zh": zh, "en": en})
