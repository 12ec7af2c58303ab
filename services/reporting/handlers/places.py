"""Areas and sites."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.events import Received
from services.reporting.handlers.runs import columns_of, last_of

SAVE_AREAS = text("""
INSERT INTO areas (code, parent, level, name_zh, name_en)
SELECT * FROM unnest(cast(:code AS text[]), cast(:parent AS text[]), cast(:level AS text[]),
                     cast(:name_zh AS text[]), cast(:name_en AS text[]))
ON CONFLICT (code) DO UPDATE SET
    parent = excluded.parent, level = excluded.level, name_zh = excluded.name_zh, name_en = excluded.name_en
""")

SAVE_SITES = text("""
INSERT INTO sites (site_id, area, name_zh, name_en, time_zone)
SELECT * FROM unnest(cast(:site_id AS uuid[]), cast(:area AS text[]), cast(:name_zh AS text[]),
                     cast(:name_en AS text[]), cast(:time_zone AS text[]))
ON CONFLICT (site_id) DO UPDATE SET
    area = excluded.area, name_zh = excluded.name_zh, name_en = excluded.name_en, time_zone = excluded.time_zone
""")


def on_areas_saved(session: Session, events: Sequence[Received]) -> None:
    """Areas were added, renamed or moved in the tree. Reports join the tree when asked, so no figure changes."""
    last = last_of(events, "code")
    session.execute(SAVE_AREAS, columns_of(last, "code", "parent", "level", "name_zh", "name_en"))


def on_sites_saved(session: Session, events: Sequence[Received]) -> None:
    """Sites were added, renamed or moved to another area."""
    last = last_of(events, "site_id")
    session.execute(SAVE_SITES, columns_of(last, "site_id", "area", "name_zh", "name_en", "time_zone"))
