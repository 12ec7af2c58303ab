"""Recounts: how far each is, and what it found."""

from alembic import op

revision = "0030"
down_revision = "0020"

# `stage`, `node` and `month` are where it is: the month that was compared last, of a site or of an area. One goes on at
# a time.
RECOUNTS = """
CREATE TABLE recounts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    stage text NOT NULL DEFAULT 'site' CHECK (stage IN ('site', 'area')),
    node text NOT NULL DEFAULT '',
    month date NOT NULL DEFAULT '0001-01-01',
    months integer NOT NULL DEFAULT 0,
    left_out integer NOT NULL DEFAULT 0,
    differences integer NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX recounts_going ON recounts ((finished_at IS NULL)) WHERE finished_at IS NULL;

-- Of sets, `stored` and `counted` are how many there are, `missing` and `surplus` how many are not in both. `stored` is
-- NULL where the bytes are no set.
CREATE TABLE recount_differences (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    recount_id bigint NOT NULL REFERENCES recounts,
    found_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    what text NOT NULL CHECK (what IN ('site', 'area')),
    node text NOT NULL,
    month date NOT NULL,
    kind text NOT NULL,
    age_band text NOT NULL,
    figure text NOT NULL,
    stored bigint,
    counted bigint NOT NULL,
    missing bigint,
    surplus bigint
);
CREATE INDEX recount_differences_recount ON recount_differences (recount_id, id);
"""


def upgrade() -> None:
    """Make both."""
    op.execute(RECOUNTS)
