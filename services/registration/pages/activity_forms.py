"""What the forms of activities ask for, in the terms of people: a day, a clock, how often, which roles."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import request
from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from services.common.errors import Words, called, language
from services.common.schemas import Body, Name
from services.registration.codes import ACTIVITY_KINDS, CATEGORIES
from services.registration.models import Activity, Shift
from services.registration.operations.activities.recurrence import at_wall_clock
from services.registration.pages.reminder_forms import RULE_NAMES, rule_values, rules_typed
from services.registration.pages.requirement_forms import list_fields, requirement_values
from services.registration.schemas import Count
from services.registration.schemas.activities import MOST_RULES, ActivityBody, ActivityEdit, Roles, Title
from services.registration.schemas.calendar import Day
from services.registration.schemas.requirements import Requirements
from services.registration.schemas.series import ShiftMinutes, ShiftSeriesBody, WallClock

KINDS = {kind: (words.zh, words.en) for kind, words in ACTIVITY_KINDS.items()}
STATUSES = {
    "draft": ("草稿", "Draft"),
    "published": ("已发布", "Published"),
    "completed": ("已结项", "Completed"),
    "cancelled": ("已取消", "Called off"),
}
REPEATS = {
    "none": ("不重复", "Does not repeat"),
    "daily": ("每天", "Every day"),
    "weekly": ("每周", "Every week"),
    "biweekly": ("每两周", "Every two weeks"),
    "monthly": ("每月同一个星期几", "Every month on the same weekday"),
}
REMINDERS = {
    "10080": Words("一周前", "a week before"),
    "2880": Words("两天前", "two days before"),
    "1440": Words("一天前", "a day before"),
    "120": Words("两小时前", "two hours before"),
    "60": Words("一小时前", "an hour before"),
}
ROLE_ROWS = 3
WHEN_LISTS = [name for n in range(ROLE_ROWS) for name in list_fields(f"when.roles.{n}.requirements")]
TEXTS = ("responsible", "title_en", "description_zh", "description_en", "risks_zh", "risks_en")
SWITCHES = ("volunteering", "public")
MOMENTS = ("registration_opens_at", "registration_closes_at")
OPTIONAL = ("per_person_limit", "room_id", "venue_id", "team_id", "service_category")
MORE = (*MOMENTS, "per_person_limit", "party_limit", "waitlist_order", "promotion", "offer_minutes", "reminder_minutes",
        *(f"reminder_rules.{n}" for n in range(MOST_RULES)), *RULE_NAMES)  # fmt: skip
"""What most activities leave as it is: folded away until somebody wants it, or something there is wrong."""

_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def _listed(given: Any) -> Any:
    """The rows that somebody filled in: a row counts when it has a capacity."""
    rows = list(given.values()) if isinstance(given, dict) else given
    return [row for row in rows if not isinstance(row, dict) or row.get("capacity")] if isinstance(rows, list) else rows


def _dates(given: Any) -> Any:
    """Dates, written one after the other with anything between them that separates."""
    if not isinstance(given, str):
        return given
    words = given.replace(",", " ").replace("、", " ").replace(",", " ").replace(";", " ").split()
    try:
        return [date.fromisoformat(word) for word in words]
    except ValueError:
        raise PydanticCustomError(
            "dates",
            "must be dates such as 2026-10-01",
            {
                "zh": "请写成 2026-10-01 这样的日期，用空格隔开。",
                "en": "must be dates such as 2026-10-01, with spaces.",
            },
        ) from None


class When(Body):
    """When shifts take place, and which roles each has."""

    day: Day
    time: WallClock
    minutes: ShiftMinutes
    repeat: Literal["none", "daily", "weekly", "biweekly", "monthly"] = "none"
    times: Annotated[int, Field(ge=1, le=400)] = 1
    skip: Annotated[list[Day], BeforeValidator(_dates), Field(max_length=100)] = Field(default_factory=list)
    roles: Annotated[Roles, BeforeValidator(_listed)]

    def series(self, zone: ZoneInfo, preview: bool) -> ShiftSeriesBody:
        """The same as a rule; once is a series of one."""
        first = at_wall_clock(datetime.combine(self.day, datetime.strptime(self.time, "%H:%M").time()), zone)
        return ShiftSeriesBody(
            rrule=f"{self._rule()};COUNT={1 if self.repeat == 'none' else self.times}",
            first_starts_at=first,
            minutes=self.minutes,
            exceptions=self.skip,
            roles=self.roles,
            preview=preview,
        )

    def _rule(self) -> str:
        nth = (self.day.day - 1) // 7 + 1
        weekday = f"{nth if nth < 5 else -1}{_WEEKDAYS[self.day.weekday()]}"
        return {
            "none": "FREQ=DAILY",
            "daily": "FREQ=DAILY",
            "weekly": "FREQ=WEEKLY",
            "biweekly": "FREQ=WEEKLY;INTERVAL=2",
            "monthly": f"FREQ=MONTHLY;BYDAY={weekday}",
        }[self.repeat]


class NewActivity(ActivityBody):
    """A new activity with its first shifts."""

    when: When
    venue_id: UUID | None = None

    def activity(self) -> ActivityBody:
        """Without the shifts and the venue, which has an operation of its own."""
        return ActivityBody.model_validate(self.model_dump(exclude={"when", "venue_id"}))


class ChangedActivity(ActivityEdit):
    """An activity as staff change it."""

    venue_id: UUID | None = None

    def activity(self) -> ActivityEdit:
        """Without the venue, which has an operation of its own."""
        return ActivityEdit.model_validate(self.model_dump(exclude_unset=True, exclude={"venue_id"}))


class ShiftForm(Body):
    """A shift as staff change it; `following`: all that follow it in its series too."""

    day: Day
    time: WallClock
    minutes: ShiftMinutes
    capacity: Count
    role_zh: Name
    role_en: Title = ""
    requirements: Requirements = Field(default_factory=Requirements)
    following: bool = False


def activity_fields(zone: ZoneInfo, clearing: bool = False) -> dict[str, Any]:
    """What a form cannot say by itself: a box left empty, a time without a zone; with `clearing`, an emptied field."""
    fields: dict[str, Any] = {name: name in request.form for name in SWITCHES}
    fields |= {name: _moment(request.form.get(name, ""), zone) for name in MOMENTS}
    fields |= {"reminder_minutes": request.form.getlist("reminder_minutes"), "reminder_rules": rules_typed()}
    if clearing:
        fields |= {name: request.form.get(name, "") for name in TEXTS}
        fields |= {name: request.form.get(name) or None for name in OPTIONAL}
    return fields


def activity_values(activity: Activity, zone: ZoneInfo) -> dict[str, Any]:
    """An activity as the form shows it."""
    names = (
        "kind",
        "title_zh",
        "place",
        "party_limit",
        "waitlist_order",
        "promotion",
        "offer_minutes",
        *TEXTS,
        *OPTIONAL,
    )
    values = {name: getattr(activity, name) for name in names}
    values |= {name: "on" if getattr(activity, name) else "" for name in SWITCHES}
    values["reminder_minutes"] = [str(minutes) for minutes in activity.reminder_minutes]
    values |= rule_values(activity)
    return values | {name: _shown(getattr(activity, name), zone) for name in MOMENTS}


def shift_values(shift: Shift, zone: ZoneInfo) -> dict[str, Any]:
    """A shift as the form shows it."""
    local = shift.starts_at.astimezone(zone)
    minutes = round((shift.ends_at - shift.starts_at).total_seconds() / 60)
    values = {"day": str(local.date()), "time": f"{local:%H:%M}", "minutes": minutes, "capacity": shift.capacity}
    values |= {"role_zh": shift.role_zh, "role_en": shift.role_en}
    return values | requirement_values(shift.requirements, "requirements")


def translated(words: dict[Any, tuple[str, str]]) -> list[tuple[str, str]]:
    """Choices in the reader's language, for the macro `choice`."""
    return [(str(key), zh if language() == "zh" else en) for key, (zh, en) in words.items()]


def category_choices(now: str) -> list[tuple[str, str]]:
    """The kinds of volunteer service to choose from, with the one that is chosen now, whatever it is."""
    known = {code: (words.zh, words.en) for code, words in CATEGORIES.items()}
    return translated({"": ("不填", "None")} | ({} if now in known or not now else {now: (now, now)}) | known)


def named(rows: Iterable[Any]) -> list[tuple[str, str]]:
    """Rooms or teams as choices."""
    return [(str(row.id), str(called(row))) for row in rows]


def _moment(text: str, zone: ZoneInfo) -> Any:
    """The moment that a field shows by the site's clock; what is none is left for the model to refuse."""
    try:
        return at_wall_clock(datetime.fromisoformat(text).replace(tzinfo=None), zone) if text else None
    except ValueError:
        return text


def _shown(moment: datetime | None, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%dT%H:%M}" if moment else ""
