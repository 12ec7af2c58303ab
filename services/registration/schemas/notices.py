"""Who is to be told something of a shift, and how to reach staff, as the service that sends mail asks for them."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from services.common.schemas import Answer, Body


class NoticeQuestion(Body):
    """A shift, and what is to be told of it: to the team's leaders or the site's staff, or to staff about hours that
    nobody recorded."""

    shift_id: UUID
    kind: Literal["leaders", "staff", "hours_due", "hours_over"]


class NoticesBody(Body):
    """What is due now."""

    notices: list[NoticeQuestion] = Field(max_length=1000)


class NoticeAnswer(Answer):
    """Whom it concerns, by ids. `needed` is false where there is nothing left to be told."""

    shift_id: UUID
    kind: str
    needed: bool
    people: list[UUID]
    staff: list[UUID]


class NoticesAnswer(Answer):
    """An answer to each, in the order in which they were asked."""

    notices: list[NoticeAnswer]


class StaffContactsBody(Body):
    """Which members of staff are to be written to now."""

    staff: list[UUID] = Field(max_length=1000)


class StaffContact(Answer):
    """How to reach a member of staff; `shifts_url`, with a shift's id behind it, is its roster."""

    staff_id: UUID
    name: str
    email: str
    language: str
    shifts_url: str
    hours_url: str


class StaffContactsAnswer(Answer):
    """Those whose account is open; to be used and forgotten."""

    staff: list[StaffContact]
