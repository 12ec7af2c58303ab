"""Cells hold whom they count, as bitmaps, and unite up the tree of areas."""

from alembic import op

revision = "0005"
down_revision = "0004"

BEFORE = """
SELECT set_config('hesheng.site', '*', true);
DROP VIEW buckets_now;
DROP VIEW bucket_source;
DROP TABLE buckets;
DROP TABLE dirty;
CREATE INDEX facts_person ON facts (person_number);
"""

# Cells to recompute, as a list that is only added to: two handlers that mark the same cell never wait for each
# other, and a cell marked again while it is being recomputed keeps a row of its own.
DIRTY = """
CREATE TABLE dirty (
    id bigserial PRIMARY KEY,
    site_id uuid NOT NULL,
    month date NOT NULL,
    marked_at timestamptz NOT NULL DEFAULT now()
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
CREATE INDEX dirty_cell ON dirty (site_id, month);
INSERT INTO dirty (site_id, month) SELECT DISTINCT site_id, date_trunc('month', day)::date FROM shifts;
"""

# A month of a site, or of an area and everything under it, by kind and age band; '*' is all of them, so that no report
# unites what it does not ask for. What a figure means is said in `operations/measures.py`. Bitmaps are compressed
# already.
CELLS = """
CREATE TABLE {table} (
    {place},
    month date NOT NULL,
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
    offered integer NOT NULL,
    places integer NOT NULL,
    shifts integer NOT NULL,
    seats integer NOT NULL,
    people bytea NOT NULL,
    people_attended bytea NOT NULL,
    activities bytea NOT NULL,
    PRIMARY KEY ({key}, month, kind, age_band)
);
ALTER TABLE {table} ALTER people SET STORAGE EXTERNAL, ALTER people_attended SET STORAGE EXTERNAL,
    ALTER activities SET STORAGE EXTERNAL;
"""

# The cells of areas hold for one shape of the tree: `version` rises when it changes, `built` is that of the cells.
# `stale` are those of them that something below has outrun.
TREE = """
CREATE TABLE tree (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    version bigint NOT NULL DEFAULT 1,
    built bigint NOT NULL DEFAULT 0
);
INSERT INTO tree DEFAULT VALUES;
CREATE TABLE stale (
    area text NOT NULL,
    month date NOT NULL,
    PRIMARY KEY (area, month)
);
"""

# Whom each number counts as in the end. Cells hold that number, so the handler of merges keeps this and marks the
# cells of whoever counts as somebody else from now on.
COUNTED_AS = """
DROP VIEW counted_as;
CREATE TABLE counted_as (
    person_number bigint PRIMARY KEY,
    into_number bigint NOT NULL
);
CREATE INDEX merges_person ON merges (person_number) WHERE NOT undone;
CREATE INDEX merges_into ON merges (into_number);
INSERT INTO counted_as
WITH RECURSIVE up AS (
    SELECT person_number, into_number, 1 AS depth FROM merges WHERE NOT undone
    UNION ALL
    SELECT up.person_number, merges.into_number, up.depth + 1
    FROM up JOIN merges ON merges.person_number = up.into_number AND NOT merges.undone WHERE up.depth < 20
)
SELECT DISTINCT ON (person_number) person_number, into_number FROM up ORDER BY person_number, depth DESC;
"""

SITE_SCOPE = """
ALTER TABLE site_cells ENABLE ROW LEVEL SECURITY;
ALTER TABLE site_cells FORCE ROW LEVEL SECURITY;
CREATE POLICY site_scope ON site_cells USING (
    (SELECT coalesce(current_setting('hesheng.site', true), '') = '*')
    OR site_id = (SELECT nullif(nullif(current_setting('hesheng.site', true), ''), '*')::uuid)
);
ALTER TABLE area_cells ENABLE ROW LEVEL SECURITY;
ALTER TABLE area_cells FORCE ROW LEVEL SECURITY;
CREATE POLICY area_scope ON area_cells USING (
    (SELECT coalesce(current_setting('hesheng.site', true), '') = '*')
    OR area IN (SELECT unnest(string_to_array(current_setting('hesheng.areas', true), ',')))
);
"""


# Days are counted from this index alone, without a look at each fact.
COVERING = """
DROP INDEX facts_site_day;
CREATE INDEX facts_site_day ON facts (site_id, day)
    INCLUDE (person_number, kind, age_band, status, promoted, outcome, service_minutes, places);
"""


def upgrade() -> None:
    """Months take the place of days, and are computed anew."""
    op.execute(BEFORE)
    op.execute(COVERING)
    op.execute(DIRTY)
    op.execute(CELLS.format(table="site_cells", place="site_id uuid NOT NULL", key="site_id"))
    op.execute(CELLS.format(table="area_cells", place="area text NOT NULL", key="area"))
    op.execute(TREE)
    op.execute(COUNTED_AS)
    op.execute(SITE_SCOPE)
