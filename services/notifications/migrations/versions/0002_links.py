"""Messages that carry a one-time link: about no registration, to a person or to a member of staff."""

from alembic import op

revision = "0002"
down_revision = "0001"

LINKS = """
ALTER TABLE messages
    ALTER COLUMN site_id DROP NOT NULL,
    ALTER COLUMN shift_id DROP NOT NULL,
    ALTER COLUMN registration_id DROP NOT NULL,
    ALTER COLUMN person_id DROP NOT NULL,
    ADD COLUMN link_id uuid CONSTRAINT messages_once_per_link UNIQUE,
    -- what the link opens; the words of the mail follow from it
    ADD COLUMN purpose text,
    DROP CONSTRAINT messages_kind_check,
    ADD CONSTRAINT messages_kind_check CHECK (
        kind IN ('confirmation', 'waitlisted', 'promotion', 'cancellation', 'change', 'reminder', 'link')),
    ADD CONSTRAINT messages_about_something CHECK (
        CASE WHEN kind = 'link' THEN link_id IS NOT NULL AND purpose IS NOT NULL AND registration_id IS NULL
        ELSE link_id IS NULL AND purpose IS NULL AND site_id IS NOT NULL AND shift_id IS NOT NULL
             AND registration_id IS NOT NULL AND person_id IS NOT NULL END);
CREATE INDEX messages_links_due ON messages (next_attempt_at, number) WHERE state = 'pending' AND link_id IS NOT NULL;
"""


def upgrade() -> None:
    """Let messages be about a link."""
    op.execute(LINKS)
