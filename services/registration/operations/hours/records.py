"""Service records by Order 67: only ever added to, each tied to the one before by its hash.

    write(session, registration, shift, Hours(90, "confirmed", in_charge="staff:…"))

The records are the truth about hours; `registrations.service_minutes` is a copy that the database keeps. A correction
is a later record that names the one it replaces. Whoever calls these holds the lock of the registration; the chain's
own lock is taken by the database, last of all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql import ColumnElement

from services.common.database import ACTING
from services.common.errors import Words, invalid, not_found
from services.common.events import AttendanceRecorded, Event, ServiceRecordCorrected, ServiceRecordRecorded
from services.common.outbox import add_events
from services.common.working_days import working_days_after
from services.registration.models import Activity, Registration, ServiceRecord, Shift, Site
from services.registration.operations import conflict
from services.registration.operations.hours.resting_certificates import outdated
from services.registration.operations.hours.told import tell_of_hours
from services.registration.operations.people.proven_sites import Resident, theirs
from services.registration.operations.seats.registrations import lock_registration
from services.registration.operations.seats.seats import registration_event
from services.registration.operations.sites.sites import local_today

DUE_WORKING_DAYS = 10
"""Order 67: within ten working days of the end of the activity."""


@dataclass(frozen=True)
class Hours:
    """What was given: whole minutes, how that came about, who answers for it, and why where somebody decided it."""

    minutes: int
    how: str
    in_charge: str
    reason: str = ""


def actor() -> str:
    """Who acts, as records name them: `staff:<id>`, `site:<key id>`, `person:<id>`."""
    return ACTING.get().actor or "system"


def write(session: Session, registration: Registration, shift: Shift, hours: Hours) -> list[Event]:
    """Record the hours of a locked registration in place of what was recorded before; returns the events, which the
    caller adds. Nothing is written where nothing changed, or where nothing was given and nothing stood."""
    before = latest(session, registration.id)
    if before is None and not hours.minutes:
        return []
    if before is not None and (before.minutes, before.how) == (hours.minutes, hours.how) and not hours.reason:
        return []
    record = _of_shift(session, registration, shift)
    if before is not None:
        record.corrects = before.id
    record.minutes, record.how, record.in_charge, record.reason = (
        hours.minutes,
        hours.how,
        hours.in_charge,
        hours.reason,
    )
    return [append(session, record, registration)]


def append(session: Session, record: ServiceRecord, registration: Registration | None = None) -> Event:
    """Put a new record at the end of its site's chain; returns its event."""
    record.recorded_by = record.recorded_by or actor()
    if record.corrects is not None and not record.minutes:
        record.state = "withdrawn"
    session.add(record)
    session.flush()
    session.refresh(record)
    if registration is not None:
        session.refresh(registration, ["service_minutes"])
    if record.corrects is not None:
        tell_of_hours(session, session.get_one(ServiceRecord, record.corrects), record)
        add_events(session, outdated(session, record))  # the chain's lock, held by now, orders the site's events
    return record_event(record)


def latest(session: Session, registration_id: UUID) -> ServiceRecord | None:
    """The record that stands for a registration."""
    of_registration = select(ServiceRecord).where(ServiceRecord.registration_id == registration_id)
    return session.scalars(of_registration.order_by(ServiceRecord.number.desc()).limit(1)).one_or_none()


def is_decided(session: Session, registration_id: UUID) -> bool:
    """Whether somebody decided on these hours, so that attendance no longer changes them."""
    record = latest(session, registration_id)
    return record is not None and record.reason != ""


def correct(session: Session, record_id: UUID, minutes: int, reason: str) -> ServiceRecord:
    """Lower the hours of a record, 0 to withdraw it. One person alone may take hours away, never add any."""
    record = find_standing(session, record_id)
    if minutes >= record.minutes:
        raise invalid(
            "minutes",
            Words(
                "应少于现有时长；增加时长请补录并由另一人审核，或由志愿者提出异议。",
                "must be fewer than are recorded. To add hours, enter them later for a second person to approve, "
                "or let the volunteer object.",
            ),
        )
    return replace(session, record, minutes, reason)


def replace(
    session: Session, record: ServiceRecord, minutes: int, reason: str, in_charge: str | None = None
) -> ServiceRecord:
    """A record with these minutes in place of a standing one, and everything that follows from it. Whoever acts is in
    charge of it, unless they approve what somebody else said."""
    registration, number = (None, 0)
    if record.registration_id is not None:
        registration, number = lock_registration(session, record.registration_id)
        _still_stands(session, record)
    corrected = ServiceRecord(
        **{name: getattr(record, name) for name in COPIED},
        minutes=minutes,
        in_charge=in_charge or actor(),
        reason=reason,
        corrects=record.id,
        late=record.late,
    )
    events = [append(session, corrected, registration)]
    if registration is not None:
        events.insert(0, _attendance(session, registration, number))
    add_events(session, events)
    return corrected


COPIED = (
    "site_id",
    "person_id",
    "registration_id",
    "activity_id",
    "shift_id",
    "activity",
    "day",
    "place",
    "content",
    "how",
    "unit",
    "responsible",
)
"""What a correction takes over from the record that it replaces."""


def find_standing(session: Session, record_id: UUID) -> ServiceRecord:
    """The record. Raises 404, and 409 where a later one took its place."""
    record = session.get(ServiceRecord, record_id)
    if record is None:
        raise not_found("这条服务记录", "service record")
    _still_stands(session, record)
    return record


def standing_for(session: Session, record: ServiceRecord) -> ServiceRecord:
    """The record that stands by now in place of this one, or itself."""
    while later := session.scalars(select(ServiceRecord).where(ServiceRecord.corrects == record.id)).one_or_none():
        record = later
    return record


def standing(session: Session, site_id: UUID | None, people: Sequence[UUID]) -> list[ServiceRecord]:
    """The records that count of these persons, in the order of days; of one site or, without one, of all."""
    of_people = ServiceRecord.person_id.in_(people)
    return _standing(session, of_people if site_id is None else of_people & (ServiceRecord.site_id == site_id))


def own_standing(session: Session, resident: Resident) -> list[ServiceRecord]:
    """A resident's own records that count, in the order of days."""
    return _standing(session, theirs(session, resident, ServiceRecord))


def _standing(session: Session, condition: ColumnElement[bool]) -> list[ServiceRecord]:
    later = aliased(ServiceRecord)
    query = select(ServiceRecord).where(condition, ~select(later.id).where(later.corrects == ServiceRecord.id).exists())
    return list(session.scalars(query.order_by(ServiceRecord.day, ServiceRecord.site_id, ServiceRecord.number)))


def all_of(session: Session, person_id: UUID) -> list[UUID]:
    """The ids under which a person's records were written: their own, and those merged into it."""
    return list(session.scalars(select(func.persons_of(person_id))))


def record_event(record: ServiceRecord) -> Event:
    """The record as an event."""
    facts = {
        "record_id": record.id,
        "site_id": record.site_id,
        "number": record.number,
        "hash": record.hash.hex(),
        "person_id": record.person_id,
        "registration_id": record.registration_id,
        "activity_id": record.activity_id,
        "shift_id": record.shift_id,
        "day": record.day,
        "minutes": record.minutes,
        "how": record.how,
        "late": record.late,
    }
    if record.corrects is None:
        return ServiceRecordRecorded.model_validate(facts)
    return ServiceRecordCorrected.model_validate(facts | {"corrects": record.corrects})


def _still_stands(session: Session, record: ServiceRecord) -> None:
    if session.scalar(select(ServiceRecord.id).where(ServiceRecord.corrects == record.id)):
        raise conflict(
            "这条记录已被更正，请查看最新的记录。",
            "This record was corrected meanwhile: look at the one that replaced it.",
        )


def _attendance(session: Session, registration: Registration, number: int) -> Event:
    """Attendance is unchanged, but what it earned is not: the reports hear of hours through it."""
    registration.version += 1
    session.flush()
    return registration_event(
        AttendanceRecorded,
        registration,
        number,
        outcome=registration.outcome,
        checked_in_at=registration.checked_in_at,
        checked_out_at=registration.checked_out_at,
        service_minutes=registration.service_minutes,
    )


def _of_shift(session: Session, registration: Registration, shift: Shift) -> ServiceRecord:
    activity = session.scalars(select(Activity).where(Activity.id == shift.activity_id)).one()
    site = session.get_one(Site, shift.site_id)
    return ServiceRecord(
        site_id=shift.site_id,
        person_id=registration.person_id,
        registration_id=registration.id,
        activity_id=shift.activity_id,
        shift_id=shift.id,
        activity=activity.title_zh,
        day=shift.local_day,
        place=activity.place,
        content=shift.role_zh,
        unit=site.name_zh,
        responsible=activity.responsible,
        late=local_today(session, site) > due_on(shift, site),
    )


def due_on(shift: Shift, site: Site) -> date:
    """The last of the site's days on which the hours of a shift are recorded in time."""
    return working_days_after(shift.ends_at.astimezone(ZoneInfo(site.time_zone)).date(), DUE_WORKING_DAYS)
