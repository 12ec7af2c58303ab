"""Messages that many get, and digests; recipients that are neither a person nor staff; what was not sent."""

from alembic import op

revision = "0010"
down_revision = "0009"

# suppressed: not sent, for the reason that `error` says. chat_id: a group that a bot writes to.
KINDS = """
ALTER TABLE messages
    ADD COLUMN announcement_id uuid,
    ADD COLUMN digest_id bigint,
    ADD COLUMN chat_id uuid,
    DROP CONSTRAINT messages_state_check,
    ADD CONSTRAINT messages_state_check CHECK (state IN (
        'pending', 'sending', 'sent', 'delivered', 'failed', 'expired', 'suppressed', 'no_contact')),
    DROP CONSTRAINT messages_kind_check,
    ADD CONSTRAINT messages_kind_check CHECK (kind IN (
        'confirmation', 'waitlisted', 'promotion', 'offer', 'moved_back', 'transfer_declined', 'transfer_expired',
        'cancellation', 'change', 'reminder', 'no_place', 'link', 'notice', 'hours', 'announcement', 'digest')),
    DROP CONSTRAINT messages_one_cause,
    ADD CONSTRAINT messages_one_cause CHECK (
        num_nonnulls(cause_event, reminder_id, notice_id, announcement_id, digest_id) = 1),
    DROP CONSTRAINT messages_about_something,
    ADD CONSTRAINT messages_about_something CHECK (
        CASE WHEN kind = 'link' THEN link_id IS NOT NULL AND purpose IS NOT NULL AND registration_id IS NULL
        WHEN kind IN ('notice', 'hours') THEN notice_id IS NOT NULL AND site_id IS NOT NULL AND registration_id IS NULL
             AND link_id IS NULL AND num_nonnulls(person_id, staff_id, chat_id) = 1
        WHEN kind = 'digest' THEN digest_id IS NOT NULL AND site_id IS NOT NULL AND registration_id IS NULL
             AND link_id IS NULL AND person_id IS NULL AND num_nonnulls(staff_id, chat_id) = 1
        WHEN kind = 'announcement' THEN announcement_id IS NOT NULL AND site_id IS NOT NULL AND person_id IS NOT NULL
             AND registration_id IS NULL AND link_id IS NULL
        ELSE link_id IS NULL AND purpose IS NULL AND site_id IS NOT NULL AND shift_id IS NOT NULL
             AND registration_id IS NOT NULL AND person_id IS NOT NULL END);
"""


def upgrade() -> None:
    """Let messages be of these kinds."""
    op.execute(KINDS)
