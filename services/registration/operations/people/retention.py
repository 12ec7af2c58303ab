"""Retention: the details of residents whom a site has not seen for as long as it keeps them are erased there.

A row of `person_sites` is looked at when `review_at` has come, which is about once a year, and then either erased or
given its next day. The volunteers of a site are not touched: their records may be asked for, and they can ask for
erasure themselves. Minors' details are kept for half as long.

    for person_id, site_id in due_reviews(session):     # each in a transaction of its own: one that fails stops nobody
        review(session, data, person_id, site_id)
"""

from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.common.errors import Problem
from services.common.logs import get_logger
from services.registration.models import Retention
from services.registration.operations.people.erasure import erase, lock_ahead
from services.registration.operations.people.minors_shown import is_minor
from services.registration.operations.seats.seats import lock_people
from services.registration.personal_data import PersonalData
from services.registration.schemas.erasure import RetentionAnswer, RetentionBody

log = get_logger(__name__)

MONTHS = 24
MINORS_MONTHS = 12

DUE = text("SELECT EXISTS (SELECT FROM person_sites WHERE review_at <= now())")

REVIEWS = text("SELECT person_id, site_id FROM person_sites WHERE review_at <= now() ORDER BY review_at LIMIT :limit")

PEOPLE = text("SELECT persons_of(person_now(:person))")

# What somebody last had to do with a site, and until when it keeps their details, as an adult and as a minor.
LOOK = text("""
SELECT now() AS now, d.birth_date, l.age_band IN ('under_14', '14_17') AS was_minor,
    CASE WHEN EXISTS (SELECT FROM volunteer_sites WHERE person_id = ANY (:people) AND site_id = :site)
         THEN now() + interval '12 months' END AS volunteers,
    d.last + make_interval(months => coalesce(t.months, :months)) AS adults,
    d.last + make_interval(months => coalesce(t.minors_months, :minors)) AS minors
FROM (SELECT greatest(max(p.created_at), max(r.at)) AS last,
             (array_agg(p.birth_date ORDER BY p.created_at DESC) FILTER (WHERE p.birth_date IS NOT NULL))[1]
                 AS birth_date
      FROM person_sites AS p LEFT JOIN LATERAL (
          SELECT max(greatest(r.created_at, s.ends_at)) AS at
          FROM registrations AS r JOIN shifts AS s ON s.id = r.shift_id
          WHERE r.person_id = ANY (:people) AND r.site_id = :site
      ) AS r ON true
      WHERE p.person_id = ANY (:people) AND p.site_id = :site AND p.review_at <= now()) AS d
LEFT JOIN LATERAL (
    SELECT r.age_band FROM registrations AS r
    WHERE r.person_id = ANY (:people) AND r.site_id = :site ORDER BY r.created_at DESC LIMIT 1
) AS l ON true
LEFT JOIN retention AS t ON t.site_id = :site
WHERE d.last IS NOT NULL
""")

NEXT = text("""
UPDATE person_sites SET review_at = least(:until, now() + interval '12 months')
WHERE person_id = ANY (:people) AND site_id = :site AND review_at <= now()
""")


def any_to_review(session: Session) -> bool:
    """Whether there is anybody to look at."""
    return bool(session.scalar(DUE))


def due_reviews(session: Session, limit: int = 200) -> Sequence[Row[tuple[UUID, UUID]]]:
    """Whom to look at, and at which site: a person's id and a site's."""
    return session.execute(REVIEWS, {"limit": limit}).all()


def review(session: Session, data: PersonalData, person_id: UUID, site_id: UUID) -> bool:
    """Erase the person at the site if their time has come, else say when to look again; returns whether erased.

    Shifts and their lock come first, as before every place they get: nobody signs up between the look and the erasing.
    """
    lock_ahead(session, person_id)
    people = list(session.scalars(PEOPLE, {"person": person_id}))
    lock_people(session, people)
    at = {"people": people, "site": site_id}
    seen = session.execute(LOOK, {**at, "months": MONTHS, "minors": MINORS_MONTHS}).one_or_none()
    if seen is None:
        return False
    until = seen.volunteers or (seen.minors if _minor(data, seen) else seen.adults)
    if until <= seen.now:
        try:
            with session.begin_nested():
                erase(session, person_id, site_id, "retention", "retention")
                return True
        except Problem as problem:
            log.warning("retention_waits", person_id=str(person_id), site_id=str(site_id), why=problem.kind.slug)
            until = seen.now + timedelta(days=1)
    session.execute(NEXT, {**at, "until": until})
    return False


def _minor(data: PersonalData, seen: Row[tuple[object, ...]]) -> bool:
    """By the birth date that the site was told, else by the band of their last sign-up there."""
    born = data.readable(seen.birth_date)
    return is_minor(date.fromisoformat(born)) if born else bool(seen.was_minor)


def find_retention(session: Session, site_id: UUID) -> RetentionAnswer:
    """For how long the site keeps details."""
    found = session.get(Retention, site_id)
    months = (found.months, found.minors_months) if found else (MONTHS, MINORS_MONTHS)
    return RetentionAnswer(months=months[0], minors_months=months[1])


def save_retention(session: Session, site_id: UUID, body: RetentionBody) -> RetentionAnswer:
    """Keep details for so long from now on. Everybody there is looked at again."""
    values = body.model_dump()
    saved = insert(Retention).values(site_id=site_id, **values)
    session.execute(
        saved.on_conflict_do_update(index_elements=["site_id"], set_={**values, "version": Retention.version + 1})
    )
    session.execute(text("UPDATE person_sites SET review_at = now() WHERE site_id = :site"), {"site": site_id})
    return RetentionAnswer(**values)
