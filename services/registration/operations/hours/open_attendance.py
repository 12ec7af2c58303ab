"""Shifts of volunteering that are over while nobody has said of everybody whether they came: hours given, not recorded.

    open_shifts(session, site_id)      # the oldest first, each with the day by which its hours are to be recorded
    are_open(session, shift_ids)       # those of them of which this is so

Whoever waits for a second person as a later entry is not counted: that is on the list of entries.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from services.registration.models import Activity, Shift, Site
from services.registration.operations.hours.attendance import LATEST
from services.registration.operations.hours.records import due_on

MOST = 100

_NOBODY_SAID = """
FROM shifts AS s JOIN activities AS a ON a.id = s.activity_id JOIN registrations AS r ON r.shift_id = s.id
WHERE s.status = 'open' AND s.ends_at < clock_timestamp()
  AND a.volunteering AND a.status IN ('published', 'completed')
  AND r.status = 'confirmed' AND (r.outcome IS NULL OR r.outcome = 'present')
  AND NOT EXISTS (SELECT FROM later_entries AS l WHERE l.registration_id = r.id AND l.state = 'pending')
"""
_OPEN = text(f"""
SELECT s.id, count(*) AS people, count(*) FILTER (WHERE r.outcome = 'present') AS present
{_NOBODY_SAID} AND s.site_id = :site GROUP BY s.id ORDER BY s.ends_at, s.id LIMIT :most
""")
_OPEN_OF = text(f"SELECT DISTINCT s.id {_NOBODY_SAID} AND s.id = ANY(:shifts)")


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


def are_open(session: Session, shift_ids: Collection[UUID]) -> set[UUID]:
    """Which of these shifts are over while nobody has said of everybody whether they came."""
    return set(session.scalars(_OPEN_OF, {"shifts": list(shift_ids)})) if shift_ids else set()
