"""Tables that several services have: the event pipeline's, those of site keys and of idempotency keys.

    op.execute(PRODUCER_TABLES)      # a service that has events of its own
    op.execute(SUBSCRIBER_TABLES)    # a service that applies the events of others
    op.execute(SITE_KEY_TABLE)       # a service that checks site keys without owning them
    op.execute(SEES)                 # row-level security by site
    op.execute(IDEMPOTENCY_TABLE)    # a service whose API makes things

`outbox` is the log. Rows get their `sequence` after they are committed, by the pump: a number drawn inside a
transaction would be skipped by readers when that transaction commits late.
"""

PRODUCER_TABLES = """
CREATE TABLE event_log (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    epoch uuid NOT NULL DEFAULT gen_random_uuid(),
    created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO event_log DEFAULT VALUES;

CREATE TABLE log_heads (partition smallint PRIMARY KEY, sequence bigint NOT NULL DEFAULT 0);
INSERT INTO log_heads (partition) SELECT generate_series(0, 15);

CREATE TABLE outbox (
    id bigserial PRIMARY KEY,
    event_id uuid NOT NULL DEFAULT gen_random_uuid(),
    type text NOT NULL,
    aggregate text NOT NULL,
    -- the first hex digit of the aggregate's MD5: 16 partitions, the same from Python, SQL and PL/pgSQL
    partition smallint NOT NULL GENERATED ALWAYS AS (get_byte(decode(md5(aggregate), 'hex'), 0) >> 4) STORED,
    sequence bigint,
    occurred_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    request_id text,
    data jsonb NOT NULL,
    CONSTRAINT outbox_gapless UNIQUE (partition, sequence)
);
CREATE INDEX outbox_unsequenced ON outbox (id) WHERE sequence IS NULL;

CREATE TABLE sent_pages (
    subscriber text NOT NULL,
    partition smallint NOT NULL,
    sequence bigint NOT NULL,
    PRIMARY KEY (subscriber, partition)
);
"""

SUBSCRIBER_TABLES = """
CREATE TABLE cursors (
    producer text NOT NULL,
    partition smallint NOT NULL,
    epoch uuid NOT NULL,
    sequence bigint NOT NULL,
    head bigint NOT NULL DEFAULT 0,
    halted text,
    moved_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (producer, partition)
);

-- One row per applied event, without any uniqueness: the books of `make faults` count these, so that an event
-- applied twice would show instead of being hidden by a constraint.
CREATE TABLE applied (
    id bigserial PRIMARY KEY,
    producer text NOT NULL,
    partition smallint NOT NULL,
    sequence bigint NOT NULL,
    event_id uuid NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX applied_at ON applied (applied_at);

CREATE TABLE parked (
    producer text NOT NULL,
    partition smallint NOT NULL,
    sequence bigint NOT NULL,
    aggregate text NOT NULL,
    envelope jsonb NOT NULL,
    error text NOT NULL,
    parked_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (producer, partition, sequence)
);
CREATE INDEX parked_aggregate ON parked (producer, aggregate);
"""

SITE_KEY_TABLE = """
CREATE TABLE site_keys (
    key_id uuid PRIMARY KEY,
    site_id uuid NOT NULL,
    sha256 text NOT NULL UNIQUE,
    revoked_at timestamptz
);
"""

# Nothing set means nothing seen. Tables are put under FORCE as well: the role that works on them owns them.
SEES = """
CREATE FUNCTION sees(owner text) RETURNS boolean LANGUAGE sql STABLE
RETURN current_setting('hesheng.site', true) IN ('*', owner);
"""

IDEMPOTENCY_TABLE = """
CREATE TABLE idempotency_keys (
    key text NOT NULL,
    owner text NOT NULL,
    fingerprint bytea NOT NULL,
    answer jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- the key leads: a comparison of the owner may not go below row-level security, and would not use the index
    PRIMARY KEY (key, owner)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

-- The advisory lock of whoever works on a key now.
CREATE FUNCTION idempotency_lock(owner text, key text) RETURNS bigint LANGUAGE sql IMMUTABLE
RETURN hashtextextended(owner || ' ' || key, 0);
"""
