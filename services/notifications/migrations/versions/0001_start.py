"""The pipeline's tables, copies by id, reminders, messages and their deliveries."""

from alembic import op

from services.common.pipeline_tables import SITE_KEY_TABLE, SUBSCRIBER_TABLES

revision = "0001"
down_revision = None

# What registration told us, by id. A person is an id here and nothing else.
COPIES = """
CREATE TABLE sites (
    id uuid PRIMARY KEY,
    name_zh text NOT NULL,
    name_en text NOT NULL,
    time_zone text NOT NULL
);

CREATE TABLE activities (
    id uuid PRIMARY KEY,
    site_id uuid NOT NULL,
    title_zh text NOT NULL,
    title_en text NOT NULL,
    place text NOT NULL,
    reminder_minutes integer[] NOT NULL,
    cancelled boolean NOT NULL DEFAULT false
);

-- The foreign keys make an event that comes before what it stands on fail, and so park, instead of passing unnoticed.
CREATE TABLE shifts (
    id uuid PRIMARY KEY,
    activity_id uuid NOT NULL REFERENCES activities (id),
    role_zh text NOT NULL,
    role_en text NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    cancelled boolean NOT NULL DEFAULT false
);
CREATE INDEX shifts_activity ON shifts (activity_id);

CREATE TABLE registrations (
    id uuid PRIMARY KEY,
    shift_id uuid NOT NULL REFERENCES shifts (id),
    site_id uuid NOT NULL,
    person_id uuid NOT NULL,
    status text NOT NULL CHECK (status IN ('confirmed', 'waitlisted', 'cancelled')),
    -- SEQUENCE of the newest calendar entry that this registration's mails carry
    calendar_sequence integer NOT NULL DEFAULT 0,
    -- of the newest event, so that a reminder can be traced back to a request too
    request_id text
);
CREATE INDEX registrations_active ON registrations (shift_id) WHERE status <> 'cancelled';
"""

REMINDERS = """
CREATE TABLE reminders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    registration_id uuid NOT NULL REFERENCES registrations (id),
    shift_id uuid NOT NULL,
    minutes_before integer NOT NULL,
    due_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'fired', 'withdrawn', 'missed')),
    -- how often it fired: a shift that moves on after its reminder gets another one
    occurrence integer NOT NULL DEFAULT 0,
    CONSTRAINT reminders_once UNIQUE (registration_id, minutes_before)
);
-- Holds what is still ahead or due and nothing else: an idle look reads one leaf of it.
CREATE INDEX reminders_due ON reminders (due_at) WHERE state = 'pending';
"""

MESSAGES = """
CREATE TABLE messages (
    -- computed from the cause, never random: a database that was emptied and reads the log again must give a message
    -- the Message-ID that it had, so that mail programs recognise what people have already
    id uuid PRIMARY KEY,
    number bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT messages_number UNIQUE,
    kind text NOT NULL
        CHECK (kind IN ('confirmation', 'waitlisted', 'promotion', 'cancellation', 'change', 'reminder')),
    site_id uuid NOT NULL,
    shift_id uuid NOT NULL,
    registration_id uuid NOT NULL REFERENCES registrations (id),
    person_id uuid NOT NULL,
    -- failed: refused for good, or it could not be made; no_contact: the person has no e-mail address
    state text NOT NULL DEFAULT 'pending'
        CHECK (state IN ('pending', 'sending', 'sent', 'failed', 'expired', 'no_contact')),
    cause_event uuid,
    reminder_id bigint REFERENCES reminders (id),
    occurrence integer,
    due_at timestamptz,
    request_id text,
    -- NULL: the mail carries no calendar entry
    calendar_sequence integer,
    -- facts of the cause that the mail tells: {"reason": …} or {"before": {…}}
    details jsonb NOT NULL DEFAULT '{}',
    -- written with the first attempt and never changed, so that a resend is recognised as the same mail
    message_id_header text,
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    claimed_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    sent_at timestamptz,
    error text,
    CONSTRAINT messages_one_cause CHECK ((cause_event IS NULL) <> (reminder_id IS NULL)),
    CONSTRAINT messages_once_per_event UNIQUE (cause_event, registration_id),
    CONSTRAINT messages_once_per_occurrence UNIQUE (reminder_id, occurrence)
);
CREATE INDEX messages_due ON messages (next_attempt_at, number) WHERE state = 'pending';
CREATE INDEX messages_expiring ON messages (expires_at) WHERE state = 'pending';
CREATE INDEX messages_sending ON messages (claimed_at) WHERE state = 'sending';
CREATE INDEX messages_failed ON messages (number) WHERE state = 'failed';
CREATE INDEX messages_no_contact ON messages (number) WHERE state = 'no_contact';
CREATE INDEX messages_unfinished ON messages (registration_id, number) WHERE state IN ('pending', 'sending');
CREATE INDEX messages_registration ON messages (registration_id, number);
CREATE INDEX messages_person ON messages (person_id, number);
CREATE INDEX messages_site ON messages (site_id, number);

CREATE TABLE deliveries (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id uuid NOT NULL REFERENCES messages (id),
    started_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL DEFAULT now(),
    outcome text NOT NULL,
    -- the mail server's answer, with the address taken out of it
    reply text
);
CREATE INDEX deliveries_message ON deliveries (message_id);
"""

# Rows of these two leave the indexes of what is due soon after they came. With the default (a fifth of the table) the
# polls would step over hundreds of thousands of dead entries before a vacuum comes.
VACUUM = """
ALTER TABLE reminders SET (autovacuum_vacuum_scale_factor = 0.02);
ALTER TABLE messages SET (autovacuum_vacuum_scale_factor = 0.02);
"""

# A site sees its own registrations and messages whatever a query forgets. FORCE: the service's role owns the tables.
ROW_SECURITY = """
ALTER TABLE registrations ENABLE ROW LEVEL SECURITY;
ALTER TABLE registrations FORCE ROW LEVEL SECURITY;
CREATE POLICY own_site ON registrations USING (
    current_setting('hesheng.site', true) = '*'
    OR site_id = nullif(nullif(current_setting('hesheng.site', true), '*'), '')::uuid
);
ALTER TABLE reminders ENABLE ROW LEVEL SECURITY;
ALTER TABLE reminders FORCE ROW LEVEL SECURITY;
CREATE POLICY own_site ON reminders USING (
    current_setting('hesheng.site', true) = '*'
    OR EXISTS (SELECT 1 FROM registrations WHERE registrations.id = registration_id)
);
ALTER TABLE messages ENABLE ROW LEVEL SECURITY;
ALTER TABLE messages FORCE ROW LEVEL SECURITY;
CREATE POLICY own_site ON messages USING (
    current_setting('hesheng.site', true) = '*'
    OR site_id = nullif(nullif(current_setting('hesheng.site', true), '*'), '')::uuid
);
ALTER TABLE deliveries ENABLE ROW LEVEL SECURITY;
ALTER TABLE deliveries FORCE ROW LEVEL SECURITY;
CREATE POLICY own_site ON deliveries USING (
    current_setting('hesheng.site', true) = '*'
    OR EXISTS (SELECT 1 FROM messages WHERE messages.id = message_id)
);
"""


def upgrade() -> None:
    """Create everything."""
    for statements in (SUBSCRIBER_TABLES, SITE_KEY_TABLE, COPIES, REMINDERS, MESSAGES, VACUUM, ROW_SECURITY):
        op.execute(statements)
