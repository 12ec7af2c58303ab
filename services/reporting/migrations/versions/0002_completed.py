"""An activity is completed once its shifts are over."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Let activities be completed."""
    op.execute("ALTER TABLE activities DROP CONSTRAINT activities_status_check")
    op.execute(
        "ALTER TABLE activities ADD CONSTRAINT activities_status_check"
        " CHECK (status IN ('open', 'completed', 'cancelled'))"
    )
