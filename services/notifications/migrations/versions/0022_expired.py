"""What expired unsent is counted, and told to who calls, as what failed is."""

from alembic import op

revision = "0022"
down_revision = "0021"

EXPIRED = """
CREATE INDEX messages_expired ON messages (number) WHERE state = 'expired' AND coalesce(error, '') NOT LIKE 'recalled%';
DROP INDEX messages_untold;
CREATE INDEX messages_untold ON messages (number)
    WHERE (channel = 'sms' OR state IN ('no_contact', 'failed') OR suppression_id IS NOT NULL OR refused_by <> '{}'
           OR state = 'expired' AND expires_at > created_at AND coalesce(error, '') NOT LIKE 'recalled%')
    AND caused_at IS NOT NULL AND state NOT IN ('pending', 'sending')
    AND told_reached IS DISTINCT FROM (state IN ('sent', 'delivered'));
"""


def upgrade() -> None:
    """Find them."""
    op.execute(EXPIRED)
