"""Addresses to which no mail goes any more, as keyed hashes, and what providers and mailboxes said later of mails."""

from alembic import op

from services.common.audit import audited

revision = "0012"
down_revision = "0011"

SUPPRESSIONS = """
CREATE TABLE suppressions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- keyed: who has only this database cannot tell whose it is
    address_key bytea NOT NULL,
    reason text NOT NULL CHECK (reason IN ('bounce', 'complaint')),
    -- what was said of it, without the address
    said text NOT NULL,
    -- the message that showed it, and whose it was
    message_id uuid,
    site_id uuid,
    since timestamptz NOT NULL DEFAULT now(),
    lifted_at timestamptz,
    lifted_why text,
    CONSTRAINT suppressions_lifted CHECK ((lifted_at IS NULL) = (lifted_why IS NULL))
);
CREATE UNIQUE INDEX suppressions_now ON suppressions (address_key, reason) WHERE lifted_at IS NULL;
CREATE INDEX suppressions_message ON suppressions (message_id);
ALTER TABLE messages
    -- why it did not go by mail
    ADD COLUMN suppression_id bigint REFERENCES suppressions (id);
CREATE INDEX messages_suppression ON messages (suppression_id) WHERE suppression_id IS NOT NULL;

-- A site sees those that kept a message of its own from going out, or that a message of its own showed.
ALTER TABLE suppressions ENABLE ROW LEVEL SECURITY;
ALTER TABLE suppressions FORCE ROW LEVEL SECURITY;
CREATE POLICY own_site ON suppressions USING (
    current_setting('hesheng.site', true) = '*' OR sees(site_id::text)
    OR EXISTS (SELECT FROM messages WHERE messages.suppression_id = suppressions.id));
"""

# One that comes before its mail is recorded as sent waits here. By ids alone.
MAIL_RECEIPTS = """
CREATE TABLE mail_receipts (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id uuid NOT NULL,
    event text NOT NULL CHECK (event IN ('delivered', 'bounced', 'complained')),
    -- of one that bounced: whether the address is none, so that no other mail will reach it either
    permanent boolean NOT NULL,
    said text NOT NULL,
    -- when that mail was sent: sent again, it may come back again
    sent_at timestamptz,
    received_at timestamptz NOT NULL DEFAULT now(),
    applied_at timestamptz,
    CONSTRAINT mail_receipts_once UNIQUE NULLS NOT DISTINCT (message_id, event, permanent, sent_at)
);
CREATE INDEX mail_receipts_waiting ON mail_receipts (number) WHERE applied_at IS NULL;
CREATE INDEX mail_receipts_age ON mail_receipts (received_at);
ALTER TABLE mail_receipts ENABLE ROW LEVEL SECURITY;
ALTER TABLE mail_receipts FORCE ROW LEVEL SECURITY;
CREATE POLICY own_site ON mail_receipts USING (current_setting('hesheng.site', true) = '*');
"""


# What is not yet said to registration: of mails too, where they reached nobody.
UNTOLD = """
DROP INDEX messages_untold;
CREATE INDEX messages_untold ON messages (number)
    WHERE (channel = 'sms' OR state IN ('no_contact', 'failed') OR suppression_id IS NOT NULL)
    AND caused_at IS NOT NULL AND state NOT IN ('pending', 'sending')
    AND told_reached IS DISTINCT FROM (state IN ('sent', 'delivered'));
"""


def upgrade() -> None:
    """Keep both."""
    op.execute(SUPPRESSIONS)
    op.execute(UNTOLD)
    op.execute(MAIL_RECEIPTS)
    op.execute(audited("suppressions"))
