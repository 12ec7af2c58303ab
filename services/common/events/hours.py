"""Events of service records, of objections to them, and of certificates."""

from datetime import date
from enum import StrEnum
from uuid import UUID

from pydantic import Field

from services.common.events.envelope import Event


class How(StrEnum):
    """How hours came about."""

    SCANNED = "scanned"
    CONFIRMED = "confirmed"
    ENTERED_LATER = "entered_later"
    IMPORTED = "imported"


class ServiceRecordEvent(Event):
    """A service record, by its place in its site's chain."""

    record_id: UUID
    site_id: UUID
    number: int = Field(description="place in the site's chain, without gaps")
    hash: str = Field(description="SHA-256 in hex, over the record and the hash before: whoever kept it can prove it")
    person_id: UUID
    registration_id: UUID | None = Field(description="none for records of past years that were imported")
    activity_id: UUID | None
    shift_id: UUID | None
    day: date
    minutes: int
    how: How
    late: bool = Field(description="recorded more than ten working days after the shift")

    @property
    def aggregate(self) -> str:
        return str(self.activity_id or self.site_id)


class ServiceRecordRecorded(ServiceRecordEvent):
    """Hours of service were recorded. Entries that wait for a second person are not told of until they count.

    Where there is no activity (an imported record), the site is the aggregate.
    """

    type = "hesheng.service_record.recorded.v1"


class ServiceRecordCorrected(ServiceRecordEvent):
    """A later record took the place of an earlier one, which is kept; 0 minutes where it was withdrawn."""

    type = "hesheng.service_record.corrected.v1"
    corrects: UUID


class ObjectionEvent(Event):
    """What a volunteer said against a record."""

    objection_id: UUID
    record_id: UUID
    site_id: UUID
    activity_id: UUID | None
    person_id: UUID
    due_on: date = Field(description="the day by which it is to be decided")

    @property
    def aggregate(self) -> str:
        return str(self.activity_id or self.site_id)


class ServiceRecordObjected(ObjectionEvent):
    """A volunteer objected to a record of theirs."""

    type = "hesheng.service_record.objected.v1"


class ObjectionDecided(ObjectionEvent):
    """An objection was decided. Where it was upheld, the corrected record has an event of its own."""

    type = "hesheng.service_record.objection_decided.v1"
    upheld: bool


class MissingHoursEvent(Event):
    """What a volunteer said of a shift for which they have no record."""

    objection_id: UUID
    registration_id: UUID
    site_id: UUID
    activity_id: UUID
    person_id: UUID
    due_on: date = Field(description="the day by which it is to be decided")

    @property
    def aggregate(self) -> str:
        return str(self.activity_id)


class MissingHoursClaimed(MissingHoursEvent):
    """A volunteer says that they gave hours of which there is no record."""

    type = "hesheng.service_hours.claimed.v1"


class MissingHoursDecided(MissingHoursEvent):
    """It was decided. Where it was upheld, the hours were entered, and have an event of their own once they count."""

    type = "hesheng.service_hours.claim_decided.v1"
    upheld: bool


class CertificateEvent(Event):
    """A certificate of service."""

    certificate_id: UUID
    site_id: UUID
    person_id: UUID
    minutes: int
    period_from: date
    period_to: date

    @property
    def aggregate(self) -> str:
        return str(self.site_id)


class CertificateIssued(CertificateEvent):
    """A certificate was made from records."""

    type = "hesheng.certificate.issued.v1"


class CertificateOutdated(CertificateEvent):
    """A record that a certificate rests on was corrected, or became another's by a merge or by undoing one: the paper
    says other hours than stand, and the verification page says so; or the same again, where a merge gave them back."""

    type = "hesheng.certificate.outdated.v1"
    standing_minutes: int = Field(ge=0, description="what stands by now of its records")


class CertificateRevoked(CertificateEvent):
    """A certificate no longer holds; the verification page says so."""

    type = "hesheng.certificate.revoked.v1"
