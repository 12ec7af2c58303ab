"""What a site's staff should know of a day before it comes: its shifts, and what the days before left open.

    facts_of(session, [DigestQuestion(site_id=…, day=…)])

Numbers and titles alone: who it is that lacks a consent or did not come stands on the pages.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.registration.operations.staff.notices import staff_of
from services.registration.schemas.digests import DigestAnswer, DigestAttendance, DigestQuestion, DigestShift

MOST = 100
"""Shifts of one day, and as many that are over. A centre has a dozen."""

OPEN_SITES = text("SELECT id FROM sites WHERE id = ANY(:sites) AND status = 'open'")

# A guardian's consent by the age at sign-up, as far as its band says it for certain.
SHIFTS = text("""
    SELECT s.id AS shift_id, a.title_zh, a.title_en, s.role_zh, s.role_en, coalesce(rooms.name_zh, a.place) AS where_zh,
           coalesce(rooms.name_en, a.place) AS where_en, s.starts_at, s.ends_at, s.capacity AS places, s.confirmed,
           s.waitlisted, s.offered, (
               SELECT count(*) FROM registrations AS r WHERE r.shift_id = s.id AND r.status = 'confirmed' AND (
                   EXISTS (SELECT FROM jsonb_array_elements_text(coalesce(s.requirements -> 'consents', '[]')) AS asked
                           WHERE NOT consent_in_force(r.person_id, r.site_id, asked))
                   OR (r.age_band = 'under_14'
                       OR r.age_band = '14_17' AND (a.volunteering OR sites.guardian_below >= 18))
                      AND NOT guardian_agreed(r.person_id, r.site_id, a.volunteering, r.id))
           ) AS without_consent
    FROM shifts AS s JOIN activities AS a ON a.id = s.activity_id JOIN sites ON sites.id = s.site_id
    LEFT JOIN rooms ON rooms.id = a.room_id
    WHERE s.site_id = :site AND s.local_day = :day AND s.status = 'open' AND a.status = 'published'
    ORDER BY s.starts_at, s.id LIMIT :most
""")

# Of whom attendance must be known are volunteers (`open_attendance.py`); whoever waits for a second person as a later
# entry is not open.
ATTENDANCE = text("""
    SELECT * FROM (
        SELECT s.id AS shift_id, a.title_zh, a.title_en, s.starts_at,
               count(*) FILTER (WHERE r.outcome = 'no_show') AS absent,
               count(*) FILTER (WHERE a.volunteering AND (r.outcome IS NULL OR r.outcome = 'present') AND NOT EXISTS (
                   SELECT FROM later_entries AS l WHERE l.registration_id = r.id AND l.state = 'pending')) AS open
        FROM shifts AS s JOIN activities AS a ON a.id = s.activity_id JOIN registrations AS r ON r.shift_id = s.id
        WHERE s.site_id = :site AND s.local_day IN (cast(:day AS date) - 1, cast(:day AS date) - 2)
          AND s.status = 'open' AND s.ends_at <= now()
          AND a.status IN ('published', 'completed') AND r.status = 'confirmed'
        GROUP BY s.id, a.id
    ) AS counted WHERE absent > 0 OR open > 0 ORDER BY starts_at, shift_id LIMIT :most
""")


def facts_of(session: Session, questions: Sequence[DigestQuestion]) -> list[DigestAnswer]:
    """An answer to each whose site is open."""
    sites = set(session.scalars(OPEN_SITES, {"sites": [one.site_id for one in questions]}))
    staff = staff_of(session, sites)
    return [_facts(session, one, staff.get(one.site_id, [])) for one in questions if one.site_id in sites]


def _facts(session: Session, asked: DigestQuestion, staff: list[UUID]) -> DigestAnswer:
    values = {"site": asked.site_id, "day": asked.day, "most": MOST}
    return DigestAnswer(
        site_id=asked.site_id,
        day=asked.day,
        shifts=[DigestShift.model_validate(row) for row in session.execute(SHIFTS, values)],
        attendance=[DigestAttendance.model_validate(row) for row in session.execute(ATTENDANCE, values)],
        staff=staff,
    )
