"""The check-in list of a shift, as a desk needs it."""

from collections import defaultdict
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.registration.models import AttendanceEntry, PersonSite, Registration
from services.registration.operations.hours.attendance import WEAKEST_FIRST, find_shift, standing_entries
from services.registration.operations.people.minors_shown import shown_of
from services.registration.personal_data import PersonalData
from services.registration.schemas.hours import AttendeeAnswer


def attendees(session: Session, data: PersonalData, shift_id: UUID) -> list[AttendeeAnswer]:
    """Who has a place on the shift, by name, with what was recorded of them. Raises 404. That minors were shown is on
    record."""
    find_shift(session, shift_id)
    said = _said(session, shift_id)
    query = (
        select(Registration, PersonSite)
        .outerjoin(
            PersonSite,
            (PersonSite.person_id == Registration.person_id) & (PersonSite.site_id == Registration.site_id),
        )
        .where(Registration.shift_id == shift_id, Registration.status == "confirmed")
    )
    rows = session.execute(query).all()
    shown_of(session, data, [told for _, told in rows if told is not None])
    people = [
        AttendeeAnswer.model_validate(
            {
                **vars(registration),
                "registration_id": registration.id,
                "name": data.shown(told.name) if told is not None else "",
                "how": min((e.how for e in said[registration.id]), key=WEAKEST_FIRST.index, default=None),
                "entries": said[registration.id],
            }
        )
        for registration, told in rows
    ]
    return sorted(people, key=lambda person: (person.name, str(person.registration_id)))


def _said(session: Session, shift_id: UUID) -> defaultdict[UUID, list[AttendanceEntry]]:
    """What stands, by registration, read at one go."""
    said: defaultdict[UUID, list[AttendanceEntry]] = defaultdict(list)
    of_shift = select(AttendanceEntry).where(AttendanceEntry.shift_id == shift_id)
    for entry in session.scalars(of_shift.order_by(AttendanceEntry.position)):
        said[entry.registration_id].append(entry)
    for registration_id, entries in said.items():
        said[registration_id] = standing_entries(entries)
    return said
