"""Activities and their shifts, whose kind and day stand in each of their facts."""

from collections.abc import Callable, Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.events import Received
from services.reporting.handlers.runs import columns_of, last_of

ACTIVITY_COLUMNS = (
    "activity_id",
    "activity_number",
    "site_id",
    "kind",
    "programme_id",
    "team_id",
    "volunteering",
    "service_category",
)
SHIFT_COLUMNS = ("shift_id", "activity_id", "site_id", "capacity", "role_zh", "role_en", "starts_at", "ends_at")

# Where the kind changes, so do the activity's facts, and the cells of all its months.
SAVE_ACTIVITIES = text("""
WITH saved AS (
    INSERT INTO activities (activity_id, activity_number, site_id, kind, programme_id, team_id, volunteering,
                            service_category, status)
    SELECT *, :status FROM unnest(cast(:activity_id AS uuid[]), cast(:activity_number AS bigint[]),
                                  cast(:site_id AS uuid[]), cast(:kind AS text[]), cast(:programme_id AS uuid[]),
                                  cast(:team_id AS uuid[]), cast(:volunteering AS boolean[]),
                                  cast(:service_category AS text[]))
    ON CONFLICT (activity_id) DO UPDATE SET
        kind = excluded.kind, programme_id = excluded.programme_id, team_id = excluded.team_id,
        volunteering = excluded.volunteering, service_category = excluded.service_category, status = excluded.status
    RETURNING activity_id, kind
), other AS (
    SELECT saved.* FROM saved JOIN activities USING (activity_id) WHERE activities.kind <> saved.kind
), moved AS (
    UPDATE facts SET kind = other.kind FROM other JOIN shifts USING (activity_id)
    WHERE facts.shift_id = shifts.shift_id AND facts.kind <> other.kind
)
INSERT INTO dirty (site_id, month)
SELECT DISTINCT site_id, date_trunc('month', day)::date FROM other JOIN shifts USING (activity_id)
""")

# Where the day changes, so do the shift's facts: the cells that they leave and the cells that they come to are dirty.
# `shifts` in `before` is the table as it was before this statement.
SAVE_SHIFTS = text("""
WITH incoming AS (
    SELECT * FROM unnest(cast(:shift_id AS uuid[]), cast(:activity_id AS uuid[]), cast(:site_id AS uuid[]),
                         cast(:day AS date[]), cast(:capacity AS int[]), cast(:role_zh AS text[]),
                         cast(:role_en AS text[]), cast(:starts_at AS timestamptz[]), cast(:ends_at AS timestamptz[]))
             AS i (shift_id, activity_id, site_id, day, capacity, role_zh, role_en, starts_at, ends_at)
), before AS (
    SELECT shift_id, shifts.site_id, shifts.day FROM shifts JOIN incoming USING (shift_id)
), saved AS (
    INSERT INTO shifts (shift_id, activity_id, site_id, day, capacity, role_zh, role_en, starts_at, ends_at, status)
    SELECT shift_id, activity_id, site_id, day, capacity, role_zh, role_en, starts_at, ends_at, :status FROM incoming
    ON CONFLICT (shift_id) DO UPDATE SET
        day = excluded.day, capacity = excluded.capacity, role_zh = excluded.role_zh, role_en = excluded.role_en,
        starts_at = excluded.starts_at, ends_at = excluded.ends_at, status = excluded.status
), moved AS (
    UPDATE facts SET day = incoming.day FROM incoming JOIN before USING (shift_id)
    WHERE facts.shift_id = incoming.shift_id AND before.day <> incoming.day
)
INSERT INTO dirty (site_id, month)
SELECT site_id, date_trunc('month', day)::date FROM incoming
UNION SELECT site_id, date_trunc('month', day)::date FROM before
""")


def activities_are(status: str) -> Callable[[Session, Sequence[Received]], None]:
    """Handler of activity events after which the activity has this status."""

    def handle(session: Session, events: Sequence[Received]) -> None:
        columns = columns_of(last_of(events, "activity_id"), *ACTIVITY_COLUMNS)
        session.execute(SAVE_ACTIVITIES, {**columns, "status": status})

    return handle


def shifts_are(status: str) -> Callable[[Session, Sequence[Received]], None]:
    """Handler of shift events after which the shift has this status."""

    def handle(session: Session, events: Sequence[Received]) -> None:
        last = last_of(events, "shift_id")
        columns = columns_of(last, *SHIFT_COLUMNS)
        session.execute(SAVE_SHIFTS, {**columns, "day": [data.local_day for data in last], "status": status})

    return handle
