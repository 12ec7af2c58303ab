"""What it takes for people to work here: keys of requests that make things, and who did what."""

from alembic import op

from services.common.audit import AUDIT
from services.common.pipeline_tables import IDEMPOTENCY_TABLE, SEES

revision = "0004"
down_revision = "0003"

ROW_SECURITY = """
ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE idempotency_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY own_site ON idempotency_keys USING (sees(owner)) WITH CHECK (sees(owner));
"""


def upgrade() -> None:
    """Make both."""
    for statements in (SEES, IDEMPOTENCY_TABLE, ROW_SECURITY, AUDIT):
        op.execute(statements)
