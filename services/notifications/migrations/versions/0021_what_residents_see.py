"""Of a calendar's address, when its session began; SMS that people send back; reminders of which no message came."""

from alembic import op

revision = "0021"
down_revision = "0020"

# Whether somebody logged out everywhere since is told by one clock, registration's. Older ones have none: theirs is
# `made_at`.
SESSIONS = "ALTER TABLE calendar_feeds ADD COLUMN session_since timestamptz"

# Neither number nor words: that a provider told of it, for it does so again; and what became of it.
REPLIES = """
CREATE TABLE replies (
    provider text NOT NULL,
    reference text NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('refused', 'unknown', 'other')),
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (provider, reference)
);
CREATE INDEX replies_age ON replies (received_at);
ALTER TABLE replies ENABLE ROW LEVEL SECURITY;
ALTER TABLE replies FORCE ROW LEVEL SECURITY;
CREATE POLICY every_site ON replies USING (current_setting('hesheng.site', true) = '*');
"""

NOT_SENT = "CREATE INDEX reminders_not_sent ON reminders (due_at, id) WHERE state IN ('missed', 'superseded')"


def upgrade() -> None:
    """Keep them."""
    for statement in (SESSIONS, REPLIES, NOT_SENT):
        op.execute(statement)
