"""SMS beside mail: by which channel a message went, what the provider calls it, and the provider's receipts."""

from alembic import op

revision = "0007"
down_revision = "0006"

CHANNELS = """
ALTER TABLE messages
    ADD COLUMN channel text,
    -- since when it may be with a provider that must not get it twice; null once the answer is known
    ADD COLUMN handed_at timestamptz,
    -- when it was last sent under the same id, where that was done again
    ADD COLUMN handed_again_at timestamptz,
    -- a keyed hash of the number, for three days: nobody's phone rings all day, under whatever names
    ADD COLUMN to_key bytea,
    -- how often it was handed over for a new: with the id it makes what the provider knows it by
    ADD COLUMN hand_over integer NOT NULL DEFAULT 0,
    -- when that happened of which it tells, by registration's clock; null for what nobody would be called about
    ADD COLUMN caused_at timestamptz,
    -- what registration was last told: whether the person was reached. Null: nothing yet
    ADD COLUMN told_reached boolean,
    DROP CONSTRAINT messages_state_check,
    ADD CONSTRAINT messages_state_check CHECK (
        state IN ('pending', 'sending', 'sent', 'delivered', 'failed', 'expired', 'no_contact'));
ALTER TABLE deliveries ADD COLUMN channel text, ADD COLUMN reference text;
CREATE INDEX messages_to ON messages (to_key, sent_at) WHERE to_key IS NOT NULL;
CREATE INDEX deliveries_reference ON deliveries (reference) WHERE reference IS NOT NULL;
-- what is not yet said to registration
CREATE INDEX messages_untold ON messages (number) WHERE (channel = 'sms' OR state = 'no_contact')
    AND caused_at IS NOT NULL AND state NOT IN ('pending', 'sending')
    AND told_reached IS DISTINCT FROM (state IN ('sent', 'delivered'));
"""

# Without number or name: ids, and what the network said. One that comes before its send is recorded waits here.
RECEIPTS = """
CREATE TABLE receipts (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- the provider's, and ours: a provider gives one of them or both
    reference text,
    hand_over text,
    delivered boolean NOT NULL,
    reason text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    applied_at timestamptz,
    CONSTRAINT receipts_of_something CHECK (reference IS NOT NULL OR hand_over IS NOT NULL),
    CONSTRAINT receipts_once UNIQUE NULLS NOT DISTINCT (reference, hand_over, delivered)
);
CREATE INDEX receipts_waiting ON receipts (number) WHERE applied_at IS NULL;
CREATE INDEX receipts_age ON receipts (received_at);
ALTER TABLE receipts ENABLE ROW LEVEL SECURITY;
ALTER TABLE receipts FORCE ROW LEVEL SECURITY;
CREATE POLICY own_site ON receipts USING (current_setting('hesheng.site', true) = '*');
"""


def upgrade() -> None:
    """Let messages go by SMS."""
    op.execute(CHANNELS)
    op.execute(RECEIPTS)
