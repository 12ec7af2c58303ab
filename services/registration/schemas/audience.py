"""Whom an announcement goes to, as the service that sends mail asks for them."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from services.common.schemas import Answer, Body
from services.registration.schemas.people import Known

LARGEST_PAGE = 10_000


class AudienceBody(Body):
    """Whom: those of an activity, a team or a site, each of this site, or of an area. `asked_by` is the member of staff
    who asks, without it the operator's key."""

    to: Literal["activity", "team", "site", "area"]
    site_id: UUID | None = Field(default=None, description="of all but an area")
    activity_id: UUID | None = None
    shift_ids: list[UUID] = Field(default=[], max_length=400, description="of the activity; empty: all of them")
    places: list[Literal["confirmed", "waitlisted", "attended"]] = Field(default=[], description="empty: all three")
    team_id: UUID | None = None
    area: str | None = None
    asked_by: UUID | None = None
    volunteers_only: bool = False
    language: Literal["zh", "en"] | None = None
    ages: Literal["minors", "adults"] | None = None


class AudiencePageBody(AudienceBody):
    """One page of them."""

    after: UUID | None = Field(default=None, description="the last person of the page before")
    limit: int = Field(default=1000, ge=1, le=LARGEST_PAGE)


class AudienceCountBody(AudienceBody):
    """How many there are. `phones` are the beginnings of the numbers to which an SMS can go; `no_mail` and `no_sms` are
    those who refused announcements by that channel, by the site whose they refused. Where these are too many for one
    question, each has those of the people behind `after`, up to and with `until`, and counts these people."""

    after: UUID | None = None
    until: UUID | None = None
    phones: list[str] = Field(default=[], max_length=20)
    no_mail: dict[UUID, set[UUID]] = Field(default={})
    no_sms: dict[UUID, set[UUID]] = Field(default={})


class AudienceOf(Answer):
    """What was chosen, by name. `objection` says why it may not be: there is no such thing, or it is not theirs."""

    name_zh: str = ""
    name_en: str = ""
    objection: Literal["unknown", "not_theirs"] | None = None


class AudiencePage(AudienceOf):
    """Each person once, with the site in whose name they are written to. `next` is null on the last page."""

    people: list[Known] = Field(default=[])
    next: UUID | None = None


class AudienceCount(AudienceOf):
    """How many, and how they can be reached. `refused` are those whom a channel reaches, and who refused each that
    does."""

    people: int = 0
    by_mail: int = 0
    by_phone: int = 0
    refused: int = 0
    unreached: int = 0


class ColleaguesBody(Body):
    """Who may approve an announcement to this site or this area, in which these `hands` (staff:…, site:…) were; and
    what these actors are called, as far as those who work there may know. `asked_by` acts there just now, wherever they
    work."""

    site_id: UUID | None = None
    area: str | None = None
    hands: list[str] = Field(default=[], max_length=200)
    actors: list[str] = Field(default=[], max_length=200)
    asked_by: UUID | None = None


class ColleaguesAnswer(Answer):
    """`staff` who work at the site, or administer the area, by ids, and whoever asks; but none of the `hands`, whom one
    of them made, or who made one of them. `names` of actors; who may not be named, or is no
    more, is missing."""

    staff: list[UUID]
    names: dict[str, str]


class ChoicesBody(Body):
    """Where somebody works, and who they are: without it the operator's key."""

    site_id: UUID | None = None
    asked_by: UUID | None = None


class Choice(Answer):
    """Something that can be chosen: a team's id, or an area's code."""

    id: str
    name_zh: str
    name_en: str


class ChoicesAnswer(Answer):
    """The teams of the site, and the areas that they look after, the larger first."""

    teams: list[Choice]
    areas: list[Choice]
