"""Finding people at the desk: by exactly one thing that is known in full, never by a fragment of a name.

The look-up goes over keyed hashes; that somebody searched, by what kind of thing and how many were found is on record.
"""

from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from services.common.audit import record
from services.registration.id_numbers import normal_id_number
from services.registration.models import PersonSite, Volunteer
from services.registration.operations.identity import person_now
from services.registration.operations.shown import shown
from services.registration.operations.volunteer_ids import normal_volunteer_number
from services.registration.personal_data import PersonalData
from services.registration.schemas.people import Found, SearchBody


def search_people(session: Session, data: PersonalData, site_id: UUID, body: SearchBody) -> list[Found]:
    """Whom this site knows by that: a family shares a phone, so that there may be several."""
    by = next(name for name, value in body.model_dump().items() if value is not None)
    found = select(PersonSite).where(PersonSite.site_id == site_id, _condition(session, data, by, getattr(body, by)))
    # Whoever was merged is found by what they told, and shown as who they are by now.
    people = {person_now(session, told.person_id) for told in session.scalars(found.limit(50))}
    answers = [_describe(session, data, site_id, person_id) for person_id in people]
    listed = sorted((one for one in answers if one is not None), key=lambda one: one.name)
    record(session, "search", "people", "", site_id, by=by, found=len(listed))
    return listed


def _condition(session: Session, data: PersonalData, by: str, value: str) -> ColumnElement[bool]:
    if by == "phone":
        return PersonSite.phone_index == data.contact_index("phone", value)
    if by == "email":
        return PersonSite.email_index == data.contact_index("email", value)
    if by == "volunteer_number":
        number = normal_volunteer_number(value) or ""
        holders = select(Volunteer.person_id).where(Volunteer.volunteer_number == number)
    else:
        id_hash = data.id_number_hash(normal_id_number(value) or "")
        holders = select(Volunteer.person_id).where(Volunteer.id_number_hash == id_hash)
    return PersonSite.person_id.in_([person_now(session, person_id) for person_id in session.scalars(holders)])


def _describe(session: Session, data: PersonalData, site_id: UUID, person_id: UUID) -> Found | None:
    told = session.get(PersonSite, (person_id, site_id))
    if told is None:
        return None
    volunteer = session.get(Volunteer, person_id)
    born = data.readable(told.birth_date)
    shown(session, site_id, person_id, date.fromisoformat(born) if born else None)
    return Found(id=person_id, name=data.shown(told.name), volunteer_number=volunteer and volunteer.volunteer_number)
