"""Facts, and the buckets that are computed from them."""

from alembic import op

from services.common.pipeline_tables import SITE_KEY_TABLE, SUBSCRIBER_TABLES

revision = "0001"
down_revision = None

PLACES = """
CREATE TABLE areas (
    code text PRIMARY KEY,
    parent text,
    level text NOT NULL,
    name_zh text NOT NULL,
    name_en text NOT NULL
);
CREATE INDEX areas_parent ON areas (parent);

-- No foreign key to areas: their events are in other partitions and may come later.
CREATE TABLE sites (
    site_id uuid PRIMARY KEY,
    area text NOT NULL,
    name_zh text NOT NULL,
    name_en text NOT NULL
);
CREATE INDEX sites_area ON sites (area);
"""

ACTIVITIES = """
CREATE TABLE activities (
    activity_id uuid PRIMARY KEY,
    activity_number bigint NOT NULL,
    site_id uuid NOT NULL,
    kind text NOT NULL,
    status text NOT NULL CHECK (status IN ('open', 'cancelled'))
);

CREATE TABLE shifts (
    shift_id uuid PRIMARY KEY,
    activity_id uuid NOT NULL,
    site_id uuid NOT NULL,
    day date NOT NULL,
    capacity integer NOT NULL,
    status text NOT NULL CHECK (status IN ('open', 'cancelled'))
);
CREATE INDEX shifts_site_day ON shifts (site_id, day);
CREATE INDEX shifts_activity ON shifts (activity_id);
"""

# One row per registration, by ids alone. `kind` and `day` repeat what its activity and shift say, so that a report
# reads one table; the handlers keep them in step.
FACTS = """
CREATE TABLE facts (
    registration_id uuid PRIMARY KEY,
    version integer NOT NULL,
    site_id uuid NOT NULL,
    shift_id uuid NOT NULL,
    activity_id uuid NOT NULL,
    activity_number bigint NOT NULL,
    person_id uuid NOT NULL,
    person_number bigint NOT NULL,
    kind text NOT NULL,
    age_band text NOT NULL,
    day date NOT NULL,
    status text NOT NULL CHECK (status IN ('confirmed', 'waitlisted', 'cancelled')),
    promoted boolean NOT NULL DEFAULT false,
    outcome text CHECK (outcome IN ('present', 'attended', 'no_show')),
    service_minutes integer NOT NULL DEFAULT 0
);
CREATE INDEX facts_site_day ON facts (site_id, day);
CREATE INDEX facts_shift ON facts (shift_id);

-- Cells to recompute, as a list that is only added to: two handlers that mark the same cell never wait for each
-- other, and a cell marked again while it is being recomputed keeps a row of its own.
CREATE TABLE dirty (
    id bigserial PRIMARY KEY,
    site_id uuid NOT NULL,
    day date NOT NULL,
    marked_at timestamptz NOT NULL DEFAULT now()
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
CREATE INDEX dirty_cell ON dirty (site_id, day);

CREATE TABLE buckets (
    site_id uuid NOT NULL,
    day date NOT NULL,
    kind text NOT NULL,
    age_band text NOT NULL,
    registrations integer NOT NULL,
    confirmed integer NOT NULL,
    waitlisted integer NOT NULL,
    promotions integer NOT NULL,
    cancellations integer NOT NULL,
    attended integer NOT NULL,
    no_shows integer NOT NULL,
    service_minutes integer NOT NULL,
    PRIMARY KEY (site_id, day, kind, age_band)
);
"""

# Until when the log is known to have been applied completely; the pump writes it.
CAUGHT_UP = """
CREATE TABLE caught_up (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    as_of timestamptz NOT NULL DEFAULT 'epoch'
);
INSERT INTO caught_up DEFAULT VALUES;
"""

# What every figure means is written here and nowhere else.
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
       sum(service_minutes)::integer AS service_minutes
FROM facts GROUP BY site_id, day, kind, age_band;
"""

# Exact at any moment: buckets of clean cells, and the dirty ones computed on the spot. OFFSET 0 keeps the planner from
# merging the inner query into the outer one, so that it looks up each dirty cell by index (without it, one dirty cell
# has all facts grouped: 900 ms instead of 0.1 ms at 1M facts). Site and day come from `cell`, so that a report's own
# conditions on them choose among the cells before any is computed.
BUCKETS_NOW = """
CREATE VIEW buckets_now AS
SELECT * FROM buckets
WHERE NOT EXISTS (SELECT FROM dirty WHERE dirty.site_id = buckets.site_id AND dirty.day = buckets.day)
UNION ALL
SELECT cell.site_id, cell.day, live.kind, live.age_band, live.registrations, live.confirmed, live.waitlisted,
       live.promotions, live.cancellations, live.attended, live.no_shows, live.service_minutes
FROM (SELECT DISTINCT site_id, day FROM dirty) AS cell CROSS JOIN LATERAL (
    SELECT * FROM bucket_source WHERE bucket_source.site_id = cell.site_id AND bucket_source.day = cell.day OFFSET 0
) AS live;
"""

# The subselects are evaluated once per statement instead of once per row.
SITE_SCOPE = """
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
CREATE POLICY site_scope ON {table} USING (
    (SELECT coalesce(current_setting('hesheng.site', true), '') = '*')
    OR site_id = (SELECT nullif(nullif(current_setting('hesheng.site', true), ''), '*')::uuid)
);
"""


def upgrade() -> None:
    for statements in (
        SUBSCRIBER_TABLES,
        SITE_KEY_TABLE,
        PLACES,
        ACTIVITIES,
        FACTS,
        CAUGHT_UP,
        BUCKET_SOURCE,
        BUCKETS_NOW,
    ):
        op.execute(statements)
    for table in ("activities", "shifts", "facts", "buckets"):
        op.execute(SITE_SCOPE.format(table=table))
