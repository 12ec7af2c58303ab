"""Areas and sites. What is united up the tree of areas is united anew where its shape changes.

Their events lie in partitions of their own: a site may come before its area, and after its shifts.
"""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.events import Received
from services.reporting.handlers.runs import columns_of, last_of
from services.reporting.operations.aggregation import hold_aggregation

# `areas` in `other` is the table as it was before this statement.
SAVE_AREAS = text("""
WITH incoming AS (
    SELECT * FROM unnest(cast(:code AS text[]), cast(:parent AS text[]), cast(:level AS text[]),
                         cast(:name_zh AS text[]), cast(:name_en AS text[]))
             AS i (code, parent, level, name_zh, name_en)
), saved AS (
    INSERT INTO areas (code, parent, level, name_zh, name_en) SELECT * FROM incoming
    ON CONFLICT (code) DO UPDATE SET
        parent = excluded.parent, level = excluded.level, name_zh = excluded.name_zh, name_en = excluded.name_en
), other AS (
    SELECT code FROM incoming LEFT JOIN areas USING (code)
    WHERE areas.parent IS DISTINCT FROM incoming.parent
      AND (EXISTS (SELECT FROM sites WHERE sites.area = code)
           OR EXISTS (SELECT FROM areas AS below WHERE below.parent = incoming.code))
)
UPDATE tree SET version = version + 1 WHERE EXISTS (SELECT FROM other)
""")

SAVE_SITES = text("""
WITH incoming AS (
    SELECT * FROM unnest(cast(:site_id AS uuid[]), cast(:area AS text[]), cast(:name_zh AS text[]),
                         cast(:name_en AS text[]), cast(:time_zone AS text[]))
             AS i (site_id, area, name_zh, name_en, time_zone)
), saved AS (
    INSERT INTO sites (site_id, area, name_zh, name_en, time_zone) SELECT * FROM incoming
    ON CONFLICT (site_id) DO UPDATE SET
        area = excluded.area, name_zh = excluded.name_zh, name_en = excluded.name_en,
        time_zone = excluded.time_zone
), other AS (
    SELECT site_id FROM incoming LEFT JOIN sites USING (site_id)
    WHERE sites.area IS DISTINCT FROM incoming.area
      AND EXISTS (SELECT FROM shifts WHERE shifts.site_id = incoming.site_id)
)
UPDATE tree SET version = version + 1 WHERE EXISTS (SELECT FROM other)
""")


def on_areas_saved(session: Session, events: Sequence[Received]) -> None:
    """Areas were added, renamed or moved in the tree."""
    last = last_of(events, "code")
    hold_aggregation(session)
    session.execute(SAVE_AREAS, columns_of(last, "code", "parent", "level", "name_zh", "name_en"))


def on_sites_saved(session: Session, events: Sequence[Received]) -> None:
    """Sites were added, renamed or moved to another area."""
    last = last_of(events, "site_id")
    hold_aggregation(session)
    session.execute(SAVE_SITES, columns_of(last, "site_id", "area", "name_zh", "name_en", "time_zone"))
