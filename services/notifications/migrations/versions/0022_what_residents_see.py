"""Of a calendar's address, when its session began."""

from alembic import op

revision = "0022"
down_revision = "0019"

# Whether somebody logged out everywhere since is told by one clock, registration's. Older ones have none: theirs is
# `made_at`.
SESSIONS = "ALTER TABLE calendar_feeds ADD COLUMN session_since timestamptz"


def upgrade() -> None:
    """Keep them."""
    op.execute(SESSIONS)
