"""Several providers of SMS: with which one an SMS may be; and which channels are done with a message."""

from alembic import op

revision = "0018"
down_revision = "0017"

# Until now there was one provider: what may be with it, and what it said, is its.
MESSAGES = """
ALTER TABLE messages
    -- the provider that has it, or may have it while `handed_at` is set: nobody else is asked after it
    ADD COLUMN handed_to text,
    -- the channels that took it not, or did not bring it: another one has told it since, or is to
    ADD COLUMN refused_by text[] NOT NULL DEFAULT '{}';
SELECT set_config('hesheng.site', '*', true);
UPDATE messages SET handed_to = (
    SELECT provider FROM deliveries WHERE channel = 'sms' AND provider IS NOT NULL ORDER BY id DESC LIMIT 1)
WHERE handed_at IS NOT NULL;
"""

# Two providers may call two SMS the same.
RECEIPTS = """
ALTER TABLE receipts ADD COLUMN provider text;
UPDATE receipts SET provider = coalesce(
    (SELECT provider FROM deliveries WHERE channel = 'sms' AND provider IS NOT NULL ORDER BY id DESC LIMIT 1), '');
SELECT set_config('hesheng.site', '', true);
ALTER TABLE receipts ALTER COLUMN provider SET NOT NULL,
    DROP CONSTRAINT receipts_once,
    ADD CONSTRAINT receipts_once UNIQUE NULLS NOT DISTINCT (provider, reference, hand_over, delivered);
"""


def upgrade() -> None:
    """Tell providers apart."""
    op.execute(MESSAGES)
    op.execute(RECEIPTS)
