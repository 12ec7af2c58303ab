"""Attendance of many at once: the leader's roll call, and what a page collected while it was offline.

Both lock the shift, then the registrations in the order of their ids, and only then write: the chain of records is
locked last.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.errors import FieldErrors, Problem, Words, not_found
from services.registration.models import AttendanceEntry, Registration, Shift
from services.registration.operations import conflict, locked
from services.registration.operations.hours.attendance import (
    Entry,
    Held,
    check_absence,
    check_came,
    check_open,
    check_time,
    hold_on,
    is_over_for_one,
    note,
    settle,
    share_shift,
)
from services.registration.operations.hours.later_entries import enter_taps_later
from services.registration.schemas.hours import RollEntry, Tap, TapVerdict


def call_roll(session: Session, shift_id: UUID, entries: Sequence[RollEntry]) -> list[Registration]:
    """Record the leader's whole list, all of it or nothing. Who came was there from the start of the shift, or from
    when they were entered, if that was later; who left did so at its end, or now while it runs. Who was checked in
    already keeps the time of that."""
    shift = share_shift(session, shift_id)
    registrations = _lock_all(session, shift, [entry.registration_id for entry in entries])
    errors, held_ones = FieldErrors(), []
    for place, entry in enumerate(entries):
        try:
            held = _held(session, shift, registrations, entry.registration_id)
            _check_call(session, held, entry)
            held_ones.append((held, entry))
        except Problem as problem:
            errors.add(f"entries.{place}.{'outcome' if problem.errors else 'registration_id'}", problem.detail)
    errors.raise_any()
    return [_call(session, held, entry) for held, entry in held_ones]


def apply_taps(session: Session, shift_id: UUID, taps: Sequence[Tap]) -> list[TapVerdict]:
    """Record what a page collected, each tap with its own verdict. A tap that was sent before is known by its id; the
    order in which taps arrive makes no difference to the end. What comes more than a day after the shift becomes an
    entry for a second person, where it says both when somebody came and when they left."""
    shift = share_shift(session, shift_id)
    registrations = _lock_all(session, shift, [tap.registration_id for tap in taps])
    known = _known_ids(session, shift, [tap.id for tap in taps])
    late = is_over_for_one(session, shift)
    pending = (
        enter_taps_later(session, [tap for tap in taps if tap.registration_id in registrations]) if late else set()
    )
    verdicts: list[TapVerdict] = []
    for tap in taps:
        if tap.id in known:
            verdicts.append(TapVerdict(id=tap.id, verdict="already"))
        elif tap.id in pending:
            verdicts.append(TapVerdict(id=tap.id, verdict="pending", detail=str(TOO_LATE_FOR_ONE)))
        else:
            verdicts.append(_apply(session, shift, registrations, tap))
            if verdicts[-1].verdict == "recorded":
                known.add(tap.id)
    return verdicts


TOO_LATE_FOR_ONE = Words(
    "场次结束已超过一天，已转为补录，等待另一人审核。",
    "The shift ended more than a day ago: this became a later entry, for a second person to approve.",
)


def _apply(session: Session, shift: Shift, registrations: set[UUID], tap: Tap) -> TapVerdict:
    try:
        held = _held(session, shift, registrations, tap.registration_id)
        _check_tap(session, held, tap)
    except Problem as problem:
        return TapVerdict(id=tap.id, verdict="refused", detail=str(problem.detail))
    note(session, held, Entry(tap.what, tap.at, "confirmed", client_id=tap.id, voids=tap.voids))
    settle(session, held)
    return TapVerdict(id=tap.id, verdict="recorded")


def _lock_all(session: Session, shift: Shift, ids: Sequence[UUID]) -> set[UUID]:
    query = select(Registration).where(Registration.shift_id == shift.id, Registration.id.in_(ids))
    return {registration.id for registration in session.scalars(locked(query.order_by(Registration.id)))}


def _held(session: Session, shift: Shift, registrations: set[UUID], registration_id: UUID) -> Held:
    if registration_id not in registrations:
        raise not_found("本场次的这个报名", "registration of this shift")
    return hold_on(session, shift, registration_id)


def _check_call(session: Session, held: Held, entry: RollEntry) -> None:
    check_open(session, held)
    check_absence(held.shift, datetime.now(UTC))
    if entry.outcome == "no_show" and held.registration.checked_in_at is not None:
        raise conflict("已签到，不能记为缺席。", "The person was checked in.")


def _call(session: Session, held: Held, entry: RollEntry) -> Registration:
    registration, now = held.registration, datetime.now(UTC)
    came = registration.checked_in_at or max(held.shift.starts_at, registration.created_at)
    if entry.outcome == "no_show":
        if registration.outcome != "no_show":
            note(session, held, Entry("no_show", now, "confirmed"))
        return settle(session, held)
    if registration.checked_in_at is None:
        note(session, held, Entry("in", came, "confirmed"))
    if entry.outcome == "attended" and registration.checked_out_at is None:
        left = max(min(now, held.shift.ends_at), came + timedelta(seconds=1))
        note(session, held, Entry("out", left, "confirmed"))
    return settle(session, held)


def _check_tap(session: Session, held: Held, tap: Tap) -> None:
    check_open(session, held)
    if tap.what == "no_show":
        check_absence(held.shift, tap.at)
    elif tap.what == "in":
        check_came(held, tap.at)
    elif tap.what == "out":
        check_time(held.shift, tap.at)


def _known_ids(session: Session, shift: Shift, ids: Sequence[str]) -> set[str]:
    query = select(AttendanceEntry.client_id).where(
        AttendanceEntry.site_id == shift.site_id, AttendanceEntry.client_id.in_(ids)
    )
    return {client_id for client_id in session.scalars(query) if client_id is not None}
