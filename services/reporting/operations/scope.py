"""Which sites a report is about, and how far the log was applied: both read in the report's own snapshot."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.database import Database
from services.common.errors import Words, called, not_found

ZONE = "Asia/Shanghai"
"""In which people read times, and today is a day."""

# A tree is asked for, but events of two areas come in any order, so for a moment there may be a ring in it: the root
# is never visited again. `branch` is the child of the root that an area lies under.
UNDER_AREA = text("""
WITH RECURSIVE under (code, branch) AS (
    SELECT code, code FROM areas WHERE code = :area
    UNION
    SELECT areas.code, CASE WHEN areas.parent = :area THEN areas.code ELSE under.branch END
    FROM areas JOIN under ON areas.parent = under.code WHERE areas.code <> :area
)
SELECT site_id, sites.name_zh, sites.name_en, branch, areas.name_zh AS branch_zh, areas.name_en AS branch_en
FROM sites JOIN under ON sites.area = under.code JOIN areas ON areas.code = under.branch
ORDER BY site_id
""")

ONE_SITE = text("""
SELECT site_id, sites.name_zh, sites.name_en, sites.area AS branch,
       coalesce(areas.name_zh, sites.area) AS branch_zh, coalesce(areas.name_en, sites.area) AS branch_en
FROM sites LEFT JOIN areas ON areas.code = sites.area WHERE site_id = :site
""")


@dataclass(frozen=True)
class Place:
    """A site, and the row of `by=area` that it counts in."""

    site_id: UUID
    branch: str


@dataclass(frozen=True)
class Scope:
    """What a report is about. `names` holds the name of every site and branch by its id or code."""

    area: str | None
    site: UUID | None
    name: Words
    places: list[Place]
    names: dict[str, Words]


@dataclass(frozen=True)
class LogPosition:
    """How far the log was applied. Two reports of one position have the same figures."""

    as_of: datetime
    epoch: UUID | None
    positions: dict[int, int]
    parked: int


@contextmanager
def report_snapshot(database: Database, visible: str) -> Iterator[Session]:
    """A read-only transaction of one moment, for this row-level-security scope.

    Reports plan each query anew: a plan that fits one site takes seconds for a city. The memory keeps a city's
    distinct counts off the disk. Compiling would cost more than it saves.
    """
    with database.snapshot() as session:
        session.execute(
            text("""
            SELECT set_config('hesheng.site', :visible, true), set_config('plan_cache_mode', 'force_custom_plan', true),
                   set_config('work_mem', '64MB', true), set_config('jit', 'off', true)
            """),
            {"visible": visible},
        )
        yield session


def read_scope(session: Session, area: str | None, site: UUID | None) -> Scope:
    """The sites in an area and everything under it, or one site. Raises 404 when there is no such thing."""
    if area is None:
        rows = session.execute(ONE_SITE, {"site": site}).all()
        if not rows:
            raise not_found("这个站点", "site")
        name = called(rows[0])
    else:
        found = session.execute(text("SELECT name_zh, name_en FROM areas WHERE code = :area"), {"area": area}).first()
        if found is None:
            raise not_found("这个区划", "area")
        name = called(found)
        rows = session.execute(UNDER_AREA, {"area": area}).all()
    names = {str(row.site_id): called(row) for row in rows}
    names |= {row.branch: called(row, "branch") for row in rows}
    return Scope(area, site, name, [Place(row.site_id, row.branch) for row in rows], names)


def read_log_position(session: Session) -> LogPosition:
    """How far the log was applied in this snapshot."""
    cursors = session.execute(text("SELECT partition, epoch, sequence FROM cursors ORDER BY partition")).all()
    as_of, parked = session.execute(text("SELECT (SELECT as_of FROM caught_up), (SELECT count(*) FROM parked)")).one()
    return LogPosition(
        as_of, cursors[0].epoch if cursors else None, {row.partition: row.sequence for row in cursors}, parked
    )
