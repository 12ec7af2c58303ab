"""The secret addresses at which a person's shifts are a calendar."""

from alembic import op

from services.common.audit import audited

revision = "0015"
down_revision = "0014"

# Of the address itself a hash; of whom it serves an id, and what registration needs to say how far that reaches. One
# that ended stays, so that calendars that still ask are told so.
FEEDS = """
CREATE TABLE calendar_feeds (
    secret_hash bytea PRIMARY KEY,
    person_id uuid NOT NULL,
    -- keyed: the address of whoever comes in as this person, themselves or who speaks for them
    holder bytea NOT NULL,
    -- ciphertext
    proven bytea,
    language text NOT NULL CHECK (language IN ('zh', 'en')),
    made_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    CONSTRAINT calendar_feeds_ended CHECK (ended_at IS NOT NULL OR proven IS NOT NULL)
);
CREATE UNIQUE INDEX calendar_feeds_one ON calendar_feeds (holder, person_id) WHERE ended_at IS NULL;
ALTER TABLE calendar_feeds ENABLE ROW LEVEL SECURITY;
ALTER TABLE calendar_feeds FORCE ROW LEVEL SECURITY;
CREATE POLICY every_site ON calendar_feeds USING (current_setting('hesheng.site', true) = '*');
CREATE INDEX registrations_person ON registrations (person_id);
"""


def upgrade() -> None:
    """Keep them."""
    op.execute(FEEDS)
    op.execute(audited("calendar_feeds", key="person_id"))
