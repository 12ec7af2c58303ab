"""The check-in list of a shift, as a desk needs it."""

from uuid import UUID

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from services.registration.models import AttendanceEntry, PersonSite, Registration
from services.registration.operations.attendance import find_shift
from services.registration.operations.shown import shown_of
from services.registration.personal_data import PersonalData
from services.registration.schemas.hours import AttendeeAnswer


def attendees(session: Session, data: PersonalData, shift_id: UUID) -> list[AttendeeAnswer]:
    """Who has a place on the shift, by name, with what was recorded of them. Raises 404. That minors were shown is on
    record."""
    find_shift(session, shift_id)
    weakest = func.min(
        case((AttendanceEntry.how == "entered_later", 0), (AttendanceEntry.how == "confirmed", 1), else_=2)
    )
    how = (
        select(AttendanceEntry.registration_id, weakest.label("how"))
        .where(AttendanceEntry.shift_id == shift_id)
        .group_by(AttendanceEntry.registration_id)
        .subquery()
    )
    query = (
        select(Registration, PersonSite, how.c.how)
        .outerjoin(
            PersonSite,
            (PersonSite.person_id == Registration.person_id) & (PersonSite.site_id == Registration.site_id),
        )
        .outerjoin(how, how.c.registration_id == Registration.id)
        .where(Registration.shift_id == shift_id, Registration.status == "confirmed")
    )
    rows = session.execute(query).all()
    shown_of(session, data, [told for _, told, _ in rows if told is not None])
    people = [
        AttendeeAnswer.model_validate(
            {
                **vars(registration),
                "registration_id": registration.id,
                "name": data.shown(told.name) if told is not None else "",
                "how": None if known is None else ("entered_later", "confirmed", "scanned")[known],
            }
        )
        for registration, told, known in rows
    ]
    return sorted(people, key=lambda person: (person.name, str(person.registration_id)))
