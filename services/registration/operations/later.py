"""Hours entered after the fact. They count once a second person approved them, which the database sees to as well.

A member of staff or a key enters, other staff approve or reject (`second_person.py`). What nobody can see from here is
that two accounts belong to one person: accounts are given out by name, and the audit log names both.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.errors import FieldErrors, Words, not_found
from services.registration.models import LaterEntry
from services.registration.operations import assign, conflict, locked
from services.registration.operations.attendance import Entry, check_time, hold, note, settle
from services.registration.operations.records import actor
from services.registration.operations.second_person import check_second_person
from services.registration.schemas.hours import LaterEntryBody


def enter_later(session: Session, registration_id: UUID, body: LaterEntryBody) -> LaterEntry:
    """Say after the fact when a person came and left. Nothing counts yet."""
    held = hold(session, registration_id)
    _check(held.shift.starts_at, held.shift.ends_at, body)
    check_time(held.shift, body.checked_in_at)
    check_time(held.shift, body.checked_out_at)
    waiting = select(LaterEntry.id).where(LaterEntry.registration_id == registration_id, LaterEntry.state == "pending")
    if session.scalar(waiting):
        raise conflict("已有补录等待审核。", "An entry for this registration waits for approval already.")
    entry = LaterEntry(
        site_id=held.shift.site_id, registration_id=registration_id, shift_id=held.shift.id, **body.model_dump()
    )
    session.add(entry)
    session.flush()
    session.refresh(entry)
    return entry


def approve(session: Session, entry_id: UUID, words: str) -> LaterEntry:
    """Let the entry count. Raises 409 for who entered it, and where it was decided already."""
    entry = _to_decide(session, entry_id)
    held = hold(session, entry.registration_id)
    _decide(session, entry, "approved", words)
    for what, at in (("in", entry.checked_in_at), ("out", entry.checked_out_at)):
        said = Entry(what, at, "entered_later", corrects=True, made_by=entry.entered_by)  # type: ignore[arg-type]
        note(session, held, said)
    settle(session, held, reason=entry.reason)
    return entry


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


def _check(starts_at: datetime, ends_at: datetime, body: LaterEntryBody) -> None:
    errors = FieldErrors()
    if body.checked_out_at <= body.checked_in_at:
        errors.add("checked_out_at", Words("应晚于签到时间。", "must be after the check-in."))
    if body.checked_out_at <= starts_at:
        errors.add("checked_out_at", Words("应晚于场次开始。", "must be after the shift started."))
    if body.checked_in_at >= ends_at:
        errors.add("checked_in_at", Words("应早于场次结束。", "must be before the shift ended."))
    errors.raise_any()
