"""Offers, places taken back, places that nobody would take over: told like all else about a registration. And the
site's phone."""

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
        'cancellation', 'change', 'reminder', 'link'));
"""


def upgrade() -> None:
    """Let registrations be offered a place, and messages tell of it."""
    op.execute(OFFERS)
