"""Trainings of many people at once, and those that expire."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from services.registration.models import PersonSite, Training, VolunteerSite
from services.registration.operations import alone
from services.registration.operations.people.identity import day_at_site, person_now
from services.registration.operations.people.minors_shown import all_shown, birth_date
from services.registration.operations.people.volunteer_records import add_record
from services.registration.personal_data import PersonalData
from services.registration.schemas.volunteers import (
    ExpiringTraining,
    NewTraining,
    TrainingLine,
    TrainingLines,
    TrainingOfMany,
)

MOST = 500


def add_trainings(session: Session, site_id: UUID, body: TrainingOfMany, made_by: str) -> TrainingLines:
    """Put one course on record for each. Sent twice, or by two at once, it is there once."""
    alone(session, f"training {site_id} {body.day} {body.name}")
    course = NewTraining.model_validate(body.model_dump(exclude={"people"}))
    lines = []
    for person_id in body.people:
        now = person_now(session, person_id)
        if session.get(VolunteerSite, (now, site_id)) is None:
            lines.append(TrainingLine(person_id=person_id, outcome="no_volunteer"))
        elif _has(session, site_id, now, course):
            lines.append(TrainingLine(person_id=person_id, outcome="known"))
        else:
            add_record(session, site_id, now, course, made_by)
            lines.append(TrainingLine(person_id=person_id, outcome="recorded"))
    return TrainingLines(items=lines)


def _has(session: Session, site_id: UUID, person_id: UUID, course: NewTraining) -> bool:
    query = select(func.count()).where(
        Training.person_id == person_id,
        Training.site_id == site_id,
        Training.name == course.name,
        Training.day == course.day,
    )
    return bool(session.scalar(query))


def expiring_trainings(session: Session, data: PersonalData, site_id: UUID, days: int) -> list[ExpiringTraining]:
    """Of the site's people: what expired, or will within these days, and was not renewed by a later course."""
    later = aliased(Training)
    same = (later.code == Training.code) & ((Training.code != "") | (later.name == Training.name))
    longer = func.coalesce(later.valid_until > Training.valid_until, True)
    renewed = select(later.id).where(
        later.person_id == Training.person_id, later.site_id == site_id, later.id != Training.id, same, longer
    )
    today = day_at_site(session, site_id)
    query = (
        select(Training, PersonSite)
        .join(PersonSite, (PersonSite.person_id == Training.person_id) & (PersonSite.site_id == site_id))
        .where(Training.site_id == site_id, Training.valid_until <= today + timedelta(days=days), ~renewed.exists())
        .order_by(Training.valid_until, Training.position)
        .limit(MOST)
    )
    found = session.execute(query).all()
    born = {told.person_id: birth_date(data, told.birth_date) for _, told in found}
    all_shown(session, site_id, born.items())
    return [
        ExpiringTraining(
            person_id=one.person_id,
            name=data.shown(told.name),
            training=one.name,
            code=one.code,
            valid_until=one.valid_until,
            expired=one.valid_until is not None and one.valid_until < today,
        )
        for one, told in found
    ]
