"""Retention: the details of residents whom a site has not seen for as long as it keeps them are erased there.

A row of `person_sites` is looked at when `review_at` has come, which is about once a year, and then either erased or
given its next day. The volunteers of a site are not touched: their records may be asked for, and they can ask for
erasure themselves. Minors' details are kept for half as long.
"""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.common.database import is_outage
from services.common.errors import Problem
from services.common.logs import get_logger
from services.registration.models import Retention
from services.registration.operations.erasure import erase
from services.registration.schemas.erasure import RetentionAnswer, RetentionBody

log = get_logger(__name__)

MONTHS = 24
MINORS_MONTHS = 12
BATCH = 50

DUE = text("SELECT EXISTS (SELECT FROM person_sites WHERE review_at <= now())")

# Until when a person's details are kept at a site: so many months after what they last had to do with it.
LOOK = text("""
WITH claimed AS (
    SELECT person_id, site_id FROM person_sites WHERE review_at <= now()
    ORDER BY review_at LIMIT :batch FOR NO KEY UPDATE SKIP LOCKED
), seen AS (
    SELECT c.*, l.age_band IN ('under_14', '14_17') AS is_minor,
        greatest(l.at, (SELECT max(d.created_at) FROM person_sites AS d
                        WHERE d.person_id = ANY (g.people) AND d.site_id = c.site_id)) AS last,
        EXISTS (SELECT FROM volunteer_sites AS v
                WHERE v.person_id = ANY (g.people) AND v.site_id = c.site_id) AS volunteer
    FROM claimed AS c
    CROSS JOIN LATERAL (SELECT ARRAY(SELECT persons_of(person_now(c.person_id))) AS people) AS g
    LEFT JOIN LATERAL (
        SELECT r.age_band, greatest(r.created_at, s.ends_at) AS at
        FROM registrations AS r JOIN shifts AS s ON s.id = r.shift_id
        WHERE r.person_id = ANY (g.people) AND r.site_id = c.site_id ORDER BY 2 DESC LIMIT 1
    ) AS l ON true
), kept AS (
    SELECT seen.*, CASE WHEN volunteer THEN now() + interval '12 months' ELSE last + make_interval(months =>
        CASE WHEN is_minor THEN coalesce(t.minors_months, :minors) ELSE coalesce(t.months, :months) END) END AS until
    FROM seen LEFT JOIN retention AS t ON t.site_id = seen.site_id
), later AS (
    UPDATE person_sites AS p SET review_at = least(kept.until, now() + interval '12 months')
    FROM kept WHERE kept.until > now() AND p.person_id = kept.person_id AND p.site_id = kept.site_id
)
SELECT person_id, site_id, until <= now() AS due FROM kept
""")


def any_to_review(session: Session) -> bool:
    """Whether there is anybody to look at."""
    return bool(session.scalar(DUE))


def erase_what_is_old(session: Session, batch: int = BATCH) -> int:
    """Look at some whose day has come, and erase who was not seen for too long; returns how many were looked at."""
    rows = session.execute(LOOK, {"batch": batch, "months": MONTHS, "minors": MINORS_MONTHS}).all()
    erased = sum(_erase(session, row.person_id, row.site_id) for row in rows if row.due)
    if erased:
        log.info("old_details_erased", count=erased)
    return len(rows)


def _erase(session: Session, person_id: UUID, site_id: UUID) -> bool:
    try:
        with session.begin_nested():
            erase(session, person_id, site_id, "retention", "retention")
            return True
    except Exception as error:
        if is_outage(error):
            raise
        # Whoever cannot be erased today keeps nobody else waiting.
        why = error.kind.slug if isinstance(error, Problem) else type(error).__name__
        log.warning("retention_waits", person_id=str(person_id), site_id=str(site_id), why=why)
        again = "UPDATE person_sites SET review_at = now() + interval '1 day' WHERE person_id = :person"
        session.execute(text(f"{again} AND site_id = :site"), {"person": person_id, "site": site_id})
        return False


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
