"""Offers, places taken back, places that nobody would take over, waits in vain: told like all else about a
registration. The site's phone and short name. And who was erased, kept beside registration's own database."""

from alembic import op

revision = "0003"
down_revision = "0002"

OFFERS = """
-- what every mail says of whom to ask
ALTER TABLE sites ADD COLUMN phone text NOT NULL DEFAULT '';
ALTER TABLE registrations
    DROP CONSTRAINT registrations_status_check,
    ADD CONSTRAINT registrations_status_check CHECK (status IN ('confirmed', 'waitlisted', 'offered', 'cancelled'));
ALTER TABLE messages
    DROP CONSTRAINT messages_kind_check,
    ADD CONSTRAINT messages_kind_check CHECK (kind IN (
        'confirmation', 'waitlisted', 'promotion', 'offer', 'moved_back', 'transfer_declined', 'transfer_expired',
        'cancellation', 'change', 'reminder', 'no_place', 'link'));
-- Whom a reminder is for: who has a place is reminded of it, who still waits is told in time that there is none.
ALTER TABLE reminders
    ADD COLUMN of_status text NOT NULL DEFAULT 'confirmed' CHECK (of_status IN ('confirmed', 'waitlisted')),
    DROP CONSTRAINT reminders_once,
    ADD CONSTRAINT reminders_once UNIQUE (registration_id, minutes_before, of_status);
"""

# For the subjects of mails, which phones cut short. Empty where a site has none.
SHORT_NAMES = """
ALTER TABLE sites ADD COLUMN short_zh text NOT NULL DEFAULT '', ADD COLUMN short_en text NOT NULL DEFAULT '';
"""

# Ids alone. A site is null where the person was erased everywhere.
ERASURES = """
CREATE TABLE erasures (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id uuid NOT NULL UNIQUE,
    person_id uuid NOT NULL,
    site_id uuid,
    erased_at timestamptz NOT NULL
);
CREATE INDEX erasures_age ON erasures (erased_at);
ALTER TABLE erasures ENABLE ROW LEVEL SECURITY;
ALTER TABLE erasures FORCE ROW LEVEL SECURITY;
CREATE POLICY own_site ON erasures USING (current_setting('hesheng.site', true) = '*');
"""


def upgrade() -> None:
    """Let registrations be offered a place, messages tell of it, sites have short names, and erasures be kept."""
    op.execute(OFFERS)
    op.execute(SHORT_NAMES)
    op.execute(ERASURES)
