"""Finding people at the desk: by exactly one thing that is known in full, never by a fragment of a name.

The look-up goes over keyed hashes; that somebody searched, by what kind of thing and how many were found is on record.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from services.common.audit import record
from services.registration.id_numbers import normal_id_number
from services.registration.models import Person, PersonSite, Volunteer
from services.registration.operations.people.minors_shown import all_shown, birth_date
from services.registration.operations.people.volunteer_ids import normal_volunteer_number
from services.registration.personal_data import PersonalData
from services.registration.schemas.people import Found, SearchBody


def search_people(session: Session, data: PersonalData, site_id: UUID, body: SearchBody) -> list[Found]:
    """Whom this site knows by that: a family shares a phone, so that there may be several."""
    by = next(name for name, value in body.model_dump().items() if value is not None)
    found = select(PersonSite).where(PersonSite.site_id == site_id, _condition(session, data, by, getattr(body, by)))
    # Whoever was merged is found by what they told, and shown as who they are by now.
    people = _now(session, [told.person_id for told in session.scalars(found.limit(50))])
    listed = sorted(_describe(session, data, site_id, people), key=lambda one: one.name)
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
    return PersonSite.person_id.in_(_now(session, list(session.scalars(holders))))


def _now(session: Session, people: Sequence[UUID]) -> set[UUID]:
    """Who these are by now: whom they were merged into, or themselves."""
    merged = select(Person.id, Person.merged_into).where(Person.id.in_(people), Person.merged_into.is_not(None))
    into = {row.id: row.merged_into for row in session.execute(merged)} if people else {}
    return {into.get(person_id, person_id) for person_id in people}


def _describe(session: Session, data: PersonalData, site_id: UUID, people: set[UUID]) -> list[Found]:
    query = (
        select(PersonSite, Volunteer.volunteer_number)
        .outerjoin(Volunteer, Volunteer.person_id == PersonSite.person_id)
        .where(PersonSite.person_id.in_(people), PersonSite.site_id == site_id)
    )
    rows = session.execute(query).all() if people else []
    all_shown(session, site_id, [(told.person_id, birth_date(data, told.birth_date)) for told, _ in rows])
    return [Found(id=told.person_id, name=data.shown(told.name), volunteer_number=number) for told, number in rows]


def search_for(written: str) -> dict[str, str]:
    """What somebody typed into one field, as the body of a search: each kind of number is known by its shape."""
    value = written.strip()
    if "@" in value:
        return {"email": value}
    if normal_volunteer_number(value):
        return {"volunteer_number": value}
    return {"id_number" if normal_id_number(value) else "phone": value}
