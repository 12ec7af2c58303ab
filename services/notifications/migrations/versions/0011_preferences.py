"""What people want to be told, how, and when they want to be left alone; and who turned out to be one person."""

from alembic import op

from services.common.audit import audited

revision = "0011"
down_revision = "0010"

MERGES = """
CREATE TABLE merges (
    merge_id uuid PRIMARY KEY,
    person_id uuid NOT NULL,
    into_id uuid NOT NULL
);
CREATE INDEX merges_person ON merges (person_id);
-- Who somebody counts as by now. A merge into somebody who was merged later is followed.
CREATE FUNCTION person_now(person uuid) RETURNS uuid LANGUAGE sql STABLE AS $$
    WITH RECURSIVE chain AS (
        SELECT person AS id, 0 AS steps
        UNION ALL
        SELECT merges.into_id, steps + 1 FROM chain JOIN merges ON merges.person_id = chain.id WHERE steps < 20
    )
    SELECT id FROM chain ORDER BY steps DESC LIMIT 1
$$;
"""

# What one told a site is for that site.
PREFERENCES = """
CREATE TABLE preferences (
    person_id uuid NOT NULL,
    site_id uuid NOT NULL,
    version integer NOT NULL DEFAULT 1,
    -- kind.channel, such as reminder.sms
    refused text[] NOT NULL DEFAULT '{}',
    -- kinds that go by SMS before they go by mail
    sms_first text[] NOT NULL DEFAULT '{}',
    -- both null: the site's own
    quiet_from text,
    quiet_until text,
    PRIMARY KEY (person_id, site_id),
    CONSTRAINT preferences_quiet CHECK ((quiet_from IS NULL) = (quiet_until IS NULL))
);
ALTER TABLE preferences ENABLE ROW LEVEL SECURITY;
ALTER TABLE preferences FORCE ROW LEVEL SECURITY;
CREATE POLICY own_site ON preferences USING (sees(site_id::text)) WITH CHECK (sees(site_id::text));
"""


def upgrade() -> None:
    """Keep both."""
    op.execute(MERGES)
    op.execute(PREFERENCES)
    op.execute(audited("preferences", key="person_id"))
