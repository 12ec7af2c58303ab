"""Hours entered after the fact. They count once a second person approved them, which the database sees to as well.

A member of staff or a key enters, other staff approve or reject (`second_person.py`). What nobody can see from here is
that two accounts belong to one person: accounts are given out by name, and the audit log names both.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.errors import FieldErrors, Problem, Words, not_found
from services.registration.models import LaterEntry, Shift
from services.registration.operations import assign, conflict, locked
from services.registration.operations.hours.attendance import (
    Entry,
    Known,
    check_time,
    find_shift,
    hold,
    note,
    said_of,
    settle,
    standing_entries,
)
from services.registration.operations.hours.records import actor
from services.registration.operations.hours.second_person import check_second_person
from services.registration.schemas.hours import LaterEntryBody, Tap

LATE_TAPS = "离线签到在场次结束一天后才上传"


def enter_later(session: Session, registration_id: UUID, body: LaterEntryBody) -> LaterEntry:
    """Say after the fact when a person came and left, or that they did not come. Nothing counts yet."""
    held = hold(session, registration_id)
    if body.checked_in_at is not None and body.checked_out_at is not None:
        _check(held.shift, body.checked_in_at, body.checked_out_at)
    elif held.shift.ends_at > datetime.now(UTC):
        raise conflict("场次尚未结束，请用签到台。", "The shift is not over: use the desk.")
    if _waiting(session, registration_id) is not None:
        raise conflict("已有补录等待审核。", "An entry for this registration waits for approval already.")
    entry = LaterEntry(
        site_id=held.shift.site_id,
        registration_id=registration_id,
        shift_id=held.shift.id,
        **body.model_dump(exclude={"absent"}),
    )
    session.add(entry)
    session.flush()
    session.refresh(entry)
    return entry


def enter_all_later(session: Session, came: Collection[UUID], missing: Collection[UUID], body: LaterEntryBody) -> None:
    """The same of many of one shift at one go, all of it or nothing. Raises 422 that names who cannot be entered."""
    absent = LaterEntryBody(absent=True, reason=body.reason)
    errors = FieldErrors()
    for said, ids in ((body, came), (absent, missing)):
        for registration_id in sorted(ids):
            try:
                enter_later(session, registration_id, said)
            except Problem as problem:
                if problem.errors:
                    raise
                errors.add(f"outcome.{registration_id}", problem.detail)
    errors.raise_any()


def enter_taps_later(session: Session, taps: Sequence[Tap]) -> set[str]:
    """What a device kept until one person alone no longer says who came: an entry for each who came and left, or who
    was missing. Returns the ids of the taps that wait for a second person; what is half said is not among them."""
    taken_back = {tap.voids for tap in taps}
    by_registration: defaultdict[UUID, list[Tap]] = defaultdict(list)
    for tap in taps:
        if tap.what != "void" and tap.id not in taken_back:
            by_registration[tap.registration_id].append(tap)
    waiting: set[str] = set()
    for registration_id, said in by_registration.items():
        body = _body_of(said)
        if body is not None and _enter_or_find(session, registration_id, body):
            waiting |= {tap.id for tap in said}
    return waiting


def _body_of(taps: Sequence[Tap]) -> LaterEntryBody | None:
    came = min((tap.at for tap in taps if tap.what == "in"), default=None)
    left = max((tap.at for tap in taps if tap.what == "out"), default=None)
    if came and left:
        return LaterEntryBody(checked_in_at=came, checked_out_at=left, reason=LATE_TAPS)
    missing = all(tap.what == "no_show" for tap in taps)
    return LaterEntryBody(absent=True, reason=LATE_TAPS) if missing else None


def _enter_or_find(session: Session, registration_id: UUID, body: LaterEntryBody) -> bool:
    """Whether these hours wait: from now on, or since the same taps were sent before."""
    entry = _waiting(session, registration_id)
    if entry is not None:
        return (entry.checked_in_at, entry.checked_out_at) == (body.checked_in_at, body.checked_out_at)
    try:
        enter_later(session, registration_id, body)
    except Problem:
        return False
    return True


def approve(session: Session, entry_id: UUID, words: str) -> LaterEntry:
    """Let the entry count. Raises 409 for who entered it, and where it was decided already."""
    entry = _to_decide(session, entry_id)
    held = hold(session, entry.registration_id)
    _decide(session, entry, "approved", words)
    for said in _as_entries(session, entry):
        note(session, held, said)
    settle(session, held, reason=entry.reason)
    return entry


def decide_all(session: Session, shift_id: UUID, approved: bool, words: str) -> int:
    """Decide on all that waits of one shift; returns how many. Raises 404, and 409 where one is not for who acts."""
    find_shift(session, shift_id)
    of_shift = select(LaterEntry.id).where(LaterEntry.shift_id == shift_id, LaterEntry.state == "pending")
    ids = session.scalars(of_shift.order_by(LaterEntry.registration_id)).all()
    for entry_id in ids:
        (approve if approved else reject)(session, entry_id, words)
    return len(ids)


def _as_entries(session: Session, entry: LaterEntry) -> list[Entry]:
    """What the approved entry says, as entries that stand against all that was said before."""
    by: str = entry.entered_by
    how: Known = "entered_later"
    if entry.checked_in_at is None or entry.checked_out_at is None:
        now = datetime.now(UTC)
        said = standing_entries(said_of(session, entry.registration_id))
        void = [Entry("void", now, how, voids=str(one.id), made_by=by) for one in said]
        return [*void, Entry("no_show", now, how, made_by=by)]
    return [
        Entry("in", entry.checked_in_at, how, corrects=True, made_by=by),
        Entry("out", entry.checked_out_at, how, corrects=True, made_by=by),
    ]


def _waiting(session: Session, registration_id: UUID) -> LaterEntry | None:
    of_it = select(LaterEntry).where(LaterEntry.registration_id == registration_id, LaterEntry.state == "pending")
    return session.scalars(of_it).one_or_none()


def reject(session: Session, entry_id: UUID, words: str) -> LaterEntry:
    """Turn the entry down. It is kept, and nothing counts."""
    entry = _to_decide(session, entry_id)
    _decide(session, entry, "rejected", words)
    return entry


def _to_decide(session: Session, entry_id: UUID) -> LaterEntry:
    found = session.get(LaterEntry, entry_id)
    if found is None:
        raise not_found("这条补录", "later entry")
    # Two who decide at once wait here for each other.
    entry = session.scalars(locked(select(LaterEntry).where(LaterEntry.id == entry_id))).one()
    if entry.state != "pending":
        raise conflict("这条补录已处理。", "This entry was decided already.")
    own = "补录须由另一人审核。", "A second person must decide: this entry is your own."
    check_second_person(session, entry.entered_by, *own)
    return entry


def _decide(session: Session, entry: LaterEntry, state: str, words: str) -> None:
    assign(entry, {"state": state, "decision": words, "decided_by": actor()})
    session.flush()
    session.refresh(entry)


def _check(shift: Shift, came: datetime, left: datetime) -> None:
    errors = FieldErrors()
    if left <= came:
        errors.add("checked_out_at", Words("应晚于签到时间。", "must be after the check-in."))
    if left <= shift.starts_at:
        errors.add("checked_out_at", Words("应晚于场次开始。", "must be after the shift started."))
    if came >= shift.ends_at:
        errors.add("checked_in_at", Words("应早于场次结束。", "must be before the shift ended."))
    errors.raise_any()
    check_time(shift, came)
    check_time(shift, left)
