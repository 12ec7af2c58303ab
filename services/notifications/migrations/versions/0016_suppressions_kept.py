"""Closed addresses are forgotten once they hold no more; what was held back keeps its reason in words."""

from alembic import op

revision = "0016"
down_revision = "0015"

FORGOTTEN = """
ALTER TABLE messages DROP CONSTRAINT messages_suppression_id_fkey;
ALTER TABLE messages ADD CONSTRAINT messages_suppression_id_fkey
    FOREIGN KEY (suppression_id) REFERENCES suppressions (id) ON DELETE SET NULL;
-- Since when one holds no more: lifted, or counted from the bounce, which holds for as long as it is kept.
CREATE INDEX suppressions_over ON suppressions (coalesce(lifted_at, since))
    WHERE lifted_at IS NOT NULL OR reason = 'bounce';
"""


def upgrade() -> None:
    """Let them go."""
    op.execute(FORGOTTEN)
