"""Announcements: their words, whom they go to, who approved them, and how far they have come."""

from alembic import op

from services.common.audit import audited

revision = "0014"
down_revision = "0013"

ANNOUNCEMENTS = """
CREATE TABLE announcements (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    number bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT announcements_number UNIQUE,
    -- null: to an area
    site_id uuid,
    area text,
    version integer NOT NULL DEFAULT 1,
    -- waiting: for somebody's approval; scheduled: approved; sending: until every message of it has ended;
    -- stopped: what had not gone did not go
    state text NOT NULL DEFAULT 'draft'
        CHECK (state IN ('draft', 'waiting', 'scheduled', 'sending', 'done', 'stopped')),
    -- whom it goes to, as registration is asked, and what that is called
    audience jsonb NOT NULL,
    about_zh text NOT NULL,
    about_en text NOT NULL,
    -- templates; the English ones are empty where there is but Chinese
    subject_zh text NOT NULL,
    text_zh text NOT NULL,
    subject_en text NOT NULL,
    text_en text NOT NULL,
    -- null: as soon as it is approved
    send_at timestamptz,
    per_minute integer CHECK (per_minute BETWEEN 1 AND 100000),
    copied_from uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by text NOT NULL,
    -- who had a hand in its words or audience: none of them approves it
    written_by text[] NOT NULL,
    -- what was approved: so many people, of whom no channel reaches so many
    people integer,
    unreached integer,
    -- it came to far more people than were approved, and waits for another approval
    grown boolean NOT NULL DEFAULT false,
    submitted_at timestamptz,
    submitted_by text,
    approved_at timestamptz,
    approved_by text,
    begun_at timestamptz,
    -- how far its people are written down: the last one's id, and how many
    reached uuid,
    written integer NOT NULL DEFAULT 0,
    written_at timestamptz,
    ended_at timestamptz,
    ended_by text,
    CONSTRAINT announcements_of CHECK (num_nonnulls(site_id, area) = 1),
    CONSTRAINT announcements_counted
        CHECK (state IN ('draft', 'stopped') OR people IS NOT NULL AND unreached IS NOT NULL),
    CONSTRAINT announcements_begun CHECK (begun_at IS NOT NULL OR state NOT IN ('sending', 'done'))
);
CREATE INDEX announcements_site ON announcements (site_id, number);
CREATE INDEX announcements_area ON announcements (area, number) WHERE area IS NOT NULL;
CREATE INDEX announcements_under_way ON announcements (number) WHERE state IN ('scheduled', 'sending');

ALTER TABLE messages ADD CONSTRAINT messages_announcement FOREIGN KEY (announcement_id) REFERENCES announcements (id);
CREATE INDEX messages_announcement ON messages (announcement_id, state) WHERE announcement_id IS NOT NULL;
-- What of each is due; and which have anything left, each found by one look into the index.
CREATE INDEX messages_announcement_due ON messages (announcement_id, next_attempt_at, number)
    WHERE state = 'pending' AND announcement_id IS NOT NULL;
-- How many of one went within the last minute.
CREATE INDEX messages_announcement_pace ON messages (announcement_id, sent_at)
    WHERE announcement_id IS NOT NULL AND sent_at IS NOT NULL;

-- A site sees its own; one to an area is seen by whoever registration says looks after it. FORCE: the service's role
-- owns the tables.
ALTER TABLE announcements ENABLE ROW LEVEL SECURITY;
ALTER TABLE announcements FORCE ROW LEVEL SECURITY;
CREATE POLICY own_site ON announcements USING (sees(site_id::text)) WITH CHECK (sees(site_id::text));
"""


def upgrade() -> None:
    """Make the table, and let messages name their announcement."""
    op.execute(ANNOUNCEMENTS)
    # Its course is told by who submitted, approved and stopped it, not by how far it has come.
    op.execute(audited("announcements"))
