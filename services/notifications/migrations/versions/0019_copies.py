"""Copies for the guardians of minors who read their own mail."""

from alembic import op

revision = "0019"
down_revision = "0018"

COPIES = """
ALTER TABLE messages
    -- without a foreign key: a message is forgotten before its copy, each with its own attempts
    ADD COLUMN copy_of uuid,
    DROP CONSTRAINT messages_one_cause,
    ADD CONSTRAINT messages_one_cause CHECK (
        num_nonnulls(cause_event, reminder_id, notice_id, announcement_id, digest_id, alarm_id, approval_of,
                     copy_of) = 1);
"""

# A mail that came back, and expired before another channel could bring it, reached nobody either.
UNTOLD = """
DROP INDEX messages_untold;
CREATE INDEX messages_untold ON messages (number)
    WHERE (channel = 'sms' OR state IN ('no_contact', 'failed') OR suppression_id IS NOT NULL OR refused_by <> '{}')
    AND caused_at IS NOT NULL AND state NOT IN ('pending', 'sending')
    AND told_reached IS DISTINCT FROM (state IN ('sent', 'delivered'));
"""


def upgrade() -> None:
    """A message may be a copy of another one."""
    op.execute(COPIES)
    op.execute(UNTOLD)
