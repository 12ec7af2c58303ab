"""Announcements over HTTP."""

from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from services.common.schemas import Answer, Body, ListQuery
from services.notifications.models import AnnouncementState
from services.notifications.schemas.templates import SmsAnswer

LONGEST_TYPED = 8000
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


class AudienceBody(Body):
    """Whom it goes to. Each person gets it once, whoever was erased or merged does not."""

    to: Literal["activity", "team", "site", "area"]
    activity_id: UUID | None = Field(default=None, description="of `activity`")
    shift_ids: list[UUID] = Field(default=[], max_length=400, description="of the activity; empty: all of its shifts")
    places: list[Literal["confirmed", "waitlisted", "attended"]] = Field(
        default=[], max_length=3, description="of `activity`: who has a place, who waits, who was there; empty: all"
    )
    team_id: UUID | None = Field(default=None, description="of `team`")
    area: str | None = Field(
        default=None, max_length=20, description="of `area`: its code; for those who look after it"
    )
    volunteers_only: bool = False
    language: Literal["zh", "en"] | None = Field(default=None, description="only who reads this language")
    ages: Literal["minors", "adults"] | None = Field(
        default=None, description="only these; whose birth date is not known is neither"
    )


class WordsBody(Body):
    """The words. Values stand in `{{…}}`, parts that are left out where a value in them is empty in `[[…]]`."""

    subject_zh: str = Field(default="", max_length=400)
    text_zh: str = Field(default="", max_length=LONGEST_TYPED)
    subject_en: str = Field(default="", max_length=400, description="with `text_en`, or neither")
    text_en: str = Field(default="", max_length=LONGEST_TYPED)


class AnnouncementBody(WordsBody):
    """An announcement as somebody writes it."""

    audience: AudienceBody
    send_at: AwareDatetime | None = Field(
        default=None, ge=EARLIEST, le=LATEST, description="null: as soon as it is approved"
    )
    per_minute: int | None = Field(default=None, ge=1, le=100_000, description="people per minute at most")


class CopyBody(Body):
    """Nothing to say: a copy has the words and the audience of what it is of."""


class CountedBody(Body):
    """How many people whoever sends or approves it has in mind."""

    people: int = Field(ge=0)


class StopBody(Body):
    """Why it is stopped; may be empty."""

    why: str = Field(default="", max_length=500)


class DeclineBody(Body):
    """Why it is not approved."""

    why: str = Field(max_length=500)


class AnnouncementPreviewBody(WordsBody):
    """Words to look at. Nothing is saved."""

    language: Literal["zh", "en"] = "zh"
    activity_id: UUID | None = Field(default=None, description="whose title the words may name")


class AnnouncementsQuery(ListQuery):
    """Which announcements."""

    state: AnnouncementState | None = None


class CountAnswer(Answer):
    """How many people it goes to now. `refused` are those who refused announcements by each channel that reaches them,
    and get none; `unreached` are those whom no channel reaches. `approvers` are colleagues who may approve it, should
    the caller submit it: without any, it would wait until there is somebody. `few`: they are of an age and fewer than
    five; `people` is 4 then, and nothing more is told."""

    people: int
    few: bool
    by_mail: int
    by_sms: int
    refused: int
    unreached: int
    approvers: int


class AnnouncementAnswer(Answer):
    """An announcement. People and keys are named by id: staff:…, site:…, or operator."""

    id: UUID
    version: int
    state: AnnouncementState
    site_id: UUID | None = Field(description="null: it is to an area")
    audience: AudienceBody
    about_zh: str = Field(description="what the audience is called")
    about_en: str
    subject_zh: str
    text_zh: str
    subject_en: str
    text_en: str
    send_at: datetime | None
    per_minute: int | None
    copied_from: UUID | None
    created_at: datetime
    created_by: str
    people: int | None = Field(
        description="that were counted when it was submitted; null before; of an age, 4 stands for fewer than five"
    )
    unreached: int | None
    refused: int = Field(description="of these people, who refused announcements")
    grown: bool = Field(description="before it went or on its way it came to more people than were confirmed")
    submitted_at: datetime | None
    submitted_by: str | None
    approved_at: datetime | None
    approved_by: str | None = Field(description="null where one person was enough")
    begun_at: datetime | None
    ended_at: datetime | None
    ended_by: str | None = Field(description="who stopped it; system: its audience was gone")
    ended_why: str | None = Field(description="why it was stopped, where that was said")
    declined_at: datetime | None = Field(description="when somebody did not approve it; it is a draft again")
    declined_by: str | None
    declined_why: str | None
    waits: str | None = Field(description="why it does not go on: what keeps registration from saying whom it goes to")


class AnnouncementProgress(AnnouncementAnswer):
    """The same, with how far it has come: how many messages are in each state, `stopped` those among the suppressed
    that did not go because it was stopped. Those without any are left out."""

    written: int = Field(description="people who have a message so far")
    states: dict[str, int]
    quiet_until: datetime | None = Field(
        description="quiet hours: nothing more of it goes out before; null where they do not keep it"
    )


class AnnouncementList(Answer):
    """Announcements, the newest first, each with how far it has come."""

    items: list[AnnouncementProgress]


class AnnouncementPreviewAnswer(Answer):
    """A mail as it would go out, and the SMS for who reads none, where there is a provider of SMS for it."""

    subject: str
    html: str
    text: str
    sms: SmsAnswer | None
