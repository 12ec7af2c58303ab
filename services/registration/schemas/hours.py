"""Attendance in its several ways, service records, later entries, flags, objections."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from services.common.schemas import Answer, Body, ListQuery, Query
from services.registration.schemas import Time

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=500)]
HowKnown = Literal["scanned", "confirmed", "entered_later", "imported"]
FlagKind = Literal[
    "many_hours_day", "many_hours_week", "two_places", "in_bulk", "one_hand", "by_leader", "one_inviter", "late"
]
MOST_AT_ONCE = 500
TAP_ID = r"^[A-Za-z0-9._-]{8,64}$"


class CodeAnswer(Answer):
    """The code for the screen at the desk or the door. Ask again after `seconds`."""

    token: str
    seconds: int
    url: str = Field(description="what the QR code holds")
    svg: str = Field(description="the QR code as an inline picture")


class ScanBody(Body):
    """What a resident's phone read from the screen."""

    token: Annotated[str, StringConstraints(pattern=r"^[A-Za-z2-7]{16}$")]
    leave: bool = Field(default=False, description="to check out")


class RollEntry(Body):
    """One line of the leader's list."""

    registration_id: UUID
    outcome: Literal["present", "attended", "no_show"] = Field(
        description="present: came, and is still there; attended: came and left"
    )


class RollBody(Body):
    """The leader's whole list."""

    entries: list[RollEntry] = Field(min_length=1, max_length=MOST_AT_ONCE)

    @model_validator(mode="after")
    def _each_once(self) -> "RollBody":
        no_doubles([str(entry.registration_id) for entry in self.entries])
        return self


class Tap(Body):
    """One tap on a page that may have been offline."""

    id: Annotated[str, StringConstraints(pattern=TAP_ID)] = Field(
        description="drawn on the device, so that a tap sent twice is one"
    )
    registration_id: UUID
    what: Literal["in", "out", "no_show", "void"]
    at: Time
    voids: Annotated[str, StringConstraints(pattern=TAP_ID)] | None = Field(
        default=None, description="of a void: the tap or entry that it takes back, also one that is sent later"
    )

    @model_validator(mode="after")
    def _void_names_one(self) -> "Tap":
        if (self.what == "void") != (self.voids is not None):
            raise PydanticCustomError(
                "void_names_one",
                "needs voids exactly where it is a void",
                {"zh": "撤销时请指明撤销哪一次，其他情况不填。", "en": "needs voids exactly where it is a void."},
            )
        return self


class TapsBody(Body):
    """Taps, in any order."""

    taps: list[Tap] = Field(min_length=1, max_length=MOST_AT_ONCE)


class TapVerdict(Answer):
    """What became of a tap. A refused one is not kept here: `detail` says why, and whoever sent it keeps it. A pending
    one came too late and waits for a second person as a later entry."""

    id: str
    verdict: Literal["recorded", "already", "pending", "refused"]
    detail: str = ""


class TapsAnswer(Answer):
    """What became of each tap."""

    results: list[TapVerdict]


class EntryAnswer(Answer):
    """Something said of a registration that nobody took back."""

    id: UUID
    what: Literal["in", "out", "no_show"]
    at: datetime
    how: HowKnown


class AttendeeAnswer(Answer):
    """Somebody on the check-in list."""

    registration_id: UUID
    person_id: UUID
    name: str
    party_size: int
    outcome: Literal["present", "attended", "no_show"] | None
    checked_in_at: datetime | None
    checked_out_at: datetime | None
    service_minutes: int
    how: HowKnown | None = Field(description="the weakest of the ways in which check-in and check-out are known")
    entries: list[EntryAnswer] = Field(description="what was said and stands, in the order in which it came")
    version: int


class AttendeesAnswer(Answer):
    """The check-in list of a shift."""

    items: list[AttendeeAnswer]


class LaterEntryBody(Body):
    """Hours said after the fact; or, with `absent`, that somebody did not come."""

    absent: bool = False
    checked_in_at: Time | None = None
    checked_out_at: Time | None = None
    reason: Reason = Field(description="why only now, and how it is known; no names")

    @model_validator(mode="after")
    def _times_unless_absent(self) -> "LaterEntryBody":
        given = (self.checked_in_at is not None, self.checked_out_at is not None)
        if given != (not self.absent,) * 2:
            raise PydanticCustomError(
                "times_unless_absent",
                "needs both times, or absent and neither",
                {"zh": "请填写到达和离开时间；没有来的不填时间。", "en": "needs both times, or absent and neither."},
            )
        return self


class EntryDecisionBody(Body):
    """Why it was decided so."""

    reason: Reason


class LaterEntryAnswer(Answer):
    """Hours said after the fact, or without times an absence, and what was decided."""

    id: UUID
    registration_id: UUID
    shift_id: UUID
    site_id: UUID
    checked_in_at: datetime | None
    checked_out_at: datetime | None
    reason: str
    entered_by: str
    entered_at: datetime
    state: Literal["pending", "approved", "rejected"]
    decided_by: str | None
    decided_at: datetime | None
    decision: str
    version: int


class OpenShiftAnswer(Answer):
    """A shift of volunteering that is over, of whose people nobody said everything."""

    shift_id: UUID
    activity_id: UUID
    starts_at: datetime
    ends_at: datetime
    people: int = Field(description="of whom it is not known whether they came, or when they left")
    present: int = Field(description="of these, who was checked in and never out")
    due_on: date = Field(description="the day by which the hours are to be recorded")
    due_on_is_estimate: bool
    by_one: bool = Field(description="whether one person alone may still say who came; else it is entered later")


class OpenShiftsAnswer(Answer):
    """These shifts, the oldest first."""

    items: list[OpenShiftAnswer]


class LaterEntryQuery(ListQuery):
    """Which entries."""

    state: Literal["pending", "approved", "rejected"] | None = None


class RecordAnswer(Answer):
    """A service record."""

    id: UUID
    site_id: UUID
    number: int
    person_id: UUID
    registration_id: UUID | None
    activity_id: UUID | None
    shift_id: UUID | None
    activity: str
    day: date
    place: str
    content: str
    minutes: int
    how: HowKnown
    unit: str
    responsible: str = Field(description="the person in charge, in words")
    in_charge: str = Field(description="the account that answers for the entry")
    recorded_by: str
    recorded_at: datetime
    state: Literal["valid", "withdrawn"]
    corrects: UUID | None
    reason: str
    late: bool
    hash: str


class RecordQuery(ListQuery):
    """Which records of the site, in the order of its chain."""

    person_id: UUID | None = None


class RecordsAnswer(Answer):
    """Somebody's records that count, and what they come to."""

    minutes: int
    items: list[RecordAnswer]


class CorrectionBody(Body):
    """Fewer minutes, or 0 to withdraw the record."""

    minutes: int = Field(ge=0, le=1440)
    reason: Reason


class ObjectionBody(Body):
    """What is wrong with a record, or why there should be one, in the volunteer's words."""

    words: Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=1000)]


class ObjectionDecisionBody(Body):
    """The decision. Where the volunteer is right about a record, the minutes as they should be; about hours without
    one, when they really came and left. More minutes than are recorded, and hours without a record, are then entered
    later for a second person to approve. Of an imported record, which has no shift, more minutes are proposed: it stays
    open until somebody else upholds the same."""

    upheld: bool
    minutes: int | None = Field(default=None, ge=0, le=1440)
    checked_in_at: Time | None = None
    checked_out_at: Time | None = None
    reason: Reason

    @model_validator(mode="after")
    def _hours_where_upheld(self) -> "ObjectionDecisionBody":
        given = (self.minutes, self.checked_in_at, self.checked_out_at)
        if self.upheld == all(one is None for one in given):
            raise PydanticCustomError(
                "hours_where_upheld",
                "needs hours exactly where it is upheld",
                {
                    "zh": "同意异议时请填写分钟数或实际起止时间，驳回时不填。",
                    "en": "needs minutes, or when they came and left, exactly where it is upheld.",
                },
            )
        return self


class MadeObjection(Answer):
    """An objection that was made. Without the words: this is kept with the Idempotency-Key."""

    id: UUID
    record_id: UUID | None
    registration_id: UUID | None
    site_id: UUID
    due_on: date
    state: Literal["open", "upheld", "rejected"]
    version: int


class OwnObjectionAnswer(Answer):
    """An objection as whoever made it sees it: of a decision nothing before it is made."""

    id: UUID
    record_id: UUID | None = Field(description="null where hours are missing, of which there is no record")
    registration_id: UUID | None = Field(description="where hours are missing: of which place on a shift")
    site_id: UUID
    person_id: UUID
    words: str
    made_at: datetime
    due_on: date
    due_on_is_estimate: bool = Field(
        description="its year's public holidays are not known yet: Monday to Friday were counted"
    )
    state: Literal["open", "upheld", "rejected"]
    decision: str
    decided_by: str | None
    decided_at: datetime | None
    correction_id: UUID | None
    later_entry_id: UUID | None = Field(
        description="the entry that upheld hours became, which count once a second person approved it"
    )
    version: int


class ObjectionAnswer(OwnObjectionAnswer):
    """An objection and its decision, for whoever decides."""

    decision: str = Field(description="while it is open, why the minutes were proposed")
    proposed_minutes: int | None = Field(
        description="more minutes for an imported record, which count once somebody else upholds the same"
    )
    proposed_by: str | None


class ObjectionQuery(ListQuery):
    """Which objections."""

    state: Literal["open", "upheld", "rejected"] | None = None


class FlagAnswer(Answer):
    """Something about hours that a second person should look at."""

    kind: FlagKind
    subject: str = Field(description="what the flag is about; with the kind, its name")
    day: date
    person_id: UUID | None
    minutes: int = Field(description="of the records concerned; of a day or a week, those of other sites as well")
    records: list[UUID] = Field(description="the site's own")
    concerned: list[str] = Field(description="who answers for the records, and may not clear the flag")
    cleared_by: str | None
    cleared_at: datetime | None
    reason: str | None


class FlagQuery(Query):
    """Which flags."""

    since: date | None = Field(default=None, description="recorded from this day on; open flags stay until cleared")
    cleared: bool = False


class FlagsAnswer(Answer):
    """The flags of a site, newest day first."""

    items: list[FlagAnswer]


class ClearBody(Body):
    """Which flag was looked into, and what was found."""

    kind: FlagKind
    subject: Annotated[str, StringConstraints(min_length=1, max_length=300)]
    reason: Reason


def no_doubles(ids: list[str]) -> None:
    """Refuse a list that names one twice."""
    if len(set(ids)) < len(ids):
        raise PydanticCustomError(
            "each_once", "names somebody twice", {"zh": "同一项出现了两次。", "en": "names one twice."}
        )
