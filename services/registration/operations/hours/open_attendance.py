"""Shifts of volunteering that are over while nobody has said of everybody whether they came: hours given, not recorded.

    open_shifts(session, site_id)      # the oldest first, each with the day by which its hours are to be recorded

Whoever waits for a second person as a later entry is not counted: that is on the list of entries.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from services.registration.models import Activity, Shift, Site
from services.registration.operations.hours.attendance import LATEST
from services.registration.operations.hours.records import due_on

MOST = 100

_OPEN = text("""
SELECT s.id, count(*) AS people, count(*) FILTER (WHERE r.outcome = 'present') AS present
FROM shifts AS s JOIN activities AS a ON a.id = s.activity_id JOIN registrations AS r ON r.shift_id = s.id
WHERE s.site_id = :site AND s.status = 'open' AND s.ends_at < clock_timestamp()
  AND a.volunteering AND a.status IN ('published', 'completed')
  AND r.status = 'confirmed' AND (r.outcome IS NULL OR r.outcome = 'present')
  AND NOT EXISTS (SELECT FROM later_entries AS l WHERE l.registration_id = r.id AND l.state = 'pending')
GROUP BY s.id ORDER BY s.ends_at, s.id LIMIT :most
""")


@dataclass(frozen=True)
class OpenShift:
    """A shift that is over, with how many of whom nobody knows the end, and how many of these were checked in."""

    shift: Shift
    activity: Activity
    people: int
    present: int
    due_on: date
    by_one: bool


def open_shifts(session: Session, site_id: UUID, most: int = MOST) -> list[OpenShift]:
    """Those of a site, the oldest first. `by_one`: one person alone may still say who came."""
    site = session.get_one(Site, site_id)
    counted = session.execute(_OPEN, {"site": site_id, "most": most}).all()
    query = select(Shift, Activity).join(Activity, Activity.id == Shift.activity_id)
    found = {
        shift.id: (shift, activity)
        for shift, activity in session.execute(query.where(Shift.id.in_([row.id for row in counted])))
    }
    now = datetime.now(UTC)
    return [
        OpenShift(
            shift=found[row.id][0],
            activity=found[row.id][1],
            people=row.people,
            present=row.present,
            due_on=due_on(found[row.id][0], site),
            by_one=found[row.id][0].ends_at + LATEST >= now,
        )
        for row in counted
    ]
