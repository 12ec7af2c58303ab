"""What a volunteer says against a record of theirs, or of hours that have none, and how that is decided.

A decision is due within fifteen working days. Where a record says too much, a new one takes its place at once; nothing
is rewritten. Where it says too little, or there is none, whoever decides enters the hours later, and a second person
approves them like any other (`later_entries.py`): a record that a key or a scan made has nobody in charge who would be
the first of two. A record of past years has no shift to enter anything for: who decides first proposes the minutes, and
the objection stays open until a second person upholds the same. Whoever is in charge does not decide.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select, text
from sqlalchemy.orm import Session

from services.common.errors import FieldErrors, Words, invalid, not_found
from services.common.events import Event, MissingHoursClaimed, MissingHoursDecided, ObjectionDecided
from services.common.events import ServiceRecordObjected as Objected
from services.common.outbox import add_events
from services.common.working_days import is_estimate, working_days_after
from services.registration.models import Activity, LaterEntry, Objection, Registration, ServiceRecord, Shift, Site
from services.registration.operations import assign, conflict, locked
from services.registration.operations.hours.later_entries import enter_later
from services.registration.operations.hours.records import actor, all_of, find_standing, replace, standing
from services.registration.operations.hours.second_person import check_second_person
from services.registration.operations.people.identity import person_now
from services.registration.operations.people.proven_sites import Resident, theirs
from services.registration.operations.sites.sites import local_today
from services.registration.personal_data import PersonalData
from services.registration.schemas.hours import (
    LaterEntryBody,
    ObjectionAnswer,
    ObjectionDecisionBody,
    OwnObjectionAnswer,
)

DUE_WORKING_DAYS = 15
MOST_OWN = 200
MOST_OPEN = 100
DAY_MINUTES = 24 * 60
OVERDUE = (Objection.state == "open") & (
    Objection.due_on < func.date(func.timezone(Site.time_zone, func.clock_timestamp()))
)
"""By the site's day."""


@dataclass(frozen=True)
class Said:
    """An objection, with what it is about: a record, or a shift of which there is none. It is `overdue` where it is
    open after the day by which it was to be decided; `entry_state` is what became of the hours that were entered."""

    about: Objection
    record: ServiceRecord | None
    shift: Shift | None
    activity: Activity | None
    site: Site
    overdue: bool
    entry_state: str | None


def own_objections(session: Session, resident: Resident) -> list[Said]:
    """A resident's own, newest first, with every decision: also on records that others took the place of."""
    query = _said().where(theirs(session, resident, Objection))
    return [Said(*row) for row in session.execute(query.order_by(Objection.position.desc()).limit(MOST_OWN))]


def open_objections(session: Session, site_id: UUID) -> list[Said]:
    """What a site has to decide, what is due first at the top."""
    query = _said().where(Objection.site_id == site_id, Objection.state == "open")
    return [
        Said(*row) for row in session.execute(query.order_by(Objection.due_on, Objection.position).limit(MOST_OPEN))
    ]


@dataclass(frozen=True)
class Waiting:
    """How much at a site waits for a second person: open objections, those of them that are overdue, later entries."""

    objections: int
    overdue: int
    entries: int


def waiting(session: Session, site_id: UUID) -> Waiting:
    """What waits, counted."""
    open_ones = Objection.site_id == site_id, Objection.state == "open"
    counts = select(func.count(), func.count().filter(OVERDUE)).select_from(Objection).join(Site, Site.id == site_id)
    objections, overdue = session.execute(counts.where(*open_ones)).one()
    pending = LaterEntry.site_id == site_id, LaterEntry.state == "pending"
    entries = session.scalars(select(func.count()).select_from(LaterEntry).where(*pending)).one()
    return Waiting(objections, overdue, entries)


def _said() -> Select[*tuple[Any, ...]]:
    return (
        select(Objection, ServiceRecord, Shift, Activity, Site, OVERDUE, LaterEntry.state)
        .outerjoin(ServiceRecord, ServiceRecord.id == Objection.record_id)
        .outerjoin(Registration, Registration.id == Objection.registration_id)
        .outerjoin(Shift, Shift.id == Registration.shift_id)
        .outerjoin(Activity, Activity.id == Shift.activity_id)
        .outerjoin(LaterEntry, LaterEntry.id == Objection.later_entry_id)
        .join(Site, Site.id == Objection.site_id)
    )


def object_to(session: Session, data: PersonalData, resident: Resident, record_id: UUID, words: str) -> Objection:
    """Object to a record of one's own. One objection at a time per record. Raises 404, 409."""
    own = theirs(session, resident, ServiceRecord)
    record = session.scalars(select(ServiceRecord).where(own, ServiceRecord.id == record_id)).one_or_none()
    if record is None:
        raise not_found("您的这条服务记录", "service record of yours")
    find_standing(session, record_id)
    if session.scalar(select(Objection.id).where(Objection.record_id == record_id, Objection.state == "open")):
        raise conflict("您已对这条记录提出异议，请等待处理。", "Your objection to this record is being looked into.")
    objection = Objection(site_id=record.site_id, record_id=record_id, in_charge=record.in_charge)
    return add_objection(session, data, resident, objection, words)


def add_objection(
    session: Session, data: PersonalData, resident: Resident, objection: Objection, words: str
) -> Objection:
    """Keep what a resident says, and by when it is to be decided."""
    today = local_today(session, session.get_one(Site, objection.site_id))
    objection.person_id = person_now(session, resident.person_id)
    objection.words, objection.encrypted_with = data.encrypt(words), data.newest_key
    objection.due_on = working_days_after(today, DUE_WORKING_DAYS)
    session.add(objection)
    session.flush()
    session.refresh(objection)
    add_events(session, [_event(session, objection)])
    return objection


def decide(session: Session, objection_id: UUID, body: ObjectionDecisionBody) -> Objection:
    """Uphold an objection, with the hours as they should be, or reject it; either way with a reason. Raises 404, 409
    for who is in charge, 422 where the hours are not given as this objection asks."""
    objection = session.scalars(locked(select(Objection).where(Objection.id == objection_id))).one_or_none()
    if objection is None:
        raise not_found("这条异议", "objection")
    if objection.state != "open":
        raise conflict("这条异议已处理。", "This objection was decided already.")
    own = "记录的负责人不能处理对它的异议。", "Whoever is in charge of the record does not decide on it."
    check_second_person(session, objection.in_charge, *own)
    decided: dict[str, object] = {"state": "upheld" if body.upheld else "rejected", "decided_by": actor()}
    changes: dict[str, object] = {}
    if body.upheld and objection.record_id is not None:
        changes = _correct(session, objection, objection.record_id, body)
    elif body.upheld and objection.registration_id is not None:
        changes = {"later_entry_id": _enter(session, objection.registration_id, _times(body))}
    is_proposed = bool(changes.get("proposed_minutes"))
    assign(objection, {"decision": body.reason} | changes | ({} if is_proposed else decided))
    session.flush()
    session.refresh(objection)
    if not is_proposed:
        add_events(session, [_event(session, objection, body.upheld)])
    return objection


def describe(data: PersonalData, objection: Objection) -> ObjectionAnswer:
    """The objection as it is answered, with the volunteer's words, which are empty once they were erased."""
    return ObjectionAnswer.model_validate(_facts(data, objection))


def describe_own(data: PersonalData, objection: Objection) -> OwnObjectionAnswer:
    """The same for whoever made it: what one person proposes to another is not the site's answer yet."""
    hidden = {"decision": ""} if objection.state == "open" else {}
    return OwnObjectionAnswer.model_validate(_facts(data, objection) | hidden)


def _facts(data: PersonalData, objection: Objection) -> dict[str, object]:
    return {
        **vars(objection),
        "words": data.shown(objection.words) if objection.words else "",
        "due_on_is_estimate": is_estimate(objection.due_on),
    }


def _correct(session: Session, objection: Objection, record_id: UUID, body: ObjectionDecisionBody) -> dict[str, object]:
    """What comes of it: a correction, with more minutes an entry for a second person, or a proposal to one."""
    if body.minutes is None:
        raise invalid("minutes", Words("请填写应记的分钟数。", "is needed: how many it should have been."))
    record = find_standing(session, record_id)
    if body.minutes <= record.minutes:
        changes = {"proposed_minutes": None, "proposed_by": None}
        return changes | {"correction_id": replace(session, record, body.minutes, body.reason).id}
    registration = session.get(Registration, record.registration_id) if record.registration_id else None
    if registration is None:
        return _propose(session, objection, record, body.minutes, body.reason)
    times = _longer(session.get_one(Shift, registration.shift_id), registration, body.minutes)
    return {"later_entry_id": _enter(session, registration.id, times | {"reason": body.reason})}


def _propose(
    session: Session, objection: Objection, record: ServiceRecord, minutes: int, reason: str
) -> dict[str, object]:
    """More minutes of a record without a shift: proposed, or recorded where somebody else proposed the same."""
    _check_within_day(session, record, minutes)
    if objection.proposed_by is None or objection.proposed_minutes != minutes:
        return {"proposed_minutes": minutes}
    own = "您提议的时长须由另一人同意。", "A second person must agree to the minutes that you proposed."
    check_second_person(session, objection.proposed_by, *own)
    return {"correction_id": replace(session, record, minutes, reason, in_charge=objection.proposed_by).id}


def _longer(shift: Shift, registration: Registration, minutes: int) -> dict[str, object]:
    """From when to when so many minutes of the shift were given: from the check-in that is known, where they fit."""
    length = timedelta(minutes=minutes)
    _check_within_shift(shift, minutes)
    came = min(max(registration.checked_in_at or shift.starts_at, shift.starts_at), shift.ends_at - length)
    return {"checked_in_at": came, "checked_out_at": came + length}


def _enter(session: Session, registration_id: UUID, times: dict[str, object]) -> UUID:
    return enter_later(session, registration_id, LaterEntryBody.model_validate(times)).id


def _times(body: ObjectionDecisionBody) -> dict[str, object]:
    errors = FieldErrors()
    for name in ("checked_in_at", "checked_out_at"):
        if getattr(body, name) is None:
            errors.add(name, Words("请填写实际时间。", "is needed: when it really was."))
    errors.raise_any()
    return body.model_dump(include={"checked_in_at", "checked_out_at", "reason"})


def _check_within_shift(shift: Shift, minutes: int) -> None:
    longest = int((shift.ends_at - shift.starts_at).total_seconds() // 60)
    if minutes > longest:
        raise invalid(
            "minutes",
            Words(f"不能超过场次时长 {longest} 分钟。", f"must be at most {longest}: no hours exceed the shift."),
        )


def _check_within_day(session: Session, record: ServiceRecord, minutes: int) -> None:
    """No hours exceed the shift; where none is known, nor the day with all else that they gave on it. The lock of the
    chain is taken first, so that of two records decided at once the second counts what the first became."""
    session.execute(text("SELECT FROM record_chains WHERE site_id = :site FOR UPDATE"), {"site": record.site_id})
    all_else = sum(
        other.minutes
        for other in standing(session, record.site_id, all_of(session, person_now(session, record.person_id)))
        if other.day == record.day and other.id != record.id
    )
    longest = max(0, DAY_MINUTES - all_else)
    if minutes > longest:
        raise invalid(
            "minutes",
            Words(
                f"不能超过 {longest} 分钟：加上当天其他记录，一天不超过 24 小时。",
                f"must be at most {longest}: with what else is recorded of it, the day has 24 hours.",
            ),
        )


def _event(session: Session, objection: Objection, upheld: bool | None = None) -> Event:
    """The objection as it was made or, with `upheld`, as it was decided."""
    facts: dict[str, object] = {
        "objection_id": objection.id,
        "site_id": objection.site_id,
        "person_id": objection.person_id,
        "due_on": objection.due_on,
    }
    if upheld is not None:
        facts["upheld"] = upheld
    if objection.record_id is not None:
        record = session.get_one(ServiceRecord, objection.record_id)
        facts |= {"record_id": record.id, "activity_id": record.activity_id}
        return (Objected if upheld is None else ObjectionDecided).model_validate(facts)
    registration = session.get_one(Registration, objection.registration_id)
    facts |= {"registration_id": registration.id, "activity_id": registration.activity_id}
    return (MissingHoursClaimed if upheld is None else MissingHoursDecided).model_validate(facts)
