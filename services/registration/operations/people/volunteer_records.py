"""Training, awards and evaluations of volunteers (Order 67): added, and read by the site that entered them.

What was entered wrongly is removed and entered again; the audit log keeps both.
"""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.errors import not_found
from services.registration.models import Award, Evaluation, Training, VolunteerSite
from services.registration.operations.people.identity import person_now
from services.registration.schemas.volunteers import NewAward, NewEvaluation, NewTraining

Record = Training | Award | Evaluation
TABLES: dict[type, type[Record]] = {NewTraining: Training, NewAward: Award, NewEvaluation: Evaluation}


def add_record(
    session: Session, site_id: UUID, person_id: UUID, body: NewTraining | NewAward | NewEvaluation, made_by: str
) -> Record:
    """Put it on record. Raises 404 for somebody who is no volunteer of the site."""
    person_id = person_now(session, person_id)
    if session.get(VolunteerSite, (person_id, site_id)) is None:
        raise not_found("这位志愿者", "volunteer")
    made = TABLES[type(body)](person_id=person_id, site_id=site_id, made_by=made_by, **body.model_dump())
    session.add(made)
    session.flush()
    return made


def remove_record(session: Session, table: type[Record], site_id: UUID, person_id: UUID, record_id: UUID) -> None:
    """Take back what the site entered wrongly of this person. Raises 404."""
    query = select(table).where(
        table.id == record_id, table.site_id == site_id, table.person_id == person_now(session, person_id)
    )
    found = session.scalars(query).one_or_none()
    if found is None:
        raise not_found("这条记录", "record")
    session.delete(found)
    session.flush()
