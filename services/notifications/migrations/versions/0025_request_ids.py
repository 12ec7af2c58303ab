"""What a request caused is found by its id: somebody who keeps a log or an error's number looks for its messages."""

from alembic import op

revision = "0025"
down_revision = "0020"


def upgrade() -> None:
    """Make it."""
    op.execute("CREATE INDEX messages_request ON messages (request_id, number) WHERE request_id IS NOT NULL")
