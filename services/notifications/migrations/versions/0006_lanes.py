"""Lanes, so that what somebody waits for never waits for what many get; and which providers fail just now."""

from alembic import op

revision = "0006"
down_revision = "0005"

# The kinds of `operations/lanes.py`, which a test compares. Nobody sets a lane by hand.
LANES = """
ALTER TABLE messages ADD COLUMN lane smallint NOT NULL GENERATED ALWAYS AS (
    CASE WHEN kind = 'link' THEN 0
         WHEN kind IN ('confirmation', 'waitlisted', 'promotion', 'offer', 'moved_back', 'transfer_declined',
                       'transfer_expired', 'cancellation') THEN 1
         WHEN kind = 'announcement' THEN 3
         ELSE 2 END) STORED;
CREATE INDEX messages_lane_due ON messages (lane, next_attempt_at, number) WHERE state = 'pending';
DROP INDEX messages_links_due;
ALTER TABLE deliveries ADD COLUMN provider text;
"""

# One row for each that failed once; `failing_since` is null while it works.
PROVIDERS = """
CREATE TABLE providers (
    name text PRIMARY KEY,
    failing_since timestamptz,
    reason text NOT NULL DEFAULT '',
    told_at timestamptz NOT NULL DEFAULT now()
);
"""


def upgrade() -> None:
    """Sort messages into lanes, and keep what is known of providers."""
    op.execute(LANES)
    op.execute(PROVIDERS)
