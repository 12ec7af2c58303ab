"""Attendance: who came, from when to when, how that is known, and the minutes of service that this earned.

    held = hold(session, registration_id)
    note(session, held, Entry("in", moment, "scanned"))
    settle(session, held)

What is said is noted as an entry and never changed. What a registration came to is computed from all of its entries:
the earliest check-in, the latest check-out after it, unless an entry corrects that side; then the latest correction.
So entries may come from several desks, late, twice and in any order (`roll.py`), and the end is the same. A mistaken
one is taken back by a later entry that voids it (`undo`); both are kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import func, literal, select
from sqlalchemy.orm import Session

from services.common.errors import Words, invalid, not_found
from services.common.events import AttendanceRecorded, AttendanceWithdrawn, Event
from services.common.outbox import add_events
from services.registration.models import Activity, AttendanceEntry, Registration, Shift
from services.registration.operations import assign, conflict
from services.registration.operations.hours.records import Hours, actor, is_decided, latest, write
from services.registration.operations.seats.registrations import find_registration, lock_registration
from services.registration.operations.seats.seats import registration_event

EARLIEST = timedelta(hours=2)
LATEST = timedelta(days=1)
"""Until so long after the end one person may say who came: the leader's list is copied on the same evening. Whatever
is said afterwards is entered later, and counts once a second person approved it (`later.py`)."""
CLOCK_SKEW = timedelta(minutes=2)
"""How far a desk's clock may run ahead of ours. Hours entered before they are given would be hours not given."""

What = Literal["in", "out", "no_show", "void"]
Known = Literal["scanned", "confirmed", "entered_later"]
WEAKEST_FIRST = ("entered_later", "confirmed", "scanned")


@dataclass(frozen=True)
class Held:
    """A confirmed registration, locked, with its shift."""

    registration: Registration
    shift: Shift
    person_number: int


@dataclass(frozen=True)
class Entry:
    """Something said of a registration. `corrects`: it stands against every other entry of its side. `voids` is the id
    or client_id of the entry that a void takes back."""

    what: What
    at: datetime
    how: Known
    corrects: bool = False
    client_id: str | None = None
    voids: str | None = None
    made_by: str = ""


def check_in(session: Session, registration_id: UUID, at: datetime | None, how: Known = "confirmed") -> Registration:
    """Record that a person came. Without a time it is now, and a second call changes nothing; with one it corrects."""
    held = hold(session, registration_id)
    if at is None and held.registration.checked_in_at is not None:
        return held.registration
    check_open(session, held)
    moment = at or datetime.now(UTC)
    check_came(held, moment)
    left = held.registration.checked_out_at
    if left is not None and moment >= left:
        raise invalid("at", Words("应早于签退时间。", "must be before the check-out."))
    note(session, held, Entry("in", moment, how, corrects=at is not None))
    return settle(session, held)


def check_out(session: Session, registration_id: UUID, at: datetime | None, how: Known = "confirmed") -> Registration:
    """Record that a person left; repeated and corrected like a check-in."""
    held = hold(session, registration_id)
    came = held.registration.checked_in_at
    if came is None:
        raise conflict("尚未签到，不能签退。", "There is no check-in yet.")
    if at is None and held.registration.checked_out_at is not None:
        return held.registration
    check_open(session, held)
    moment = at or datetime.now(UTC)
    check_time(held.shift, moment)
    if moment <= came:
        raise invalid("at", Words("应晚于签到时间。", "must be after the check-in."))
    note(session, held, Entry("out", moment, how, corrects=at is not None))
    return settle(session, held)


def record_no_show(session: Session, registration_id: UUID, at: datetime | None) -> Registration:
    """Record that a person did not come. Doing so twice changes nothing; a later check-in corrects it."""
    held = hold(session, registration_id)
    if held.registration.checked_in_at is not None:
        raise conflict("已签到，不能记为缺席。", "The person was checked in.")
    if held.registration.outcome == "no_show":
        return held.registration
    check_open(session, held)
    moment = at or datetime.now(UTC)
    check_absence(held.shift, moment)
    note(session, held, Entry("no_show", moment, "confirmed"))
    return settle(session, held)


def undo(session: Session, registration_id: UUID) -> Registration:
    """Take back what was said last and still stands, a tap at the wrong name. Raises 409 where nothing stands, or where
    one person alone can no longer say who came."""
    held = hold(session, registration_id)
    check_open(session, held)
    standing = standing_entries(said_of(session, registration_id))
    if not standing:
        raise conflict("没有可以撤销的签到。", "Nothing was recorded that could be taken back.")
    note(session, held, Entry("void", datetime.now(UTC), "confirmed", voids=str(standing[-1].id)))
    return settle(session, held)


def hold(session: Session, registration_id: UUID) -> Held:
    """The registration, locked. Raises 404, and 409 where it is not confirmed."""
    # A share of the shift's lock: check-ins go on side by side, while calling off the shift waits for them.
    shift_id = find_registration(session, registration_id).shift_id
    return hold_on(session, share_shift(session, shift_id), registration_id)


def share_shift(session: Session, shift_id: UUID) -> Shift:
    """A share of the shift's lock. Raises 404."""
    query = select(Shift).where(Shift.id == shift_id).with_for_update(read=True)
    shift = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if shift is None:
        raise not_found("这个场次", "shift")
    return shift


def find_shift(session: Session, shift_id: UUID) -> Shift:
    """The shift, to read it. Raises 404."""
    shift = session.get(Shift, shift_id)
    if shift is None:
        raise not_found("这个场次", "shift")
    return shift


def hold_on(session: Session, shift: Shift, registration_id: UUID) -> Held:
    """A registration of a shift that is locked already."""
    registration, number = lock_registration(session, registration_id)
    if registration.status != "confirmed":
        raise conflict("只有已确认的报名可以记录出勤。", "Attendance is taken of confirmed registrations only.")
    return Held(registration, shift, number)


def note(session: Session, held: Held, entry: Entry) -> None:
    """Keep what was said."""
    session.add(
        AttendanceEntry(
            site_id=held.shift.site_id,
            shift_id=held.shift.id,
            registration_id=held.registration.id,
            what=entry.what,
            at=entry.at,
            how=entry.how,
            corrects=entry.corrects,
            client_id=entry.client_id,
            voids=entry.voids,
            made_by=entry.made_by or actor(),
        )
    )
    session.flush()


def settle(session: Session, held: Held, reason: str = "") -> Registration:
    """Bring the registration to what its entries say, with its minutes and record. With a `reason` somebody decided
    so, and no entry changes it any more."""
    registration = held.registration
    said = standing_entries(said_of(session, registration.id))
    came = _decisive([entry for entry in said if entry.what == "in"], earliest=True)
    left = _decisive([entry for entry in said if entry.what == "out"], earliest=False)
    if came is None or (left is not None and left.at <= came.at):
        left = None
    absent = any(entry.what == "no_show" for entry in said)
    outcome = "attended" if left else "present" if came else "no_show" if absent else None
    changes = {
        "checked_in_at": came.at if came else None,
        "checked_out_at": left.at if left else None,
        "outcome": outcome,
    }
    changed = assign(registration, changes)
    session.flush()
    records = _record(session, held, came, left, reason)
    if records and not changed:
        registration.version += 1
        session.flush()
    if changed or records:
        add_events(session, [_told(held, changes), *records])
    return registration


def standing_entries(said: Sequence[AttendanceEntry]) -> list[AttendanceEntry]:
    """The entries that nobody took back, in the order in which they came to us."""
    void = {entry.voids for entry in said if entry.voids}
    return [e for e in said if e.what != "void" and str(e.id) not in void and e.client_id not in void]


def said_of(session: Session, registration_id: UUID) -> Sequence[AttendanceEntry]:
    """All that was said of a registration, what was taken back too."""
    of_it = select(AttendanceEntry).where(AttendanceEntry.registration_id == registration_id)
    return session.scalars(of_it.order_by(AttendanceEntry.position)).all()


def _record(
    session: Session, held: Held, came: AttendanceEntry | None, left: AttendanceEntry | None, reason: str
) -> list[Event]:
    """The record that follows; where what it rested on was taken back, one that withdraws it."""
    registration, shift = held.registration, held.shift
    if not _earns(session, shift):
        return []
    if came and left:
        minutes = minutes_within(shift, _counts_from(registration, came), left.at)
        return write(session, registration, shift, Hours(minutes, _weaker(came, left), _in_charge(came, left), reason))
    before = latest(session, registration.id)
    if before is None:
        return []
    return write(session, registration, shift, Hours(0, before.how, actor(), reason))


def _told(held: Held, changes: dict[str, Any]) -> Event:
    facts = changes | {"service_minutes": held.registration.service_minutes}
    if changes["outcome"] is None:
        return registration_event(AttendanceWithdrawn, held.registration, held.person_number)
    return registration_event(AttendanceRecorded, held.registration, held.person_number, **facts)


def check_open(session: Session, held: Held) -> None:
    """Raise 409 where one person alone can no longer say who came, or where the hours were decided on."""
    if is_over_for_one(session, held.shift):
        raise conflict(
            "场次结束已超过一天：请补录，并由另一人审核。",
            "The shift ended more than a day ago: enter it later (later-entries), for a second person to approve.",
        )
    if is_decided(session, held.registration.id):
        raise conflict(
            "时长已经审核决定，签到不再改变它；请补录或提出异议。",
            "Somebody decided on these hours: attendance no longer changes them. Enter them later, or object.",
        )


def is_over_for_one(session: Session, shift: Shift) -> bool:
    """Whether the shift ended so long ago that one person alone no longer says who came."""
    return bool(session.scalar(select(literal(shift.ends_at + LATEST) < func.clock_timestamp())))


def check_time(shift: Shift, moment: datetime) -> None:
    """Raise 422 for a moment at which nobody can have come to this shift or left it."""
    _check_not_ahead(moment)
    if moment < shift.starts_at - EARLIEST:
        raise invalid("at", Words("不得早于开始前两小时。", "must not be more than two hours before the shift."))
    if moment > shift.ends_at + LATEST:
        raise invalid("at", Words("不得晚于结束后一天。", "must not be more than a day after the shift."))


def check_came(held: Held, moment: datetime) -> None:
    """Raise 422 for a moment at which nobody can have come; one person alone also not for one of the shift before
    anybody had entered the person."""
    check_time(held.shift, moment)
    if max(moment, held.shift.starts_at) < held.registration.created_at - CLOCK_SKEW:
        raise invalid(
            "at",
            Words(
                "早于报名登记的时间：请从登记时起签到，更早的时间请补录，由另一人审核。",
                "is before the person was entered: check them in from then on, and enter earlier time later"
                " (later-entries), for a second person to approve.",
            ),
        )


def check_absence(shift: Shift, moment: datetime) -> None:
    """Raise 422 for a moment at which nobody can be missing yet."""
    _check_not_ahead(moment)
    if moment < shift.starts_at:
        raise invalid("at", Words("场次尚未开始。", "must not be before the shift starts."))


def minutes_within(shift: Shift, came: datetime, left: datetime) -> int:
    """Whole minutes within the shift: no hours exceed it."""
    given = min(left, shift.ends_at) - max(came, shift.starts_at)
    return max(0, int(given.total_seconds() // 60))


def _check_not_ahead(moment: datetime) -> None:
    if moment > datetime.now(UTC) + CLOCK_SKEW:
        raise invalid("at", Words("不得晚于现在。", "must not lie in the future."))


def _counts_from(registration: Registration, came: AttendanceEntry) -> datetime:
    """What one person says counts from when the registration was entered: else whoever is entered at the end of a
    shift was there from its start. A second person may say otherwise."""
    return came.at if came.how == "entered_later" else max(came.at, registration.created_at)


def _decisive(entries: list[AttendanceEntry], earliest: bool) -> AttendanceEntry | None:
    """The entry that counts of one side."""
    corrections = [entry for entry in entries if entry.corrects]
    if corrections:
        return corrections[-1]
    return (min if earliest else max)(entries, key=lambda entry: (entry.at, entry.position), default=None)


def _earns(session: Session, shift: Shift) -> bool:
    """Only volunteering does: there is no record of a rehearsal or a class."""
    return bool(session.scalar(select(Activity.volunteering).where(Activity.id == shift.activity_id)))


def _weaker(came: AttendanceEntry, left: AttendanceEntry) -> str:
    return min(came.how, left.how, key=WEAKEST_FIRST.index)


def _in_charge(came: AttendanceEntry, left: AttendanceEntry) -> str:
    """Who answers for it: whoever of the staff, or which leader, said it. Where both were scanned, the site as a
    whole."""
    said = [entry.made_by for entry in (left, came) if entry.how != "scanned"]
    return said[0] if said else f"site:{left.site_id}"
