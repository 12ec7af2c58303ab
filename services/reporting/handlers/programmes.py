"""Programmes, and the sites that took them up."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.events import Received
from services.reporting.handlers.runs import columns_of, last_events_of, last_of

SAVE_PROGRAMMES = text("""
INSERT INTO programmes (programme_id, version, site_id, area, title_zh, title_en, activities)
SELECT * FROM unnest(cast(:programme_id AS uuid[]), cast(:version AS int[]), cast(:site_id AS uuid[]),
                     cast(:area AS text[]), cast(:title_zh AS text[]), cast(:title_en AS text[]),
                     cast(:activities AS int[]))
ON CONFLICT (programme_id) DO UPDATE SET
    version = excluded.version, site_id = excluded.site_id, area = excluded.area, title_zh = excluded.title_zh,
    title_en = excluded.title_en, activities = excluded.activities
""")

SAVE_CLONES = text("""
INSERT INTO programme_clones (programme_id, site_id, version, first_day, activities)
SELECT * FROM unnest(cast(:programme_id AS uuid[]), cast(:site_id AS uuid[]), cast(:version AS int[]),
                     cast(:first_day AS date[]), cast(:activities AS int[]))
ON CONFLICT (programme_id, site_id) DO UPDATE SET
    version = excluded.version, first_day = excluded.first_day, activities = excluded.activities
""")

PROGRAMME_COLUMNS = ("programme_id", "version", "site_id", "area", "title_zh", "title_en", "activities")
CLONE_COLUMNS = ("programme_id", "site_id", "version", "first_day", "activities")


def on_programmes_saved(session: Session, events: Sequence[Received]) -> None:
    """Programmes were made, or their templates changed."""
    session.execute(SAVE_PROGRAMMES, columns_of(last_of(events, "programme_id"), *PROGRAMME_COLUMNS))


def on_programmes_cloned(session: Session, events: Sequence[Received]) -> None:
    """Sites got programmes."""
    last = [event.data for event in last_events_of(events, "programme_id", "site_id")]
    session.execute(SAVE_CLONES, columns_of(last, *CLONE_COLUMNS))
