"""Events of people: volunteers, consents, doubles that were made one person, people who were erased.

Ids, numbers and codes only. What is told of a person at a site is ordered within that person.
"""

from uuid import UUID

from pydantic import Field

from services.common.events.envelope import Event
from services.common.events.registrations import AgeBand


class PersonMerged(Event):
    """Two people turned out to be one. From now on the first number counts as the second, whichever events say it."""

    type = "hesheng.person.merged.v1"
    merge_id: UUID
    person_id: UUID = Field(description="who was merged")
    person_number: int
    into_id: UUID = Field(description="the survivor")
    into_number: int

    @property
    def aggregate(self) -> str:
        return str(self.merge_id)


class PersonUnmerged(PersonMerged):
    """A merge was undone: they are two people again. Always after the merge that it names."""

    type = "hesheng.person.unmerged.v1"


class PersonErased(Event):
    """A person's identity was erased. What is kept of them under this id says nothing of who they were."""

    type = "hesheng.person.erased.v1"
    person_id: UUID

    @property
    def aggregate(self) -> str:
        return str(self.person_id)


class PersonAtSiteEvent(Event):
    """Something of a person at a site."""

    person_id: UUID
    person_number: int = Field(description="dense number of the person, for compact sets")
    site_id: UUID

    @property
    def aggregate(self) -> str:
        return str(self.person_id)


class PersonErasedAtSite(PersonAtSiteEvent):
    """What a site was told of a person was erased there; another may know them still. Kept beside registration, so that
    an erasure outlives a restore of its database."""

    type = "hesheng.person.erased_at_site.v1"


class VolunteerRegistered(PersonAtSiteEvent):
    """A person became a volunteer of a site."""

    type = "hesheng.volunteer.registered.v1"
    categories: list[str] = Field(description="codes of the kinds of service that they offer")
    age_band: AgeBand = Field(description="on the day of the registration")
    how: str = Field(description="how the word came: `online`, `desk`, `phone`, `paper` or `site`")


class VolunteerChanged(PersonAtSiteEvent):
    """A volunteer offers other kinds of service from now on."""

    type = "hesheng.volunteer.changed.v1"
    categories: list[str] = Field(description="all of them, as they are now")


class VolunteerEnded(PersonAtSiteEvent):
    """A volunteer of a site was erased there. Their service records stay, under an id that leads to nobody."""

    type = "hesheng.volunteer.ended.v1"


class ConsentWithdrawn(PersonAtSiteEvent):
    """A consent of a kind, in every version, holds no longer at a site; by an erasure as well."""

    type = "hesheng.consent.withdrawn.v1"
    kind: str = Field(description="such as `photo` or `guardian_volunteering`")
    given_by: str = Field(description="whose word it was: `person` or `guardian`")
