"""The tables that the log's events end up in. A rebuild empties them, and `operations/books.py` compares them.

Only their keys and columns are said here; types, indexes, views and row-level security are in `migrations/`, and a
test compares the two.
"""

from sqlalchemy import Column, MetaData, Table


def _table(name: str, keys: str, others: str) -> Table:
    return Table(
        name,
        METADATA,
        *(Column(column, primary_key=True) for column in keys.split()),
        *(Column(column) for column in others.split()),
    )


METADATA = MetaData()

AREAS = _table("areas", "code", "parent level name_zh name_en")
SITES = _table("sites", "site_id", "area name_zh name_en")
ACTIVITIES = _table("activities", "activity_id", "activity_number site_id kind status")
SHIFTS = _table("shifts", "shift_id", "activity_id site_id day capacity status")
FACTS = _table(
    "facts",
    "registration_id",
    "version site_id shift_id activity_id activity_number person_id person_number kind age_band day status promoted"
    " outcome service_minutes places",
)
MERGES = _table("merges", "merge_id", "person_number into_number undone")
COUNTED_AS = _table("counted_as", "person_number", "into_number")
FIGURES = (
    "registrations confirmed waitlisted promotions cancellations attended no_shows service_minutes offered places"
    " shifts seats people people_attended activities"
)
SITE_CELLS = _table("site_cells", "site_id month kind age_band", FIGURES)
AREA_CELLS = _table("area_cells", "area month kind age_band", FIGURES)
