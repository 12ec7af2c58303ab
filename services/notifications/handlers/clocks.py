"""A site's other time zone or quiet hours move what still lies ahead: in slices, beside all else.

`on_site_saved` only notes that they changed. Working out the reminders of thousands takes seconds, in which no event
of the site would be applied, and somebody who changes them to and fro would keep everybody's waiting: here the last
change counts, and what waits is one row.
"""

from sqlalchemy import text

from services.common.database import EVERY_SITE, Database
from services.notifications.handlers.changes import active_registrations
from services.notifications.handlers.moments import work_out
from services.notifications.handlers.reminders import reschedule

SLICE = 20
"""Shifts that are worked out again in one transaction."""

NEXT = text("SELECT site_id, changed_at, after FROM clock_changes ORDER BY changed_at LIMIT 1 FOR UPDATE SKIP LOCKED")

# Those that are over too, as long as their hours may have to be recorded.
SHIFTS = text("""
    SELECT shifts.id FROM shifts JOIN activities ON activities.id = activity_id
    WHERE activities.site_id = :site_id AND ends_at > cast(:changed_at AS timestamptz) - interval '60 days'
      AND NOT shifts.cancelled AND (cast(:after AS uuid) IS NULL OR shifts.id > :after)
    ORDER BY shifts.id LIMIT :slice
""")
GO_ON = text("UPDATE clock_changes SET after = :after WHERE site_id = :site_id")
DONE = text("DELETE FROM clock_changes WHERE site_id = :site_id")


def follow_clocks(database: Database) -> bool:
    """Bring a slice of a site's shifts in line with its clocks; returns whether there was one."""
    with database.transaction(EVERY_SITE) as session:
        change = session.execute(NEXT).one_or_none()
        if change is None:
            return False
        shift_ids = list(session.scalars(SHIFTS, change._asdict() | {"slice": SLICE}))
        work_out(session, shift_ids)
        reschedule(session, active_registrations(session, shift_ids))
        if len(shift_ids) == SLICE:
            session.execute(GO_ON, {"site_id": change.site_id, "after": shift_ids[-1]})
        else:
            session.execute(DONE, {"site_id": change.site_id})
        return True
