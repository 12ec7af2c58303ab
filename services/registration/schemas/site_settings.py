"""What a site sets for itself: hours, language, branding, contact, quiet hours, ages, and how rooms are shared."""

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from services.common.schemas import Answer, Body
from services.registration.schemas import UNSET
from services.registration.schemas.people import Email, Language, Phone

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

READABLE = 4.5
"""Contrast that text needs against its background (WCAG 2.1, 1.4.3, level AA)."""


def contrast_with_white(colour: str) -> float:
    """Contrast of `#RRGGBB` with white, from 1 (none) to 21, by WCAG 2.1."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


def _readable(colour: str) -> str:
    contrast = contrast_with_white(colour) if colour else READABLE
    if contrast < READABLE:
        raise PydanticCustomError(
            "hard_to_read",
            "is too light",
            {
                "zh": f"太浅：白字的对比度只有 {contrast:.1f}，至少应为 {READABLE}。请选更深的颜色。",
                "en": f"is too light: white text has a contrast of {contrast:.1f} and needs {READABLE}.",
            },
        )
    return colour.lower()


def minutes_of(clock: str) -> int:
    """Minutes since midnight of `HH:MM`."""
    return int(clock[:2]) * 60 + int(clock[3:])


def _in_order(hours: list[tuple[str, str]]) -> list[tuple[str, str]]:
    hours = sorted(hours)
    points: Sequence[int] = [minutes_of(clock) for pair in hours for clock in pair]
    if any(later <= earlier for earlier, later in pairwise(points)):
        raise PydanticCustomError(
            "hours_not_in_order",
            "must not overlap",
            {
                "zh": "每段应先开后关，各段不能重叠或相接。",
                "en": "each must open before it closes, and none overlap or touch.",
            },
        )
    return hours


Clock = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$"), Field(description="HH:MM, local")]
Closing = Annotated[str, StringConstraints(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")]
Hours = Annotated[list[tuple[Clock, Closing]], Field(max_length=6), AfterValidator(_in_order)]
Colour = Annotated[str, StringConstraints(pattern=r"^(#[0-9A-Fa-f]{6})?$"), AfterValidator(_readable)]
Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]
ShortName = Annotated[str, StringConstraints(strip_whitespace=True, max_length=20)]


class HoursException(Body):
    """A day with hours of its own; none at all for a closed one."""

    date: date
    hours: Hours = Field(default_factory=list)
    note_zh: Note = ""
    note_en: Note = ""


def _one_a_day(exceptions: list[HoursException]) -> list[HoursException]:
    exceptions = sorted(exceptions, key=lambda one: one.date)
    if len({one.date for one in exceptions}) < len(exceptions):
        raise PydanticCustomError(
            "a_day_twice", "names a day twice", {"zh": "同一天出现两次。", "en": "names a day twice."}
        )
    return exceptions


Exceptions = Annotated[list[HoursException], Field(max_length=400), AfterValidator(_one_a_day)]


class SettingsEdit(Body):
    """What of a site's settings shall change."""

    language: Language = UNSET
    opening_hours: dict[Weekday, Hours] = Field(
        default=UNSET, description="by day of the week; a day that is not named is closed; `{}` means always open"
    )
    exceptions: Exceptions = Field(default=UNSET, description="days with other hours: holidays, repairs")
    short_name_zh: ShortName = UNSET
    short_name_en: ShortName = UNSET
    colour: Colour = Field(default=UNSET, description="#RRGGBB dark enough for white text; empty for the usual one")
    public_phone: Phone | Literal[""] = Field(default=UNSET, description="the office's, shown to people")
    public_email: Email | Literal[""] = Field(default=UNSET, description="the office's, shown to people")
    quiet_from: Clock = Field(default=UNSET, description="from then on people are left in peace")
    quiet_until: Clock = UNSET
    minimum_age: int = Field(default=UNSET, ge=0, le=120, description="nobody younger signs up here; 0 for no limit")
    guardian_below: int = Field(
        default=UNSET, ge=14, le=18, description="who is younger needs a guardian's consent; the law's 14 or stricter"
    )
    team_minutes_per_week: Annotated[int, Field(ge=15, le=10_080)] | None = Field(
        default=None, description="how long a team may have rooms in one week, Monday to Sunday; null for no limit"
    )
    booking_horizon_days: Annotated[int, Field(ge=1, le=730)] | None = Field(
        default=None, description="how far ahead a team may book; null for no limit"
    )


class SettingsAnswer(Answer):
    """A site's settings."""

    site_id: UUID
    time_zone: str
    language: str
    opening_hours: dict[Weekday, list[tuple[str, str]]]
    exceptions: list[HoursException]
    short_name_zh: str
    short_name_en: str
    colour: str
    has_logo: bool
    public_phone: str
    public_email: str
    quiet_from: str
    quiet_until: str
    minimum_age: int
    guardian_below: int
    team_minutes_per_week: int | None
    booking_horizon_days: int | None
    version: int


class SiteAreaAnswer(Answer):
    """Where a site lies, from a day on."""

    area: str
    valid_from: date


class SiteAreasAnswer(Answer):
    """Where a site lay, the earliest first."""

    items: list[SiteAreaAnswer]
