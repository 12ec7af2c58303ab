"""Hours that a volunteer gave and of which there is no record: a check-out that was forgotten, a name not called.

    for lost in missing_hours(session, resident): ...
    claim_missing(session, data, resident, registration_id, "我待到了最后")

What they say is an objection like any other, with a deadline; upheld, it becomes a later entry (`objections.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from services.common.errors import not_found
from services.registration.models import (
    Activity,
    AttendanceEntry,
    LaterEntry,
    Objection,
    Registration,
    ServiceRecord,
    Shift,
    Site,
)
from services.registration.operations import conflict
from services.registration.operations.hours.attendance import hold
from services.registration.operations.hours.objections import add_objection
from services.registration.operations.people.proven_sites import Resident, theirs
from services.registration.personal_data import PersonalData

MOST = 50


@dataclass(frozen=True)
class Lost:
    """A volunteering shift that is over, on which a person had a place, without a record."""

    registration: Registration
    shift: Shift
    activity: Activity
    site: Site


def missing_hours(session: Session, resident: Resident) -> list[Lost]:
    """A resident's own, newest first; without those that are being looked into or wait for a second person."""
    waiting = select(LaterEntry.id).where(LaterEntry.registration_id == Registration.id, LaterEntry.state == "pending")
    said = select(Objection.id).where(Objection.registration_id == Registration.id, Objection.state == "open")
    query = _lost(session, resident).where(~waiting.exists(), ~said.exists())
    rows = session.execute(query.order_by(Shift.ends_at.desc(), Registration.id).limit(MOST))
    return [Lost(*row) for row in rows]


def claim_missing(
    session: Session, data: PersonalData, resident: Resident, registration_id: UUID, words: str
) -> Objection:
    """Say that one gave hours on a shift that is over. One claim at a time. Raises 404, 409."""
    own = theirs(session, resident, Registration)
    if session.scalar(select(Registration.id).where(own, Registration.id == registration_id)) is None:
        raise not_found("您的这个报名", "registration of yours")
    # Whoever takes attendance of it, or claims it too, waits meanwhile.
    held = hold(session, registration_id)
    if session.scalar(_lost(session, resident).where(Registration.id == registration_id).exists().select()) is False:
        raise conflict(
            "只有已结束的志愿场次、且没有服务记录的，才能这样提出；记录有误请对该记录提出异议。",
            "Hours are missing only of a volunteering shift that is over and has no record of yours. Where a record is"
            " wrong, object to that.",
        )
    of_it = Objection.registration_id == registration_id, Objection.state == "open"
    waiting = LaterEntry.registration_id == registration_id, LaterEntry.state == "pending"
    if session.scalar(select(Objection.id).where(*of_it)) or session.scalar(select(LaterEntry.id).where(*waiting)):
        raise conflict("站点正在核实这一场的时长，请等待处理。", "Your hours on this shift are being looked into.")
    objection = Objection(
        site_id=held.shift.site_id, registration_id=registration_id, in_charge=_in_charge(session, held.registration)
    )
    return add_objection(session, data, resident, objection, words)


def _lost(session: Session, resident: Resident) -> Select[*tuple[Any, ...]]:
    recorded = select(ServiceRecord.id).where(ServiceRecord.registration_id == Registration.id)
    return (
        select(Registration, Shift, Activity, Site)
        .join(Shift, Shift.id == Registration.shift_id)
        .join(Activity, Activity.id == Registration.activity_id)
        .join(Site, Site.id == Registration.site_id)
        .where(
            theirs(session, resident, Registration),
            Registration.status == "confirmed",
            Activity.volunteering,
            Shift.status == "open",
            Shift.ends_at < func.now(),
            ~recorded.exists(),
        )
    )


def _in_charge(session: Session, registration: Registration) -> str:
    """Who said what there is of it, so that they do not decide; the site as a whole where nobody said anything."""
    query = select(AttendanceEntry.made_by).where(
        AttendanceEntry.registration_id == registration.id, AttendanceEntry.how != "scanned"
    )
    said: Sequence[str] = session.scalars(query.order_by(AttendanceEntry.position.desc()).limit(1)).all()
    return said[0] if said else f"site:{registration.site_id}"
