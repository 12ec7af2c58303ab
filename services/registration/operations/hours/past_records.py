"""Service of past years, from a list that a site kept before: a kind of record of its own.

    past = Past(person_id, date(2023, 5, 4), ...)
    record = add_past(session, site_id, past, brought_by="staff:…", approved_by="staff:…")

Nobody scanned or confirmed these hours here, and no certificate says so: `how` is `imported`. One person brings the
list, a second one approves it; the database compares the two. Whoever approves in a request is looked at by
`check_second_person`; a worker that carries it out afterwards names both.
"""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy.orm import Session

from services.common.outbox import add_events
from services.common.working_days import working_days_after
from services.registration.models import ServiceRecord
from services.registration.operations.hours.records import DUE_WORKING_DAYS, all_of, append, standing
from services.registration.operations.sites.sites import find_site, local_today


@dataclass(frozen=True)
class Past:
    """One line of the list: who gave how many minutes of what, on which day, where, under whom (in words)."""

    person_id: UUID
    day: date
    activity: str
    place: str
    content: str
    minutes: int
    responsible: str


def add_past(session: Session, site_id: UUID, past: Past, *, brought_by: str, approved_by: str) -> ServiceRecord | None:
    """Put it at the end of the site's chain; None where the same is on record already, however it came about.

    The caller holds no lock; two imports of one list at once end in one record, by the database's unique index.
    """
    if find_same(session, site_id, past) is not None:
        return None
    site = find_site(session, site_id)
    record = ServiceRecord(
        site_id=site_id,
        person_id=past.person_id,
        activity=past.activity,
        day=past.day,
        place=past.place,
        content=past.content,
        minutes=past.minutes,
        how="imported",
        unit=site.name_zh,
        responsible=past.responsible,
        in_charge=brought_by,
        recorded_by=approved_by,
        late=local_today(session, site) > working_days_after(past.day, DUE_WORKING_DAYS),
    )
    add_events(session, [append(session, record)])
    return record


def find_same(session: Session, site_id: UUID, past: Past) -> ServiceRecord | None:
    """What stands of this person for the same activity and content on the same day; also for the check beforehand."""
    of_day = (one for one in standing(session, site_id, all_of(session, past.person_id)) if one.day == past.day)
    return next((one for one in of_day if (one.activity, one.content) == (past.activity, past.content)), None)
