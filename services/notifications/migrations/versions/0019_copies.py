"""Copies for the guardians of minors who read their own mail."""

from alembic import op

revision = "0019"
down_revision = "0018"

COPIES = """
ALTER TABLE messages
    ADD COLUMN copy_of uuid REFERENCES messages (id) ON DELETE CASCADE,
    DROP CONSTRAINT messages_one_cause,
    ADD CONSTRAINT messages_one_cause CHECK (
        num_nonnulls(cause_event, reminder_id, notice_id, announcement_id, digest_id, alarm_id, approval_of,
                     copy_of) = 1);
CREATE INDEX messages_copies ON messages (copy_of) WHERE copy_of IS NOT NULL;
"""


def upgrade() -> None:
    """A message may be a copy of another one."""
    op.execute(COPIES)
