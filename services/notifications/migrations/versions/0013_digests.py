"""Digests of a site's day for its staff; groups that bots write to; alarms that these are told."""

from alembic import op

from services.common.audit import audited

revision = "0013"
down_revision = "0012"

# One for each site and day that it tells of, made ahead of time. facts: what registration said when it was due, by ids,
# numbers and titles.
DIGESTS = """
CREATE TABLE digests (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site_id uuid NOT NULL,
    day date NOT NULL,
    due_at timestamptz NOT NULL,
    -- when its day begins at the site
    expires_at timestamptz NOT NULL,
    facts jsonb,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'fired', 'withdrawn', 'missed')),
    reason text,
    CONSTRAINT digests_once UNIQUE (site_id, day)
);
CREATE INDEX digests_due ON digests (due_at) WHERE state = 'pending';

-- When on the evening before, by the site's clocks; without a row at 18:00.
CREATE TABLE digest_times (
    site_id uuid PRIMARY KEY,
    at text NOT NULL CHECK (at ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$')
);
-- Who of the staff does not want it.
CREATE TABLE digest_refusals (
    site_id uuid NOT NULL,
    staff_id uuid NOT NULL,
    PRIMARY KEY (site_id, staff_id)
);
"""

# A group's address is what its bot is called by, and a secret. Without a site: one of the operators', from the
# installation's settings. One that was removed stays for what it was told, without its address.
CHATS = """
CREATE TABLE chats (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    number bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT chats_number UNIQUE,
    site_id uuid,
    service text NOT NULL,
    name text NOT NULL,
    language text NOT NULL CHECK (language IN ('zh', 'en')),
    topics text[] NOT NULL,
    address bytea,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    removed_at timestamptz,
    CONSTRAINT chats_removed CHECK ((removed_at IS NULL) = (address IS NOT NULL))
);
CREATE INDEX chats_site ON chats (site_id, number) WHERE removed_at IS NULL;
"""

# Something that is wrong, from when it was noticed until it was over. Of one thing there is one at a time.
ALARMS = """
CREATE TABLE alarms (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site_id uuid,
    kind text NOT NULL CHECK (kind IN ('provider', 'late', 'webhook', 'halted', 'test')),
    subject text NOT NULL,
    reason text NOT NULL DEFAULT '',
    began_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz
);
CREATE UNIQUE INDEX alarms_once ON alarms (kind, subject) WHERE ended_at IS NULL;
"""

MESSAGES = """
ALTER TABLE messages
    ADD COLUMN alarm_id bigint REFERENCES alarms (id),
    ADD CONSTRAINT messages_digest_id_fkey FOREIGN KEY (digest_id) REFERENCES digests (id),
    ADD CONSTRAINT messages_chat_id_fkey FOREIGN KEY (chat_id) REFERENCES chats (id),
    DROP CONSTRAINT messages_kind_check,
    ADD CONSTRAINT messages_kind_check CHECK (kind IN (
        'confirmation', 'waitlisted', 'promotion', 'offer', 'moved_back', 'transfer_declined', 'transfer_expired',
        'cancellation', 'change', 'reminder', 'no_place', 'link', 'notice', 'hours', 'announcement', 'digest',
        'alarm')),
    DROP CONSTRAINT messages_one_cause,
    ADD CONSTRAINT messages_one_cause CHECK (
        num_nonnulls(cause_event, reminder_id, notice_id, announcement_id, digest_id, alarm_id) = 1),
    DROP CONSTRAINT messages_about_something,
    ADD CONSTRAINT messages_about_something CHECK (
        CASE WHEN kind = 'link' THEN link_id IS NOT NULL AND purpose IS NOT NULL AND registration_id IS NULL
        WHEN kind IN ('notice', 'hours') THEN notice_id IS NOT NULL AND site_id IS NOT NULL AND registration_id IS NULL
             AND link_id IS NULL AND num_nonnulls(person_id, staff_id, chat_id) = 1
        WHEN kind = 'digest' THEN digest_id IS NOT NULL AND site_id IS NOT NULL AND registration_id IS NULL
             AND link_id IS NULL AND person_id IS NULL AND num_nonnulls(staff_id, chat_id) = 1
        WHEN kind = 'announcement' THEN announcement_id IS NOT NULL AND site_id IS NOT NULL AND person_id IS NOT NULL
             AND registration_id IS NULL AND link_id IS NULL
        WHEN kind = 'alarm' THEN alarm_id IS NOT NULL AND chat_id IS NOT NULL AND registration_id IS NULL
             AND link_id IS NULL AND num_nonnulls(person_id, staff_id) = 0
        ELSE link_id IS NULL AND purpose IS NULL AND site_id IS NOT NULL AND shift_id IS NOT NULL
             AND registration_id IS NOT NULL AND person_id IS NOT NULL END);
CREATE INDEX messages_digests_due ON messages (next_attempt_at, number)
    WHERE state = 'pending' AND digest_id IS NOT NULL;
CREATE INDEX messages_digest ON messages (digest_id) WHERE digest_id IS NOT NULL;
CREATE INDEX messages_chats_due ON messages (next_attempt_at, number) WHERE state = 'pending' AND chat_id IS NOT NULL;
CREATE INDEX messages_chat ON messages (chat_id, sent_at) WHERE chat_id IS NOT NULL;
"""

ROW_SECURITY = "".join(
    f"""
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
CREATE POLICY own_site ON {table} USING (sees(site_id::text));
"""
    for table in ("digests", "digest_times", "digest_refusals", "chats", "alarms")
)


def upgrade() -> None:
    """Create them. Audited is what people decide for their site."""
    for statements in (DIGESTS, CHATS, ALARMS, MESSAGES, ROW_SECURITY):
        op.execute(statements)
    op.execute(audited("digest_times", key="site_id"))
    op.execute(audited("chats"))
