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
SITES = _table("sites", "site_id", "area name_zh name_en time_zone")
ACTIVITIES = _table(
    "activities",
    "activity_id",
    "activity_number site_id kind status programme_id team_id volunteering service_category",
)
SHIFTS = _table("shifts", "shift_id", "activity_id site_id day capacity status role_zh role_en starts_at ends_at")
FACTS = _table(
    "facts",
    "registration_id",
    "version site_id shift_id activity_id activity_number person_id person_number kind age_band day status promoted"
    " outcome service_minutes places channel team_id signed_up_at cancelled_at cancel_reason was_waitlisted"
    " notice_minutes",
)
MERGES = _table("merges", "merge_id", "person_number into_number undone merged_at undone_at")
COUNTED_AS = _table("counted_as", "person_number", "into_number")
FIGURES = (
    "registrations confirmed waitlisted promotions cancellations attended no_shows service_minutes offered places"
    " shifts seats people people_attended activities"
)
SITE_CELLS = _table("site_cells", "site_id month kind age_band", FIGURES)
AREA_CELLS = _table("area_cells", "area month kind age_band", FIGURES)
ERASURES = _table("erasures", "event_id", "person_id site_id at")
ORGANISATIONS = _table("organisations", "organisation_id", "site_id name_zh name_en kind")
ACTIVITY_ORGANISATIONS = _table("activity_organisations", "activity_id organisation_id role", "site_id")
DESIGNATIONS = _table(
    "designations",
    "designation_id",
    "site_id team_id name_zh name_en granted_by organisation_id valid_from valid_until revoked_on",
)
PROGRAMMES = _table("programmes", "programme_id", "version site_id area title_zh title_en activities")
PROGRAMME_CLONES = _table("programme_clones", "programme_id site_id", "version first_day activities")
TEAMS = _table("teams", "team_id", "site_id name_zh name_en kind since ended_at")
TEAM_MEMBER_CHANGES = _table("team_member_changes", "team_id person_number at", "site_id person_id role")
VOLUNTEER_CHANGES = _table("volunteer_changes", "site_id person_number at", "what age_band how categories")
ROOMS = _table("rooms", "room_id", "site_id name_zh name_en capacity")
BOOKINGS = _table("bookings", "booking_id", "room_id site_id purpose team_id shift_id starts_at ends_at day status")
SERVICE_RECORDS = _table(
    "service_records",
    "record_id",
    "site_id person_id registration_id activity_id shift_id day minutes how late corrects",
)
CERTIFICATES = _table(
    "certificates", "certificate_id", "site_id person_id minutes period_from period_to issued_at revoked"
)
