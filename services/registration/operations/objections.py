"""What a volunteer says against a record of theirs, and how that is decided.

A decision is due within fifteen working days. Where the volunteer is right, a new record takes the old one's place;
nothing is rewritten. Whoever is in charge of the record does not decide.
"""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.errors import Words, invalid, not_found
from services.common.events import ObjectionDecided, ServiceRecordObjected
from services.common.outbox import add_events
from services.registration.models import Objection, ServiceRecord, Shift, Site
from services.registration.operations import assign, conflict, locked
from services.registration.operations.records import actor, all_of, find_standing, replace
from services.registration.operations.second_person import check_second_person
from services.registration.operations.sites import local_today
from services.registration.personal_data import PersonalData
from services.registration.schemas.hours import ObjectionAnswer, ObjectionDecisionBody
from services.registration.working_days import is_estimate, working_days_after

DUE_WORKING_DAYS = 15


def object_to(session: Session, data: PersonalData, person_id: UUID, record_id: UUID, words: str) -> Objection:
    """Object to a record of one's own. One objection at a time per record."""
    record = session.get(ServiceRecord, record_id)
    if record is None or record.person_id not in all_of(session, person_id):
        raise not_found("您的这条服务记录", "service record of yours")
    find_standing(session, record_id)
    if session.scalar(select(Objection.id).where(Objection.record_id == record_id, Objection.state == "open")):
        raise conflict("您已对这条记录提出异议，请等待处理。", "Your objection to this record is being looked into.")
    today = local_today(session, session.get_one(Site, record.site_id))
    objection = Objection(
        site_id=record.site_id,
        record_id=record_id,
        person_id=person_id,
        in_charge=record.in_charge,
        words=data.encrypt(words),
        encrypted_with=data.newest_key,
        due_on=working_days_after(today, DUE_WORKING_DAYS),
    )
    session.add(objection)
    session.flush()
    session.refresh(objection)
    add_events(session, [ServiceRecordObjected.model_validate(_facts(objection, record))])
    return objection


def decide(session: Session, objection_id: UUID, body: ObjectionDecisionBody) -> Objection:
    """Uphold an objection, with the minutes as they should be, or reject it; either way with a reason."""
    objection = session.scalars(locked(select(Objection).where(Objection.id == objection_id))).one_or_none()
    if objection is None:
        raise not_found("这条异议", "objection")
    if objection.state != "open":
        raise conflict("这条异议已处理。", "This objection was decided already.")
    own = "记录的负责人不能处理对它的异议。", "Whoever is in charge of the record does not decide on it."
    check_second_person(session, objection.in_charge, *own)
    changes: dict[str, object] = {"state": "rejected", "decision": body.reason, "decided_by": actor()}
    record = session.scalars(select(ServiceRecord).where(ServiceRecord.id == objection.record_id)).one()
    if body.upheld and body.minutes is not None:
        _check_within_shift(session, record, body.minutes)
        corrected = replace(session, find_standing(session, record.id), body.minutes, body.reason)
        changes |= {"state": "upheld", "correction_id": corrected.id}
    assign(objection, changes)
    session.flush()
    session.refresh(objection)
    add_events(session, [ObjectionDecided.model_validate(_facts(objection, record) | {"upheld": body.upheld})])
    return objection


def describe(data: PersonalData, objection: Objection) -> ObjectionAnswer:
    """The objection as it is answered, with the volunteer's words, which are empty once they were erased."""
    return ObjectionAnswer.model_validate(
        {
            **vars(objection),
            "words": data.shown(objection.words) if objection.words else "",
            "due_on_is_estimate": is_estimate(objection.due_on),
        }
    )


def _check_within_shift(session: Session, record: ServiceRecord, minutes: int) -> None:
    shift = session.get(Shift, record.shift_id) if record.shift_id else None
    if shift is None:
        return
    longest = int((shift.ends_at - shift.starts_at).total_seconds() // 60)
    if minutes > longest:
        raise invalid(
            "minutes",
            Words(f"不能超过场次时长 {longest} 分钟。", f"must be at most {longest}: no hours exceed the shift."),
        )


def _facts(objection: Objection, record: ServiceRecord) -> dict[str, object]:
    return {
        "objection_id": objection.id,
        "record_id": objection.record_id,
        "site_id": objection.site_id,
        "activity_id": record.activity_id,
        "person_id": objection.person_id,
        "due_on": objection.due_on,
    }
