"""Organisations, their parts in activities, and plaques."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.events import Received
from services.reporting.handlers.runs import columns_of, last_of

SAVE_ORGANISATIONS = text("""
INSERT INTO organisations (organisation_id, site_id, name_zh, name_en, kind)
SELECT * FROM unnest(cast(:organisation_id AS uuid[]), cast(:site_id AS uuid[]), cast(:name_zh AS text[]),
                     cast(:name_en AS text[]), cast(:kind AS text[]))
ON CONFLICT (organisation_id) DO UPDATE SET
    site_id = excluded.site_id, name_zh = excluded.name_zh, name_en = excluded.name_en, kind = excluded.kind
""")

# Who is in the new list is saved and who is not goes: the two never meet in one row.
SET_PARTS = text("""
WITH incoming AS (
    SELECT * FROM unnest(cast(:activity_id AS uuid[]), cast(:organisation_id AS uuid[]), cast(:role AS text[]),
                         cast(:site_id AS uuid[]))
             AS i (activity_id, organisation_id, role, site_id)
), gone AS (
    DELETE FROM activity_organisations AS o
    WHERE activity_id = ANY(cast(:activities AS uuid[]))
      AND NOT EXISTS (SELECT FROM incoming AS i WHERE (i.activity_id, i.organisation_id, i.role)
                                                    = (o.activity_id, o.organisation_id, o.role))
)
INSERT INTO activity_organisations (activity_id, organisation_id, role, site_id)
SELECT DISTINCT activity_id, organisation_id, role, site_id FROM incoming
ON CONFLICT (activity_id, organisation_id, role) DO NOTHING
""")

SAVE_DESIGNATIONS = text("""
INSERT INTO designations (designation_id, site_id, team_id, name_zh, name_en, granted_by, organisation_id, valid_from,
                          valid_until, revoked_on)
SELECT * FROM unnest(cast(:designation_id AS uuid[]), cast(:site_id AS uuid[]), cast(:team_id AS uuid[]),
                     cast(:name_zh AS text[]), cast(:name_en AS text[]), cast(:granted_by AS text[]),
                     cast(:organisation_id AS uuid[]), cast(:valid_from AS date[]), cast(:valid_until AS date[]),
                     cast(:revoked_on AS date[]))
ON CONFLICT (designation_id) DO UPDATE SET
    team_id = excluded.team_id, name_zh = excluded.name_zh, name_en = excluded.name_en,
    granted_by = excluded.granted_by, organisation_id = excluded.organisation_id, valid_from = excluded.valid_from,
    valid_until = excluded.valid_until, revoked_on = excluded.revoked_on
""")

DESIGNATION_COLUMNS = (
    "designation_id",
    "site_id",
    "team_id",
    "name_zh",
    "name_en",
    "granted_by",
    "organisation_id",
    "valid_from",
    "valid_until",
    "revoked_on",
)


def on_organisations_saved(session: Session, events: Sequence[Received]) -> None:
    """Organisations were added to the directory or changed."""
    last = last_of(events, "organisation_id")
    session.execute(SAVE_ORGANISATIONS, columns_of(last, "organisation_id", "site_id", "name_zh", "name_en", "kind"))


def on_parts_set(session: Session, events: Sequence[Received]) -> None:
    """Who takes part in activities, in place of whoever did; the activity itself may come later."""
    last = last_of(events, "activity_id")
    parts = [(said, part) for said in last for part in said.organisations]
    columns = columns_of([said for said, _ in parts], "activity_id", "site_id")
    columns |= columns_of([part for _, part in parts], "organisation_id", "role")
    session.execute(SET_PARTS, {**columns, "activities": [said.activity_id for said in last]})


def on_designations_saved(session: Session, events: Sequence[Received]) -> None:
    """Plaques were hung, changed or taken away."""
    session.execute(SAVE_DESIGNATIONS, columns_of(last_of(events, "designation_id"), *DESIGNATION_COLUMNS))
