"""Webhooks: where sites are told of what happens, each delivery, each attempt."""

from alembic import op

from services.common.audit import audited

revision = "0005"
down_revision = "0004"

ENDPOINTS = """
CREATE TABLE webhook_endpoints (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    number bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT webhook_endpoints_number UNIQUE,
    site_id uuid NOT NULL,
    version integer NOT NULL DEFAULT 1,
    url text NOT NULL,
    description text NOT NULL,
    -- names of event types, or of all of a kind (hesheng.shift.*); empty for everything
    types text[] NOT NULL,
    -- ciphertext. While a secret is exchanged, what is sent is signed with both until the old one ends.
    secret bytea NOT NULL,
    old_secret bytea,
    old_secret_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    disabled_at timestamptz,
    -- staff: by somebody; failing: nothing but failure for days; gone: the receiver said so (410)
    disabled_why text CHECK (disabled_why IN ('staff', 'failing', 'gone')),
    -- How it goes. Failures in a row; while resting nothing is tried.
    failures integer NOT NULL DEFAULT 0,
    failing_since timestamptz,
    resting_until timestamptz,
    error text,
    delivered_at timestamptz,
    -- deliveries that somebody asked to have again, since when
    again integer NOT NULL DEFAULT 0,
    again_since timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT webhook_endpoints_old_secret CHECK ((old_secret IS NULL) = (old_secret_until IS NULL)),
    CONSTRAINT webhook_endpoints_disabled CHECK ((disabled_at IS NULL) = (disabled_why IS NULL))
);
CREATE INDEX webhook_endpoints_site ON webhook_endpoints (site_id, number);
"""

DELIVERIES = """
CREATE TABLE webhook_deliveries (
    -- webhook-id: computed from endpoint and event, so that a log that is read again gives no other one
    id uuid PRIMARY KEY,
    number bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT webhook_deliveries_number UNIQUE,
    endpoint_id uuid NOT NULL REFERENCES webhook_endpoints (id) ON DELETE CASCADE,
    site_id uuid NOT NULL,
    event_id uuid NOT NULL,
    type text NOT NULL,
    occurred_at timestamptz NOT NULL,
    request_id text,
    -- the CloudEvent as it is sent: signatures are of these very bytes
    body text NOT NULL,
    -- failed: given up; skipped: the endpoint was disabled. Both can be sent again, as what was delivered can.
    state text NOT NULL CHECK (state IN ('pending', 'sending', 'delivered', 'failed', 'skipped')),
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    claimed_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    error text,
    CONSTRAINT webhook_deliveries_once UNIQUE (endpoint_id, event_id)
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint_id, next_attempt_at, number)
    WHERE state = 'pending';
CREATE INDEX webhook_deliveries_next ON webhook_deliveries (next_attempt_at) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_expiring ON webhook_deliveries (expires_at) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_sending ON webhook_deliveries (claimed_at) WHERE state = 'sending';
CREATE INDEX webhook_deliveries_endpoint ON webhook_deliveries (endpoint_id, number);
ALTER TABLE webhook_deliveries SET (autovacuum_vacuum_scale_factor = 0.02);

CREATE TABLE webhook_attempts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    delivery_id uuid NOT NULL REFERENCES webhook_deliveries (id) ON DELETE CASCADE,
    started_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    outcome text NOT NULL,
    status integer,
    reply text
);
CREATE INDEX webhook_attempts_delivery ON webhook_attempts (delivery_id);
"""

ROW_SECURITY = "".join(
    f"""
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
CREATE POLICY own_site ON {table} USING ({whose});
"""
    for table, whose in (
        ("webhook_endpoints", "sees(site_id::text)"),
        ("webhook_deliveries", "sees(site_id::text)"),
        ("webhook_attempts", "EXISTS (SELECT 1 FROM webhook_deliveries AS d WHERE d.id = delivery_id)"),
    )
)


def upgrade() -> None:
    """Create them. Audited is what people decide, not how deliveries go."""
    op.execute(ENDPOINTS)
    op.execute(DELIVERIES)
    op.execute(ROW_SECURITY)
    op.execute(audited("webhook_endpoints", "url, description, types, secret, old_secret, disabled_at"))
