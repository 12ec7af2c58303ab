"""A person's calendar, as HTTP answers of it."""

from pydantic import Field

from services.common.schemas import Answer


class CalendarAnswer(Answer):
    """Whether there is an address."""

    state: str = Field(description="none, works, or over: logging out everywhere ended it")


class NewCalendarAnswer(Answer):
    """The address, shown this once."""

    url: str = Field(description="for the person's calendar to subscribe to: iCalendar, RFC 5545")
