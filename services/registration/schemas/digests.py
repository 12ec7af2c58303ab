"""What staff are told of a day, as the service that sends mail asks for it: ids, numbers and titles, nobody's name."""

from datetime import date, datetime
from uuid import UUID

from pydantic import Field

from services.common.schemas import Answer, Body


class DigestQuestion(Body):
    """A site, and the day that is told of."""

    site_id: UUID
    day: date


class DigestsBody(Body):
    """What is due now."""

    digests: list[DigestQuestion] = Field(max_length=100)


class DigestShift(Answer):
    """A shift of that day. `where` is its room, or the activity's place. `without_consent`: places of people who lack a
    consent that the shift asks for, or a guardian's."""

    shift_id: UUID
    title_zh: str
    title_en: str
    role_zh: str
    role_en: str
    where_zh: str
    where_en: str
    starts_at: datetime
    ends_at: datetime
    places: int
    confirmed: int
    waitlisted: int
    offered: int
    without_consent: int


class DigestAttendance(Answer):
    """A shift of the two days before that is over: how many did not come, and of how many nobody said it yet."""

    shift_id: UUID
    title_zh: str
    title_en: str
    starts_at: datetime
    absent: int
    open: int


class DigestAnswer(Answer):
    """The facts of one, and who works at the site, by ids."""

    site_id: UUID
    day: date
    shifts: list[DigestShift]
    attendance: list[DigestAttendance]
    staff: list[UUID]


class DigestsAnswer(Answer):
    """An answer to each, in the order in which they were asked; a site that is not there any more has none."""

    digests: list[DigestAnswer]
