"""Events of organisations, their parts in activities, and plaques."""

from datetime import date
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, Field

from services.common.events.envelope import Event


class OrganisationRole(StrEnum):
    """In which role an organisation takes part in an activity."""

    GUIDING_UNIT = "guiding_unit"
    HOST = "host"
    ORGANISER = "organiser"
    CO_ORGANISER = "co_organiser"
    PARTNER = "partner"


class OrganisationSaved(Event):
    """An organisation was added to the directory or changed."""

    type = "hesheng.organisation.saved.v1"
    organisation_id: UUID
    site_id: UUID | None = Field(description="the site that added it for itself; null for the whole installation")
    name_zh: str
    name_en: str
    kind: str = Field(description="government, association, enterprise, school, hospital, media or other")

    @property
    def aggregate(self) -> str:
        return str(self.organisation_id)


class TakingPart(BaseModel):
    """One organisation's part."""

    organisation_id: UUID
    role: OrganisationRole


class ActivityOrganisationsSet(Event):
    """Who takes part in an activity and how: the whole list, in order, in place of any earlier one.

    May come before the activity is published: keep it by the activity's id.
    """

    type = "hesheng.activity.organisations_set.v1"
    activity_id: UUID
    site_id: UUID
    organisations: list[TakingPart]

    @property
    def aggregate(self) -> str:
        return str(self.activity_id)


class DesignationSaved(Event):
    """A plaque of a site, or of a team, was hung, changed or taken away, as it now stands."""

    type = "hesheng.designation.saved.v1"
    designation_id: UUID
    site_id: UUID
    team_id: UUID | None
    name_zh: str
    name_en: str
    granted_by: str
    organisation_id: UUID | None = Field(description="who granted it, where the directory has them")
    valid_from: date
    valid_until: date | None = Field(description="first day on which it no longer holds")
    revoked_on: date | None

    @property
    def aggregate(self) -> str:
        return str(self.site_id)
