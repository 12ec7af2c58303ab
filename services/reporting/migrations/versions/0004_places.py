"""Parties take several places, and places are offered."""

from alembic import op

revision = "0004"
down_revision = "0003"

COLUMNS = """
SELECT set_config('hesheng.site', '*', true);
DROP VIEW buckets_now;
DROP VIEW bucket_source;
ALTER TABLE facts
    ADD COLUMN places integer NOT NULL DEFAULT 1,
    DROP CONSTRAINT facts_status_check,
    ADD CONSTRAINT facts_status_check CHECK (status IN ('confirmed', 'waitlisted', 'offered', 'cancelled'));
ALTER TABLE buckets ADD COLUMN offered integer NOT NULL DEFAULT 0, ADD COLUMN places integer NOT NULL DEFAULT 0;
INSERT INTO dirty (site_id, day) SELECT DISTINCT site_id, day FROM facts;
"""

# As in the first migration, with two more figures.
BUCKET_SOURCE = """
CREATE VIEW bucket_source AS
SELECT site_id, day, kind, age_band,
       count(*)::integer AS registrations,
       (count(*) FILTER (WHERE status = 'confirmed'))::integer AS confirmed,
       (count(*) FILTER (WHERE status = 'waitlisted'))::integer AS waitlisted,
       (count(*) FILTER (WHERE promoted))::integer AS promotions,
       (count(*) FILTER (WHERE status = 'cancelled'))::integer AS cancellations,
       (count(*) FILTER (WHERE outcome IN ('present', 'attended')))::integer AS attended,
       (count(*) FILTER (WHERE outcome = 'no_show'))::integer AS no_shows,
       sum(service_minutes)::integer AS service_minutes,
       (count(*) FILTER (WHERE status = 'offered'))::integer AS offered,
       coalesce(sum(places) FILTER (WHERE status = 'confirmed'), 0)::integer AS places
FROM facts GROUP BY site_id, day, kind, age_band;
"""

BUCKETS_NOW = """
CREATE VIEW buckets_now AS
SELECT * FROM buckets
WHERE NOT EXISTS (SELECT FROM dirty WHERE dirty.site_id = buckets.site_id AND dirty.day = buckets.day)
UNION ALL
SELECT cell.site_id, cell.day, live.kind, live.age_band, live.registrations, live.confirmed, live.waitlisted,
       live.promotions, live.cancellations, live.attended, live.no_shows, live.service_minutes, live.offered,
       live.places
FROM (SELECT DISTINCT site_id, day FROM dirty) AS cell CROSS JOIN LATERAL (
    SELECT * FROM bucket_source WHERE bucket_source.site_id = cell.site_id AND bucket_source.day = cell.day OFFSET 0
) AS live;
"""


def upgrade() -> None:
    """Count both."""
    for statements in (COLUMNS, BUCKET_SOURCE, BUCKETS_NOW):
        op.execute(statements)
